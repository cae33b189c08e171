//! The log in memory. Pure.

use super::entry::{Entry, Index, Term};
use super::message::Position;

/// Entries behind a base. The base is the beginning of time or an entry that a snapshot contains.
#[derive(Clone, Debug)]
pub(super) struct Log<C> {
    base: Position,
    entries: Vec<Entry<C>>,
}

impl<C: Clone> Log<C> {
    pub(super) fn new(base: Position, entries: Vec<Entry<C>>) -> Self {
        Log { base, entries }
    }

    /// The last entry that is not here any more.
    pub(super) fn base(&self) -> Position {
        self.base
    }

    /// The last entry.
    pub(super) fn last(&self) -> Position {
        let position = |entry: &Entry<C>| Position {
            term: entry.term,
            index: entry.index,
        };
        self.entries.last().map_or(self.base, position)
    }

    pub(super) fn get(&self, index: Index) -> Option<&Entry<C>> {
        let offset = index.checked_sub(self.base.index + 1)?;
        self.entries.get(usize::try_from(offset).ok()?)
    }

    /// The term of an entry, or of the base.
    pub(super) fn term_at(&self, index: Index) -> Option<Term> {
        if index == self.base.index {
            return Some(self.base.term);
        }
        self.get(index).map(|entry| entry.term)
    }

    pub(super) fn position(&self, index: Index) -> Option<Position> {
        self.term_at(index).map(|term| Position { term, index })
    }

    pub(super) fn contains(&self, position: Position) -> bool {
        self.term_at(position.index) == Some(position.term)
    }

    /// Entries from an index on, `max` at most and all of one term, so that a message never carries
    /// entries of an earlier term together with those of the leader's own.
    pub(super) fn batch(&self, from: Index, max: usize) -> Vec<Entry<C>> {
        let Some(first) = self.get(from) else {
            return Vec::new();
        };
        let rest = &self.entries[self.offset(from)..];
        rest.iter()
            .take_while(|entry| entry.term == first.term)
            .take(max)
            .cloned()
            .collect()
    }

    /// The last place up to `limit` where another log, of which `limit` is an entry, may agree:
    /// terms never fall along a log, so nothing of a later term than the limit's does.
    pub(super) fn agreement(&self, limit: Position) -> Position {
        let behind = self
            .entries
            .partition_point(|entry| entry.index <= limit.index && entry.term <= limit.term);
        match behind.checked_sub(1) {
            Some(offset) => {
                let Entry { index, term, .. } = self.entries[offset];
                Position { term, index }
            }
            None => self.base,
        }
    }

    pub(super) fn append(&mut self, entries: impl IntoIterator<Item = Entry<C>>) {
        self.entries.extend(entries);
    }

    /// Removes the entries from an index on.
    pub(super) fn truncate(&mut self, from: Index) {
        self.entries.truncate(self.offset(from));
    }

    /// Forgets the entries up to an index that is in the log.
    pub(super) fn compact(&mut self, to: Index) {
        if let Some(base) = self.position(to) {
            self.entries.drain(..self.offset(to + 1));
            self.base = base;
        }
    }

    /// Begins anew behind an entry.
    pub(super) fn reset(&mut self, base: Position) {
        *self = Log {
            base,
            entries: Vec::new(),
        };
    }

    fn offset(&self, index: Index) -> usize {
        let offset = index.saturating_sub(self.base.index + 1);
        usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(self.entries.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raft::Payload;

    /// A log behind a base, of entries with these terms.
    fn log(base: (Term, Index), terms: &[Term]) -> Log<()> {
        let base = Position {
            term: base.0,
            index: base.1,
        };
        let entry = |(index, term): (Index, &Term)| Entry {
            index,
            term: *term,
            payload: Payload::OpenSession,
        };
        Log::new(base, (base.index + 1..).zip(terms).map(entry).collect())
    }

    fn at(term: Term, index: Index) -> Position {
        Position { term, index }
    }

    #[test]
    fn the_base_has_a_term_and_what_is_before_it_has_none() {
        let log = log((2, 5), &[2, 3]);
        let terms: Vec<_> = (4..=8).map(|index| log.term_at(index)).collect();
        assert_eq!(terms, [None, Some(2), Some(2), Some(3), None]);
        assert_eq!(log.last(), at(3, 7));
    }

    #[test]
    fn a_batch_is_of_one_term() {
        let log = log((0, 0), &[1, 1, 2, 2, 2]);
        let indices = |from, max| -> Vec<Index> {
            log.batch(from, max)
                .iter()
                .map(|entry| entry.index)
                .collect()
        };
        assert_eq!(indices(1, 9), [1, 2]);
        assert_eq!(indices(3, 2), [3, 4]);
        assert!(indices(6, 9).is_empty());
    }

    #[test]
    fn logs_agree_no_later_than_where_terms_allow() {
        let log = log((1, 2), &[1, 1, 4, 4, 5]);
        assert_eq!(log.agreement(at(4, 9)), at(4, 6));
        assert_eq!(log.agreement(at(3, 9)), at(1, 4));
        assert_eq!(log.agreement(at(5, 5)), at(4, 5));
        assert_eq!(log.agreement(at(0, 9)), at(1, 2));
    }

    #[test]
    fn truncation_and_compaction_leave_the_rest() {
        let mut log = log((0, 0), &[1, 1, 2, 2, 2]);
        log.truncate(5);
        log.compact(2);
        assert_eq!((log.base(), log.last()), (at(1, 2), at(2, 4)));
        assert_eq!(log.get(2), None);
        log.truncate(1);
        assert_eq!(log.last(), at(1, 2));
    }
}
