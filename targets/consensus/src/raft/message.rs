//! What nodes tell each other.

use serde::{Deserialize, Serialize};

use super::entry::{Entry, Index, Term};
use super::snapshot::Snapshot;
use crate::NodeId;

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope<C> {
    /// Who sent it.
    pub from: NodeId,
    /// To whom.
    pub to: NodeId,
    /// What.
    pub message: Message<C>,
}

/// What one node tells another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message<C> {
    /// The sender's term; in a pre-vote and in its grant the term that the sender would start.
    pub term: Term,
    /// The rest.
    pub body: Body<C>,
}

/// What a message is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body<C> {
    /// Asks for a vote.
    RequestVote {
        /// Whether it only asks if the vote would be given.
        pre: bool,
        /// Whether the leader itself wants it replaced.
        forced: bool,
        /// The candidate's last entry.
        last: Position,
    },
    /// Answers that.
    Vote {
        /// Whether it answers a pre-vote.
        pre: bool,
        /// Whether the vote is given.
        granted: bool,
    },
    /// Replicates entries; without any, it is a heartbeat.
    Append {
        /// The entry before the first one.
        previous: Position,
        /// The entries, all of one term.
        entries: Vec<Entry<C>>,
        /// The leader's commit index.
        commit: Index,
        /// The newest round of the leader; the answer repeats it.
        round: u64,
    },
    /// Answers an append or a snapshot: the log agrees with the leader's up to here.
    Accepted {
        /// The last entry that certainly agrees.
        matched: Index,
        /// The round of the message that this answers.
        round: u64,
    },
    /// Answers an append: the log lacks its previous entry.
    Rejected {
        /// The previous index of that append.
        previous: Index,
        /// Where the logs may agree: no later than this.
        hint: Position,
        /// The round of the message that this answers.
        round: u64,
    },
    /// Replaces the log up to an entry.
    InstallSnapshot {
        /// All of it.
        snapshot: Snapshot,
        /// The newest round of the leader; the answer repeats it.
        round: u64,
    },
    /// Asks the receiver to campaign at once: leadership is handed over.
    TimeoutNow,
}

/// An entry's place and term; 0 and 0 before the first.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Position {
    /// The term: first, since a later term makes a log more up to date, whatever its length
    /// (Raft paper section 5.4.1).
    pub term: Term,
    /// The index.
    pub index: Index,
}
