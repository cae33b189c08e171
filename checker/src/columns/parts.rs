//! A history in columns, cut by key. Failed operations are left out: they did not happen.

use testimony_history::CompactHistory;
use testimony_history::compact::{Fate, ValueId};

use crate::partition::narrow;

/// The operations of each key, in the order of their calls.
pub(super) struct Parts {
    ops: Vec<u32>,
    /// Keys in the order of their values, and where in `ops` their operations are.
    keys: Vec<(ValueId, std::ops::Range<usize>)>,
}

/// The operations on one key.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) key: ValueId,
    pub(super) ops: &'a [u32],
}

/// How many operations a key has, or where its next one goes.
type Count = (ValueId, usize);

impl Parts {
    /// Counts, then places. O(n + k log k) for k keys.
    pub(super) fn of(history: &CompactHistory) -> Self {
        let mut slot = vec![u32::MAX; history.values().len() + 1];
        let absent = history.values().len();
        let at = |key: ValueId| {
            if key == ValueId::ABSENT {
                absent
            } else {
                key.at()
            }
        };
        let mut counts: Vec<Count> = Vec::new();
        let happened = || {
            let rows = history.keys().iter().zip(history.fates());
            (0..)
                .zip(rows)
                .filter(|(_, (_, fate))| **fate != Fate::Failed)
        };
        for (_, (&key, _)) in happened() {
            let slot = &mut slot[at(key)];
            if *slot == u32::MAX {
                *slot = narrow(counts.len());
                counts.push((key, 0));
            }
            counts[*slot as usize].1 += 1;
        }
        let keys = ranges(history, &counts);
        let mut next: Vec<usize> = vec![0; counts.len()];
        for (key, range) in &keys {
            next[slot[at(*key)] as usize] = range.start;
        }
        let mut ops = vec![0; counts.iter().map(|(_, count)| count).sum()];
        for (number, (&key, _)) in happened() {
            let next = &mut next[slot[at(key)] as usize];
            ops[*next] = number;
            *next += 1;
        }
        Parts { ops, keys }
    }

    pub(super) fn parts(&self) -> Vec<Part<'_>> {
        let part = |(key, range): &(ValueId, std::ops::Range<usize>)| Part {
            key: *key,
            ops: &self.ops[range.clone()],
        };
        self.keys.iter().map(part).collect()
    }
}

/// The keys in the order of their values, no key first.
fn ranges(history: &CompactHistory, counts: &[Count]) -> Vec<(ValueId, std::ops::Range<usize>)> {
    let mut sorted = counts.to_vec();
    sorted.sort_by_key(|&(key, _)| (key != ValueId::ABSENT).then(|| history.values().get(key)));
    let mut start = 0;
    let mut range = |(key, count): Count| {
        let from = start;
        start += count;
        (key, from..start)
    };
    sorted.into_iter().map(&mut range).collect()
}
