//! Which node a fault is about, before anybody knows who leads.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::NodeName;

/// Which node, by what it is when the injection starts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Selector {
    /// The leader. Written `leader`.
    Leader,
    /// The k-th of the other nodes, counted from 1 in the order of the plan, going round from the
    /// leader. Written `follower-k`.
    Follower(u32),
    /// The node of that name.
    Node(NodeName),
}

impl Selector {
    /// Whether somebody must lead for the selector to mean a node.
    pub fn needs_leader(&self) -> bool {
        !matches!(self, Selector::Node(_))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Selector::Leader => f.write_str("leader"),
            Selector::Follower(number) => write!(f, "follower-{number}"),
            Selector::Node(name) => name.fmt(f),
        }
    }
}

impl From<&str> for Selector {
    /// Any word that is not `leader` or `follower-k` names a node.
    fn from(word: &str) -> Self {
        let follower = word
            .strip_prefix("follower-")
            .and_then(|number| number.parse().ok());
        match follower {
            Some(number) => Selector::Follower(number),
            None if word == "leader" => Selector::Leader,
            None => Selector::Node(word.into()),
        }
    }
}

impl Serialize for Selector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Selector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|word| Selector::from(word.as_str()))
    }
}
