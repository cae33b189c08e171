//! A disk that keeps exactly what was saved on it.

use testimony_consensus::raft::{Durable, Entry, Index, Output, Snapshot, Term};

use crate::journal::{Journal, Push};

/// One node's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    pub(crate) durable: Durable<Push>,
}

impl Disk {
    /// Saves what an output wants saved.
    pub(crate) fn execute(&mut self, output: &Output<Journal>) {
        match output {
            Output::SaveHardState { term, vote } => {
                (self.durable.term, self.durable.vote) = (*term, *vote);
            }
            Output::AppendEntries { entries } => self.append(entries),
            Output::SaveSnapshot(snapshot) => self.save(snapshot),
            _ => {}
        }
    }

    /// The term of an entry that is on the disk, or of the last one in the snapshot.
    pub(crate) fn term_at(&self, index: Index) -> Option<Term> {
        let (base, term) = self.base();
        if index == base {
            return Some(term);
        }
        let offset = usize::try_from(index.checked_sub(base + 1)?).unwrap();
        self.durable.entries.get(offset).map(|entry| entry.term)
    }

    pub(crate) fn last_index(&self) -> Index {
        self.base().0 + self.durable.entries.len() as u64
    }

    pub(crate) fn base(&self) -> (Index, Term) {
        let snapshot = self.durable.snapshot.as_ref();
        snapshot.map_or((0, 0), |snapshot| (snapshot.index, snapshot.term))
    }

    fn append(&mut self, entries: &[Entry<Push>]) {
        let first = entries.first().expect("at least one entry is saved").index;
        let base = self.base().0;
        assert!(
            base < first && first <= self.last_index() + 1,
            "a gap before entry {first}"
        );
        for (index, entry) in (first..).zip(entries) {
            assert_eq!(index, entry.index, "a gap within saved entries");
        }
        self.durable
            .entries
            .truncate(usize::try_from(first - base - 1).unwrap());
        self.durable.entries.extend_from_slice(entries);
    }

    fn save(&mut self, snapshot: &Snapshot) {
        let continues = self.term_at(snapshot.index) == Some(snapshot.term);
        let entries = &mut self.durable.entries;
        match continues {
            true => entries.retain(|entry| entry.index > snapshot.index),
            false => entries.clear(),
        }
        self.durable.snapshot = Some(snapshot.clone());
    }
}
