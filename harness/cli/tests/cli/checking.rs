//! `testimony check` and its kin, called as a person calls them.

use crate::program::{file, testimony};
use serde_json::Value;

const LINEARIZABLE: &str = r#"{"testimony":1,"model":"register"}
{"time":1,"process":0,"type":"invoke","f":"write","value":1}
{"time":2,"process":0,"type":"ok","f":"write","value":1}
{"time":3,"process":1,"type":"invoke","f":"read"}
{"time":4,"process":1,"type":"ok","f":"read","value":1}
"#;

const STALE_READ: &str = r#"{"testimony":1,"model":"register"}
{"time":1000000000,"process":0,"type":"invoke","f":"write","value":1}
{"time":1100000000,"process":0,"type":"ok","f":"write","value":1}
{"time":1200000000,"process":0,"type":"invoke","f":"write","value":2}
{"time":1300000000,"process":0,"type":"ok","f":"write","value":2}
{"time":1400000000,"process":1,"type":"invoke","f":"read"}
{"time":1500000000,"process":1,"type":"ok","f":"read","value":2}
{"time":1600000000,"process":2,"type":"invoke","f":"read"}
{"time":1700000000,"process":2,"type":"ok","f":"read","value":1}
"#;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[test]
fn a_linearizable_history_passes_with_a_witness() {
    let folder = folder();
    file(folder.path(), "h.jsonl", LINEARIZABLE);
    let words = ["check", "h.jsonl", "--json", "--evidence", "out"];
    let answer = testimony(folder.path(), &words).exits_with(0);
    let verdict: Value = serde_json::from_str(&answer.stdout).expect("one JSON object");
    assert_eq!(verdict["verdict"], "linearizable");
    assert_eq!(
        (&verdict["operations"], &verdict["partitions"]),
        (&2.into(), &1.into())
    );
    for key in ["parse_seconds", "check_seconds", "explain_seconds"] {
        assert!(verdict[key].is_f64(), "{key} in {verdict}");
    }
    let witness = std::fs::read_to_string(folder.path().join("out/witness.jsonl")).unwrap();
    assert_eq!(witness, "{\"key\":null,\"order\":[0,2]}\n");
}

#[test]
fn a_stale_read_is_a_violation_whose_evidence_is_one_too() {
    let folder = folder();
    file(folder.path(), "h.jsonl", STALE_READ);
    let answer = testimony(folder.path(), &["check", "h.jsonl", "--evidence", "out"]).exits_with(1);
    assert!(answer.stdout.contains("p2"), "{}", answer.stdout);
    testimony(folder.path(), &["check", "out/counterexample.jsonl"]).exits_with(1);
    let verdict = std::fs::read(folder.path().join("out/verdict.json")).unwrap();
    let verdict: Value = serde_json::from_slice(&verdict).unwrap();
    assert_eq!(verdict["verdict"], "illegal");
}

#[test]
fn of_several_files_the_worst_counts() {
    let folder = folder();
    file(folder.path(), "good.jsonl", LINEARIZABLE);
    file(folder.path(), "bad.jsonl", STALE_READ);
    testimony(folder.path(), &["check", "good.jsonl", "good.jsonl"]).exits_with(0);
    testimony(
        folder.path(),
        &["check", "good.jsonl", "bad.jsonl", "good.jsonl"],
    )
    .exits_with(1);
}

#[test]
fn a_checker_that_gives_up_is_undecided_never_green() {
    // Its value is written twice, so that it takes a search.
    let again = r#"{"process":5,"type":"invoke","f":"write","value":1}
{"process":5,"type":"ok","f":"write"}
"#;
    let folder = folder();
    file(folder.path(), "h.jsonl", [LINEARIZABLE, again].concat());
    let answer = testimony(folder.path(), &["check", "h.jsonl", "--step-limit", "0"]).exits_with(3);
    assert!(
        answer.stdout.to_lowercase().contains("undecided"),
        "{}",
        answer.stdout
    );
}

#[test]
fn a_history_without_a_completed_operation_is_broken_never_green() {
    let folder = folder();
    let text: String = LINEARIZABLE
        .lines()
        .take(2)
        .map(|line| format!("{line}\n"))
        .collect();
    file(folder.path(), "h.jsonl", text);
    testimony(folder.path(), &["check", "h.jsonl"]).exits_with(4);
    file(
        folder.path(),
        "header.jsonl",
        "{\"testimony\":1,\"model\":\"kv\"}\n",
    );
    testimony(folder.path(), &["check", "header.jsonl"]).exits_with(4);
}

#[test]
fn input_that_cannot_be_read_is_refused_with_its_place() {
    let invoke =
        |process: u32| format!("{{\"process\":{process},\"type\":\"invoke\",\"f\":\"read\"}}\n");
    let header = "{\"testimony\":1,\"model\":\"register\"}\n";
    let with_header = |text: &str| format!("{header}{text}").into_bytes();
    let cases: Vec<(&str, Vec<u8>, &[&str])> = vec![
        ("empty", Vec::new(), &["empty"]),
        ("no header", invoke(0).into_bytes(), &["header", "line 1"]),
        (
            "not UTF-8",
            [header.as_bytes(), b"{\"process\":0,\"\xff\":1}\n{}\n"].concat(),
            &["UTF-8", "line 2"],
        ),
        (
            "no JSON",
            with_header("{\"process\":0,,}\n{}\n"),
            &["line 2, column 14"],
        ),
        (
            "a return without a call",
            with_header("{\"process\":0,\"type\":\"ok\",\"f\":\"write\"}\n"),
            &["line 2"],
        ),
        (
            "two open calls",
            with_header(&(invoke(0) + &invoke(0))),
            &["line 3"],
        ),
        (
            "an unknown function",
            with_header("{\"process\":0,\"type\":\"invoke\",\"f\":\"enqueue\"}\n"),
            &["line 2", "enqueue"],
        ),
    ];
    let folder = folder();
    for (name, content, parts) in cases {
        file(folder.path(), "h.jsonl", content);
        let answer = testimony(folder.path(), &["check", "h.jsonl"]);
        assert_eq!(answer.code, 2, "{name}: {}{}", answer.stdout, answer.stderr);
        answer.complains(parts).complains(&["h.jsonl"]);
    }
    testimony(folder.path(), &["check", "absent.jsonl"])
        .exits_with(2)
        .complains(&["absent.jsonl"]);
}

#[test]
fn a_torn_last_line_is_dropped_with_a_warning() {
    let folder = folder();
    let torn = format!("{LINEARIZABLE}{{\"time\":5,\"process\":1,\"type\":\"inv");
    file(folder.path(), "h.jsonl", torn);
    testimony(folder.path(), &["check", "h.jsonl"])
        .exits_with(0)
        .complains(&["warning", "line 6"]);
}

#[test]
fn a_history_survives_edn_and_back() {
    let folder = folder();
    file(folder.path(), "h.jsonl", STALE_READ);
    testimony(folder.path(), &["convert", "h.jsonl", "h.edn"]).exits_with(0);
    testimony(folder.path(), &["check", "--model", "register", "h.edn"]).exits_with(1);
    let back = ["convert", "--model", "register", "h.edn", "back.jsonl"];
    testimony(folder.path(), &back).exits_with(0);
    testimony(folder.path(), &["check", "back.jsonl"]).exits_with(1);
}

#[test]
fn a_packed_history_is_read_like_any_other() {
    let folder = folder();
    file(folder.path(), "h.jsonl", STALE_READ);
    testimony(folder.path(), &["convert", "h.jsonl", "h.jsonl.zst"]).exits_with(0);
    let packed = std::fs::read(folder.path().join("h.jsonl.zst")).unwrap();
    assert!(packed.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]));
    testimony(folder.path(), &["check", "h.jsonl.zst"]).exits_with(1);
    testimony(folder.path(), &["explain", "h.jsonl.zst"]).exits_with(1);
    let back = ["convert", "--to", "edn", "h.jsonl.zst", "h.zst"];
    testimony(folder.path(), &back).exits_with(0);
    testimony(folder.path(), &["check", "--model", "register", "h.zst"]).exits_with(1);
    file(folder.path(), "torn.zst", &packed[..packed.len() - 3]);
    let torn = testimony(folder.path(), &["check", "torn.zst"]).exits_with(2);
    assert!(
        torn.stderr.contains("torn.zst") && torn.stderr.contains("breaks off"),
        "{}",
        torn.stderr
    );
}

#[test]
fn a_table_has_a_row_for_each_operation() {
    let folder = folder();
    file(folder.path(), "h.jsonl", STALE_READ);
    testimony(folder.path(), &["convert", "h.jsonl", "h.csv"]).exits_with(0);
    let table = std::fs::read_to_string(folder.path().join("h.csv")).unwrap();
    let calls = STALE_READ
        .lines()
        .filter(|line| line.contains("invoke"))
        .count();
    assert!(table.starts_with("index,process,f,key,value,"), "{table}");
    assert_eq!(table.lines().count(), calls + 1, "{table}");
}

#[test]
fn a_shrunk_history_is_smaller_and_still_illegal() {
    let folder = folder();
    file(folder.path(), "h.jsonl", STALE_READ);
    testimony(
        folder.path(),
        &["shrink", "h.jsonl", "--output", "small.jsonl"],
    )
    .exits_with(1);
    testimony(folder.path(), &["check", "small.jsonl"]).exits_with(1);
    let small = std::fs::read_to_string(folder.path().join("small.jsonl")).unwrap();
    assert!(
        small.lines().count() <= STALE_READ.lines().count(),
        "{small}"
    );
}

#[test]
fn targets_and_their_bugs_are_listed_for_programs() {
    let folder = folder();
    let answer = testimony(folder.path(), &["targets", "--json"]).exits_with(0);
    let targets: Value = serde_json::from_str(&answer.stdout).expect("a JSON array");
    assert_eq!(targets[0]["name"], "raft");
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/bugs.md");
    let page = std::fs::read_to_string(page).expect("docs/bugs.md is there");
    for bug in targets[0]["bugs"].as_array().expect("bugs") {
        let row = format!("| `{}` |", bug.as_str().expect("a name"));
        assert!(page.contains(&row), "{row} is not in docs/bugs.md");
    }
    assert!(
        targets[0]["bugs"].as_array().expect("bugs").len() >= 10,
        "{targets}"
    );
}

#[test]
fn a_scenario_to_start_from_is_never_written_over_a_file() {
    let folder = folder();
    testimony(folder.path(), &["init", "s.toml"]).exits_with(0);
    testimony(folder.path(), &["init", "s.toml"])
        .exits_with(2)
        .complains(&["s.toml"]);
    for target in ["own", "external", "raft"] {
        let words = ["init", "--target", target, target];
        testimony(folder.path(), &words).exits_with(0);
    }
}

#[test]
fn wrong_usage_exits_with_2() {
    let folder = folder();
    testimony(folder.path(), &["chekc"]).exits_with(2);
    testimony(folder.path(), &["run", "--target", "nothing"])
        .exits_with(2)
        .complains(&["raft"]);
    testimony(folder.path(), &["run", "--bug", "nothing"]).exits_with(2);
    testimony(folder.path(), &["run", "--nemesis", "kil-leader"])
        .exits_with(2)
        .complains(&["kill-leader"]);
    testimony(folder.path(), &["report", "."])
        .exits_with(2)
        .complains(&["plan.toml"]);
}

#[test]
fn a_file_that_cannot_be_read_takes_nothing_from_what_is_said_of_the_others() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    file(folder.path(), "stale.jsonl", STALE_READ);
    file(folder.path(), "right.jsonl", LINEARIZABLE);
    let check = |name: &str| testimony(folder.path(), &["check", "--json", "absent", name]);
    let answer = check("right.jsonl").exits_with(2).complains(&["absent"]);
    assert!(
        answer.stdout.contains("\"linearizable\""),
        "{}",
        answer.stdout
    );
    let answer = check("stale.jsonl").exits_with(1).complains(&["absent"]);
    assert!(answer.stdout.contains("\"illegal\""), "{}", answer.stdout);
}
