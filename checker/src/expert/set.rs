//! What is known of sets: elements that were seen were added, and what nobody can notice.

use rustc_hash::{FxHashMap, FxHashSet};
use testimony_history::{Position, Value};

use super::{Expert, Simplified, close};
use crate::model::Model;
use crate::models::set::{Set, SetInput, SetOutput};
use crate::partition::{Op, narrow, select};

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
    fn simplify(&self, model: &Set, ops: &[SetOp]) -> Simplified<Set> {
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
