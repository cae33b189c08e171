//! What a ZooKeeper server says of itself, by its four-letter word `srvr`.

use std::time::Duration;

use testimony_engine::{Cluster, NodeName, NodeStatus, Role};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a server may take to answer before it counts as silent.
const PATIENCE: Duration = Duration::from_millis(500);
/// No answer is longer.
const ANSWER_MAX: u64 = 1 << 16;

/// Asks `node`; `None` if it does not answer soon.
pub(crate) async fn of(cluster: &Cluster, node: &NodeName) -> Option<NodeStatus> {
    let address = cluster.node(node)?.client_listen;
    let asking = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        stream.write_all(b"srvr").await.ok()?;
        let mut text = String::new();
        let mut answer = stream.take(ANSWER_MAX);
        answer.read_to_string(&mut text).await.ok().map(|_| text)
    };
    let text = timeout(PATIENCE, asking).await.ok()??;
    (!text.is_empty()).then(|| said(&text))
}

/// From its lines `Name: value`. A change is numbered by its epoch, and within it.
fn said(text: &str) -> NodeStatus {
    let field = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value)
    };
    let role = match field("Mode") {
        Some("leader") => Role::Leader,
        Some("follower") => Role::Follower,
        // It does not serve while it looks for a leader.
        _ => Role::Candidate,
    };
    let zxid = field("Zxid").and_then(|zxid| zxid.strip_prefix("0x"));
    let zxid = zxid.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    NodeStatus {
        alive: true,
        role: Some(role),
        term: zxid.map(|zxid| zxid >> 32),
        applied: zxid.map(|zxid| zxid & u64::from(u32::MAX)),
        ..NodeStatus::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_tells_its_role_and_its_last_change() {
        let status = said(
            "Zookeeper version: 3.8.0-${mvngit.commit.id}, built on 2023-07-31\n\
             Latency min/avg/max: 0/0.0/0\nReceived: 4\nZxid: 0x20000000a\nMode: follower\n\
             Node count: 5\n",
        );
        assert_eq!(status.role, Some(Role::Follower));
        assert_eq!((status.term, status.applied), (Some(2), Some(10)));
    }

    #[test]
    fn a_server_that_does_not_serve_is_there_all_the_same() {
        let status = said("This ZooKeeper instance is not currently serving requests\n");
        assert_eq!((status.alive, status.role), (true, Some(Role::Candidate)));
        assert_eq!(said("nonsense: 1\nZxid: x").term, None);
    }
}
