//! `testimony shrink` on a simulated run, called as a person calls it.

use std::fs;

use crate::program::testimony;

#[test]
fn a_simulated_run_shrinks_to_a_few_operations_and_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    let words = "run --lab sim --bug local-reads --seed 0 --time 5s";
    let words: Vec<&str> = words.split(' ').collect();
    testimony(at, &words).exits_with(1);
    let shrunk = testimony(at, &["shrink", "runs/latest", "--out", "small"]);
    shrunk.exits_with(1);
    let plan = fs::read_to_string(at.join("small/latest/plan.toml")).expect("a plan");
    let calls = plan.matches("[[script.calls]]").count();
    assert!((1..=20).contains(&calls), "{calls} operations are left");
    assert!(plan.matches("[[injections]]").count() <= 6);
    let report = fs::read_to_string(at.join("small/latest/report.html")).expect("a report");
    assert!(report.contains("What happened") && report.contains("Space and time"));
    testimony(at, &["run", "small/latest/plan.toml"]).exits_with(1);
}
