//! What nodes tell each other about keys.

use serde_json::Value;

use crate::NodeId;
use crate::paxos::Synod;

/// A message about one key.
#[derive(Clone, Debug, PartialEq)]
pub struct RegisterMessage {
    pub(super) key: String,
    pub(super) body: Body,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Body {
    /// A step of the algorithm.
    Synod(Synod<Proposal>),
    /// This is chosen.
    Chosen(Proposal),
}

/// A value, and whose.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// The node that was asked to propose it.
    pub node: NodeId,
    /// In which request.
    pub ticket: u64,
    /// What is proposed.
    pub value: Value,
}
