//! Names of nodes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A node of a cluster, written `n1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

/// What is not the name of a node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no node: write n1, n2, ...")]
pub struct MalformedNodeId(String);

impl fmt::Display for NodeId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "n{}", self.0)
    }
}

impl FromStr for NodeId {
    type Err = MalformedNodeId;

    /// Takes what [`Display`](fmt::Display) writes and nothing else: one node has one name.
    fn from_str(text: &str) -> Result<Self, MalformedNodeId> {
        let number = text
            .strip_prefix('n')
            .and_then(|digits| digits.parse().ok());
        number
            .map(NodeId)
            .filter(|id| id.to_string() == text)
            .ok_or_else(|| MalformedNodeId(text.to_owned()))
    }
}

impl Serialize for NodeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NodeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_as_written() {
        for id in [NodeId(0), NodeId(1), NodeId(u64::MAX)] {
            assert_eq!(id.to_string().parse(), Ok(id));
            let json = serde_json::to_string(&id).unwrap();
            assert_eq!(serde_json::from_str::<NodeId>(&json).unwrap(), id);
        }
    }

    #[test]
    fn other_texts_name_no_node() {
        for text in [
            "",
            "n",
            "1",
            "n01",
            "n+1",
            "N1",
            "n1 ",
            "n-1",
            "n18446744073709551616",
        ] {
            assert!(text.parse::<NodeId>().is_err(), "{text}");
        }
    }
}
