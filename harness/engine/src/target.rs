//! What a run needs to know of the system under test: described as data, called through a client.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use testimony_history::{Call, Model, Reply};
use thiserror::Error;

use crate::draft::{NemesisDraft, WorkloadDraft};
use crate::{ClientPlace, FaultKind, NodeName, NodeStatus, ProcessId};

/// A future that a trait object returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How to run a system, call it, and look at it. It describes its nodes as data; the lab starts and
/// stops them.
pub trait Target: Send + Sync {
    /// What can be tested.
    fn info(&self) -> TargetInfo;

    /// The programs that are `node` of `cluster`. The same for its first start and for a restart.
    fn node(&self, cluster: &Cluster, node: &NodeName) -> NodeSpec;

    /// Makes what clients need before their first call, such as a bucket or a table. Called once,
    /// when the cluster serves.
    ///
    /// # Errors
    /// What could not be made, and why; the run is broken then.
    fn set_up<'a>(&'a self, _cluster: &'a Cluster) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }

    /// A client for one process, made and called in the place where the process is. It is dropped
    /// when the process is retired.
    fn client(
        &self,
        cluster: &Cluster,
        process: ProcessId,
        options: &ClientOptions,
    ) -> Box<dyn Client>;

    /// What `node` says of itself, or `None` if it does not answer soon.
    fn status<'a>(
        &'a self,
        cluster: &'a Cluster,
        node: &'a NodeName,
    ) -> BoxFuture<'a, Option<NodeStatus>>;

    /// Asks the cluster, whoever leads it, for `action`. Ends when the action has taken effect.
    /// Most systems have no such operations here; this says so.
    fn admin<'a>(
        &'a self,
        _cluster: &'a Cluster,
        action: &'a AdminAction,
    ) -> BoxFuture<'a, Result<(), AdminError>> {
        let unsupported = AdminError::Unsupported {
            target: self.info().name,
            what: format!("carry out {action:?}"),
        };
        Box::pin(async { Err(unsupported) })
    }
}

/// One process's way to the system: sequential, and it never repeats a call silently.
pub trait Client: Send {
    /// Makes the call, asking `node` first, and says what became of it within the timeout of the
    /// client's options. An error is a [`Reply`] too.
    fn invoke<'a>(&'a mut self, node: &'a NodeName, call: &'a Call) -> BoxFuture<'a, Reply>;
}

/// What all clients of a run have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientOptions {
    /// How long a call may take before its outcome is unknown.
    pub timeout: Duration,
    /// The object that the history is judged as: an absent key reads as 0 in a counter, as null in
    /// a register or map.
    pub model: Model,
    /// Whether the client is in another place than others, so that it must share no connection with
    /// them: one that was opened elsewhere is not cut where it should be.
    pub apart: bool,
}

/// Where the nodes are. Data only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// The nodes in the order of the plan.
    pub nodes: Vec<ClusterNode>,
}

/// One node's addresses and folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterNode {
    /// Its name.
    pub name: NodeName,
    /// Its address. In a lab that gives each node one of its own, any port of it is free.
    pub ip: IpAddr,
    /// Where it hears other nodes.
    pub peer_listen: SocketAddr,
    /// Where it hears clients.
    pub client_listen: SocketAddr,
    /// Where it keeps its data.
    pub data: PathBuf,
    /// Where it reaches each other node: its address, or the lab's proxy of that link.
    pub routes: BTreeMap<NodeName, SocketAddr>,
}

/// What makes a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeSpec {
    /// Written before the first start only: a program may rewrite its own configuration.
    pub files: Vec<NodeFile>,
    /// Run to their end one after the other, after the files were written and before the first
    /// start. Nodes are prepared and started in the order of the plan, so that one may copy from
    /// another that stands before it.
    pub preparations: Vec<Program>,
    /// What runs as the node: killed, paused and started together. Where the first listens, the
    /// node listens.
    pub programs: Vec<Program>,
}

/// A file of a node, for example its configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeFile {
    /// Where; folders on the way are made.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
}

/// A program to start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// The executable.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables set for it, in addition to those of the lab.
    pub env: BTreeMap<String, String>,
    /// Whether it refuses to be root. Then it is somebody else if the harness is root, and owns
    /// the data of its node all the same.
    pub unprivileged: bool,
}

/// What an operator may ask of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminAction {
    /// The node becomes a member.
    AddMember(NodeName),
    /// The node is no member any more.
    RemoveMember(NodeName),
    /// The node becomes the leader.
    Transfer(NodeName),
    /// The node takes a snapshot.
    Snapshot(NodeName),
}

/// Why an operator's request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AdminError {
    /// The system has no such operation.
    #[error("{target} has no way to {what}")]
    Unsupported {
        /// The target.
        target: String,
        /// What was asked.
        what: String,
    },
    /// Nobody could be reached who would do it.
    #[error("no node took the request: {reason}")]
    Unreachable {
        /// What the last attempt met.
        reason: String,
    },
    /// The system said no.
    #[error("refused: {reason}")]
    Refused {
        /// What it said.
        reason: String,
    },
    /// It may or may not have been carried out.
    #[error("nobody knows whether it was carried out: {reason}")]
    Uncertain {
        /// What is known.
        reason: String,
    },
}

/// What a target offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetInfo {
    /// Its name on the command line.
    pub name: String,
    /// One sentence.
    pub summary: String,
    /// Its modes; the run is `name:mode`. Empty if it has none.
    pub modes: Vec<String>,
    /// The labs it runs in.
    pub labs: Vec<String>,
    /// Whether none of its nodes ever leads, so that it serves when all of them answer.
    pub leaderless: bool,
    /// The models its histories can be judged as.
    pub models: Vec<Model>,
    /// The kinds of faults that it is put under unless the user asks for others: a system that is
    /// correct has to stand them.
    pub faults: BTreeSet<FaultKind>,
    /// The kinds that it can be put under besides, for which no verdict is promised.
    pub beyond: BTreeSet<FaultKind>,
    /// What its default run looks like. What is absent is as usual.
    pub profile: RunProfile,
    /// What a mode changes in that, by mode. Most change nothing.
    pub mode_profiles: BTreeMap<String, RunProfile>,
    /// Its own settings with their defaults, for example `snapshot-every`; a plan may set them.
    pub settings: BTreeMap<String, String>,
    /// The mistakes that can be planted in it.
    pub bugs: Vec<BugInfo>,
}

/// A mistake that can be planted, and the run that shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BugInfo {
    /// Its name on the command line.
    pub name: String,
    /// One sentence.
    pub summary: String,
    /// What a run of it looks like, unless the user asks for another.
    pub profile: RunProfile,
}

/// What a target, a mode of it, or a bug changes in the usual run. What is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunProfile {
    /// Which faults, how often, how long.
    pub nemesis: NemesisDraft,
    /// Which operations. What they may answer, and the model, are not changed by it.
    pub workload: WorkloadDraft,
    /// How many nodes.
    pub nodes: Option<u32>,
    /// How many clients.
    pub clients: Option<u32>,
    /// Where the clients are, in a lab that has places.
    pub clients_at: Option<ClientPlace>,
    /// Operations per second over all clients.
    pub rate: Option<u32>,
    /// How long healing may take; see [`Plan::recovery`](crate::Plan::recovery).
    pub recovery: Option<Duration>,
    /// Settings of the target.
    pub settings: BTreeMap<String, String>,
}

impl NodeSpec {
    /// A node that is one program and needs nothing else.
    pub fn of(program: Program) -> Self {
        NodeSpec {
            programs: vec![program],
            ..NodeSpec::default()
        }
    }
}

impl Cluster {
    /// The node of that name.
    pub fn node(&self, name: &NodeName) -> Option<&ClusterNode> {
        self.nodes.iter().find(|node| node.name == *name)
    }
}

impl ClusterNode {
    /// Where its configuration goes: beside its data, so that it stays with the recording.
    pub fn folder(&self) -> &Path {
        self.data.parent().unwrap_or(&self.data)
    }
}

impl RunProfile {
    /// This profile, with whatever `over` says in place of what this one says.
    #[must_use]
    pub fn overlay(&self, over: &RunProfile) -> RunProfile {
        let mut settings = self.settings.clone();
        settings.extend(over.settings.clone());
        RunProfile {
            nemesis: self.nemesis.overlay(&over.nemesis),
            workload: self.workload.overlay(&over.workload),
            nodes: over.nodes.or(self.nodes),
            clients: over.clients.or(self.clients),
            clients_at: over.clients_at.or(self.clients_at),
            rate: over.rate.or(self.rate),
            recovery: over.recovery.or(self.recovery),
            settings,
        }
    }
}

impl TargetInfo {
    /// What the default run in `mode` looks like.
    pub fn profile_of(&self, mode: Option<&str>) -> RunProfile {
        match mode.and_then(|mode| self.mode_profiles.get(mode)) {
            Some(changes) => self.profile.overlay(changes),
            None => self.profile.clone(),
        }
    }

    /// The bug of that name.
    pub fn bug(&self, name: &str) -> Option<&BugInfo> {
        self.bugs.iter().find(|bug| bug.name == name)
    }
}
