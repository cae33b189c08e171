//! A system of the user's own: started, asked and observed as its scenario says.
//!
//! What is certain about a request that was not answered as listed:
//!
//! | what the client met | certainty | then |
//! |---|---|---|
//! | an answer listed under `ok`, `no_match`, `absent` | it is the answer | ends |
//! | an answer listed under `failed` | certainly not applied | ends |
//! | an answer listed under `elsewhere` | certainly not applied | next node |
//! | an answer listed under `redirect` | certainly not applied | where `Location` says, at most 5 times in a row |
//! | no connection (refused, or not made in time) | certainly not applied: nothing was sent | next node |
//! | any other answer, also an `ok` without the value that it should have | unknown | ends |
//! | reset or closed after sending, no answer in time | unknown | ends |
//!
//! No request is repeated that may have been applied: the system is not known to tell a repetition
//! from a second request. An operation that changes nothing and got no answer has *failed*,
//! whatever happened: it may be dropped from a history.
//!
//! Keys are given a prefix that no earlier run used, since the system may remember that one.

mod answer;
mod client;
mod request;
mod status;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use testimony_engine::own::{External, OwnSystem, Start};
use testimony_engine::{
    BoxFuture, Client, ClientOptions, Cluster, ClusterNode, FaultKind, Mix, NodeFile, NodeName,
    NodeSpec, NodeStatus, ProcessId, Program, RunProfile, Target, TargetInfo, WorkloadDraft,
    WorkloadKind,
};
use testimony_history::{Function, Model};

use crate::http;
use client::OwnClient;

/// The target's name in plans.
pub const NAME: &str = "own";

/// How long a node may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);

/// A system of the user's own.
#[derive(Debug)]
pub struct OwnTarget {
    system: Arc<OwnSystem>,
    external: Option<External>,
    prefix: Arc<str>,
    http: reqwest::Client,
}

/// What can be said of it before it is known.
pub fn about() -> TargetInfo {
    TargetInfo {
        name: NAME.to_owned(),
        summary: "a system of your own, described in a scenario: `testimony init`".to_owned(),
        labs: ["process", "netns", "external"].map(str::to_owned).into(),
        models: vec![
            Model::Kv,
            Model::CasRegister,
            Model::Register,
            Model::Counter,
        ],
        ..TargetInfo::default()
    }
}

/// What can be tested of the one that is described.
pub fn info(system: &OwnSystem, external: Option<&External>) -> TargetInfo {
    TargetInfo {
        leaderless: system.leader.is_none(),
        faults: faults(system, external).collect(),
        profile: RunProfile {
            workload: usual_workload(system),
            ..RunProfile::default()
        },
        ..about()
    }
}

/// What it is put under: nothing that only an operator of it could do, nothing of the links between
/// its nodes if they have none, and nothing that aims at a leader if nobody leads.
fn faults(system: &OwnSystem, external: Option<&External>) -> impl Iterator<Item = FaultKind> {
    use FaultKind::{IsolateLeader, KillLeader, Lie, PauseLeader, WipeDisk};
    let runs_elsewhere = external.is_some();
    let has_commands = external.is_some_and(|external| !external.faults.is_empty());
    let (connected, led) = (system.is_connected(), system.leader.is_some());
    let fits = move |kind: &FaultKind| match kind {
        FaultKind::Command => has_commands,
        _ if runs_elsewhere => false,
        WipeDisk | Lie => false,
        kind if kind.asks_an_operator() => false,
        IsolateLeader => led && connected,
        KillLeader | PauseLeader => led,
        kind => connected || !kind.is_of_links(),
    };
    FaultKind::ALL.into_iter().filter(fits)
}

/// A map or a counter, with those operations only that are described.
fn usual_workload(system: &OwnSystem) -> WorkloadDraft {
    let offered = system.http.functions();
    let counts = offered.contains(&Function::Add) && !offered.contains(&Function::Write);
    let name = match counts {
        true => WorkloadKind::Counter,
        false => WorkloadKind::Kv,
    };
    let mix = name.default_mix();
    let weight = |f: Function, weight: u32| if offered.contains(&f) { weight } else { 0 };
    let mix = Mix {
        read: weight(Function::Read, mix.read),
        write: weight(Function::Write, mix.write),
        cas: weight(Function::Cas, mix.cas),
        contains: weight(Function::Contains, mix.contains),
        remove: weight(Function::Remove, mix.remove),
        append: weight(Function::Append, mix.append),
        add: weight(Function::Add, mix.add),
        ..Mix::default()
    };
    WorkloadDraft {
        name: Some(name),
        mix: Some(mix),
        ..WorkloadDraft::default()
    }
}

impl OwnTarget {
    /// The target; its keys in the system begin with `prefix`.
    pub fn new(system: OwnSystem, external: Option<External>, prefix: &str) -> Self {
        OwnTarget {
            system: Arc::new(system),
            external,
            prefix: Arc::from(prefix),
            http: http::client(CONNECT_TIMEOUT),
        }
    }

    /// Where clients reach each node, in the order of the plan.
    fn addresses(&self, cluster: &Cluster) -> Vec<(NodeName, String)> {
        let place = |node: &ClusterNode| {
            let external = self.external.as_ref();
            let endpoint = external.and_then(|external| external.nodes.get(&node.name));
            let url = endpoint.map(|endpoint| endpoint.url().to_owned());
            let url = url.unwrap_or_else(|| format!("http://{}", node.client_listen));
            (node.name.clone(), url)
        };
        cluster.nodes.iter().map(place).collect()
    }
}

impl Target for OwnTarget {
    fn info(&self) -> TargetInfo {
        info(&self.system, self.external.as_ref())
    }

    fn node(&self, cluster: &Cluster, node: &NodeName) -> NodeSpec {
        match (&self.system.start, cluster.node(node)) {
            (Some(start), Some(this)) => spec(start, cluster, this),
            _ => NodeSpec::default(),
        }
    }

    fn client(
        &self,
        cluster: &Cluster,
        _process: ProcessId,
        options: &ClientOptions,
    ) -> Box<dyn Client> {
        Box::new(OwnClient {
            system: Arc::clone(&self.system),
            http: if options.apart {
                http::client(CONNECT_TIMEOUT)
            } else {
                self.http.clone()
            },
            nodes: self.addresses(cluster),
            prefix: Arc::clone(&self.prefix),
            options: options.clone(),
        })
    }

    fn status<'a>(
        &'a self,
        cluster: &'a Cluster,
        node: &'a NodeName,
    ) -> BoxFuture<'a, Option<NodeStatus>> {
        Box::pin(async move {
            let addresses = self.addresses(cluster);
            let (_, url) = addresses.iter().find(|(name, _)| name == node)?;
            status::of(&self.http, &self.system, url).await
        })
    }
}

/// A node as the scenario starts it.
fn spec(start: &Start, cluster: &Cluster, this: &ClusterNode) -> NodeSpec {
    let fill = |word: &str, _quoted: bool| match word {
        "node" => this.name.to_string(),
        "ip" => this.client_listen.ip().to_string(),
        "port" => this.client_listen.port().to_string(),
        "peer-port" => this.peer_listen.port().to_string(),
        "peers" => others(start, cluster, this, false),
        "members" => others(start, cluster, this, true),
        _ => this.data.display().to_string(),
    };
    let mut words = start.command.iter().map(|word| word.filled(fill));
    let program = words.next().unwrap_or_default();
    let env = start.env.iter();
    let files = start.files.iter().map(|file| NodeFile {
        path: file.path.filled(fill).into(),
        text: file.text.filled(fill),
    });
    let program = Program {
        program: program.into(),
        args: words.collect(),
        env: env
            .map(|(key, value)| (key.clone(), value.filled(fill)))
            .collect::<BTreeMap<_, _>>(),
        unprivileged: false,
    };
    NodeSpec {
        files: files.collect(),
        ..NodeSpec::of(program)
    }
}

/// The other nodes as this one reaches them, by way of the lab; itself where it listens for them.
fn others(start: &Start, cluster: &Cluster, this: &ClusterNode, with_itself: bool) -> String {
    let peer = |node: &ClusterNode| {
        let address = match node.name == this.name {
            true => with_itself.then_some(this.peer_listen),
            false => this.routes.get(&node.name).copied(),
        }?;
        let fill = |word: &str, _quoted: bool| match word {
            "node" => node.name.to_string(),
            "ip" => address.ip().to_string(),
            _ => address.port().to_string(),
        };
        Some(start.peer.each.filled(fill))
    };
    let peers: Vec<String> = cluster.nodes.iter().filter_map(peer).collect();
    peers.join(&start.peer.separator)
}

#[cfg(test)]
mod tests;
