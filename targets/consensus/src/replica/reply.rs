//! What a node answers.

use crate::NodeId;
use crate::machine::StateMachine;

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
