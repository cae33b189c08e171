//! What a Raft server says of itself at `/status`.

use std::time::Duration;

use serde::Deserialize;
use testimony_engine::{Cluster, NodeName, NodeStatus, Role};
use tokio::time::timeout;

/// How long a server may take to answer before it counts as silent.
const PATIENCE: Duration = Duration::from_millis(500);

/// The fields of the answer that a lab needs.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ServerStatus {
    pub(crate) role: Role,
    pub(crate) term: u64,
    pub(crate) leader: Option<String>,
    pub(crate) commit: u64,
    pub(crate) applied: u64,
    pub(crate) elections: u64,
    pub(crate) snapshot_index: u64,
    pub(crate) voters: Vec<String>,
}

/// Asks `node`; `None` if it does not answer soon, or not in these words.
pub(crate) async fn of(
    http: &reqwest::Client,
    cluster: &Cluster,
    node: &NodeName,
) -> Option<ServerStatus> {
    let url = format!("http://{}/status", cluster.node(node)?.client_listen);
    let answer = async { http.get(url).send().await?.json().await };
    timeout(PATIENCE, answer).await.ok()?.ok()
}

impl ServerStatus {
    /// The part that every system can tell.
    pub(crate) fn into_node_status(self) -> NodeStatus {
        NodeStatus {
            alive: true,
            role: Some(self.role),
            term: Some(self.term),
            leader: self.leader.as_deref().map(NodeName::new),
            commit: Some(self.commit),
            applied: Some(self.applied),
            elections: Some(self.elections),
        }
    }
}
