//! Where a run takes place: what differs between the labs that run in real time.

use std::collections::BTreeMap;
use std::sync::Arc;

use testimony_engine::{
    Action, BoxFuture, Client, ClientOptions, Cluster, NodeName, NodeStatus, Plan, ProcessId,
    Target,
};
use tokio::sync::mpsc;

use crate::faults::{Faults, Seen};
use crate::netns::Post;
use crate::site::Site;
use crate::{Death, LabError};

/// The nodes, whatever they are, and what can be done to them.
pub(crate) trait Venue: Send + Sync {
    /// Starts every node, where nodes are started.
    fn start(&self) -> BoxFuture<'_, Result<(), LabError>>;

    /// Makes what clients need before their first call, once the nodes serve.
    fn set_up(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }

    /// Whether no node ever leads.
    fn is_leaderless(&self) -> bool;

    /// What a node says of itself, or `None` if it does not answer soon.
    fn status<'a>(&'a self, node: &'a NodeName) -> BoxFuture<'a, Option<NodeStatus>>;

    /// The places for clients: beside each node, if they are not all in one.
    ///
    /// # Errors
    /// If the kernel does not give them.
    fn posts(&self, _plan: &Plan) -> Result<BTreeMap<NodeName, Post>, LabError> {
        Ok(BTreeMap::new())
    }

    /// A client for one process.
    fn client(&self, process: ProcessId, options: &ClientOptions) -> Box<dyn Client>;

    /// Does the action and sees that it took effect.
    fn inject<'a>(&'a self, injection: u64, action: &'a Action) -> BoxFuture<'a, Seen>;

    /// Undoes what the injection did, and sees that it is undone.
    fn heal(&self, injection: u64) -> BoxFuture<'_, Seen>;

    /// Ends what was started. Returns what did not go as it should.
    fn stop(&self) -> BoxFuture<'_, Vec<String>>;

    /// Puts away what was made ready for the nodes, when they have ended.
    fn put_away(&self, _keep_data: bool) {}

    /// Ends what was started at once, without the runtime.
    fn destroy(&self);
}

/// Where a place tells what happens by itself.
#[derive(Clone, Debug)]
pub(crate) struct Notes {
    /// A node ended although nobody asked it to.
    pub(crate) deaths: mpsc::UnboundedSender<Death>,
    /// Something happened after which the run cannot go on.
    pub(crate) breaks: mpsc::UnboundedSender<LabError>,
}

/// Nodes that are processes which reach each other over links of the lab.
pub(crate) struct Processes {
    pub(crate) site: Arc<Site>,
    pub(crate) faults: Faults,
}

impl Venue for Processes {
    fn start(&self) -> BoxFuture<'_, Result<(), LabError>> {
        Box::pin(async {
            for node in self.site.cluster.nodes.iter().map(|node| &node.name) {
                let started = self.site.nodes.start(node).await;
                started.map_err(|source| LabError::Start {
                    node: node.clone(),
                    source,
                })?;
            }
            Ok(())
        })
    }

    fn set_up(&self) -> BoxFuture<'_, Result<(), String>> {
        self.site.target.set_up(&self.site.cluster)
    }

    fn is_leaderless(&self) -> bool {
        self.site.target.info().leaderless
    }

    fn status<'a>(&'a self, node: &'a NodeName) -> BoxFuture<'a, Option<NodeStatus>> {
        Box::pin(self.site.status(node))
    }

    fn posts(&self, plan: &Plan) -> Result<BTreeMap<NodeName, Post>, LabError> {
        self.site.posts(plan)
    }

    fn client(&self, process: ProcessId, options: &ClientOptions) -> Box<dyn Client> {
        let (target, cluster): (&Arc<dyn Target>, &Cluster) =
            (&self.site.target, &self.site.cluster);
        target.client(cluster, process, options)
    }

    fn inject<'a>(&'a self, injection: u64, action: &'a Action) -> BoxFuture<'a, Seen> {
        Box::pin(self.faults.inject(injection, action))
    }

    fn heal(&self, injection: u64) -> BoxFuture<'_, Seen> {
        Box::pin(self.faults.heal(injection))
    }

    fn stop(&self) -> BoxFuture<'_, Vec<String>> {
        Box::pin(self.site.nodes.stop())
    }

    fn put_away(&self, keep_data: bool) {
        self.site.equipment.put_away(keep_data);
    }

    fn destroy(&self) {
        self.site.nodes.destroy();
    }
}
