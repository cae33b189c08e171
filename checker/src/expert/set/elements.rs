//! Which operation of a set is about which element, and what it says of it.

use rustc_hash::FxHashMap;
use testimony_history::Value;

use super::SetOp;
use crate::models::set::{Set, SetInput, SetOutput};
use crate::partition::narrow;

/// No element: a read of all, or of nobody knows what.
const ALL: u32 = u32::MAX;

/// What an operation says of its element, or does to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// It found the element there, or missing.
    Saw(bool),
    /// It changed whether the element is there, to this.
    Changed(bool),
    /// It made it be there, or be missing, whatever was before.
    Made(bool),
    /// It may have.
    MayHaveMade(bool),
    /// Nothing.
    Nothing,
    /// No set answers so.
    Nonsense,
}

/// The elements that operations are about, by number.
#[derive(Debug)]
pub(super) struct Elements<'a> {
    numbers: FxHashMap<&'a Value, u32>,
    of: Vec<u32>,
    /// Whether some operation saw all of them at once.
    pub(super) together: bool,
    /// Whether each is there from the start.
    pub(super) from_start: Vec<bool>,
}

impl<'a> Elements<'a> {
    pub(super) fn of(model: &'a Set, ops: &'a [SetOp]) -> Self {
        let mut elements = Elements {
            numbers: FxHashMap::default(),
            of: Vec::with_capacity(ops.len()),
            together: ops
                .iter()
                .any(|op| op.input == SetInput::Read && op.seen.is_some()),
            from_start: vec![true; model.initial().len()],
        };
        for (number, element) in model.initial().iter().enumerate() {
            elements.numbers.insert(element, narrow(number));
        }
        for op in ops {
            let element = match &op.input {
                SetInput::Add(element)
                | SetInput::Remove(element)
                | SetInput::Contains(element) => elements.number_or_new(element),
                SetInput::Read => ALL,
            };
            elements.of.push(element);
        }
        elements
    }

    fn number_or_new(&mut self, element: &'a Value) -> u32 {
        let new = narrow(self.from_start.len());
        let number = *self.numbers.entry(element).or_insert(new);
        if number == new {
            self.from_start.push(false);
        }
        number
    }

    pub(super) fn count(&self) -> usize {
        self.from_start.len()
    }

    pub(super) fn number(&self, element: &Value) -> Option<u32> {
        self.numbers.get(element).copied()
    }

    /// The element that an operation is about; `None` if about all.
    pub(super) fn about(&self, op: u32) -> Option<u32> {
        Some(self.of[op as usize]).filter(|&element| element != ALL)
    }
}

/// What an operation says of its element, or does to it.
pub(super) fn deed(op: &SetOp) -> Deed {
    let makes = match op.input {
        SetInput::Add(_) => Some(true),
        SetInput::Remove(_) => Some(false),
        SetInput::Contains(_) | SetInput::Read => None,
    };
    let of_all = op.input == SetInput::Read;
    match (makes, &op.seen) {
        (Some(makes), None) => Deed::MayHaveMade(makes),
        (Some(makes), Some(SetOutput::Done)) => Deed::Made(makes),
        (Some(makes), Some(SetOutput::Was(true))) => Deed::Changed(makes),
        // An add that added nothing found the element, a remove that removed nothing did not.
        (Some(makes), Some(SetOutput::Was(false))) => Deed::Saw(makes),
        (None, None) => Deed::Nothing,
        (None, Some(SetOutput::Elements(_))) if of_all => Deed::Nothing,
        (None, Some(SetOutput::Done)) if !of_all => Deed::Nothing,
        (None, Some(SetOutput::Was(was))) if !of_all => Deed::Saw(*was),
        (_, Some(_)) => Deed::Nonsense,
    }
}
