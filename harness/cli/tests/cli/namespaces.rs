//! Runs in network namespaces: what they leave of themselves outside, which is nothing. Skipped
//! where this machine allows no such runs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Harness, processes_in};
use crate::program::{testimony, wait_for};

const IN_NAMESPACES: [&str; 4] = ["--lab", "netns", "--nodes", "3"];

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn is_allowed(folder: &Path) -> bool {
    let said = testimony(folder, &["doctor"]).stdout;
    let allowed = said.contains("The netns lab works here.");
    if !allowed {
        eprintln!("skipped: this machine allows no runs in namespaces: {said}");
    }
    allowed
}

/// What anybody on this machine sees of such runs: their interfaces, and mounts of their own.
fn outside() -> (BTreeSet<String>, usize) {
    let interfaces = fs::read_dir("/sys/class/net").expect("/sys is there");
    let names = interfaces.flatten().map(|entry| entry.file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    let ours = |name: &String| ["br0", "v1", "v2", "v3"].contains(&name.as_str());
    let mounts = fs::read_to_string("/proc/self/mounts").expect("/proc is there");
    let procs = mounts.lines().filter(|line| line.starts_with("proc "));
    (names.filter(ours).collect(), procs.count())
}

/// The network namespace of a process, by its number.
fn network_of(process: i32) -> Option<String> {
    let link = fs::read_link(format!("/proc/{process}/ns/net")).ok()?;
    Some(link.to_string_lossy().into_owned())
}

/// The network namespaces of the harness and its nodes, once all of them are there.
fn networks_in(folder: &Path) -> BTreeSet<String> {
    let mut networks = BTreeSet::new();
    wait_for("a namespace for each node, and one between", || {
        let own = network_of(std::process::id().cast_signed());
        let processes = processes_in(folder);
        let all = processes.iter().map(|process| network_of(process.number));
        networks = all.filter(|network| *network != own).flatten().collect();
        networks.len() == 4
    });
    networks
}

fn is_gone(network: &str) -> bool {
    let processes = fs::read_dir("/proc").expect("/proc is there").flatten();
    let mut numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    !numbers.any(|number| network_of(number).is_some_and(|found| found == network))
}

fn wait_until_nothing_is_left(folder: &Path, networks: &BTreeSet<String>) {
    wait_for("the end of every process", || {
        processes_in(folder).is_empty()
    });
    wait_for("the end of every namespace", || {
        networks.iter().all(|network| is_gone(network))
    });
}

#[test]
fn two_runs_in_namespaces_at_once_disturb_neither_each_other_nor_the_machine() {
    let (one, other) = (folder(), folder());
    if !is_allowed(one.path()) {
        return;
    }
    let before = outside();
    let words = [&IN_NAMESPACES[..], &["--nemesis", "halves"]].concat();
    let background = Harness::start(other.path(), &[&words[..], &["--seed", "2"]].concat());
    let networks = networks_in(other.path());
    let words = [&["run", "--time", "4s", "--seed", "1"], &words[..]].concat();
    testimony(one.path(), &words).exits_with(0);
    assert_eq!(outside(), before);
    background.interrupt().exits_with(0);
    wait_until_nothing_is_left(other.path(), &networks);
    assert_eq!(outside(), before);
    let plan = fs::read_to_string(one.path().join("runs/latest/plan.toml")).unwrap();
    assert!(plan.contains("clients_at = \"outside\""), "{plan}");
}

/// What is done to whom, one after the other.
const FAULTS: [(&str, &str); 10] = [
    (
        "slow-links",
        r#"do = "slow", nodes = ["n1"], delay = "30ms", jitter = "10ms""#,
    ),
    (
        "throttle",
        r#"do = "throttle", nodes = ["n2"], bytes_per_second = 20000"#,
    ),
    (
        "lossy-links",
        r#"do = "lossy", nodes = ["n3"], lost = 10, doubled = 10, late = 0, lateness = "0s""#,
    ),
    (
        "corrupt-links",
        r#"do = "corrupt", nodes = ["n1"], percent = 10"#,
    ),
    (
        "clock-skew",
        r#"do = "skew", nodes = ["n2"], jump_ms = -60000, drift_ppm = 1000"#,
    ),
    (
        "slow-disk",
        r#"do = "slow-disk", nodes = ["leader"], delay = "20ms""#,
    ),
    ("disk-failure", r#"do = "fail-disk", nodes = ["leader"]"#),
    ("full-disk", r#"do = "fill-disk", nodes = ["n1"]"#),
    ("read-only-disk", r#"do = "lock-disk", nodes = ["n2"]"#),
    ("starve", r#"do = "starve", nodes = ["n3"], percent = 10"#),
];

#[test]
fn each_fault_on_programs_as_they_are_takes_effect_and_is_healed() {
    let folder = folder();
    if !is_allowed(folder.path()) {
        return;
    }
    let mut plan = "version = 1\nlab = \"netns\"\nnodes = 3\ntime = \"40s\"\n".to_owned();
    // A busy machine may take its time.
    plan += "start_wait = \"15s\"\nverify_timeout = \"15s\"\n";
    for ((kind, fault), number) in FAULTS.iter().zip(0..) {
        let at = number * 2_400;
        plan += &format!(
            "[[injections]]\nat = \"{at}ms\"\nduration = \"800ms\"\nkind = \"{kind}\"\n\
             fault = {{ {fault} }}\n"
        );
    }
    let path = crate::program::file(folder.path(), "faults.toml", plan);
    let answer = testimony(
        folder.path(),
        &["run", path.to_str().unwrap(), "--seed", "5"],
    );
    let file = folder.path().join("runs/latest/injections.jsonl");
    let seen = fs::read_to_string(file).unwrap_or(answer.stderr);
    for (kind, _) in FAULTS {
        let line = seen
            .lines()
            .find(|line| line.contains(&format!("\"{kind}\"")));
        let done =
            |line: &str| line.contains("\"verified\":true") && line.contains("\"healed\":true");
        assert!(line.is_some_and(done), "{kind}: {seen}");
    }
    assert_eq!(answer.code, 0, "{}", answer.stdout);
}

#[test]
fn a_run_in_namespaces_that_is_killed_from_outside_leaves_nothing() {
    let folder = folder();
    if !is_allowed(folder.path()) {
        return;
    }
    let mut harness = Harness::start(folder.path(), &IN_NAMESPACES);
    let networks = networks_in(folder.path());
    harness.kill();
    wait_until_nothing_is_left(folder.path(), &networks);
}

#[test]
fn a_run_in_namespaces_that_is_killed_inside_leaves_nothing_and_says_so() {
    let folder = folder();
    if !is_allowed(folder.path()) {
        return;
    }
    let harness = Harness::start(folder.path(), &IN_NAMESPACES);
    let networks = networks_in(folder.path());
    let inside = |line: &str| line.contains("--inside") && !line.contains("__");
    let processes = processes_in(folder.path());
    let inner = processes.iter().find(|process| inside(&process.line));
    let inner = Pid::from_raw(inner.expect("the harness is there").number);
    kill_process(inner.expect("a process has a number"), Signal::KILL).unwrap();
    let answer = harness.answer();
    assert_eq!(answer.code, 128 + 9, "{}", answer.stderr);
    wait_until_nothing_is_left(folder.path(), &networks);
}
