//! What is known of sets: elements that were seen were added, and what nobody can notice; and how
//! to judge most sets without a search.
//!
//! An operation on one element takes no notice of the others. So unless some operation reads all of
//! them, each element is an object of its own.

mod apart;
mod elements;
mod growing;
mod states;
mod toggles;

use rustc_hash::{FxHashMap, FxHashSet};
use testimony_history::{Position, Value};

use super::timeline::{Timeline, positions_suffice};
use super::{Decided, Expert, Judged, Simplified, Stretch, close};
use crate::budget::Budget;
use crate::model::Model;
use crate::models::set::{Set, SetInput, SetOutput, SetState};
use crate::partition::{Op, narrow, select};
use crate::verdict::Algorithm;
use apart::search_each;
use elements::{Deed, Elements, deed};
use growing::grow;
use toggles::toggle;

type SetOp = Op<SetInput, SetOutput>;

/// Knows sets.
pub(crate) struct SetExpert;

/// What completed operations say about elements.
#[derive(Default)]
struct Sightings {
    /// When an element must have been there, at the latest.
    there: FxHashMap<Value, Position>,
    /// Elements that someone found missing.
    missing: FxHashSet<Value>,
    /// Every full read, as sorted elements.
    reads: Vec<std::sync::Arc<[Value]>>,
}

impl Expert<Set> for SetExpert {
    /// An element that was seen, was not there at first, and that only one operation can have
    /// added, was added before it was first seen. An unknown add of an element that nobody saw is
    /// left out: with it, any answer that tells the two sets apart would be illegal. So is an
    /// unknown remove of an element that nobody found missing.
    fn simplify(&self, model: &Set, ops: &[SetOp], _budget: &Budget) -> Simplified<Set> {
        let mut ops = ops.to_vec();
        let initial = model.init();
        let sightings = Sightings::among(&ops);
        let adders = adders(&ops);
        for (element, &by) in &sightings.there {
            let from_start = initial.binary_search(element).is_ok();
            if let Some([only]) = adders.get(element).map(Vec::as_slice)
                && !from_start
            {
                close(&mut ops[*only as usize], by);
            }
        }
        let keep: Vec<bool> = ops
            .iter()
            .map(|op| match &op.input {
                _ if op.returned.is_some() => true,
                SetInput::Add(element) => sightings.there.contains_key(element),
                SetInput::Remove(element) => sightings.found_missing(element),
                SetInput::Contains(_) | SetInput::Read => false,
            })
            .collect();
        Simplified::to(select(&ops, &keep))
    }

    fn decide(&self, model: &Set, ops: &[SetOp]) -> Option<Decided> {
        let elements = Elements::of(model, ops);
        let algorithm = if elements.together {
            Algorithm::SetChain
        } else {
            Algorithm::SetGreedy
        };
        judge(model, ops, &elements).decided(algorithm, ops)
    }

    fn possible_states(
        &self,
        model: &Set,
        stretch: &Stretch<'_, SetInput, SetOutput>,
    ) -> Option<Vec<SetState>> {
        states::possible(model, stretch)
    }
}

fn judge(model: &Set, ops: &[SetOp], elements: &Elements<'_>) -> Judged {
    let covers = covers(ops, elements).filter(|_| positions_suffice(ops));
    let Some(covers) = covers else {
        return if seen_from_nowhere(ops, elements) {
            Judged::Contradiction
        } else {
            Judged::NotCovered
        };
    };
    let by = |algorithm| -> Vec<bool> { covers.iter().map(|by| *by == algorithm).collect() };
    let (growing, toggling) = (by(Covered::Growing), by(Covered::Toggling));
    let timeline = Timeline::of(ops);
    let mut points = Vec::with_capacity(ops.len());
    let explained = grow(model, ops, elements, &growing, &timeline, &mut points)
        && (elements.together || toggle(ops, elements, &toggling, &timeline, &mut points));
    if !explained {
        return Judged::Contradiction;
    }
    search_each(
        ops,
        elements,
        &by(Covered::Searched),
        &timeline,
        &mut points,
    )
}

/// What an element is judged by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Covered {
    Growing,
    Toggling,
    Searched,
}

/// What each element is judged by; `None` if they cannot be judged one by one.
fn covers(ops: &[SetOp], elements: &Elements<'_>) -> Option<Vec<Covered>> {
    let mut facts = vec![Facts::default(); elements.count()];
    for (number, op) in ops.iter().enumerate() {
        let deed = deed(op);
        if deed == Deed::Nonsense {
            return None;
        }
        if let Some(element) = elements.about(narrow(number)) {
            facts[element as usize].note(deed);
        }
    }
    let together = elements.together;
    let covered = |facts: &Facts| match facts {
        _ if facts.grows(together) => Some(Covered::Growing),
        _ if together => None,
        _ if facts.silent => Some(Covered::Searched),
        _ => Some(Covered::Toggling),
    };
    facts.iter().map(covered).collect()
}

/// What the operations on one element are like.
#[derive(Clone, Copy, Default)]
struct Facts {
    /// A completed operation changed it, or not, and was not told which.
    silent: bool,
    /// A completed operation removed it, or may have.
    removed: bool,
    /// An unknown one may have.
    maybe_removed: bool,
    /// Some operation on it alone found it missing.
    missed: bool,
}

impl Facts {
    fn note(&mut self, deed: Deed) {
        match deed {
            Deed::Saw(there) => self.missed |= !there,
            Deed::Changed(there) => {
                self.missed |= there;
                self.removed |= !there;
            }
            Deed::Made(there) => {
                self.silent = true;
                self.removed |= !there;
            }
            Deed::MayHaveMade(there) => self.maybe_removed |= !there,
            Deed::Nothing | Deed::Nonsense => {}
        }
    }

    /// Whether it is never removed, as far as anyone can notice: an unknown remove is not noticed
    /// where nobody misses the element.
    fn grows(self, together: bool) -> bool {
        !self.removed && (!self.maybe_removed || !self.missed && !together)
    }
}

/// Whether an element was seen before the call of anything that may have added it.
fn seen_from_nowhere(ops: &[SetOp], elements: &Elements<'_>) -> bool {
    let mut added_from: Vec<Position> = elements
        .from_start
        .iter()
        .map(|&there| if there { 0 } else { Position::MAX })
        .collect();
    for (number, op) in ops.iter().enumerate() {
        let adds = matches!(
            deed(op),
            Deed::Changed(true) | Deed::Made(true) | Deed::MayHaveMade(true)
        );
        if let (true, Some(element)) = (adds, elements.about(narrow(number))) {
            let from = &mut added_from[element as usize];
            *from = op.called.min(*from);
        }
    }
    let by = |op: &SetOp, element: Option<u32>| {
        let from = element.map_or(Position::MAX, |element| added_from[element as usize]);
        op.returned.is_some_and(|returned| returned < from)
    };
    ops.iter().enumerate().any(|(number, op)| match &op.seen {
        Some(SetOutput::Elements(read)) => {
            read.windows(2).any(|pair| pair[0] == pair[1])
                || read.iter().any(|element| by(op, elements.number(element)))
        }
        _ => deed(op) == Deed::Saw(true) && by(op, elements.about(narrow(number))),
    })
}

impl Sightings {
    fn among(ops: &[SetOp]) -> Self {
        let mut sightings = Sightings::default();
        for op in ops {
            let (Some(seen), Some(by)) = (&op.seen, op.returned) else {
                continue;
            };
            match (&op.input, seen) {
                (SetInput::Read, SetOutput::Elements(elements)) => {
                    elements
                        .iter()
                        .for_each(|element| sightings.saw(element, by));
                    sightings.reads.push(elements.clone());
                }
                (SetInput::Contains(element) | SetInput::Remove(element), SetOutput::Was(true))
                | (SetInput::Add(element), SetOutput::Was(false)) => sightings.saw(element, by),
                (
                    SetInput::Contains(element) | SetInput::Remove(element),
                    SetOutput::Was(false),
                )
                | (SetInput::Add(element), SetOutput::Was(true)) => {
                    sightings.missing.insert(element.clone());
                }
                _ => {}
            }
        }
        sightings
    }

    fn saw(&mut self, element: &Value, by: Position) {
        let first = self.there.entry(element.clone()).or_insert(by);
        *first = by.min(*first);
    }

    fn found_missing(&self, element: &Value) -> bool {
        let lacks = |read: &std::sync::Arc<[Value]>| read.binary_search(element).is_err();
        self.missing.contains(element) || self.reads.iter().any(lacks)
    }
}

/// The operations that can have added each element.
fn adders(ops: &[SetOp]) -> FxHashMap<Value, Vec<u32>> {
    let mut adders: FxHashMap<Value, Vec<u32>> = FxHashMap::default();
    for (number, op) in ops.iter().enumerate() {
        match (&op.input, &op.seen) {
            (SetInput::Add(_), Some(SetOutput::Was(false))) => {}
            (SetInput::Add(element), _) => {
                adders
                    .entry(element.clone())
                    .or_default()
                    .push(narrow(number));
            }
            (SetInput::Remove(_) | SetInput::Contains(_) | SetInput::Read, _) => {}
        }
    }
    adders
}
