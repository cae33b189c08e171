//! A cluster that already runs, anywhere. Nothing of it is started, stopped or killed here; what
//! breaks it and mends it are commands of the user's, and what they say decides whether a fault
//! took effect.

mod command;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use testimony_engine::own::{External, InCommand, Template, UserFault};
use testimony_engine::{
    Action, BoxFuture, Client, ClientOptions, Cluster, ClusterNode, NodeName, NodeStatus, Plan,
    ProcessId, Target,
};
use tokio::time::{sleep, timeout};

use crate::faults::Seen;
use crate::process::Spawner;
use crate::run::{Ended, Folder, LabOptions, Setting, perform};
use crate::venue::Venue;
use crate::{LabError, Launcher};
use command::Shell;

/// Its name in plans.
pub const LAB: &str = "external";

/// How long to wait before `verify` is asked again.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// Runs a plan on the cluster that its `external` names. The recording is that of
/// [`run`](crate::run()), and `commands/` has what the user's commands said.
///
/// # Errors
/// If the cluster does not serve, or if the recording cannot be written.
pub async fn run(
    plan: &Plan,
    target: Arc<dyn Target>,
    options: LabOptions,
) -> Result<Ended, LabError> {
    perform(plan, Setting::External(target), options).await
}

/// The cluster that runs elsewhere.
pub(crate) struct Elsewhere {
    cluster: Cluster,
    target: Arc<dyn Target>,
    external: External,
    shell: Shell,
    verify_timeout: Duration,
    /// What was injected and is not seen to be undone: the fault and its node.
    active: Mutex<BTreeMap<u64, (UserFault, NodeName)>>,
}

impl Elsewhere {
    pub(crate) fn new(
        plan: &Plan,
        target: Arc<dyn Target>,
        launcher: Launcher,
        folder: &Folder,
    ) -> Result<Self, LabError> {
        let spawner = Spawner::new(launcher).map_err(LabError::Network)?;
        // The target knows by name where each node is.
        let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let node = |name: NodeName| ClusterNode {
            name,
            ip: nowhere.ip(),
            peer_listen: nowhere,
            client_listen: nowhere,
            data: PathBuf::new(),
            routes: BTreeMap::new(),
        };
        Ok(Elsewhere {
            cluster: Cluster {
                nodes: plan.node_names().into_iter().map(node).collect(),
            },
            target,
            external: plan.external.clone().ok_or(LabError::NoCluster)?,
            shell: Shell::new(spawner, folder.file("commands"))?,
            verify_timeout: plan.verify_timeout,
            active: Mutex::new(BTreeMap::new()),
        })
    }

    async fn begin(&self, injection: u64, action: &Action) -> Seen {
        let Action::Command { name, node } = action else {
            return Err("in the external lab only commands of the user's break things".to_owned());
        };
        let fault = self.external.faults.get(name);
        let fault = fault.ok_or_else(|| format!("there is no [external.faults.{name}]"))?;
        let noted = (fault.clone(), node.clone());
        self.active().insert(injection, noted);
        self.call(&fault.inject, node).await?;
        loop {
            match self.call(&fault.verify, node).await {
                Ok(said) => return Ok(said),
                Err(why) => tracing::debug!(injection, why, "not in effect yet"),
            }
            sleep(LOOK_INTERVAL).await;
        }
    }

    async fn end(&self, fault: &UserFault, node: &NodeName) -> Seen {
        self.call(&fault.heal, node).await?;
        loop {
            let is_undone = match &fault.verify_heal {
                Some(verify) => self.call(verify, node).await.is_ok(),
                None => self.call(&fault.verify, node).await.is_err(),
            };
            if is_undone {
                return Ok(None);
            }
            sleep(LOOK_INTERVAL).await;
        }
    }

    /// Runs a command for a node. What it said last, or why it counts as failed.
    async fn call(&self, command: &Template<InCommand>, node: &NodeName) -> Seen {
        self.shell.run(&self.filled(command, node)?).await
    }

    fn filled(&self, command: &Template<InCommand>, node: &NodeName) -> Result<String, String> {
        let endpoint = self.external.nodes.get(node);
        let endpoint = endpoint.ok_or_else(|| format!("there is no node {node}"))?;
        Ok(command.filled(|word, _| match word {
            "node" => node.to_string(),
            "url" => endpoint.url().to_owned(),
            "host" => endpoint.host().to_owned(),
            _ => endpoint.port().to_string(),
        }))
    }

    async fn bounded(&self, what: &str, seeing: impl Future<Output = Seen>) -> Seen {
        let limit = self.verify_timeout;
        let late = |_| {
            let limit = limit.as_millis();
            Err(format!(
                "`verify` did not show within {limit} ms that it is {what}; `verify_timeout` in \
                 the scenario gives it longer"
            ))
        };
        timeout(limit, seeing).await.unwrap_or_else(late)
    }

    fn active(&self) -> MutexGuard<'_, BTreeMap<u64, (UserFault, NodeName)>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Venue for Elsewhere {
    fn start(&self) -> BoxFuture<'_, Result<(), LabError>> {
        Box::pin(async { Ok(()) })
    }

    fn is_leaderless(&self) -> bool {
        self.target.info().leaderless
    }

    fn status<'a>(&'a self, node: &'a NodeName) -> BoxFuture<'a, Option<NodeStatus>> {
        self.target.status(&self.cluster, node)
    }

    fn client(&self, process: ProcessId, options: &ClientOptions) -> Box<dyn Client> {
        self.target.client(&self.cluster, process, options)
    }

    fn inject<'a>(&'a self, injection: u64, action: &'a Action) -> BoxFuture<'a, Seen> {
        Box::pin(self.bounded("in effect", self.begin(injection, action)))
    }

    fn heal(&self, injection: u64) -> BoxFuture<'_, Seen> {
        Box::pin(async move {
            let Some((fault, node)) = self.active().get(&injection).cloned() else {
                return Ok(None);
            };
            let seen = self.bounded("undone", self.end(&fault, &node)).await;
            if seen.is_ok() {
                self.active().remove(&injection);
            }
            seen
        })
    }

    /// What a run that broke off has left broken is mended.
    fn stop(&self) -> BoxFuture<'_, Vec<String>> {
        Box::pin(async {
            let left = self.active().clone();
            let mut remarks = Vec::new();
            for (fault, node) in left.into_values() {
                let mended = self.bounded("undone", self.end(&fault, &node)).await;
                if let Err(why) = mended {
                    let heal = self.filled(&fault.heal, &node).unwrap_or_default();
                    remarks.push(format!("run `{heal}` by hand: {node} is not mended: {why}"));
                }
            }
            remarks
        })
    }

    /// A cluster that was not started here is not ended here.
    fn destroy(&self) {}
}

#[cfg(test)]
mod tests;
