//! What a disk gives back when a node starts.

use super::entry::{Entry, Index, Term};
use super::message::Position;
use super::snapshot::Snapshot;
use crate::NodeId;
use crate::machine::MalformedSnapshot;
use crate::raft::ConfigError;

/// The sum of everything that was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Durable<C> {
    /// The term.
    pub term: Term,
    /// To whom the vote of that term was given.
    pub vote: Option<NodeId>,
    /// The newest snapshot.
    pub snapshot: Option<Snapshot>,
    /// The entries behind it.
    pub entries: Vec<Entry<C>>,
}

impl<C> Default for Durable<C> {
    /// Of a node that never ran.
    fn default() -> Self {
        Durable {
            term: 0,
            vote: None,
            snapshot: None,
            entries: Vec::new(),
        }
    }
}

/// Why a node cannot start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// Its settings cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Its snapshot cannot be read.
    #[error("the snapshot up to entry {index} cannot be used: {source}")]
    Snapshot {
        /// The snapshot's last entry.
        index: Index,
        /// Why.
        source: MalformedSnapshot,
    },
    /// Entries are missing, or out of order.
    #[error("entry {found} follows entry {after} in the log: some are missing or out of order")]
    Gap {
        /// The entry before.
        after: Index,
        /// What was found.
        found: Index,
    },
    /// An entry is of a term that the node does not know of.
    #[error("entry {index} is of term {found}, between the terms {after} and {term}: impossible")]
    Terms {
        /// The entry.
        index: Index,
        /// Its term.
        found: Term,
        /// The term of the entry before.
        after: Term,
        /// The node's term.
        term: Term,
    },
}

impl<C> Durable<C> {
    /// The last entry that the snapshot contains.
    pub(super) fn base(&self) -> Position {
        let position = |snapshot: &Snapshot| Position {
            term: snapshot.term,
            index: snapshot.index,
        };
        self.snapshot.as_ref().map(position).unwrap_or_default()
    }

    /// Whether entries follow each other.
    pub(super) fn check_order(&self) -> Result<(), StartError> {
        let mut after = self.base().index;
        for entry in &self.entries {
            let found = entry.index;
            if found != after + 1 {
                return Err(StartError::Gap { after, found });
            }
            after = found;
        }
        Ok(())
    }

    /// Whether terms never fall. Planted bugs leave logs behind in which they do.
    pub(super) fn check_terms(&self) -> Result<(), StartError> {
        let (mut after, term) = (self.base().term, self.term);
        for Entry {
            index, term: found, ..
        } in &self.entries
        {
            let (index, found) = (*index, *found);
            if found < after || found > term {
                return Err(StartError::Terms {
                    index,
                    found,
                    after,
                    term,
                });
            }
            after = found;
        }
        Ok(())
    }
}
