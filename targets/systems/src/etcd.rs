//! etcd, from the distribution's package, called over its JSON gateway.
//!
//! Modes: without one, reads are linearizable. `serializable` lets the asked node answer reads
//! alone, `lock` takes locks by the lock service with a lease, and lets nothing fence off a holder
//! whose lease has run out.

mod client;
mod exchange;
mod gateway;
mod lock;
mod log;
mod map;
mod members;
mod mishap;
mod operator;
mod queue;
#[cfg(test)]
mod scripted;
mod set;
mod settings;
mod status;
mod wire;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use testimony_engine::FaultKind::{
    Halves, IsolateLeader, Membership, OneWay, PauseLeader, PauseOne, SnapshotNow,
};
use testimony_engine::{
    AdminAction, AdminError, BoxFuture, Client, ClientOptions, Cluster, FaultKind, NemesisDraft,
    NodeName, NodeSpec, NodeStatus, ProcessId, Program, RunProfile, SpanRange, Target, TargetInfo,
    WorkloadDraft, WorkloadKind,
};
use testimony_history::Model;
use tokio::time::Instant;

use crate::installed::Package;
use crate::{TargetError, TargetOptions};
use client::EtcdClient;
use gateway::Gateway;
use lock::LockClient;
use members::Members;
use operator::Operator;
use settings::Settings;

/// The target's name on the command line.
pub const NAME: &str = "etcd";

const PACKAGE: Package = Package {
    target: NAME,
    name: "etcd-server",
};

/// Reads are answered by the asked node alone.
const SERIALIZABLE: &str = "serializable";

/// Locks are taken from the lock service.
const LOCK: &str = "lock";

/// How long a node may take to say what it is before it counts as silent.
const STATUS_PATIENCE: Duration = Duration::from_millis(450);

/// A cluster of etcd.
#[derive(Debug)]
pub struct EtcdTarget {
    program: PathBuf,
    mode: Option<String>,
    settings: Settings,
    gateway: Gateway,
    members: Members,
}

/// What can be tested of it.
pub fn info() -> TargetInfo {
    TargetInfo {
        name: NAME.to_owned(),
        summary: "etcd of the distribution: a Raft cluster with a key-value store".to_owned(),
        modes: vec![SERIALIZABLE.to_owned(), LOCK.to_owned()],
        labs: vec!["netns".to_owned()],
        models: Model::ALL.to_vec(),
        faults: faults(),
        profile: RunProfile {
            nodes: Some(3),
            ..RunProfile::default()
        },
        mode_profiles: [
            (SERIALIZABLE.to_owned(), serializable()),
            (LOCK.to_owned(), lock_without_fencing()),
        ]
        .into(),
        settings: Settings::default().to_map(),
        ..TargetInfo::default()
    }
}

/// All that a crash-safe system has to stand, but for two: a member that was removed comes back as
/// another one with an empty disk, which no lab does to it, and etcd takes its snapshots unasked.
fn faults() -> BTreeSet<FaultKind> {
    FaultKind::of_crashes()
        .filter(|kind| !matches!(kind, Membership | SnapshotNow))
        .collect()
}

/// A node that hears of no new writes goes on answering reads, so nodes are cut off for long enough
/// that the others elect a leader and write.
fn serializable() -> RunProfile {
    let kinds = [IsolateLeader, Halves, OneWay, PauseLeader];
    RunProfile {
        nemesis: NemesisDraft {
            kinds: Some(kinds.into()),
            duration: Some(SpanRange::millis(2_000, 4_000)),
            ..NemesisDraft::default()
        },
        ..RunProfile::default()
    }
}

/// A lease of a second runs out while a node is away for several. Few operations of many clients
/// mean that a lock is held for about as long, and few locks, that somebody wants it meanwhile.
fn lock_without_fencing() -> RunProfile {
    let kinds = [IsolateLeader, Halves, PauseLeader, PauseOne];
    RunProfile {
        nemesis: NemesisDraft {
            kinds: Some(kinds.into()),
            duration: Some(SpanRange::millis(5_000, 8_000)),
            ..NemesisDraft::default()
        },
        workload: WorkloadDraft {
            name: Some(WorkloadKind::Lock),
            keys: Some(6),
            ..WorkloadDraft::default()
        },
        clients: Some(60),
        rate: Some(10),
        ..RunProfile::default()
    }
}

impl EtcdTarget {
    /// The target, as this machine has it.
    ///
    /// # Errors
    /// If etcd is not installed, or there is no such setting or bug.
    pub fn new(options: &TargetOptions) -> Result<Self, TargetError> {
        options.refuse_bug(NAME)?;
        Ok(EtcdTarget {
            settings: Settings::from_map(&options.settings)?,
            program: PACKAGE.program("etcd")?,
            mode: options.mode.clone(),
            gateway: Gateway::new(),
            members: Members::default(),
        })
    }

    fn operator<'a>(&'a self, cluster: &'a Cluster) -> Operator<'a> {
        Operator {
            gateway: &self.gateway,
            members: &self.members,
            cluster,
        }
    }
}

impl Target for EtcdTarget {
    fn info(&self) -> TargetInfo {
        info()
    }

    fn node(&self, cluster: &Cluster, node: &NodeName) -> NodeSpec {
        let mut args = arguments(cluster, node);
        args.extend(self.settings.arguments());
        NodeSpec::of(Program {
            program: self.program.clone(),
            args,
            ..Program::default()
        })
    }

    fn client(
        &self,
        cluster: &Cluster,
        process: ProcessId,
        options: &ClientOptions,
    ) -> Box<dyn Client> {
        let gateway = if options.apart {
            Gateway::new()
        } else {
            self.gateway.clone()
        };
        if options.model == Model::Mutex {
            let lease = self.settings.lock_lease;
            return Box::new(LockClient::new(gateway, cluster, options, lease));
        }
        let client = EtcdClient::new(gateway, cluster, options, process);
        match self.mode.as_deref() {
            Some(SERIALIZABLE) => Box::new(client.serializable()),
            _ => Box::new(client),
        }
    }

    fn status<'a>(
        &'a self,
        cluster: &'a Cluster,
        node: &'a NodeName,
    ) -> BoxFuture<'a, Option<NodeStatus>> {
        Box::pin(async move {
            let deadline = Instant::now() + STATUS_PATIENCE;
            self.operator(cluster).status(node, deadline).await
        })
    }

    fn admin<'a>(
        &'a self,
        cluster: &'a Cluster,
        action: &'a AdminAction,
    ) -> BoxFuture<'a, Result<(), AdminError>> {
        Box::pin(async move { self.operator(cluster).carry_out(action).await })
    }
}

/// Where the node listens and who the members are. The members' numbers are made of these
/// addresses, so every node is told the same ones. A node that finds its data ignores who the first
/// members were, so that the same arguments do for a restart.
fn arguments(cluster: &Cluster, node: &NodeName) -> Vec<String> {
    let Some(this) = cluster.node(node) else {
        return Vec::new();
    };
    let members: Vec<String> = cluster
        .nodes
        .iter()
        .map(|node| format!("{}=http://{}", node.name, node.peer_listen))
        .collect();
    vec![
        format!("--name={node}"),
        format!("--data-dir={}", this.data.display()),
        format!("--listen-peer-urls=http://{}", this.peer_listen),
        format!("--initial-advertise-peer-urls=http://{}", this.peer_listen),
        format!("--listen-client-urls=http://{}", this.client_listen),
        format!("--advertise-client-urls=http://{}", this.client_listen),
        format!("--initial-cluster={}", members.join(",")),
        "--initial-cluster-state=new".to_owned(),
        "--initial-cluster-token=testimony".to_owned(),
        "--logger=zap".to_owned(),
        "--log-outputs=stderr".to_owned(),
    ]
}

#[cfg(test)]
mod tests;
