//! A cluster that already runs: `cluster.py` of `examples/your-system`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::example::{change, example};
use crate::program::{testimony, wait_for};

const SCENARIO: &str = "external.toml";

/// Three servers, which end when this is dropped.
struct Cluster {
    python: Child,
}

impl Cluster {
    #[expect(
        clippy::disallowed_methods,
        reason = "the cluster is started by hand, as a person does"
    )]
    fn start(folder: &Path, options: &[&str]) -> Self {
        let ports = free_ports();
        for (place, port) in ports.iter().take(3).enumerate() {
            let usual = format!("127.0.0.1:{}", 8001 + place);
            change(folder, SCENARIO, &usual, &format!("127.0.0.1:{port}"));
        }
        let mut command = Command::new("python3");
        let ports = format!("--ports={}", ports.map(|port| port.to_string()).join(","));
        command.arg("cluster.py").arg(ports).args(options);
        command.current_dir(folder);
        let mut python = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the cluster starts");
        let stdout = python.stdout.take().expect("it is piped");
        let addresses = BufReader::new(stdout).lines().take(3);
        assert_eq!(addresses.flatten().count(), 3);
        Cluster { python }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The end of its input is what ends it.
        drop(self.python.stdin.take());
        let _ = self.python.wait();
    }
}

fn free_ports() -> [u16; 6] {
    let listen = |_| TcpListener::bind("127.0.0.1:0").expect("there are free ports");
    let listeners = [0; 6].map(listen);
    listeners.map(|listener| listener.local_addr().expect("it has an address").port())
}

fn runs(folder: &Path, node: &str) -> bool {
    let pid = fs::read_to_string(folder.join(format!("cluster/{node}.pid"))).expect("its number");
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.contains("State:\tS") || status.contains("State:\tR")
}

#[test]
fn a_cluster_that_runs_is_broken_by_its_users_commands_and_goes_on_afterwards() {
    let Some(folder) = example("your-system") else {
        return;
    };
    let folder = folder.path();
    let _cluster = Cluster::start(folder, &[]);
    let words = ["run", SCENARIO, "--time", "8s", "--seed", "5"];
    let answer = testimony(folder, &words).exits_with(0);
    assert!(answer.stdout.contains("PASS"), "{}", answer.stdout);
    let injections = fs::read_to_string(folder.join("runs/latest/injections.jsonl")).unwrap();
    assert!(injections.contains("\"verified\":true"), "{injections}");
    assert!(injections.contains("\"name\":\"pause\""), "{injections}");
    // What an earlier run has left is not taken for an answer of this one.
    let words = [
        "run",
        SCENARIO,
        "--time",
        "3s",
        "--seed",
        "5",
        "--nemesis",
        "none",
    ];
    testimony(folder, &words).exits_with(0);
    for node in ["n1", "n2", "n3"] {
        wait_for("the server", || runs(folder, node));
    }
}

#[test]
fn a_cluster_without_faults_is_found_as_well_and_the_report_says_so() {
    let Some(folder) = example("your-system") else {
        return;
    };
    let folder = folder.path();
    let _cluster = Cluster::start(folder, &["--stale"]);
    let path = folder.join(SCENARIO);
    let text = fs::read_to_string(&path).unwrap();
    let (before, after) = text.split_once("[external.faults.pause]").unwrap();
    let (_, system) = after.split_once("\n\n").unwrap();
    fs::write(&path, format!("{before}{system}")).unwrap();
    let words = ["run", SCENARIO, "--time", "8s", "--seed", "5"];
    let answer = testimony(folder, &words).exits_with(1);
    assert!(answer.stdout.contains("none planned"), "{}", answer.stdout);
}

#[test]
fn a_fault_whose_command_fails_did_not_take_effect() {
    let Some(folder) = example("your-system") else {
        return;
    };
    let folder = folder.path();
    let _cluster = Cluster::start(folder, &[]);
    change(folder, SCENARIO, "kill -STOP", "echo no such switch; false");
    let words = ["run", SCENARIO, "--time", "5s", "--seed", "5"];
    let answer = testimony(folder, &words).exits_with(4);
    assert!(
        answer.stdout.contains("injections.jsonl"),
        "{}",
        answer.stdout
    );
    let injections = fs::read_to_string(folder.join("runs/latest/injections.jsonl")).unwrap();
    assert!(injections.contains("no such switch"), "{injections}");
}

#[test]
fn a_cluster_that_is_not_there_is_waited_for_and_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    testimony(folder.path(), &["init", "--target", "external"]).exits_with(0);
    // It does not say where the cluster is that is to be tested.
    let words = ["run", "scenario.toml", "--lab", "process"];
    testimony(folder.path(), &words)
        .exits_with(2)
        .complains(&["[system.start]"]);
}
