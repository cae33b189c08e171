//! One key of a log or of a set: an object of which each answer shows some elements there, and
//! others not there yet.
//!
//! An *entry* is an element that is there for good once it is there, and of which it is known who
//! puts it there: in a log what one append appends, in a set what is never removed. All else is
//! hidden: answers about it are counted, and nothing is claimed to hold that they could have
//! broken.

mod behind;
mod log;
mod places;
mod promises;
mod set;

use super::sessions::acts_of_sessions;
use super::versions::{Moment, NEVER};
use super::{Answers, Span};
use crate::partition::narrow;

/// An element that is there for good once it is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// When the first of those who may have put it there was called.
    pub(super) start: Moment,
    /// When it was surely there: somebody who put it there, or who saw it, had ended. [`NEVER`] if
    /// nobody knows that.
    pub(super) effect: Moment,
    /// The act whose end that was.
    pub(super) effect_by: u32,
    /// Who put it there, if only one can have.
    pub(super) maker: Option<u32>,
}

/// What an answer shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shown {
    /// All the entries that are there, in their order if there is one.
    pub(super) all: Option<Box<[u32]>>,
    /// Whether this one is there.
    pub(super) one: Option<(u32, bool)>,
    /// The fewest and the most elements that can be there; of a log only.
    pub(super) least: u64,
    pub(super) most: u64,
    /// Whether it says something of hidden elements as well.
    pub(super) hides: bool,
}

/// What an act saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// Nothing: it has no answer, or one that says nothing.
    Nothing,
    /// Something of hidden elements only.
    Hidden,
    /// What nobody had asked to put there by then, or what no such object answers; and whether it
    /// would be wrong at any time.
    Wrong { ever: bool },
    /// This.
    Shown(Shown),
}

/// An operation that may have happened.
#[derive(Clone, Debug)]
pub(super) struct Act {
    /// Its number in the history.
    pub(super) source: u32,
    pub(super) process: u64,
    pub(super) start: Moment,
    /// `None` for an unknown outcome.
    pub(super) end: Option<Moment>,
    /// Whether it puts something there, and the entry if it is none that is hidden.
    pub(super) puts: bool,
    pub(super) entry: Option<u32>,
    pub(super) sight: Sight,
    /// The entry that it says to be at an offset of the log.
    pub(super) place: Option<(u32, u64)>,
}

/// One key.
#[derive(Debug)]
pub(super) struct Growing {
    /// In the order of their calls.
    pub(super) acts: Vec<Act>,
    pub(super) entries: Vec<Entry>,
    /// Of a log how many elements it starts with. A set has no order.
    pub(super) log: Option<u64>,
}

impl Act {
    fn new(source: u32, process: u64, (start, end): Span) -> Self {
        Act {
            source,
            process,
            start,
            end,
            puts: false,
            entry: None,
            sight: Sight::Nothing,
            place: None,
        }
    }

    pub(super) fn shown(&self) -> Option<&Shown> {
        match &self.sight {
            Sight::Shown(shown) => Some(shown),
            Sight::Nothing | Sight::Hidden | Sight::Wrong { .. } => None,
        }
    }
}

impl Shown {
    fn nothing() -> Self {
        Shown {
            most: u64::MAX,
            ..Shown::default()
        }
    }

    /// Whether there is something that it shows not to be there.
    fn denies(&self) -> bool {
        self.all.is_some() || self.most < u64::MAX || self.one.is_some_and(|(_, there)| !there)
    }

    /// The entries that it shows to be there.
    fn there(&self) -> impl Iterator<Item = u32> {
        let one = self.one.filter(|(_, there)| *there).map(|(entry, _)| entry);
        self.all.iter().flatten().copied().chain(one)
    }
}

impl Growing {
    /// How many answers show what.
    pub(super) fn answers(&self) -> Answers {
        let mut answers = Answers::default();
        for act in &self.acts {
            let count = match &act.sight {
                Sight::Nothing => continue,
                Sight::Hidden => &mut answers.ambiguous,
                Sight::Wrong { .. } => &mut answers.unexplained,
                Sight::Shown(_) => &mut answers.asked,
            };
            *count += 1;
            answers.all += 1;
        }
        answers
    }

    /// Notes that an act puts an entry there.
    fn put(&mut self, entry: u32, act: u32) {
        let (start, end) = (self.acts[act as usize].start, self.acts[act as usize].end);
        let known = &mut self.entries[entry as usize];
        if known.start > start {
            known.start = start;
        }
        if let Some(end) = end.filter(|&end| end < known.effect) {
            (known.effect, known.effect_by) = (end, act);
        }
        self.acts[act as usize].entry = Some(entry);
    }

    /// An entry that only this act can have put there.
    fn new_entry(&mut self, act: u32) -> u32 {
        let entry = narrow(self.entries.len());
        self.entries.push(Entry {
            start: NEVER,
            effect: NEVER,
            effect_by: act,
            maker: Some(act),
        });
        self.put(entry, act);
        entry
    }

    /// An entry turns out to be hidden.
    fn forget(&mut self, entry: u32) {
        let known = &mut self.entries[entry as usize];
        (known.start, known.effect) = (NEVER, NEVER);
        if let Some(maker) = known.maker.take() {
            self.acts[maker as usize].entry = None;
        }
    }

    /// Sights of what had not been called yet are wrong; the others show since when entries are
    /// there.
    fn settle(&mut self) {
        for number in 0..self.acts.len() {
            let act = &self.acts[number];
            let (Some(end), Sight::Shown(shown)) = (act.end, &act.sight) else {
                continue;
            };
            let early = |entry: u32| self.entries[entry as usize].start > end;
            if shown.there().any(early) {
                self.acts[number].sight = Sight::Wrong { ever: false };
                continue;
            }
            for entry in shown.there() {
                let entry = &mut self.entries[entry as usize];
                if end < entry.effect {
                    (entry.effect, entry.effect_by) = (end, narrow(number));
                }
            }
        }
    }

    fn sessions(&self) -> Vec<Vec<u32>> {
        let acts = self.acts.iter();
        acts_of_sessions(acts.map(|act| (act.process, act.end.is_some())))
    }

    /// Whether an entry was surely there at some time.
    fn happened(&self, entry: u32) -> bool {
        self.entries[entry as usize].effect < NEVER
    }
}
