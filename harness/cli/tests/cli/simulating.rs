//! `testimony simulate`, and runs in the simulated lab: called as a person calls them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::program::{file, testimony};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// The names and contents of all files below a folder.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(root).expect("the folder can be read") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            let name = path.file_name().expect("a name").to_string_lossy();
            all.insert(name.into_owned(), fs::read(&path).expect("it can be read"));
        }
    }
    all
}

#[test]
fn the_same_seed_leaves_the_same_bytes_in_another_process() {
    let (one, other) = (folder(), folder());
    let words = ["run", "--lab", "sim", "--time", "5s", "--seed", "7"];
    for folder in [&one, &other] {
        testimony(folder.path(), &words).exits_with(0);
    }
    let latest = |folder: &tempfile::TempDir| files(&folder.path().join("runs/latest"));
    let (left, again) = (latest(&one), latest(&other));
    let names: Vec<&String> = left.keys().collect();
    for name in [
        "history.jsonl",
        "plan.toml",
        "story.jsonl",
        "verdict.json",
        "report.html",
    ] {
        assert!(left.contains_key(name), "{name} is not among {names:?}");
    }
    for (name, bytes) in &left {
        assert!(again.get(name) == Some(bytes), "{name} differs");
    }
    testimony(one.path(), &["replay", "runs/latest"]).exits_with(0);
    assert!(latest(&one) == left, "a replay leaves other bytes");
    testimony(one.path(), &["run", "runs/latest/plan.toml"]).exits_with(0);
    assert!(latest(&one) == left, "the plan leaves other bytes");
}

#[test]
fn a_campaign_finds_a_planted_bug_and_says_how_to_find_it_again() {
    let folder = folder();
    let words = [
        "simulate",
        "--bug",
        "local-reads",
        "--seeds",
        "0..8",
        "--time",
        "10s",
        "--json",
    ];
    let answer = testimony(folder.path(), &words).exits_with(1);
    let campaign: Value = serde_json::from_str(&answer.stdout).expect("one JSON object");
    let found = &campaign["findings"][0];
    assert_eq!(found["finding"], "linearizability");
    let kept = folder
        .path()
        .join(found["folder"].as_str().expect("a folder"));
    testimony(folder.path(), &["check", &kept.display().to_string()]).exits_with(1);
    let again = found["command"].as_str().expect("a command");
    let words: Vec<&str> = again.split(' ').skip(1).chain(["--json"]).collect();
    let answer = testimony(folder.path(), &words).exits_with(1);
    let repeated: Value = serde_json::from_str(&answer.stdout).expect("one JSON object");
    assert_eq!(repeated["findings"][0]["what"], found["what"]);
}

#[test]
fn the_number_of_jobs_and_of_parts_changes_nothing() {
    let folder = folder();
    let campaign = |more: &[&str], code: i32| {
        let words = [
            "simulate",
            "--seeds",
            "3..9",
            "--time",
            "4s",
            "--json",
            "--keep-going",
        ];
        let words = [&words, more].concat();
        let answer = testimony(folder.path(), &words).exits_with(code);
        let mut campaign: Value = serde_json::from_str(&answer.stdout).expect("one JSON object");
        campaign["seconds"] = Value::Null;
        campaign
    };
    assert_eq!(campaign(&["--jobs", "1"], 0), campaign(&["--jobs", "3"], 0));
    let parts = ["1/2", "2/2"].map(|part| campaign(&["--shard", part], 0).to_string());
    let parts = parts.map(|part| part.replace("\"seconds\":null", "\"seconds\":1.0"));
    for (name, part) in ["one.json", "two.json"].into_iter().zip(&parts) {
        file(folder.path(), name, part);
    }
    let merged = testimony(folder.path(), &["merge", "one.json", "two.json", "--json"]);
    let merged: Value = serde_json::from_str(&merged.exits_with(0).stdout).expect("JSON");
    let whole = campaign(&[], 0);
    for key in ["seeds", "operations", "passed", "findings"] {
        assert_eq!(merged[key], whole[key], "{key}");
    }
}

#[test]
fn a_cluster_that_was_not_tested_is_broken_and_an_unknown_target_is_refused() {
    let folder = folder();
    let idle = ["simulate", "--seeds", "0..2", "--rate", "1", "--time", "1s"];
    testimony(folder.path(), &idle).exits_with(4);
    let words = ["simulate", "--target", "no-such-system"];
    testimony(folder.path(), &words)
        .exits_with(2)
        .complains(&["no-such-system", "raft"]);
    let lies = ["run", "--nemesis", "lie", "--time", "2s"];
    testimony(folder.path(), &lies)
        .exits_with(2)
        .complains(&["process lab"]);
}
