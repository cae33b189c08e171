//! The nodes of a run as processes: started, restarted with the same data, killed, paused, watched.

mod node;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use testimony_engine::{NodeName, NodeSpec};
use tokio::sync::mpsc;

use crate::process::{Child, Exit, Launcher, Spawner};
use node::Node;
pub(crate) use node::Place;

/// A node ended although nobody asked it to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{node} ended by itself with {exit}; the end of its stderr:\n{stderr}")]
pub struct Death {
    /// The node.
    pub node: NodeName,
    /// How it ended.
    pub exit: Exit,
    /// The last lines that it wrote to its standard error.
    pub stderr: String,
}

/// The signal that asks a node to end.
const TERM: i32 = 15;
/// How long a node may take to end by itself before it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(3);
/// How much of a dead node's standard error is told.
const TAIL_BYTES: u64 = 2_000;

/// All nodes of a run. Dropping it kills and reaps every one that is left.
#[derive(Debug)]
pub(crate) struct Nodes {
    spawner: Spawner,
    nodes: BTreeMap<NodeName, Node>,
    deaths: mpsc::UnboundedSender<Death>,
}

impl Nodes {
    /// Prepares the nodes, of which none runs yet. Unexpected ends are told on `deaths`.
    pub(crate) fn new(
        launcher: Launcher,
        specs: BTreeMap<NodeName, (NodeSpec, Place)>,
        deaths: mpsc::UnboundedSender<Death>,
    ) -> io::Result<Self> {
        let spawner = Spawner::new(launcher)?;
        let nodes = specs
            .into_iter()
            .map(|(name, (spec, place))| (name, Node::new(spec, place)))
            .collect();
        Ok(Nodes {
            spawner,
            nodes,
            deaths,
        })
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &NodeName> {
        self.nodes.keys()
    }

    /// Starts a node that does not run. Its data are those it left.
    pub(crate) async fn start(&self, name: &NodeName) -> io::Result<()> {
        let node = self.node(name)?;
        if node.is_running() {
            return Err(io::Error::other(format!("{name} runs already")));
        }
        for child in node.start(&self.spawner).await? {
            tracing::info!(node = %name, pid = child.pid(), "started");
            let (name, stderr) = (name.clone(), node.folder().join("stderr"));
            let may_end = Arc::clone(node.may_end());
            tokio::spawn(watch(name, child, may_end, stderr, self.deaths.clone()));
        }
        Ok(())
    }

    /// SIGKILL; returns when the node is gone and reaped.
    pub(crate) async fn kill(&self, name: &NodeName) -> io::Result<()> {
        for exit in self.node(name)?.kill().await? {
            tracing::info!(node = %name, %exit, "killed");
        }
        Ok(())
    }

    /// SIGSTOP; returns when the node stands still.
    pub(crate) async fn pause(&self, name: &NodeName) -> io::Result<()> {
        self.node(name)?.pause().await
    }

    /// SIGCONT; returns when the node goes on.
    pub(crate) async fn resume(&self, name: &NodeName) -> io::Result<()> {
        self.node(name)?.resume().await
    }

    /// Whether it is there: started, not killed since, and not ended by itself.
    pub(crate) fn is_running(&self, name: &NodeName) -> bool {
        self.nodes.get(name).is_some_and(Node::is_running)
    }

    /// Whether a node may end by itself from now on, because something is done to it that no
    /// program needs to outlive.
    pub(crate) fn let_end(&self, name: &NodeName, may: bool) {
        if let Some(node) = self.nodes.get(name) {
            node.may_end().store(may, Ordering::SeqCst);
        }
    }

    /// The numbers of a node's processes; none if it does not run.
    pub(crate) fn processes(&self, name: &NodeName) -> Vec<u32> {
        self.nodes
            .get(name)
            .map(Node::processes)
            .unwrap_or_default()
    }

    /// Asks every node to end, kills those that do not. Returns what did not go as it should.
    pub(crate) async fn stop(&self) -> Vec<String> {
        let stops = self.nodes.iter().map(|(name, node)| async move {
            let ends = node.stop(STOP_PATIENCE).await.into_iter();
            ends.filter_map(|ended| match ended {
                Ok(Exit { code: Some(0), .. }) => None,
                // Most programs leave it to the kernel to end them.
                Ok(Exit {
                    signal: Some(TERM), ..
                }) => None,
                Ok(exit) => Some(format!("{name} ended with {exit} when asked to stop")),
                Err(error) => Some(format!("{name} had to be killed: {error}")),
            })
            .collect::<Vec<_>>()
        });
        join_all(stops).await.into_iter().flatten().collect()
    }

    /// Kills and reaps all that is left, without the runtime.
    pub(crate) fn destroy(&self) {
        self.nodes.values().for_each(Node::destroy);
    }

    fn node(&self, name: &NodeName) -> io::Result<&Node> {
        self.nodes
            .get(name)
            .ok_or_else(|| io::Error::other(format!("there is no node {name}")))
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        self.destroy();
    }
}

/// Tells the end of a process that nobody asked to end.
pub(crate) async fn watch(
    node: NodeName,
    child: Arc<Child>,
    may_end: Arc<AtomicBool>,
    stderr: PathBuf,
    deaths: mpsc::UnboundedSender<Death>,
) {
    let Ok(exit) = child.ended().await else {
        return;
    };
    if may_end.load(Ordering::SeqCst) {
        tracing::info!(%node, %exit, "ended by itself, as it may");
    } else if !child.expected_to_end() {
        let stderr = tail(&stderr).unwrap_or_else(|error| format!("(cannot be read: {error})"));
        tracing::warn!(%node, %exit, "ended by itself");
        // Nobody listens any more at the very end of a run.
        let _ = deaths.send(Death { node, exit, stderr });
    }
}

fn tail(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}
