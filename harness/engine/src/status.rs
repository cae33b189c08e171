//! What is known of a cluster from outside: who leads, which term, how far each log is applied.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Nanos, NodeName};

/// What a node takes itself for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It orders the commands.
    Leader,
    /// It takes them from a leader.
    Follower,
    /// It asks for votes.
    Candidate,
    /// It asks whether it would get votes.
    PreCandidate,
}

/// One node as it describes itself. Fields that a system does not have, or did not tell, are
/// absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeStatus {
    /// Whether it answered.
    pub alive: bool,
    /// What it takes itself for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Its term, view, ballot or epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<u64>,
    /// The node it takes for the leader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<NodeName>,
    /// The highest log index it knows to be committed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<u64>,
    /// The highest log index it has applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<u64>,
    /// How many elections it has started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elections: Option<u64>,
}

/// The nodes as they described themselves at about the same time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterStatus {
    /// Per node; a node that never answered may be absent.
    pub nodes: BTreeMap<NodeName, NodeStatus>,
}

/// One line of `status.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusSample {
    /// When it was taken.
    pub time: Nanos,
    /// What each node said.
    pub nodes: BTreeMap<NodeName, NodeStatus>,
}

impl ClusterStatus {
    /// The leader: of the living nodes that take themselves for one, that of the highest term.
    /// A deposed leader that has not noticed yet has a lower one.
    pub fn leader(&self) -> Option<&NodeName> {
        self.leader_among(|_| true)
    }

    /// As [`leader`](Self::leader), of the nodes that `eligible` lets pass.
    pub fn leader_among(&self, eligible: impl Fn(&NodeName) -> bool) -> Option<&NodeName> {
        let leads = |status: &NodeStatus| status.alive && status.role == Some(Role::Leader);
        self.nodes
            .iter()
            .filter(|(name, status)| leads(status) && eligible(name))
            .max_by_key(|(_, status)| status.term)
            .map(|(name, _)| name)
    }

    /// Whom "the leader" means among those that `eligible` lets pass: the leader, or, in a system
    /// whose nodes have no roles, the first of those that live. So a fault that is drawn for roles
    /// has a meaning there, too.
    pub fn foremost_among(&self, eligible: impl Fn(&NodeName) -> bool) -> Option<&NodeName> {
        let alive = || self.nodes.iter().filter(|(_, status)| status.alive);
        if alive().any(|(_, status)| status.role.is_some()) {
            return self.leader_among(eligible);
        }
        let mut names = alive().map(|(name, _)| name);
        names.find(|name| eligible(name))
    }

    /// The highest term that any node told.
    pub fn term(&self) -> Option<u64> {
        self.nodes.values().filter_map(|status| status.term).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leader(alive: bool, term: u64) -> NodeStatus {
        NodeStatus {
            alive,
            role: Some(Role::Leader),
            term: Some(term),
            ..NodeStatus::default()
        }
    }

    #[test]
    fn of_two_leaders_the_one_with_the_higher_term_leads() {
        let nodes = [
            ("n1".into(), leader(true, 2)),
            ("n2".into(), leader(true, 3)),
        ];
        let status = ClusterStatus {
            nodes: nodes.into(),
        };
        assert_eq!(status.leader(), Some(&"n2".into()));
    }

    #[test]
    fn where_no_node_has_a_role_the_first_that_lives_stands_for_the_leader() {
        let peer = |alive| NodeStatus {
            alive,
            ..NodeStatus::default()
        };
        let mut status = ClusterStatus {
            nodes: [("n1".into(), peer(false)), ("n2".into(), peer(true))].into(),
        };
        assert_eq!(status.foremost_among(|_| true), Some(&"n2".into()));
        let follower = NodeStatus {
            role: Some(Role::Follower),
            ..peer(true)
        };
        status.nodes.insert("n3".into(), follower);
        assert_eq!(status.foremost_among(|_| true), None);
    }

    #[test]
    fn a_dead_node_does_not_lead() {
        let status = ClusterStatus {
            nodes: [("n1".into(), leader(false, 2))].into(),
        };
        assert_eq!(status.leader(), None);
    }
}
