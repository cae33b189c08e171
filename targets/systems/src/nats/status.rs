//! What a server of NATS says of itself, over the HTTP of its monitoring.

use std::net::SocketAddr;

use serde_json::Value as Json;
use testimony_engine::{Cluster, NodeName, NodeStatus, Role};
use tokio::time::{Instant, timeout_at};

use super::bucket::STREAM;

/// The port of the monitoring. Each node has an address of its own.
pub(crate) const MONITORING_PORT: u16 = 8222;

/// Asks `node`; `None` if it does not answer before `deadline`.
pub(crate) async fn of(
    http: &reqwest::Client,
    cluster: &Cluster,
    node: &NodeName,
    deadline: Instant,
) -> Option<NodeStatus> {
    let address = SocketAddr::new(cluster.node(node)?.ip, MONITORING_PORT);
    let url = format!("http://{address}/jsz?accounts=true&streams=true");
    let asked = async { http.get(url).send().await?.bytes().await };
    let bytes = timeout_at(deadline, asked).await.ok()?.ok()?;
    let answer = serde_json::from_slice(&bytes).ok()?;
    told(&answer, node)
}

/// A server leads if the bucket's stream, as it knows it, is led by it; before there is a bucket,
/// if
/// it leads those who place streams. NATS does not tell terms. `None` until it belongs to a
/// cluster.
fn told(answer: &Json, node: &NodeName) -> Option<NodeStatus> {
    let stream = stream(answer);
    let group = stream.map_or_else(
        || answer.get("meta_cluster"),
        |stream| stream.get("cluster"),
    );
    let leader = group?.get("leader").and_then(Json::as_str);
    let role = match leader {
        None | Some("") => Role::Candidate,
        Some(leader) if leader == node.as_str() => Role::Leader,
        Some(_) => Role::Follower,
    };
    let last = stream.and_then(|stream| stream.pointer("/state/last_seq"));
    Some(NodeStatus {
        alive: true,
        role: Some(role),
        leader: leader.filter(|name| !name.is_empty()).map(NodeName::new),
        applied: last.and_then(Json::as_u64),
        ..NodeStatus::default()
    })
}

fn stream(answer: &Json) -> Option<&Json> {
    let accounts = answer.get("account_details")?.as_array()?;
    let mut streams = accounts
        .iter()
        .filter_map(|account| account.get("stream_detail")?.as_array())
        .flatten();
    streams.find(|stream| stream.get("name").and_then(Json::as_str) == Some(STREAM))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn before_there_is_a_bucket_whoever_places_streams_leads() {
        let answer = json!({"streams": 0, "meta_cluster": {
            "name": "testimony", "leader": "n3", "peer": "BXScrY9i", "cluster_size": 3}});
        let role = |node: &str| told(&answer, &node.into()).unwrap().role;
        assert_eq!(role("n3"), Some(Role::Leader));
        assert_eq!(role("n1"), Some(Role::Follower));
    }

    #[test]
    fn the_streams_leader_leads() {
        let answer = json!({"meta_cluster": {"leader": "n3"}, "account_details": [{
            "name": "$G", "stream_detail": [{"name": STREAM,
            "cluster": {"name": "testimony", "leader": "n2"}, "state": {"last_seq": 3}}]}]});
        let status = told(&answer, &"n2".into()).unwrap();
        assert_eq!((status.role, status.applied), (Some(Role::Leader), Some(3)));
        assert_eq!(
            told(&answer, &"n3".into()).unwrap().role,
            Some(Role::Follower)
        );
    }

    #[test]
    fn a_server_that_knows_no_leader_is_a_candidate_and_one_without_a_cluster_is_silent() {
        let answer = json!({"meta_cluster": {"name": "testimony", "cluster_size": 3}});
        let status = told(&answer, &"n2".into()).unwrap();
        assert_eq!((status.role, status.leader), (Some(Role::Candidate), None));
        assert_eq!(told(&json!({}), &"n2".into()), None);
    }
}
