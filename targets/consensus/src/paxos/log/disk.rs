//! What a node keeps of its log over a crash.

use std::collections::BTreeMap;

use super::message::Batch;
use crate::paxos::{Kept, Position};
use crate::replica::Disk;

/// What is saved in one piece.
#[derive(Clone, Debug)]
pub enum LogRecord<C> {
    /// What the acceptor and the proposer of a position must not forget.
    Open {
        /// Which position.
        position: Position,
        /// Its newest state.
        kept: Kept<Vec<super::Entry<C>>>,
    },
    /// What is chosen for a position.
    Chosen {
        /// Which one.
        position: Position,
        /// The commands.
        batch: Vec<super::Entry<C>>,
    },
}

/// The newest of every position.
#[derive(Clone, Debug)]
pub struct LogDisk<C> {
    pub(super) open: BTreeMap<Position, Kept<Batch<C>>>,
    pub(super) chosen: BTreeMap<Position, Batch<C>>,
}

impl<C> Default for LogDisk<C> {
    fn default() -> Self {
        LogDisk {
            open: BTreeMap::new(),
            chosen: BTreeMap::new(),
        }
    }
}

impl<C: Clone> Disk for LogDisk<C> {
    type Record = LogRecord<C>;

    fn save(&mut self, record: &LogRecord<C>) {
        match record {
            LogRecord::Open { position, kept } => {
                self.open.insert(*position, kept.clone());
            }
            LogRecord::Chosen { position, batch } => {
                self.open.remove(position);
                self.chosen.insert(*position, batch.clone());
            }
        }
    }
}
