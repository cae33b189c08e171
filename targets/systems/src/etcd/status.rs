//! What a node of etcd says of itself.

use serde_json::{Value as Json, json};
use testimony_engine::{NodeStatus, Role};

use super::members::Members;
use super::wire;

/// Where it is asked, and with what.
pub(crate) const PATH: &str = "maintenance/status";

/// The request.
pub(crate) fn request() -> Json {
    json!({})
}

/// A node that answers as `answer` says. A node that knows of no leader is called a candidate:
/// etcd does not tell whether it has campaigned yet.
pub(crate) fn of(answer: &Json, members: &Members) -> NodeStatus {
    let leader = wire::id(answer, "leader");
    let own = answer
        .get("header")
        .and_then(|header| wire::id(header, "member_id"));
    let role = match leader {
        None => Role::Candidate,
        leader if leader == own => Role::Leader,
        Some(_) => Role::Follower,
    };
    NodeStatus {
        alive: true,
        role: Some(role),
        term: wire::id(answer, "raftTerm"),
        leader: leader.and_then(|leader| members.node(leader)).cloned(),
        commit: wire::id(answer, "raftIndex"),
        applied: wire::id(answer, "raftAppliedIndex"),
        elections: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = r#""header":{"cluster_id":"1","member_id":"12496030220408048076",
        "revision":"9","raft_term":"2"},"version":"3.4.23","raftIndex":"30","raftTerm":"2",
        "raftAppliedIndex":"29""#;

    fn status(rest: &str) -> NodeStatus {
        let answer = serde_json::from_str(&format!("{{{HEADER}{rest}}}")).unwrap();
        of(&answer, &Members::default())
    }

    #[test]
    fn a_node_leads_if_the_leader_is_itself() {
        let leader = status(r#","leader":"12496030220408048076""#);
        assert_eq!(leader.role, Some(Role::Leader));
        let told = (leader.term, leader.commit, leader.applied);
        assert_eq!(told, (Some(2), Some(30), Some(29)));
        assert_eq!(status(r#","leader":"77""#).role, Some(Role::Follower));
    }

    #[test]
    fn a_node_without_a_leader_is_a_candidate() {
        let alone = status(r#","errors":["etcdserver: no leader"]"#);
        assert_eq!((alone.alive, alone.role), (true, Some(Role::Candidate)));
    }
}
