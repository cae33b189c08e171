//! What a position of a log says.

use std::collections::BTreeSet;

use crate::NodeId;

/// One step of the replicated state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action<C> {
    /// Nothing: it fills a gap, or marks where a read takes place.
    Nothing,
    /// A session opens.
    OpenSession,
    /// A command, executed once per session and number.
    Apply {
        /// The client's session.
        session: u64,
        /// The command's number in it.
        sequence: u64,
        /// What to execute.
        command: C,
    },
    /// From the next position on these are the acceptors.
    Members(BTreeSet<NodeId>),
}
