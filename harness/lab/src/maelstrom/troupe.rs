//! The place of a run: the nodes, the post between them, and what is broken at present.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use testimony_engine::{
    Action, BoxFuture, Client, ClientOptions, NodeName, NodeStatus, Plan, ProcessId,
};
use tokio::task::JoinHandle;

use super::actor::Actor;
use super::client::MaelstromClient;
use super::post::Post;
use crate::faults::Seen;
use crate::process::Spawner;
use crate::run::Folder;
use crate::venue::{Notes, Venue};
use crate::{LabError, Launcher};

/// How long a node may take to end by itself before it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(3);

/// All nodes of a run. Dropping it ends them.
pub(crate) struct Troupe {
    pub(super) post: Arc<Post>,
    pub(super) actors: BTreeMap<NodeName, Actor>,
    pub(super) spawner: Spawner,
    pub(super) verify_timeout: Duration,
    /// Injections that are in effect, or may be in part.
    pub(super) active: Mutex<BTreeMap<u64, Action>>,
    notes: Notes,
    delivery: JoinHandle<()>,
}

impl Troupe {
    /// Opens the post. No node runs yet. Must be called within a runtime.
    pub(crate) fn new(
        plan: &Plan,
        launcher: Launcher,
        folder: &Folder,
        notes: Notes,
    ) -> Result<Self, LabError> {
        let names = plan.node_names();
        let post = Post::new(plan.seed, names.clone());
        let command = plan.program.clone().unwrap_or_default();
        let actor = |(place, name): (usize, &NodeName)| {
            let (post, folder) = (Arc::clone(&post), folder.node(name));
            let everyone = names.clone();
            let actor = Actor::new(
                place,
                everyone,
                command.clone(),
                folder,
                post,
                notes.clone(),
            );
            (name.clone(), actor)
        };
        Ok(Troupe {
            actors: names.iter().enumerate().map(actor).collect(),
            spawner: Spawner::new(launcher).map_err(LabError::Network)?,
            verify_timeout: plan.verify_timeout,
            active: Mutex::new(BTreeMap::new()),
            delivery: tokio::spawn(Arc::clone(&post).deliver()),
            post,
            notes,
        })
    }

    /// The node of that name.
    pub(super) fn actor(&self, name: &NodeName) -> Result<&Actor, String> {
        let actor = self.actors.get(name);
        actor.ok_or_else(|| format!("there is no node {name}"))
    }
}

impl Venue for Troupe {
    fn start(&self) -> BoxFuture<'_, Result<(), LabError>> {
        Box::pin(async {
            for (name, actor) in &self.actors {
                let started = actor.start(&self.spawner).await;
                started.map_err(|source| LabError::Start {
                    node: name.clone(),
                    source,
                })?;
            }
            Ok(())
        })
    }

    fn is_leaderless(&self) -> bool {
        true
    }

    fn status<'a>(&'a self, node: &'a NodeName) -> BoxFuture<'a, Option<NodeStatus>> {
        let serves = self.actors.get(node).is_some_and(Actor::serves);
        let status = serves.then(|| NodeStatus {
            alive: true,
            ..NodeStatus::default()
        });
        Box::pin(async { status })
    }

    fn client(&self, process: ProcessId, options: &ClientOptions) -> Box<dyn Client> {
        let (post, breaks) = (Arc::clone(&self.post), self.notes.breaks.clone());
        Box::new(MaelstromClient::new(post, process, breaks, options.clone()))
    }

    fn inject<'a>(&'a self, injection: u64, action: &'a Action) -> BoxFuture<'a, Seen> {
        Box::pin(self.break_it(injection, action))
    }

    fn heal(&self, injection: u64) -> BoxFuture<'_, Seen> {
        Box::pin(self.mend(injection))
    }

    fn stop(&self) -> BoxFuture<'_, Vec<String>> {
        Box::pin(async {
            let stops = self.actors.values().map(|actor| actor.stop(STOP_PATIENCE));
            join_all(stops).await.into_iter().flatten().collect()
        })
    }

    fn destroy(&self) {
        self.actors.values().for_each(Actor::destroy);
    }
}

impl Drop for Troupe {
    fn drop(&mut self) {
        self.destroy();
        self.delivery.abort();
    }
}
