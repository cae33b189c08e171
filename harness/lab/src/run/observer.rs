//! Asks every node ten times a second what it takes itself for.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use testimony_engine::{ClusterStatus, Nanos, NodeName, NodeStatus, StatusSample};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::folder::Folder;
use crate::LabError;
use crate::venue::Venue;

/// How often each node is asked, and a sample is taken.
pub(crate) const INTERVAL: Duration = Duration::from_millis(100);
/// A node that takes longer counts as silent.
const ANSWER_DEADLINE: Duration = Duration::from_millis(500);

/// The latest answer of each node, and the file of samples. A silent node holds up no other.
pub(crate) struct Observer {
    path: PathBuf,
    file: File,
    latest: BTreeMap<NodeName, watch::Receiver<NodeStatus>>,
    _askers: JoinSet<()>,
}

impl Observer {
    /// Starts asking.
    pub(crate) fn create(
        folder: &Folder,
        nodes: &[NodeName],
        venue: &Arc<dyn Venue>,
    ) -> Result<Self, LabError> {
        let path = folder.file("status.jsonl");
        let file = File::create(&path).map_err(LabError::write(&path))?;
        let mut askers = JoinSet::new();
        let mut latest = BTreeMap::new();
        for node in nodes {
            let (answers, answer) = watch::channel(NodeStatus::default());
            latest.insert(node.clone(), answer);
            askers.spawn(ask(Arc::clone(venue), node.clone(), answers));
        }
        Ok(Observer {
            path,
            file,
            latest,
            _askers: askers,
        })
    }

    /// What every node said last; written down as of `time`.
    pub(crate) fn sample(&mut self, time: Nanos) -> Result<ClusterStatus, LabError> {
        let latest = self.latest.iter();
        let nodes = latest.map(|(node, answer)| (node.clone(), answer.borrow().clone()));
        let sample = StatusSample {
            time,
            nodes: nodes.collect(),
        };
        let mut line = serde_json::to_vec(&sample).expect("a sample is words and numbers");
        line.push(b'\n');
        self.file
            .write_all(&line)
            .map_err(LabError::write(&self.path))?;
        Ok(ClusterStatus {
            nodes: sample.nodes,
        })
    }
}

async fn ask(venue: Arc<dyn Venue>, node: NodeName, answers: watch::Sender<NodeStatus>) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let answer = timeout(ANSWER_DEADLINE, venue.status(&node)).await;
        answers.send_replace(answer.ok().flatten().unwrap_or_default());
    }
}
