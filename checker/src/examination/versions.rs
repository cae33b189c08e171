//! The versions of one key: which operation made each, who saw it, and by when it was there.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use testimony_history::{Operation, Value};

use super::{Answers, Span};
use crate::models::cell::{CellInput, CellOutput};
use crate::models::{Cell, Decoded, KeyedInput};
use crate::partition::narrow;

/// A point on the axis that everything is measured on.
pub(super) type Moment = i64;
/// Before everything; after everything.
pub(super) const DAWN: Moment = Moment::MIN;
pub(super) const NEVER: Moment = Moment::MAX;

/// The version that was there from the start.
pub(super) const INITIAL: u32 = 0;

/// What an answer shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// Nothing of the value.
    Nothing,
    /// That there is a value, or which it is not.
    Part,
    /// This version.
    Version(u32),
    /// A value that several updates can have made.
    Several,
    /// A value that no update can have made; or that a comparison found what it expected and did
    /// not match.
    Unmade,
}

/// An operation that may have happened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deed {
    /// Its number in the history.
    pub(super) source: u32,
    pub(super) process: u64,
    pub(super) start: Moment,
    /// `None` for an unknown outcome.
    pub(super) end: Option<Moment>,
    pub(super) sight: Sight,
    /// The version that it makes if it takes effect.
    pub(super) made: Option<u32>,
}

impl Deed {
    /// The version that it saw, or sees if it takes effect.
    pub(super) fn saw(&self) -> Option<u32> {
        match self.sight {
            Sight::Version(version) => Some(version),
            Sight::Nothing | Sight::Part | Sight::Several | Sight::Unmade => None,
        }
    }
}

/// What one update makes, or the start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Version {
    /// The deed that makes it; the initial version has none.
    pub(super) maker: Option<u32>,
    /// When its maker was called.
    pub(super) start: Moment,
    /// When it was surely there: its maker, or somebody who saw it, had ended. [`NEVER`] if nobody
    /// knows that.
    pub(super) effect: Moment,
    /// The deed whose end that was.
    pub(super) effect_by: u32,
    /// The version that its maker saw.
    pub(super) before: Option<u32>,
    /// Whether its maker surely took effect.
    pub(super) happened: bool,
    /// Whether the maker surely changes the value: an append of nothing does not.
    pub(super) changes: bool,
}

/// One key.
#[derive(Clone, Debug)]
pub(super) struct Versions {
    /// In the order of their calls.
    pub(super) deeds: Vec<Deed>,
    pub(super) versions: Vec<Version>,
    /// Whether there are appends, and whether what one of them made, or found, is not known.
    pub(super) grows: bool,
    pub(super) unnamed: bool,
    /// What each version is, unless there are appends.
    pub(super) values: Vec<Value>,
}

type Op = Operation<KeyedInput<CellInput>, CellOutput>;

impl Versions {
    /// The key whose operations have these numbers, in the order of their calls.
    pub(super) fn of(
        initial: &Value,
        history: &Decoded<Cell>,
        numbers: &[u32],
        spans: &[Span],
    ) -> Self {
        let mut makers = Makers::new(initial);
        let mut deeds = Vec::with_capacity(numbers.len());
        for &source in numbers {
            let operation = &history.operations()[source as usize];
            let (start, end) = spans[source as usize];
            let deed = narrow(deeds.len());
            deeds.push(Deed {
                source,
                process: operation.process,
                start,
                end,
                sight: Sight::Nothing,
                made: makers.add(operation, deed, start, end),
            });
        }
        // Unknown ones last: what they ask for is no observation, and names no text.
        for known in [true, false] {
            for deed in deeds.iter_mut().filter(|deed| deed.end.is_some() == known) {
                let operation = &history.operations()[deed.source as usize];
                deed.sight = makers.sight(operation);
                if let (Some(made), Sight::Version(before)) = (deed.made, deed.sight) {
                    makers.versions[made as usize].before = Some(before);
                }
            }
        }
        let (grows, unnamed) = (makers.appends > 0, makers.appended_in_vain());
        let mut versions = Versions {
            deeds,
            versions: makers.versions,
            grows,
            unnamed,
            values: makers.values,
        };
        versions.find_effects();
        versions
    }

    /// How many answers show what.
    pub(super) fn answers(&self) -> Answers {
        let mut answers = Answers::default();
        for deed in self.deeds.iter().filter(|deed| deed.end.is_some()) {
            answers.all += u64::from(deed.sight != Sight::Nothing);
            match deed.sight {
                Sight::Nothing => {}
                Sight::Part => answers.partial += 1,
                Sight::Several => answers.ambiguous += 1,
                Sight::Unmade => answers.unexplained += 1,
                Sight::Version(_) if self.seen(deed).is_none() => answers.unexplained += 1,
                Sight::Version(_) => answers.asked += 1,
            }
        }
        answers
    }

    /// How many compare-and-sets of unknown outcome took effect, and found what cannot be
    /// attributed to one update.
    pub(super) fn unattributed(&self) -> u64 {
        let found = self.deeds.iter().filter(|deed| {
            let happened = |made: u32| self.versions[made as usize].happened;
            let hidden = matches!(deed.sight, Sight::Several | Sight::Unmade);
            hidden && deed.end.is_none() && deed.made.is_some_and(happened)
        });
        found.count() as u64
    }

    /// The version that a completed deed shows, unless its maker was called only later: such an
    /// answer is wrong, but says nothing of when its version was there.
    pub(super) fn seen(&self, deed: &Deed) -> Option<u32> {
        match deed.sight {
            Sight::Version(version) => {
                let start = self.versions[version as usize].start;
                deed.end.is_some_and(|end| start <= end).then_some(version)
            }
            Sight::Nothing | Sight::Part | Sight::Several | Sight::Unmade => None,
        }
    }

    /// When each version was surely there. A version that the maker of another saw was there when
    /// that other one was.
    pub(super) fn find_effects(&mut self) {
        for (number, deed) in (0..).zip(&self.deeds) {
            if let (Some(end), Sight::Version(version)) = (deed.end, deed.sight) {
                let seen = self.seen(deed).is_some();
                let version = &mut self.versions[version as usize];
                version.happened = true;
                if seen && end < version.effect {
                    (version.effect, version.effect_by) = (end, number);
                }
            }
        }
        // In the order of the effects, so that each version is lowered once at most.
        let happened = (0..narrow(self.versions.len()))
            .filter(|&version| self.versions[version as usize].happened);
        let mut order: Vec<u32> = happened.collect();
        order.sort_by_key(|&version| self.versions[version as usize].effect);
        for version in order {
            self.hand_back(version);
        }
    }

    fn hand_back(&mut self, mut version: u32) {
        let Version {
            effect, effect_by, ..
        } = self.versions[version as usize];
        while let Some(before) = self.versions[version as usize].before {
            let earlier = &mut self.versions[before as usize];
            let lowers = effect < earlier.effect && earlier.start <= effect;
            if !lowers && earlier.happened {
                return;
            }
            earlier.happened = true;
            if lowers {
                (earlier.effect, earlier.effect_by) = (effect, effect_by);
            }
            version = before;
        }
    }
}

/// Who can have made a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Maker {
    One(u32),
    Several,
}

/// The updates of a key, by what they make.
struct Makers {
    versions: Vec<Version>,
    values: Vec<Value>,
    direct: FxHashMap<Value, Maker>,
    /// Appends by their text.
    appended: FxHashMap<Arc<str>, Maker>,
    /// The lengths of those texts.
    lengths: Vec<usize>,
    /// The whole text that an append made, once somebody saw it.
    grown: FxHashMap<u32, Arc<str>>,
    appends: u32,
    /// Whether an append found something that cannot be attributed.
    rootless: bool,
}

/// What an update makes.
enum Made<'a> {
    Value(&'a Value),
    Longer(&'a Arc<str>),
}

impl Makers {
    fn new(initial: &Value) -> Self {
        let start = Version {
            maker: None,
            start: DAWN,
            effect: DAWN,
            effect_by: 0,
            before: None,
            happened: true,
            changes: true,
        };
        let mut makers = Makers {
            versions: vec![start],
            values: vec![initial.clone()],
            direct: FxHashMap::default(),
            appended: FxHashMap::default(),
            lengths: Vec::new(),
            grown: FxHashMap::default(),
            appends: 0,
            rootless: false,
        };
        makers.direct.insert(initial.clone(), Maker::One(INITIAL));
        makers
    }

    /// Notes the version that an operation makes, if it is an update.
    fn add(&mut self, op: &Op, deed: u32, start: Moment, end: Option<Moment>) -> Option<u32> {
        let made = made(op)?;
        let version = narrow(self.versions.len());
        let several = |maker: &mut Maker| *maker = Maker::Several;
        let one = Maker::One(version);
        let mut changes = true;
        match made {
            Made::Value(value) => {
                let entry = self.direct.entry(value.clone());
                entry.and_modify(several).or_insert(one);
                self.values.push(value.clone());
            }
            Made::Longer(text) => {
                self.values.push(Value::Null);
                let entry = self.appended.entry(text.clone());
                entry.and_modify(several).or_insert(one);
                if let Err(at) = self.lengths.binary_search(&text.len()) {
                    self.lengths.insert(at, text.len());
                }
                changes = !text.is_empty();
                self.appends += 1;
            }
        }
        self.versions.push(Version {
            maker: Some(deed),
            start,
            effect: end.unwrap_or(NEVER),
            effect_by: deed,
            before: None,
            happened: end.is_some(),
            changes,
        });
        Some(version)
    }

    /// What an operation saw, or sees if it takes effect.
    fn sight(&mut self, op: &Op) -> Sight {
        let seen = match &op.outcome {
            testimony_history::Outcome::Completed(output) => Some(output),
            _ => None,
        };
        match (&op.input.input, seen) {
            (CellInput::Cas(old, _), Some(CellOutput::NotSwapped(Some(value)))) if old == value => {
                Sight::Unmade
            }
            (CellInput::Read, Some(CellOutput::Value(value)))
            | (CellInput::Cas(..), Some(CellOutput::NotSwapped(Some(value))))
            | (CellInput::Cas(value, _), Some(CellOutput::Swapped)) => self.resolve(value),
            (CellInput::Cas(value, _), None) => self.named(value),
            (_, Some(CellOutput::Was(false))) => self.resolve(&Value::Null),
            (_, Some(CellOutput::NotSwapped(None) | CellOutput::Was(true))) => Sight::Part,
            _ => Sight::Nothing,
        }
    }

    /// The version with this value.
    fn resolve(&mut self, value: &Value) -> Sight {
        match self.maker_of(value) {
            None => Sight::Unmade,
            Some((Maker::Several, _)) => Sight::Several,
            Some((Maker::One(version), None)) => Sight::Version(version),
            Some((Maker::One(version), Some(rest))) => self.resolve_grown(version, value, rest),
        }
    }

    /// The version with this value, if that is known without anybody seeing it now.
    fn named(&self, value: &Value) -> Sight {
        match (self.maker_of(value), value) {
            (Some((Maker::One(version), None)), _) => Sight::Version(version),
            (Some((Maker::One(version), Some(_))), Value::Str(text))
                if self.grown.get(&version) == Some(text) =>
            {
                Sight::Version(version)
            }
            _ => Sight::Several,
        }
    }

    /// An append takes effect once, so it makes one text. Whatever was there before it is the
    /// version that it saw.
    fn resolve_grown(&mut self, version: u32, value: &Value, rest: usize) -> Sight {
        let Value::Str(text) = value else {
            return Sight::Several;
        };
        let (mut text, mut rest, mut version) = (text.clone(), rest, version);
        let sight = match self.grown.get(&version) {
            Some(known) if *known != text => return Sight::Several,
            Some(_) => return Sight::Version(version),
            None => Sight::Version(version),
        };
        loop {
            let before = text.get(..rest).unwrap_or_default().to_owned();
            self.grown.insert(version, text);
            let (maker, shorter, earlier) = if before.is_empty() {
                (self.maker_of_nothing(), None, Arc::default())
            } else {
                let earlier: Arc<str> = before.into();
                let found = self.maker_of(&Value::Str(earlier.clone()));
                let (maker, shorter) = found.unwrap_or((Maker::Several, None));
                (maker, shorter, earlier)
            };
            let known = |maker| self.grown.get(&maker).is_none_or(|it| *it == earlier);
            let Maker::One(maker) = maker else {
                self.rootless = true;
                return sight;
            };
            if shorter.is_some() && !known(maker) {
                self.rootless = true;
                return sight;
            }
            self.versions[version as usize].before = Some(maker);
            match shorter {
                Some(shorter) if !self.grown.contains_key(&maker) => {
                    (text, rest, version) = (earlier, shorter, maker);
                }
                _ => return sight,
            }
        }
    }

    /// Who can have made what an append finds where the text starts with its own: no value, or an
    /// empty one.
    fn maker_of_nothing(&self) -> Maker {
        let empty = Value::str("");
        let mut makers = [&Value::Null, &empty]
            .into_iter()
            .filter_map(|value| self.direct.get(value));
        match (makers.next(), makers.next(), self.appended.get("")) {
            (Some(&maker), None, None) => maker,
            _ => Maker::Several,
        }
    }

    /// Who can have made a value; of an append also how much of the text was there before it.
    fn maker_of(&self, value: &Value) -> Option<(Maker, Option<usize>)> {
        let mut found = self.direct.get(value).map(|&maker| (maker, None));
        if let Value::Str(text) = value {
            for (rest, maker) in self.appenders(text) {
                if !self.can_be(&text[..rest]) {
                    continue;
                }
                if found.is_some() {
                    return Some((Maker::Several, None));
                }
                found = Some((maker, Some(rest)));
            }
        }
        found
    }

    /// The appends whose text ends this one, with the length of what stands before.
    fn appenders<'a>(&'a self, text: &'a str) -> impl Iterator<Item = (usize, Maker)> + 'a {
        self.lengths.iter().filter_map(move |length| {
            let rest = text.len().checked_sub(*length)?;
            let end = text.get(rest..)?;
            self.appended.get(end).map(|&maker| (rest, maker))
        })
    }

    /// Whether anything at all can have made a text that an append found. No value counts as the
    /// empty text.
    fn can_be(&self, text: &str) -> bool {
        (text.is_empty() && self.direct.contains_key(&Value::Null))
            || self.appenders(text).next().is_some()
            || self.direct.contains_key(&Value::str(text))
    }

    /// Whether some append made, or found, what nobody can name.
    fn appended_in_vain(&self) -> bool {
        self.rootless || usize::try_from(self.appends).is_ok_and(|all| self.grown.len() < all)
    }
}

/// What an operation makes, if it takes effect. A compare-and-set of a value with itself makes
/// nothing.
fn made(op: &Op) -> Option<Made<'_>> {
    const NOTHING: &Value = &Value::Null;
    let told_no = matches!(
        op.outcome,
        testimony_history::Outcome::Completed(CellOutput::NotSwapped(_) | CellOutput::Was(false))
    );
    match &op.input.input {
        _ if told_no => None,
        CellInput::Write(value) => Some(Made::Value(value)),
        CellInput::Cas(old, new) => (old != new).then_some(Made::Value(new)),
        CellInput::Remove => Some(Made::Value(NOTHING)),
        CellInput::Append(text) => Some(Made::Longer(text)),
        CellInput::Read | CellInput::Contains => None,
    }
}
