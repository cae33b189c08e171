//! What neighbours in the chain tell each other.

/// A message. It may be lost, doubled, late, and overtaken by a later one, so it says all that its
/// receiver needs to know whether it is of any use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<C> {
    /// To the successor: updates, in order. Without any it only asks how far the successor is.
    Forward {
        /// How many updates come before these.
        after: u64,
        /// The updates.
        commands: Vec<C>,
    },
    /// To the predecessor.
    Have {
        /// How many updates the sender has saved.
        saved: u64,
        /// How many of them the tail has saved, as far as the sender knows.
        committed: u64,
    },
}
