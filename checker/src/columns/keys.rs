//! The keys of a history in columns, numbered.

use testimony_history::CompactHistory;
use testimony_history::compact::{Fate, ValueId};

use crate::partition::narrow;

/// The keys that some operation that may have happened was called on, in the order of their values,
/// no key first.
pub(super) struct Keys {
    ids: Vec<ValueId>,
    /// The number of each key, by its id; the last is that of no key.
    numbers: Vec<u32>,
    /// How many operations may have happened on each.
    operations: Vec<usize>,
}

impl Keys {
    /// O(n + k log k) for k keys.
    pub(super) fn of(history: &CompactHistory) -> Self {
        let mut counts = vec![0_u32; history.values().len() + 1];
        let mut ids = Vec::new();
        for (&key, &fate) in history.keys().iter().zip(history.fates()) {
            if fate != Fate::Failed {
                let count = &mut counts[place(history, key)];
                if *count == 0 {
                    ids.push(key);
                }
                *count += 1;
            }
        }
        ids.sort_by_key(|&key| (key != ValueId::ABSENT).then(|| history.values().get(key)));
        let mut numbers = vec![0; counts.len()];
        for (number, &key) in ids.iter().enumerate() {
            numbers[place(history, key)] = narrow(number);
        }
        let count = |&key: &ValueId| counts[place(history, key)] as usize;
        let operations = ids.iter().map(count).collect();
        Keys {
            ids,
            numbers,
            operations,
        }
    }

    pub(super) fn len(&self) -> u32 {
        narrow(self.ids.len())
    }

    /// The number of an operation's key.
    pub(super) fn at(&self, history: &CompactHistory, op: usize) -> u32 {
        self.numbers[place(history, history.keys()[op])]
    }

    /// How many operations may have happened on a key.
    pub(super) fn operations(&self, key: u32) -> usize {
        self.operations[key as usize]
    }

    /// The id of a key.
    pub(super) fn id(&self, key: u32) -> ValueId {
        self.ids[key as usize]
    }
}

/// Where in a table by ids a key is.
fn place(history: &CompactHistory, key: ValueId) -> usize {
    if key == ValueId::ABSENT {
        history.values().len()
    } else {
        key.at()
    }
}
