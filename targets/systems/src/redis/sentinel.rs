//! What the Sentinels say: who the master is, in which epoch, and whether they all know each other.

use std::net::SocketAddr;
use std::time::Duration;

use testimony_engine::{Cluster, ClusterNode, NodeName};
use tokio::time::timeout;

use super::connection::Connection;
use super::resp::Resp;

/// The name under which the Sentinels watch the master.
pub(crate) const MASTER: &str = "testimony";
/// How long a Sentinel may take to answer before the next one is asked.
const PATIENCE: Duration = Duration::from_millis(300);

/// What a Sentinel says of the master that it watches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct View {
    /// Its address.
    pub(crate) address: Option<SocketAddr>,
    /// In which epoch it became the master.
    pub(crate) epoch: Option<u64>,
    /// Whether nothing is wrong with it.
    pub(crate) healthy: bool,
    /// How many replicas it has, dead ones included.
    pub(crate) replicas: usize,
    /// How many other Sentinels watch it.
    pub(crate) sentinels: usize,
}

/// Where a node's Sentinel listens.
pub(crate) fn address(node: &ClusterNode) -> SocketAddr {
    node.peer_listen
}

/// Who the master is, as the Sentinel on a connection says.
pub(crate) async fn master(cluster: &Cluster, sentinel: &mut Connection) -> Option<NodeName> {
    let asking = sentinel.ask(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER]);
    match timeout(PATIENCE, asking).await.ok()?.ok()? {
        Resp::Array(Some(place)) => node_at(cluster, place_of(&place)?),
        _ => None,
    }
}

/// What a node's Sentinel says of the master.
pub(crate) async fn view(node: &ClusterNode) -> Option<View> {
    match ask(node, "MASTER").await? {
        Resp::Array(Some(fields)) => Some(View::of(&fields)),
        _ => None,
    }
}

/// The node that serves clients at an address.
pub(crate) fn node_at(cluster: &Cluster, address: SocketAddr) -> Option<NodeName> {
    let serves = |node: &&ClusterNode| node.client_listen == address;
    cluster
        .nodes
        .iter()
        .find(serves)
        .map(|node| node.name.clone())
}

async fn ask(node: &ClusterNode, what: &str) -> Option<Resp> {
    let asking = async {
        let mut connection = Connection::open(address(node)).await.ok()?;
        connection.ask(&["SENTINEL", what, MASTER]).await.ok()
    };
    timeout(PATIENCE, asking).await.ok()?
}

impl View {
    /// From names and values that take turns.
    fn of(fields: &[Resp]) -> View {
        let text = |name: &str| {
            let mut pairs = fields.chunks_exact(2);
            let pair = pairs.find(|pair| matches!(&pair[0], Resp::Bulk(Some(n)) if n == name))?;
            match &pair[1] {
                Resp::Bulk(Some(value)) => Some(value.as_str()),
                _ => None,
            }
        };
        let number = |name| text(name).and_then(|text| text.parse().ok());
        let (ip, port) = (text("ip"), text("port"));
        View {
            address: ip.zip(port).and_then(|(ip, port)| socket(ip, port)),
            epoch: text("config-epoch").and_then(|text| text.parse().ok()),
            healthy: text("flags") == Some("master"),
            replicas: number("num-slaves").unwrap_or_default(),
            sentinels: number("num-other-sentinels").unwrap_or_default(),
        }
    }
}

fn place_of(place: &[Resp]) -> Option<SocketAddr> {
    match place {
        [Resp::Bulk(Some(ip)), Resp::Bulk(Some(port))] => socket(ip, port),
        _ => None,
    }
}

fn socket(ip: &str, port: &str) -> Option<SocketAddr> {
    Some(SocketAddr::new(ip.parse().ok()?, port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Vec<Resp> {
        let text = |text: &str| Resp::Bulk(Some(text.to_owned()));
        pairs
            .iter()
            .flat_map(|(name, value)| [text(name), text(value)])
            .collect()
    }

    #[test]
    fn a_view_is_read_from_its_fields_whatever_else_there_is() {
        let view = View::of(&fields(&[
            ("name", MASTER),
            ("ip", "10.99.0.2"),
            ("port", "6379"),
            ("flags", "master"),
            ("num-slaves", "2"),
            ("num-other-sentinels", "2"),
            ("config-epoch", "7"),
        ]));
        assert_eq!(view.address, Some(([10, 99, 0, 2], 6379).into()));
        assert_eq!((view.epoch, view.healthy), (Some(7), true));
        assert_eq!((view.replicas, view.sentinels), (2, 2));
    }

    #[test]
    fn nonsense_is_a_view_of_nothing() {
        assert_eq!(View::of(&[]), View::default());
        assert_eq!(View::of(&[Resp::Int(1)]), View::default());
        let down = View::of(&fields(&[("ip", "nowhere"), ("flags", "master,s_down")]));
        assert_eq!(down, View::default());
        assert_eq!(place_of(&[Resp::Int(1), Resp::Int(2)]), None);
    }
}
