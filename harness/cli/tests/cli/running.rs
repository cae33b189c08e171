//! `testimony run` on real processes: short runs, called as a person calls them.

use std::fs;
use std::path::Path;

use crate::harness::{Harness, processes_in};
use crate::program::{testimony, wait_for};
use serde_json::Value;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn verdict(folder: &Path) -> Value {
    let text = fs::read(folder.join("runs/latest/verdict.json")).expect("a verdict was left");
    serde_json::from_slice(&text).expect("the verdict is JSON")
}

#[test]
fn the_correct_cluster_passes_under_faults_and_leaves_everything_behind() {
    let folder = folder();
    let words = ["run", "--time", "6s", "--seed", "7", "--junit", "junit.xml"];
    let answer = testimony(folder.path(), &words).exits_with(0);
    assert!(
        answer.stderr.contains("seed 7"),
        "the seed is printed first: {}",
        answer.stderr
    );
    for name in [
        "plan.toml",
        "history.jsonl",
        "injections.jsonl",
        "verdict.json",
        "witness.jsonl",
        "report.html",
    ] {
        let path = folder.path().join("runs/latest").join(name);
        assert!(
            fs::metadata(&path).is_ok_and(|file| file.len() > 0),
            "{name} was not left"
        );
    }
    assert_eq!(verdict(folder.path())["outcome"], "pass");
    assert!(folder.path().join("junit.xml").exists());
    testimony(folder.path(), &["check", "runs/latest"]).exits_with(0);
    testimony(folder.path(), &["report", "runs/latest"]).exits_with(0);
    a_recording_that_was_cut_is_broken_never_green(folder.path());
    let no_runs = ["replay", "runs/latest", "--until-violation", "0"];
    testimony(folder.path(), &no_runs).exits_with(2);
}

fn a_recording_that_was_cut_is_broken_never_green(folder: &Path) {
    let path = folder.join("runs/latest/history.jsonl");
    let whole = fs::read_to_string(&path).expect("the recording is text");
    for lines in [1, 60] {
        let start: Vec<&str> = whole.split_inclusive('\n').take(lines).collect();
        fs::write(&path, start.concat()).expect("it can be written");
        let answer = testimony(folder, &["report", "runs/latest"]).exits_with(4);
        assert!(
            answer.stdout.contains("changed or cut"),
            "{}",
            answer.stdout
        );
    }
}

#[test]
fn a_planted_bug_is_found_and_its_counterexample_is_illegal() {
    let folder = folder();
    let words = ["run", "--bug", "local-reads", "--time", "8s", "--seed", "1"];
    let answer = testimony(folder.path(), &words).exits_with(1);
    assert!(answer.stderr.contains("local-reads"), "{}", answer.stderr);
    testimony(
        folder.path(),
        &["check", "runs/latest/counterexample.jsonl"],
    )
    .exits_with(1);
    testimony(folder.path(), &["explain", "runs/latest"]).exits_with(1);
    let verdict = verdict(folder.path());
    assert_eq!(verdict["outcome"], "violation");
    assert!(verdict["stopped_early"]["event"].is_u64(), "{verdict}");
    assert!(
        answer.stderr.contains("stopping early"),
        "{}",
        answer.stderr
    );
}

#[test]
fn a_run_that_is_to_go_on_goes_on_after_a_violation() {
    let folder = folder();
    let words = ["run", "--bug", "local-reads", "--time", "8s", "--seed", "1"];
    let words = [&words[..], &["--to-the-end"]].concat();
    testimony(folder.path(), &words).exits_with(1);
    let verdict = verdict(folder.path());
    assert_eq!(verdict["outcome"], "violation");
    assert_eq!(verdict["stopped_early"], Value::Null);
    assert_eq!(verdict["summary"]["interrupted"], false);
}

/// What the lookout says is never believed alone: here it is made up.
#[test]
fn a_run_stopped_by_a_violation_that_is_none_is_undecided_never_green() {
    let folder = folder();
    let words = ["run", "--time", "2s", "--seed", "3", "--nemesis", "none"];
    testimony(folder.path(), &words).exits_with(0);
    let path = folder.path().join("runs/latest/summary.json");
    let mut closing: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    closing["stopped_early"] =
        serde_json::json!({"event": 9, "line": 11, "key": "k", "seconds": 1.5});
    fs::write(&path, closing.to_string()).unwrap();
    let answer = testimony(folder.path(), &["report", "runs/latest"]).exits_with(3);
    assert!(answer.stdout.contains("our bug"), "{}", answer.stdout);
}

#[test]
fn without_faults_a_run_is_not_broken() {
    let folder = folder();
    let words = [
        "run",
        "--time",
        "2s",
        "--seed",
        "3",
        "--nemesis",
        "none",
        "--nodes",
        "3",
        "--json",
    ];
    let answer = testimony(folder.path(), &words).exits_with(0);
    let verdict: Value = serde_json::from_str(&answer.stdout).expect("one JSON object");
    assert_eq!(verdict["verdict"], "linearizable");
}

#[test]
fn a_plan_is_run_again_as_it_was() {
    let folder = folder();
    let words = [
        "run",
        "--time",
        "2s",
        "--seed",
        "5",
        "--nemesis",
        "kill-leader",
        "--nodes",
        "3",
    ];
    testimony(folder.path(), &words).exits_with(0);
    let plan = fs::read_to_string(folder.path().join("runs/latest/plan.toml")).unwrap();
    testimony(folder.path(), &["replay", "runs/latest"]).exits_with(0);
    assert_eq!(
        fs::read_to_string(folder.path().join("runs/latest/plan.toml")).unwrap(),
        plan
    );
}

#[test]
fn a_harness_that_is_killed_leaves_no_process_and_a_readable_recording() {
    let folder = folder();
    let mut harness = Harness::start(folder.path(), &["--seed", "9"]);
    wait_for("a recording of some length", || {
        let history = folder.path().join("runs/latest/history.jsonl");
        fs::metadata(history).is_ok_and(|file| file.len() > 20_000)
    });
    assert!(
        !processes_in(folder.path()).is_empty(),
        "the nodes keep their data in the folder"
    );
    harness.kill();
    wait_for("the end of every node", || {
        processes_in(folder.path()).is_empty()
    });
    testimony(folder.path(), &["check", "runs/latest"]).exits_with(0);
    // A run that did not come to its end proves nothing.
    testimony(folder.path(), &["report", "runs/latest"]).exits_with(4);
}

#[test]
fn an_interrupted_run_heals_and_judges_what_it_has() {
    let folder = folder();
    let harness = Harness::start(folder.path(), &["--seed", "11"]);
    wait_for("an injection", || {
        let injections = folder.path().join("runs/latest/injections.jsonl");
        fs::metadata(injections).is_ok_and(|file| file.len() > 0)
    });
    assert!(
        !processes_in(folder.path()).is_empty(),
        "the nodes keep their data in the folder"
    );
    harness.interrupt().exits_with(0);
    assert!(processes_in(folder.path()).is_empty());
}
