//! What a Postgres server says of itself.

use std::time::Duration;

use testimony_engine::{Cluster, ClusterNode, NodeName, NodeStatus, Role};
use tokio::time::timeout;

use super::connection::{Connection, Row};
use super::statements::POSITION;

/// How long a server may take to answer before it counts as silent.
const PATIENCE: Duration = Duration::from_millis(500);

/// Asks `node`; `None` if it does not answer soon.
pub(crate) async fn of(cluster: &Cluster, node: &NodeName) -> Option<NodeStatus> {
    let columns = format!(
        "pg_is_in_recovery(), (SELECT timeline_id FROM pg_control_checkpoint()), {POSITION}"
    );
    let rows = ask(cluster.node(node)?, &format!("SELECT {columns}")).await?;
    rows.first().map(said)
}

/// The rows of a query, if they come soon.
pub(crate) async fn ask(node: &ClusterNode, query: &str) -> Option<Vec<Row>> {
    let asking = async {
        let mut connection = Connection::open(node.client_listen).await.ok()?;
        connection.ask(query).await.ok()?.ok()
    };
    timeout(PATIENCE, asking).await.ok()?
}

fn said(row: &Row) -> NodeStatus {
    let column = |index: usize| row.get(index).and_then(Option::as_deref);
    let number = |index| column(index).and_then(|text| text.parse().ok());
    let role = match column(0) {
        Some("f") => Some(Role::Leader),
        Some("t") => Some(Role::Follower),
        _ => None,
    };
    NodeStatus {
        alive: true,
        role,
        term: number(1),
        applied: number(2),
        ..NodeStatus::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_in_recovery_is_a_replica() {
        let row = |texts: [&str; 3]| texts.map(|text| Some(text.to_owned())).to_vec();
        let replica = said(&row(["t", "1", "67108864"]));
        assert_eq!(replica.role, Some(Role::Follower));
        assert_eq!((replica.term, replica.applied), (Some(1), Some(67_108_864)));
        assert_eq!(said(&row(["f", "1", "7"])).role, Some(Role::Leader));
        assert_eq!(said(&vec![None]).role, None);
    }
}
