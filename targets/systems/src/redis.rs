//! Redis with Sentinel: one master, replicas that copy from it, and a Sentinel on every node.
//!
//! Replication is asynchronous: what a master acknowledged is lost if another takes its place
//! first, and no mode changes that altogether. Both are documented by Redis; the runs show it.

mod client;
mod commands;
mod configuration;
mod connection;
mod mishap;
mod resp;
mod sentinel;
mod settings;
mod status;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use testimony_engine::{
    BoxFuture, Client, ClientOptions, Cluster, FaultKind, NemesisDraft, NodeName, NodeSpec,
    NodeStatus, ProcessId, Program, RunProfile, SpanRange, Target, TargetInfo,
};
use testimony_history::Model;
use tokio::time::{Instant, sleep};

use crate::installed::Package;
use crate::{TargetError, TargetOptions};
use client::RedisClient;
use settings::Settings;

/// The target's name on the command line.
pub const NAME: &str = "redis";

const SERVER: Package = Package {
    target: NAME,
    name: "redis-server",
};
const SENTINEL: Package = Package {
    target: NAME,
    name: "redis-sentinel",
};

/// How long the Sentinels may take to know each other and the replicas.
const AGREEMENT: Duration = Duration::from_secs(20);
/// Time between two looks at them.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// How Redis is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    /// Everything goes to the master.
    #[default]
    Plain,
    /// The master takes writes only while a replica keeps up.
    MinReplicas,
    /// Reads go to the node that is asked.
    ReplicaReads,
}

/// Redis with Sentinel.
#[derive(Debug)]
pub struct RedisTarget {
    mode: Mode,
    settings: Settings,
    server: PathBuf,
    sentinel: PathBuf,
}

/// What can be tested of it.
pub fn info() -> TargetInfo {
    TargetInfo {
        name: NAME.to_owned(),
        summary: "Redis with Sentinel: one master, replicas that copy from it".to_owned(),
        modes: vec!["min-replicas".to_owned(), "replica-reads".to_owned()],
        labs: vec!["netns".to_owned()],
        models: Model::ALL.to_vec(),
        faults: FaultKind::of_crashes()
            .filter(|kind| !kind.asks_an_operator())
            .collect(),
        profile: fail_overs(),
        mode_profiles: [("replica-reads".to_owned(), lagging_replicas())].into(),
        settings: Settings::default().to_map(),
        ..TargetInfo::default()
    }
}

/// Masters that are cut off for longer than it takes to put another in their place: about 3 s.
fn fail_overs() -> RunProfile {
    let kinds = [FaultKind::IsolateLeader, FaultKind::PauseLeader];
    RunProfile {
        nemesis: NemesisDraft {
            weights: [(FaultKind::IsolateLeader, 3), (FaultKind::PauseLeader, 1)].into(),
            duration: Some(SpanRange::millis(5_000, 8_000)),
            gap: Some(SpanRange::millis(2_000, 4_000)),
            overlap: Some(0),
            swarm: Some(false),
            ..NemesisDraft::only(kinds)
        },
        nodes: Some(3),
        clients: Some(9),
        recovery: Some(Duration::from_secs(30)),
        ..RunProfile::default()
    }
}

/// Replicas that are cut off from their master; it takes no fail-over.
fn lagging_replicas() -> RunProfile {
    RunProfile {
        nemesis: NemesisDraft {
            duration: Some(SpanRange::millis(1_000, 3_000)),
            ..NemesisDraft::only([FaultKind::Halves, FaultKind::IsolateLeader])
        },
        ..RunProfile::default()
    }
}

impl RedisTarget {
    /// The target in a mode.
    ///
    /// # Errors
    /// If Redis or its Sentinel is not installed, or there is no such setting or bug.
    pub fn new(options: &TargetOptions) -> Result<Self, TargetError> {
        options.refuse_bug(NAME)?;
        let mode = match options.mode.as_deref() {
            Some("min-replicas") => Mode::MinReplicas,
            Some("replica-reads") => Mode::ReplicaReads,
            _ => Mode::Plain,
        };
        Ok(RedisTarget {
            mode,
            settings: Settings::from_map(&options.settings)?,
            server: SERVER.program("redis-server")?,
            sentinel: SENTINEL.program("redis-sentinel")?,
        })
    }
}

impl Target for RedisTarget {
    fn info(&self) -> TargetInfo {
        info()
    }

    fn node(&self, cluster: &Cluster, node: &NodeName) -> NodeSpec {
        let Some(node) = cluster.node(node) else {
            return NodeSpec::default();
        };
        let program = |program: &PathBuf, file: PathBuf| Program {
            program: program.clone(),
            args: vec![file.display().to_string()],
            ..Program::default()
        };
        NodeSpec {
            files: configuration::files(cluster, node, self.mode, &self.settings),
            programs: vec![
                program(&self.server, configuration::server_file(node)),
                program(&self.sentinel, configuration::sentinel_file(node)),
            ],
            ..NodeSpec::default()
        }
    }

    /// Waits until every replica copies and every Sentinel knows all others: without that nobody
    /// would be put in the place of a master that is lost.
    fn set_up<'a>(&'a self, cluster: &'a Cluster) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let deadline = Instant::now() + AGREEMENT;
            await_all(deadline, || unlinked(cluster)).await?;
            await_all(deadline, || unaware(cluster)).await
        })
    }

    fn client(
        &self,
        cluster: &Cluster,
        process: ProcessId,
        options: &ClientOptions,
    ) -> Box<dyn Client> {
        let at_replicas = self.mode == Mode::ReplicaReads;
        let cluster = Arc::new(cluster.clone());
        Box::new(RedisClient::new(cluster, process, options, at_replicas))
    }

    fn status<'a>(
        &'a self,
        cluster: &'a Cluster,
        node: &'a NodeName,
    ) -> BoxFuture<'a, Option<NodeStatus>> {
        Box::pin(status::of(cluster, node))
    }
}

/// Waits until nothing is missing any more.
async fn await_all<F>(deadline: Instant, missing: impl Fn() -> F) -> Result<(), String>
where
    F: Future<Output = Option<String>>,
{
    while let Some(missing) = missing().await {
        if Instant::now() > deadline {
            return Err(format!("after {} s {missing}", AGREEMENT.as_secs()));
        }
        sleep(BETWEEN_LOOKS).await;
    }
    Ok(())
}

/// A replica that does not copy from the master yet.
async fn unlinked(cluster: &Cluster) -> Option<String> {
    for node in cluster.nodes.iter().skip(1) {
        let said = status::replication(node).await.unwrap_or_default();
        if !said.linked {
            return Some(format!("{} does not copy from the master", node.name));
        }
    }
    None
}

/// A Sentinel that does not know everybody yet.
async fn unaware(cluster: &Cluster) -> Option<String> {
    let others = cluster.nodes.len().saturating_sub(1);
    for node in &cluster.nodes {
        let view = sentinel::view(node).await.unwrap_or_default();
        if !view.healthy || view.replicas < others || view.sentinels < others {
            return Some(format!(
                "the Sentinel of {} knows {} of {others} replicas and {} of {others} Sentinels",
                node.name, view.replicas, view.sentinels
            ));
        }
    }
    None
}
