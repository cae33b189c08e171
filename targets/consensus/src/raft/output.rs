//! What the core wants done.

use super::entry::{Entry, Index, Term};
use super::message::Envelope;
use super::snapshot::Snapshot;
use crate::NodeId;
use crate::machine::StateMachine;
use crate::replica::Reply;

/// One output. They are executed in order, and what is saved must be durable before any later
/// message or reply leaves. Several steps may share one write: save everything, wait for the disk,
/// then send.
#[derive(Clone, Debug, PartialEq)]
pub enum Output<M: StateMachine> {
    /// Save the term and the vote.
    SaveHardState {
        /// The term.
        term: Term,
        /// To whom the vote of that term was given.
        vote: Option<NodeId>,
    },
    /// Save entries: from the first one's index on they replace what is there.
    AppendEntries {
        /// At least one, without gaps.
        entries: Vec<Entry<M::Command>>,
    },
    /// Save a snapshot and drop the log up to it; all of the log, if it does not continue the
    /// snapshot.
    SaveSnapshot(Snapshot),
    /// Send a message.
    Send(Envelope<M::Command>),
    /// Answer a request.
    Reply {
        /// Which one.
        ticket: u64,
        /// With what.
        reply: Reply<M>,
    },
    /// Something to tell the operator.
    Event(Event),
}

/// What an operator may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// This node leads.
    BecameLeader {
        /// From this term on.
        term: Term,
    },
    /// This node has voted for another one.
    Voted {
        /// In this term.
        term: Term,
    },
    /// This node leads no more.
    SteppedDown {
        /// The term it led, or a later one.
        term: Term,
    },
    /// This node campaigns.
    Campaigning {
        /// In this term; with a pre-vote it has not begun.
        term: Term,
        /// Whether it only asks so far.
        pre: bool,
    },
    /// These members count from now on.
    MembersChanged {
        /// All of them.
        voters: Vec<NodeId>,
    },
    /// A snapshot was taken here.
    SnapshotTaken {
        /// Its last entry.
        index: Index,
    },
    /// A leader's snapshot replaced the state.
    SnapshotInstalled {
        /// Its last entry.
        index: Index,
    },
    /// Committed entries were overwritten. Only a planted bug does that.
    CommittedLost {
        /// The first of them.
        index: Index,
    },
}
