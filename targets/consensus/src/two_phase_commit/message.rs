//! What coordinator and participants tell each other.

use super::Transaction;
use crate::replica::Description;

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub enum Message<C> {
    /// The coordinator asks for a vote.
    Prepare {
        /// On this.
        transaction: Transaction<C>,
        /// The last number that was committed: all between them were aborted.
        after: u64,
    },
    /// A participant votes yes.
    Prepared {
        /// For this one.
        number: u64,
    },
    /// The coordinator has decided.
    Outcome {
        /// On this one.
        number: u64,
        /// Whether it is committed.
        commits: bool,
    },
    /// A participant has voted and not heard of a decision.
    Inquiry {
        /// For this one.
        number: u64,
    },
}

/// About how many bytes the numbers take, and an update.
const HEADER_BYTES: usize = 16;
const UPDATE_BYTES: usize = 80;

impl<C> Message<C> {
    pub(super) fn description(&self) -> Description {
        let (kind, updates) = match self {
            Message::Prepare { transaction, .. } => ("prepare", transaction.updates.len()),
            Message::Prepared { .. } => ("prepared", 0),
            Message::Outcome { commits: true, .. } => ("commit", 0),
            Message::Outcome { .. } => ("abort", 0),
            Message::Inquiry { .. } => ("decided?", 0),
        };
        let bytes = HEADER_BYTES + updates * UPDATE_BYTES;
        Description { kind, bytes }
    }
}
