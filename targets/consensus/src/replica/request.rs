//! What clients and operators ask of a node.

use crate::NodeId;
use crate::machine::StateMachine;

/// What clients and operators want.
#[derive(Clone, Debug, PartialEq)]
pub enum Request<M: StateMachine> {
    /// A session, through the log (dissertation section 6.3).
    OpenSession,
    /// A command executed, once per session and sequence number. A session has one command at a
    /// time, and its numbers grow.
    Apply {
        /// The client's session; 0 in a system without sessions.
        session: u64,
        /// The command's number in it. In a system without sessions, what the client's clock shows,
        /// in nanoseconds: it tells apart the commands of a client there.
        sequence: u64,
        /// What to execute.
        command: M::Command,
    },
    /// A query answered, linearizably.
    Query(M::Query),
    /// A new member.
    AddNode(NodeId),
    /// A member less.
    RemoveNode(NodeId),
    /// Another leader.
    Transfer(NodeId),
    /// A snapshot of this node's state, now. Any node does it.
    Snapshot,
}
