//! A key-value bucket of NATS JetStream, replicated to all nodes, called by the plain protocol.
//!
//! Without a mode, reads are answered by whichever replica gets them, as the usual clients have it
//! (`allow_direct`). Mode `leader` reads from the node that takes itself for the stream's leader.

mod bucket;
mod client;
mod connection;
mod mishap;
mod protocol;
mod status;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value as Json;
use testimony_engine::FaultKind::{Halves, IsolateLeader, PauseLeader};
use testimony_engine::{
    BoxFuture, Client, ClientOptions, Cluster, ClusterNode, FaultKind, Mix, NemesisDraft, NodeFile,
    NodeName, NodeSpec, NodeStatus, ProcessId, Program, RunProfile, SpanRange, Target, TargetInfo,
    WorkloadDraft, WorkloadKind,
};
use testimony_history::Model;
use tokio::time::{Instant, interval};

use crate::installed::Package;
use crate::{TargetError, TargetOptions};
use client::{NatsClient, Reads};
use connection::Connection;

/// The target's name on the command line.
pub const NAME: &str = "nats";

const PACKAGE: Package = Package {
    target: NAME,
    name: "nats-server",
};

/// Reads go to the stream's leader.
const LEADER: &str = "leader";

/// How long a node may take to say what it is before it counts as silent.
const STATUS_PATIENCE: Duration = Duration::from_millis(450);
/// How long the bucket may take to be made.
const SET_UP_PATIENCE: Duration = Duration::from_secs(30);
/// How long one attempt to make it may take, and how long it is until the next.
const SET_UP_ATTEMPT: Duration = Duration::from_secs(5);
const SET_UP_PAUSE: Duration = Duration::from_millis(200);

/// A cluster of NATS servers with JetStream.
#[derive(Debug)]
pub struct NatsTarget {
    program: PathBuf,
    mode: Option<String>,
    http: reqwest::Client,
}

/// What can be tested of it.
pub fn info() -> TargetInfo {
    TargetInfo {
        name: NAME.to_owned(),
        summary: "NATS JetStream of the distribution: a replicated key-value bucket".to_owned(),
        modes: vec![LEADER.to_owned()],
        labs: vec!["netns".to_owned()],
        models: vec![
            Model::Kv,
            Model::CasRegister,
            Model::Register,
            Model::Counter,
        ],
        faults: FaultKind::of_crashes()
            .filter(|kind| !kind.asks_an_operator())
            .collect(),
        profile: profile(),
        mode_profiles: [(LEADER.to_owned(), leader())].into(),
        ..TargetInfo::default()
    }
}

/// A server waits for four to nine seconds before it campaigns, and these times cannot be set. So
/// faults last longer than in other systems, and the cluster needs longer to come back.
fn profile() -> RunProfile {
    let kinds = [IsolateLeader, Halves, PauseLeader];
    RunProfile {
        nemesis: NemesisDraft {
            kinds: Some(kinds.into()),
            duration: Some(SpanRange::millis(9_000, 13_000)),
            gap: Some(SpanRange::millis(2_000, 4_000)),
            overlap: Some(0),
            ..NemesisDraft::default()
        },
        // An update that expects a sequence is lost without any fault, see docs/systems.md. What
        // reads and writes promise shows without it.
        workload: WorkloadDraft {
            name: Some(WorkloadKind::Register),
            ..WorkloadDraft::default()
        },
        nodes: Some(3),
        recovery: Some(Duration::from_secs(45)),
        ..RunProfile::default()
    }
}

/// A leader that was cut off answers for about a second after the others have another one, if they
/// are quick enough to elect it. So it is cut off again and again, while many clients read. Between
/// two cuts there has to be a leader again.
fn leader() -> RunProfile {
    RunProfile {
        nemesis: NemesisDraft {
            kinds: Some([IsolateLeader].into()),
            duration: Some(SpanRange::millis(8_000, 10_000)),
            gap: Some(SpanRange::millis(3_000, 5_000)),
            ..NemesisDraft::default()
        },
        workload: WorkloadDraft {
            keys: Some(3),
            mix: Some(Mix {
                read: 70,
                write: 30,
                ..Mix::default()
            }),
            ..WorkloadDraft::default()
        },
        clients: Some(20),
        ..RunProfile::default()
    }
}

impl NatsTarget {
    /// The target, as this machine has it.
    ///
    /// # Errors
    /// If the server is not installed, or there is no such setting or bug.
    pub fn new(options: &TargetOptions) -> Result<Self, TargetError> {
        options.refuse_bug(NAME)?;
        if let Some(name) = options.settings.keys().next() {
            return Err(TargetError::BadSetting {
                target: NAME.to_owned(),
                name: name.clone(),
                reason: "there is no such setting".to_owned(),
            });
        }
        Ok(NatsTarget {
            program: PACKAGE.program("nats-server")?,
            mode: options.mode.clone(),
            http: reqwest::Client::builder()
                .no_proxy()
                .build()
                .unwrap_or_default(),
        })
    }
}

impl Target for NatsTarget {
    fn info(&self) -> TargetInfo {
        info()
    }

    fn node(&self, cluster: &Cluster, node: &NodeName) -> NodeSpec {
        let Some(this) = cluster.node(node) else {
            return NodeSpec::default();
        };
        let path = this.folder().join("nats.conf");
        let program = Program {
            program: self.program.clone(),
            args: vec!["--config".to_owned(), path.display().to_string()],
            ..Program::default()
        };
        NodeSpec {
            files: vec![NodeFile {
                path,
                text: configuration(cluster, this),
            }],
            ..NodeSpec::of(program)
        }
    }

    fn set_up<'a>(&'a self, cluster: &'a Cluster) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(make_bucket(cluster))
    }

    fn client(
        &self,
        cluster: &Cluster,
        process: ProcessId,
        options: &ClientOptions,
    ) -> Box<dyn Client> {
        let reads = match self.mode.as_deref() {
            Some(LEADER) => Reads::Leader,
            _ => Reads::Direct,
        };
        Box::new(NatsClient::new(cluster, options, reads, process))
    }

    fn status<'a>(
        &'a self,
        cluster: &'a Cluster,
        node: &'a NodeName,
    ) -> BoxFuture<'a, Option<NodeStatus>> {
        let deadline = Instant::now() + STATUS_PATIENCE;
        Box::pin(status::of(&self.http, cluster, node, deadline))
    }
}

/// The server's configuration file.
fn configuration(cluster: &Cluster, node: &ClusterNode) -> String {
    let routes: Vec<String> = cluster
        .nodes
        .iter()
        .filter(|other| other.name != node.name)
        .map(|other| format!("\"nats://{}\"", other.peer_listen))
        .collect();
    format!(
        "server_name: {}\n\
         listen: \"{}\"\n\
         http: \"{}:{}\"\n\
         jetstream {{ store_dir: \"{}\" }}\n\
         cluster {{\n  name: testimony\n  listen: \"{}\"\n  routes: [{}]\n}}\n",
        node.name,
        node.client_listen,
        node.ip,
        status::MONITORING_PORT,
        node.data.display(),
        node.peer_listen,
        routes.join(", "),
    )
}

/// Asks for the bucket until it is there: the servers refuse until all of them have met.
async fn make_bucket(cluster: &Cluster) -> Result<(), String> {
    let deadline = Instant::now() + SET_UP_PATIENCE;
    let mut attempts = interval(SET_UP_PAUSE);
    let mut last = "no node".to_owned();
    for (number, node) in (1..).zip(cluster.nodes.iter().cycle()) {
        attempts.tick().await;
        match ask_for_bucket(cluster, node, number).await {
            Ok(()) => return Ok(()),
            Err(error) => last = error,
        }
        if Instant::now() > deadline {
            break;
        }
    }
    Err(format!("the bucket was not made: {last}"))
}

async fn ask_for_bucket(cluster: &Cluster, node: &ClusterNode, attempt: u32) -> Result<(), String> {
    let until = Instant::now() + SET_UP_ATTEMPT;
    let name = format!("set-up-{attempt}");
    let words = |mishap| format!("{mishap:?}");
    let mut connection = Connection::open(node.client_listen, &name, until)
        .await
        .map_err(words)?;
    let subject = format!("$JS.API.STREAM.CREATE.{}", bucket::STREAM);
    let body = bucket::configuration(cluster.nodes.len()).to_string();
    let asked = connection.request(&subject, &[], body.as_bytes(), until);
    let answer = asked.await.map_err(words)?;
    let body: Json = serde_json::from_slice(&answer.payload).unwrap_or_default();
    match (body.get("error"), body.get("config")) {
        (None, Some(_)) => Ok(()),
        (Some(error), _) => Err(mishap::words(error)),
        (None, None) => Err("an answer without a configuration".to_owned()),
    }
}

#[cfg(test)]
mod tests;
