//! What a Redis node says of itself: the server its role, the Sentinel beside it the epoch.

use std::collections::BTreeMap;
use std::time::Duration;

use testimony_engine::{Cluster, ClusterNode, NodeName, NodeStatus, Role};
use tokio::time::timeout;

use super::connection::Connection;
use super::resp::Resp;
use super::sentinel;

/// How long a node may take to answer before it counts as silent.
const PATIENCE: Duration = Duration::from_millis(500);

/// What a server says of its part in the replication.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Replication {
    pub(crate) role: Option<Role>,
    /// Whether a replica hears its master.
    pub(crate) linked: bool,
    /// How many bytes of the replication stream it has.
    pub(crate) offset: Option<u64>,
}

/// What `node` says; `None` if its server does not answer soon.
pub(crate) async fn of(cluster: &Cluster, node: &NodeName) -> Option<NodeStatus> {
    let node = cluster.node(node)?;
    let (server, view) = tokio::join!(replication(node), sentinel::view(node));
    let (server, view) = (server?, view.unwrap_or_default());
    let master = view.address;
    // A master that its own Sentinel does not take for one any more is that of an earlier epoch.
    let deposed = server.role == Some(Role::Leader) && master != Some(node.client_listen);
    Some(NodeStatus {
        alive: true,
        role: server.role,
        term: view
            .epoch
            .map(|epoch| epoch.saturating_sub(u64::from(deposed))),
        leader: master.and_then(|address| sentinel::node_at(cluster, address)),
        applied: server.offset,
        ..NodeStatus::default()
    })
}

/// What the server of a node says.
pub(crate) async fn replication(node: &ClusterNode) -> Option<Replication> {
    let asking = async {
        let mut connection = Connection::open(node.client_listen).await.ok()?;
        connection.ask(&["INFO", "replication"]).await.ok()
    };
    match timeout(PATIENCE, asking).await.ok()?? {
        Resp::Bulk(Some(text)) => Some(Replication::of(&text)),
        _ => None,
    }
}

impl Replication {
    /// From the lines `name:value` of `INFO`.
    fn of(text: &str) -> Self {
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        let fields: BTreeMap<&str, &str> = lines.collect();
        let role = match fields.get("role") {
            Some(&"master") => Some(Role::Leader),
            Some(&"slave") => Some(Role::Follower),
            _ => None,
        };
        let offset = match role {
            Some(Role::Follower) => fields.get("slave_repl_offset"),
            _ => fields.get("master_repl_offset"),
        };
        Replication {
            role,
            linked: fields.get("master_link_status") == Some(&"up"),
            offset: offset.and_then(|offset| offset.parse().ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_and_a_master_are_told_apart() {
        let replica = "# Replication\r\nrole:slave\r\nmaster_host:10.99.0.1\r\n\
                       master_link_status:up\r\nslave_repl_offset:1234\r\n\
                       master_repl_offset:1300\r\n";
        let said = Replication::of(replica);
        assert_eq!((said.role, said.linked), (Some(Role::Follower), true));
        assert_eq!(said.offset, Some(1234));
        let master = "# Replication\r\nrole:master\r\nconnected_slaves:2\r\n\
                      slave0:ip=10.99.0.2,port=6379,state=online\r\nmaster_repl_offset:99\r\n";
        let said = Replication::of(master);
        assert_eq!((said.role, said.offset), (Some(Role::Leader), Some(99)));
        assert_eq!(Replication::of("nonsense"), Replication::default());
    }
}
