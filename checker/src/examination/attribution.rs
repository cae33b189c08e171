//! Answers whose value several updates may have made, as if it had been one of them.
//!
//! A promise holds if there is an order of the versions in which it holds. Where answers leave open
//! which version they saw, it is enough that there is one for each of them: so versions are chosen,
//! by a simple rule, and if a promise holds then, it holds. If it does not, nothing is known; other
//! versions might have been the right ones.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;
use testimony_history::{Outcome, Value};

use super::versions::{Deed, Moment, NEVER, Sight, Versions};
use crate::models::cell::{CellInput, CellOutput};
use crate::models::{Cell, Decoded};

/// How many versions an answer is compared with that only says what its value is not.
const TRIES_MAX: usize = 64;

/// Which of the versions that had been called by the end of an answer it is said to have seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// The one that was called last.
    Latest,
    /// The last one that was surely there.
    Settled,
}

/// The versions in the order of a rule.
struct Line {
    /// When each counts for the rule, and which it is.
    all: Vec<(Moment, u32)>,
    /// The same of each value.
    of: FxHashMap<Value, Vec<(Moment, u32)>>,
}

impl Versions {
    /// The key with a version for every completed answer that shows a value, or which value it is
    /// not. Nothing if that cannot be had, or if there are appends.
    pub(super) fn attributed(&self, history: &Decoded<Cell>, rule: Rule) -> Option<Self> {
        if self.grows {
            return None;
        }
        let line = Line::of(self, rule);
        let mut chosen = self.clone();
        for (number, deed) in self.deeds.iter().enumerate() {
            let (Some(end), Sight::Several | Sight::Part) = (deed.end, deed.sight) else {
                continue;
            };
            let operation = &history.operations()[deed.source as usize];
            let Outcome::Completed(output) = &operation.outcome else {
                continue;
            };
            let own = |version: u32| deed.made == Some(version);
            let fits = |version: u32| {
                let value = &self.values[version as usize];
                !own(version) && shows(&operation.input.input, output, value)
            };
            let version = line.choose(shown(&operation.input.input, output), end, fits)?;
            chosen.deeds[number].sight = Sight::Version(version);
        }
        chosen.look_again();
        Some(chosen)
    }
}

impl Line {
    fn of(key: &Versions, rule: Rule) -> Self {
        let mut all: Vec<(Moment, u32)> = (0..)
            .zip(&key.versions)
            .map(|(number, version)| match rule {
                Rule::Latest => (version.start, number),
                Rule::Settled => (version.effect, number),
            })
            .filter(|(moment, _)| *moment < NEVER)
            .collect();
        all.sort_unstable_by_key(|&(moment, number)| (moment, Reverse(number)));
        let mut of: FxHashMap<Value, Vec<(Moment, u32)>> = FxHashMap::default();
        for &(moment, number) in &all {
            let value = key.values[number as usize].clone();
            of.entry(value).or_default().push((moment, number));
        }
        Line { all, of }
    }

    /// The last version by a moment that fits; of this value, if it is known.
    fn choose(&self, value: Option<&Value>, by: Moment, fits: impl Fn(u32) -> bool) -> Option<u32> {
        let line = value.map_or(Some(&self.all), |value| self.of.get(value))?;
        let before = line.partition_point(|&(moment, _)| moment <= by);
        let last = line[..before].iter().rev().take(TRIES_MAX);
        let mut numbers = last.map(|&(_, number)| number);
        numbers.find(|&number| fits(number))
    }
}

/// The value that an answer shows, if it shows one.
fn shown<'a>(input: &'a CellInput, output: &'a CellOutput) -> Option<&'a Value> {
    const NOTHING: &Value = &Value::Null;
    match (input, output) {
        (_, CellOutput::Value(value) | CellOutput::NotSwapped(Some(value))) => Some(value),
        (CellInput::Cas(old, _), CellOutput::Swapped) => Some(old),
        (_, CellOutput::Was(false)) => Some(NOTHING),
        _ => None,
    }
}

/// Whether an operation can have given this answer when it found a value.
fn shows(input: &CellInput, output: &CellOutput, found: &Value) -> bool {
    match (input, output) {
        (CellInput::Cas(old, _), CellOutput::NotSwapped(None)) => old != found,
        (_, CellOutput::Was(was)) => *was == (*found != Value::Null),
        _ => shown(input, output).is_none_or(|shown| shown == found),
    }
}

impl Versions {
    /// Finds out once more when each version was there.
    fn look_again(&mut self) {
        for version in self.versions.iter_mut().skip(1) {
            let maker = version.maker.map(|maker| &self.deeds[maker as usize]);
            let end = maker.and_then(|maker| maker.end);
            version.effect = end.unwrap_or(NEVER);
            version.effect_by = version.maker.unwrap_or_default();
            version.happened = end.is_some();
            version.before = maker.and_then(Deed::saw);
        }
        self.find_effects();
    }
}
