//! A node as a process of its own, which never outlives its parent.

use std::collections::BTreeSet;
use std::env;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, getppid, kill_process, set_parent_process_death_signal};
use serde_json::{Value, json};
use testimony_consensus::NodeId;
use testimony_consensus::bug::Bug;
use testimony_node::{NodeOptions, PeerAddress, serve};

/// The environment variable that makes this program a node, and tells it everything.
pub(crate) const NODE: &str = "TESTIMONY_TEST_NODE";

/// Runs the node that `text` describes.
pub(crate) fn run_node(text: &str) -> ExitCode {
    let told: Value = serde_json::from_str(text).unwrap();
    set_parent_process_death_signal(Some(Signal::KILL)).unwrap();
    let parent = getppid().map(Pid::as_raw_nonzero).map(i32::from);
    if parent.map(i64::from) != told["parent"].as_i64() {
        return ExitCode::FAILURE;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match runtime.block_on(serve(options(&told), std::future::pending())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options(told: &Value) -> NodeOptions {
    let id = |value: &Value| value.as_str().unwrap().parse::<NodeId>().unwrap();
    let address = |value: &Value| value.as_str().unwrap().parse().unwrap();
    let data = told["data"].as_str().unwrap();
    let (peer, http) = (address(&told["peer"]), address(&told["http"]));
    let mut options = NodeOptions::new(id(&told["id"]), data, peer, http);
    options.voters = told["voters"].as_array().unwrap().iter().map(id).collect();
    for (peer, addresses) in told["peers"].as_object().unwrap() {
        let [peer_address, http] = [0, 1].map(|at| address(&addresses[at]));
        let addresses = PeerAddress {
            peer: peer_address,
            http,
        };
        options.peers.insert(peer.parse().unwrap(), addresses);
    }
    options.snapshot_every = told["snapshot_every"].as_u64().unwrap();
    options.lease_reads = told["lease_reads"].as_bool().unwrap();
    options.bug = told["bug"]
        .as_str()
        .map(|name| Bug::from_name(name).unwrap());
    options
}

fn described(options: &NodeOptions) -> Value {
    let voters: &BTreeSet<NodeId> = &options.voters;
    let peers: serde_json::Map<String, Value> = options
        .peers
        .iter()
        .map(|(id, address)| (id.to_string(), json!([address.peer, address.http])))
        .collect();
    json!({
        "parent": std::process::id(), "id": options.id, "data": options.data,
        "peer": options.peer_listen, "http": options.http_listen, "voters": voters, "peers": peers,
        "snapshot_every": options.snapshot_every, "lease_reads": options.lease_reads,
        "bug": options.bug.map(Bug::name),
    })
}

/// A node that runs, or one that is dead. It is dead when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// What the node said first.
    pub(crate) ready: Value,
}

impl Process {
    /// Starts a node and waits until it says that it serves.
    pub(crate) fn start(options: &NodeOptions, errors: &Path) -> Self {
        let mut child = spawn(options, errors);
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready = serde_json::from_str(&line).unwrap_or_else(|_| {
            let said = std::fs::read_to_string(errors).unwrap_or_default();
            panic!("{} said {line:?} first: {said}", options.id)
        });
        Process { child, ready }
    }

    /// Starts a node that is expected not to start; its exit status and what it said.
    pub(crate) fn refuse(options: &NodeOptions, errors: &Path) -> (ExitStatus, String) {
        let mut child = spawn(options, errors);
        let mut said = String::new();
        child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        let status = child.wait().unwrap();
        said.push_str(&std::fs::read_to_string(errors).unwrap());
        (status, said)
    }

    /// Kills it; returns when it is gone.
    pub(crate) fn kill(&mut self) {
        drop(self.child.kill());
        self.child.wait().unwrap();
    }

    /// Stops it where it is.
    pub(crate) fn pause(&self) {
        kill_process(Pid::from_child(&self.child), Signal::STOP).unwrap();
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) {
        kill_process(Pid::from_child(&self.child), Signal::CONT).unwrap();
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

#[expect(clippy::disallowed_methods, reason = "these tests are about processes")]
fn spawn(options: &NodeOptions, errors: &Path) -> Child {
    let errors = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(errors)
        .unwrap();
    Command::new(env::current_exe().unwrap())
        .env(NODE, described(options).to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(errors)
        .spawn()
        .unwrap()
}
