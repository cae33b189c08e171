//! What the core wants done.

use super::entry::{Entry, Index, Term};
use super::message::Envelope;
use super::snapshot::Snapshot;
use crate::NodeId;
use crate::machine::StateMachine;

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

/// The one answer that every request gets, sooner or later, while the node lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply<M: StateMachine> {
    /// A session is open.
    Session(u64),
    /// The command was executed, now or when it was sent before.
    Applied(M::Response),
    /// The query's answer.
    Answer(M::Response),
    /// What an operator wanted is done.
    Done,
    /// This node does not lead. This request has no effect and never will have one; an earlier
    /// one with the same sequence number may.
    NotLeader {
        /// Who does, if it is known.
        leader: Option<NodeId>,
    },
    /// The session is unknown: it was never opened, or forgotten as one of too many. This request
    /// has no effect and never will have one; an earlier one with the same number may.
    SessionExpired,
    /// Leadership was lost, or the sequence number was passed: nobody here knows whether the
    /// request has or will have an effect.
    Uncertain,
    /// Not now, and why. The request has no effect and never will have one.
    Refused(String),
}

/// What an operator may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// This node leads.
    BecameLeader {
        /// From this term on.
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
