//! Who takes part: the members as the log tells them. Pure.

use std::collections::BTreeSet;

use super::entry::{Entry, Index, Payload};
use crate::NodeId;

/// The members, and the earlier ones that a truncation brings back. They count from the moment an
/// entry that names them is in the log, committed or not (dissertation section 4.1).
#[derive(Clone, Debug)]
pub(super) struct Members {
    /// Where the entry is, and whom it names; by index. Never empty.
    history: Vec<(Index, BTreeSet<NodeId>)>,
}

impl Members {
    /// As of an entry.
    pub(super) fn new(index: Index, voters: BTreeSet<NodeId>) -> Self {
        Members {
            history: vec![(index, voters)],
        }
    }

    /// Those who count now.
    pub(super) fn voters(&self) -> &BTreeSet<NodeId> {
        &self.latest().1
    }

    /// Since which entry they count.
    pub(super) fn since(&self) -> Index {
        self.latest().0
    }

    /// Those who count as of an entry.
    pub(super) fn at(&self, index: Index) -> &BTreeSet<NodeId> {
        let after = self.history.partition_point(|(since, _)| *since <= index);
        &self.history[after.saturating_sub(1)].1
    }

    /// Notes what new entries say.
    pub(super) fn note<C>(&mut self, entries: &[Entry<C>]) {
        for entry in entries {
            if let Payload::Members(voters) = &entry.payload {
                self.history.push((entry.index, voters.clone()));
            }
        }
    }

    /// Takes back what entries from an index on said.
    pub(super) fn truncate(&mut self, from: Index) {
        let kept = self.history.partition_point(|(since, _)| *since < from);
        self.history.truncate(kept.max(1));
    }

    /// Forgets what was before the members as of an entry.
    pub(super) fn compact(&mut self, to: Index) {
        let after = self.history.partition_point(|(since, _)| *since <= to);
        self.history.drain(..after.saturating_sub(1));
    }

    fn latest(&self) -> &(Index, BTreeSet<NodeId>) {
        self.history.last().expect("never empty")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voters(ids: &[u64]) -> BTreeSet<NodeId> {
        ids.iter().copied().map(NodeId).collect()
    }

    fn entry(index: Index, ids: &[u64]) -> Entry<()> {
        Entry {
            index,
            term: 1,
            payload: Payload::Members(voters(ids)),
        }
    }

    #[test]
    fn a_truncation_brings_the_earlier_members_back() {
        let mut members = Members::new(0, voters(&[1]));
        members.note(&[entry(3, &[1, 2]), entry(5, &[1, 2, 3])]);
        assert_eq!(
            (members.since(), members.voters()),
            (5, &voters(&[1, 2, 3]))
        );
        members.truncate(5);
        assert_eq!((members.since(), members.voters()), (3, &voters(&[1, 2])));
        members.truncate(1);
        assert_eq!((members.since(), members.voters()), (0, &voters(&[1])));
    }

    #[test]
    fn a_compaction_keeps_those_who_count_as_of_it() {
        let mut members = Members::new(0, voters(&[1]));
        members.note(&[entry(3, &[1, 2]), entry(5, &[1, 2, 3])]);
        members.compact(4);
        assert_eq!(members.at(4), &voters(&[1, 2]));
        assert_eq!(members.at(5), &voters(&[1, 2, 3]));
        members.truncate(5);
        assert_eq!(members.voters(), &voters(&[1, 2]));
    }
}
