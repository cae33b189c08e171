//! Which functions the clients of a history called, and which model that suggests.

use super::row::{Row, Who, Word};
use crate::{Event, Model, Process};

/// A set of words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Words(u32);

impl Words {
    /// The words that clients say in these events.
    pub(crate) fn of(events: &[Event]) -> Self {
        let mut words = Words::default();
        for event in events {
            if let Process::Client(_) = event.process {
                words.insert(Word::from_text(event.f.name().as_bytes()));
            }
        }
        words
    }

    /// The words that clients say in these rows.
    pub(crate) fn in_rows(rows: &[Row]) -> Self {
        let mut words = Words::default();
        for row in rows.iter().filter(|row| row.who != Who::Named) {
            words.insert(row.word);
        }
        words
    }

    pub(crate) fn insert(&mut self, word: Word) {
        self.0 |= 1 << word as u32;
    }

    /// The only model that has all the functions called, if there is exactly one that people would
    /// mean.
    pub(crate) fn suggested_model(self) -> Option<Model> {
        let only = |words: &[Word]| self.0 & !Words::from(words).0 == 0;
        let some = |words: &[Word]| self.0 & Words::from(words).0 != 0;
        if self == Words::default() {
            return None;
        }
        let fits = [
            (Model::Register, only(&[Word::Read, Word::Write])),
            (
                Model::CasRegister,
                only(&[Word::Read, Word::Write, Word::Cas]),
            ),
            (Model::Queue, only(&[Word::Enqueue, Word::Dequeue])),
            (Model::Mutex, only(&[Word::Acquire, Word::Release])),
            (Model::Counter, some(&[Word::Increment, Word::Decrement])),
        ];
        let fitting = fits.into_iter().find(|(_, fits)| *fits);
        fitting.map(|(model, _)| model)
    }
}

impl From<&[Word]> for Words {
    fn from(list: &[Word]) -> Self {
        let mut words = Words::default();
        for &word in list {
            words.insert(word);
        }
        words
    }
}
