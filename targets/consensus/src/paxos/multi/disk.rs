//! What a node keeps over a crash.

use std::collections::BTreeMap;

use super::{Action, Ballot, Position, Snapshot};
use crate::replica::Disk;

/// What was accepted at a position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot<C> {
    /// In which ballot.
    pub ballot: Ballot,
    /// What it says.
    pub action: Action<C>,
}

/// What is saved in one piece.
#[derive(Clone, Debug)]
pub enum MultiRecord<C> {
    /// A round of its own begins.
    Round(u64),
    /// Nothing of lower ballots is accepted from now on.
    Promise(Ballot),
    /// Actions are accepted; the ballot is promised by that.
    Accepted {
        /// In which ballot.
        ballot: Ballot,
        /// What, and where.
        actions: Vec<(Position, Action<C>)>,
    },
    /// A snapshot in place of the positions up to it.
    Snapshot(Snapshot),
}

/// The sum of what was saved.
#[derive(Clone, Debug)]
pub struct MultiDisk<C> {
    pub(super) round: u64,
    pub(super) promised: Ballot,
    pub(super) slots: BTreeMap<Position, Slot<C>>,
    pub(super) snapshot: Option<Snapshot>,
}

impl<C> Default for MultiDisk<C> {
    fn default() -> Self {
        MultiDisk {
            round: 0,
            promised: Ballot::default(),
            slots: BTreeMap::new(),
            snapshot: None,
        }
    }
}

impl<C: Clone> Disk for MultiDisk<C> {
    type Record = MultiRecord<C>;

    fn save(&mut self, record: &MultiRecord<C>) {
        match record {
            MultiRecord::Round(round) => self.round = *round,
            MultiRecord::Promise(ballot) => self.promised = *ballot,
            MultiRecord::Accepted { ballot, actions } => {
                self.promised = self.promised.max(*ballot);
                for (position, action) in actions.iter().cloned() {
                    let ballot = *ballot;
                    self.slots.insert(position, Slot { ballot, action });
                }
            }
            MultiRecord::Snapshot(snapshot) => {
                self.slots = self.slots.split_off(&(snapshot.position + 1));
                self.snapshot = Some(snapshot.clone());
            }
        }
    }
}
