//! What a node tells about itself.

use serde::{Deserialize, Serialize};

use super::entry::{Index, Term};
use crate::NodeId;

/// What a node does in the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Orders what happens.
    Leader,
    /// Takes what the leader orders.
    Follower,
    /// Wants to lead and asks for votes.
    Candidate,
    /// Asks whether it would get votes.
    PreCandidate,
}

/// A node's view at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Which node.
    pub id: NodeId,
    /// What it does.
    pub role: Role,
    /// In which term.
    pub term: Term,
    /// Who leads, as far as it knows.
    pub leader: Option<NodeId>,
    /// Whom it voted for in the term.
    pub vote: Option<NodeId>,
    /// The last entry known to be committed.
    pub commit: Index,
    /// The last entry that is in the state.
    pub applied: Index,
    /// The first entry of the log that is kept; behind the last one if none is.
    pub first_index: Index,
    /// The last entry of the log.
    pub last_index: Index,
    /// The last entry of the newest snapshot; 0 if there is none.
    pub snapshot_index: Index,
    /// How many elections it has started since it runs.
    pub elections: u64,
    /// The members that count for it.
    pub voters: Vec<NodeId>,
    /// How many sessions are open.
    pub sessions: usize,
    /// To whom it hands leadership over, if it does.
    pub transfer: Option<NodeId>,
}
