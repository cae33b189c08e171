//! Names of nodes and processes, and the directed links between nodes.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// The name of a node: `n1`, `n2`, ... in a plan; any word in an external cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeName(Arc<str>);

/// A logical, sequential client; never used again after an unknown outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProcessId(pub u64);

/// One direction between two nodes: what `from` sends to `to`. Written `n1>n2`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Link {
    /// The node that sends.
    pub from: NodeName,
    /// The node that should receive.
    pub to: NodeName,
}

/// A link was not written as `n1>n2`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is not a link: write it as from>to, for example n1>n2")]
pub struct LinkError {
    text: String,
}

impl NodeName {
    /// The node of that name.
    pub fn new(name: &str) -> Self {
        NodeName(Arc::from(name))
    }

    /// The `number`-th node of a plan, counted from 1: `n1` is the first.
    pub fn numbered(number: u32) -> Self {
        NodeName(Arc::from(format!("n{number}")))
    }

    /// The name as it stands in files.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Link {
    /// The direction `from` to `to`.
    pub fn new(from: &NodeName, to: &NodeName) -> Self {
        Link {
            from: from.clone(),
            to: to.clone(),
        }
    }
}

impl From<&str> for NodeName {
    fn from(name: &str) -> Self {
        NodeName::new(name)
    }
}

impl AsRef<str> for NodeName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", self.0)
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}>{}", self.from, self.to)
    }
}

impl FromStr for Link {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        match text.split_once('>') {
            Some((from, to)) if !from.is_empty() && !to.is_empty() && !to.contains('>') => {
                Ok(Link {
                    from: from.into(),
                    to: to.into(),
                })
            }
            _ => Err(LinkError {
                text: text.to_owned(),
            }),
        }
    }
}

impl Serialize for NodeName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for NodeName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|name| NodeName::new(&name))
    }
}

impl Serialize for Link {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Link {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_read_as_it_is_written() {
        let link = Link::new(&"n1".into(), &"n2".into());
        assert_eq!(link.to_string(), "n1>n2");
        assert_eq!("n1>n2".parse(), Ok(link));
    }

    #[test]
    fn a_link_without_two_ends_is_refused() {
        for text in ["n1", ">n2", "n1>", "n1>n2>n3", ""] {
            assert!(text.parse::<Link>().is_err(), "{text}");
        }
    }
}
