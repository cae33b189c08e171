//! Real systems under real faults get their true verdicts. Where a system or the namespaces it runs
//! in are missing, the test passes and says that it was skipped.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::program::testimony;

/// The words of a run, in a folder of its own, with its exit code and its verdict. `None` if it
/// cannot be here.
fn run(target: &str, time: &str) -> Option<(i32, Value)> {
    if let Err(reason) = namespaces() {
        skipped(target, &reason);
        return None;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let words = ["run", "--target", target, "--time", time, "--seed", "1"];
    let answer = testimony(folder.path(), &words);
    if answer.stderr.contains("is not installed") {
        skipped(target, answer.stderr.trim());
        return None;
    }
    let verdict = fs::read(folder.path().join("runs/latest/verdict.json"));
    let verdict = verdict.unwrap_or_else(|_| panic!("no verdict: {}", answer.stderr));
    let verdict = serde_json::from_slice(&verdict).expect("the verdict is JSON");
    Some((answer.code, verdict))
}

/// Whether whoever runs the tests may have network namespaces, and the tool that filters in them.
#[expect(
    clippy::disallowed_methods,
    reason = "the tests look at the machine as a person does"
)]
fn namespaces() -> Result<(), String> {
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--net", "true"]);
    match unshare.output() {
        Ok(tried) if tried.status.success() => {}
        Ok(tried) => return Err(String::from_utf8_lossy(&tried.stderr).into_owned()),
        Err(error) => return Err(format!("unshare: {error}")),
    }
    let places = ["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft"];
    let has_filter = places.iter().any(|place| Path::new(place).exists());
    has_filter
        .then_some(())
        .ok_or_else(|| "there is no nft".to_owned())
}

#[expect(
    clippy::print_stderr,
    reason = "whoever runs the tests has to learn of it"
)]
fn skipped(target: &str, reason: &str) {
    eprintln!("skipped {target}: {reason}");
}

#[test]
fn etcd_passes() {
    let Some((code, verdict)) = run("etcd", "8s") else {
        return;
    };
    assert_eq!(
        (code, &verdict["outcome"]),
        (0, &"pass".into()),
        "{verdict}"
    );
}

#[test]
fn etcd_that_answers_reads_from_any_node_is_violated() {
    let Some((code, verdict)) = run("etcd:serializable", "15s") else {
        return;
    };
    let outcome = &verdict["outcome"];
    assert_eq!((code, outcome), (1, &"violation".into()), "{verdict}");
}
