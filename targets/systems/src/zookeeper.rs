//! ZooKeeper, from the distribution's package, called over its own protocol.
//!
//! A read is answered by the server that is asked, from what it knows: it may be old, but a session
//! never goes back in time. In the mode `sync` the server has to catch up with the leader first,
//! as ZooKeeper's documentation advises. That is no promise: a leader takes itself for up to date,
//! also while a follower has already applied and told what it has not, and after it was deposed. In
//! the mode `quorum-reads` a write of no meaning goes before the read, which only a majority can
//! acknowledge, in the order of all writes.

mod client;
mod jute;
mod mishap;
mod object;
mod packets;
mod session;
mod settings;
mod status;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use testimony_engine::FaultKind::{Halves, IsolateLeader, OneWay, PauseLeader, PauseOne};
use testimony_engine::{
    BoxFuture, Client, ClientOptions, Cluster, ClusterNode, FaultKind, NemesisDraft, NodeFile,
    NodeName, NodeSpec, NodeStatus, ProcessId, Program, RunProfile, SpanRange, Target, TargetInfo,
    WorkloadDraft,
};
use testimony_history::{Model, Value};
use tokio::time::{Instant, sleep};

use crate::installed::Package;
use crate::{TargetError, TargetOptions};
use client::ZooKeeperClient;
use packets::{Code, Request};
use session::Session;
use settings::Settings;

/// The target's name on the command line.
pub const NAME: &str = "zookeeper";

const PACKAGE: Package = Package {
    target: NAME,
    name: "zookeeper",
};
const LIBRARIES: [&str; 2] = [
    "/usr/share/java/zookeeper.jar",
    "/usr/share/java/slf4j-simple.jar",
];
const MAIN: &str = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
/// Servers of a test need little memory, and are to start soon rather than run fast.
const MACHINE: [&str; 5] = [
    "-Xmx192m",
    "-XX:-UsePerfData",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Djava.net.preferIPv4Stack=true",
];

/// Above all objects. Its version counts what was ever deleted.
const DELETIONS: &str = "/testimony";
/// The object of a call that names none.
const ONLY_KEY: &str = "object";
/// Where servers elect their leader, or the next port that is not taken.
const ELECTION_PORT: u16 = 3888;

/// Written before a read of the mode `quorum-reads`.
const PULSE: &str = "/testimony-pulse";

/// Reads let the server catch up first.
const SYNC: &str = "sync";
/// Reads wait for a write of their own first.
const QUORUM_READS: &str = "quorum-reads";
/// How long all servers may take to take requests.
const SERVING: Duration = Duration::from_secs(30);
/// Time between two looks at them.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// What goes before a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Nothing,
    Sync,
    Write,
}

/// ZooKeeper.
#[derive(Debug)]
pub struct ZooKeeperTarget {
    before: Before,
    settings: Settings,
    java: PathBuf,
}

/// What can be tested of it.
pub fn info() -> TargetInfo {
    TargetInfo {
        name: NAME.to_owned(),
        summary: "ZooKeeper: every server answers reads from what it knows".to_owned(),
        modes: vec![SYNC.to_owned(), QUORUM_READS.to_owned()],
        labs: vec!["netns".to_owned()],
        models: Model::ALL.to_vec(),
        faults: FaultKind::of_crashes()
            .filter(|kind| !kind.asks_an_operator())
            .collect(),
        profile: profile(),
        mode_profiles: [(SYNC.to_owned(), deposed_leaders())].into(),
        settings: Settings::default().to_map(),
        ..TargetInfo::default()
    }
}

/// Servers that are cut off, or stand still, longer than they take to notice: about 2 s. None is
/// killed: 3.8.0 loses acknowledged writes then (ZOOKEEPER-4643, see the documentation), which
/// would drown what the two modes differ in. A process stays with one server, as clients do.
fn profile() -> RunProfile {
    let kinds = [IsolateLeader, Halves, OneWay, PauseOne, PauseLeader];
    RunProfile {
        nemesis: NemesisDraft {
            duration: Some(SpanRange::millis(2_500, 5_000)),
            gap: Some(SpanRange::millis(1_500, 3_000)),
            swarm: Some(false),
            ..NemesisDraft::only(kinds)
        },
        workload: WorkloadDraft {
            roam: Some(0),
            ..WorkloadDraft::default()
        },
        nodes: Some(3),
        clients: Some(9),
        ..RunProfile::default()
    }
}

/// Leaders that go on after another was elected, and do not know it yet.
fn deposed_leaders() -> RunProfile {
    RunProfile {
        nemesis: NemesisDraft {
            duration: Some(SpanRange::millis(4_000, 6_000)),
            swarm: Some(false),
            ..NemesisDraft::only([PauseLeader])
        },
        ..RunProfile::default()
    }
}

impl ZooKeeperTarget {
    /// The target in a mode.
    ///
    /// # Errors
    /// If ZooKeeper is not installed, or there is no such setting or bug.
    pub fn new(options: &TargetOptions) -> Result<Self, TargetError> {
        options.refuse_bug(NAME)?;
        for library in LIBRARIES {
            PACKAGE.file(library)?;
        }
        Ok(ZooKeeperTarget {
            before: match options.mode.as_deref() {
                Some(SYNC) => Before::Sync,
                Some(QUORUM_READS) => Before::Write,
                _ => Before::Nothing,
            },
            settings: Settings::from_map(&options.settings)?,
            java: PACKAGE.program("java")?,
        })
    }
}

impl Target for ZooKeeperTarget {
    fn info(&self) -> TargetInfo {
        info()
    }

    fn node(&self, cluster: &Cluster, node: &NodeName) -> NodeSpec {
        let Some(node) = cluster.node(node) else {
            return NodeSpec::default();
        };
        let file = node.folder().join("zoo.cfg");
        let mut args: Vec<String> = MACHINE.map(str::to_owned).into();
        args.extend(["-cp", &LIBRARIES.join(":"), MAIN].map(str::to_owned));
        args.push(file.display().to_string());
        let configuration = NodeFile {
            path: file,
            text: configuration(cluster, node, &self.settings),
        };
        let number = NodeFile {
            path: node.data.join("myid"),
            text: format!("{}\n", number(cluster, node)),
        };
        NodeSpec {
            files: vec![configuration, number],
            ..NodeSpec::of(Program {
                program: self.java.clone(),
                args,
                ..Program::default()
            })
        }
    }

    /// Makes the nodes that clients need, and waits until every server knows them.
    fn set_up<'a>(&'a self, cluster: &'a Cluster) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let deadline = Instant::now() + SERVING;
            for node in &cluster.nodes {
                while let Err(reason) = make_nodes(node).await {
                    if Instant::now() > deadline {
                        return Err(format!("{}: {reason}", node.name));
                    }
                    sleep(BETWEEN_LOOKS).await;
                }
            }
            Ok(())
        })
    }

    fn client(
        &self,
        cluster: &Cluster,
        process: ProcessId,
        options: &ClientOptions,
    ) -> Box<dyn Client> {
        let cluster = Arc::new(cluster.clone());
        Box::new(ZooKeeperClient::new(cluster, process, options, self.before))
    }

    fn status<'a>(
        &'a self,
        cluster: &'a Cluster,
        node: &'a NodeName,
    ) -> BoxFuture<'a, Option<NodeStatus>> {
        Box::pin(status::of(cluster, node))
    }
}

/// The node that holds an object.
fn path(key: Option<&Value>) -> String {
    match key {
        None => format!("{DELETIONS}/{ONLY_KEY}"),
        Some(Value::Str(key)) => format!("{DELETIONS}/{key}"),
        Some(other) => format!("{DELETIONS}/{other}"),
    }
}

async fn make_nodes(node: &ClusterNode) -> Result<(), String> {
    let mut session = Session::default();
    let moved = session.move_to(node).await;
    moved.map_err(|error| error.to_string())?;
    for path in [DELETIONS, PULSE] {
        let create = Request::Create(path.to_owned(), String::new());
        match session.ask(&create).await {
            Ok(Ok(_) | Err(Code::NODE_EXISTS)) => {}
            Ok(Err(code)) => return Err(format!("{path} cannot be made: {code:?}")),
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(())
}

fn configuration(cluster: &Cluster, node: &ClusterNode, settings: &Settings) -> String {
    let mut text = format!(
        "tickTime={}\ninitLimit=20\nsyncLimit={}\ndataDir={}\nclientPort={}\n\
         clientPortAddress={}\nadmin.enableServer=false\n4lw.commands.whitelist=srvr\n\
         maxClientCnxns=0\n",
        settings.tick.as_millis(),
        settings.sync_limit,
        node.data.display(),
        node.client_listen.port(),
        node.ip,
    );
    for other in &cluster.nodes {
        let (ip, peers, election) = (other.ip, other.peer_listen.port(), election_port(other));
        let number = number(cluster, other);
        text.push_str(&format!("server.{number}={ip}:{peers}:{election}\n"));
    }
    text
}

/// From 1, in the order of the plan.
fn number(cluster: &Cluster, node: &ClusterNode) -> usize {
    let before = cluster
        .nodes
        .iter()
        .take_while(|other| other.name != node.name);
    before.count() + 1
}

fn election_port(node: &ClusterNode) -> u16 {
    let taken = [node.peer_listen.port(), node.client_listen.port()];
    let mut ports = ELECTION_PORT..;
    ports
        .find(|port| !taken.contains(port))
        .unwrap_or(ELECTION_PORT)
}
