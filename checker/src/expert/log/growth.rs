//! A log as something that only grows: its height is its length.
//!
//! An append whose offset was told makes the step from there. A known element at an offset that
//! nobody was told was appended by one of the operations that append this element, which are alike.
//! All other appends are free, and make the steps to what nobody knows. This leaves no choice
//! unless an element was appended more often, by operations that were told nothing, than it is
//! known to be there: such logs are left to the search.

use rustc_hash::FxHashMap;
use testimony_history::Value;

use super::LogOp;
use super::contents::Contents;
use crate::expert::climb::{By, Height, Mountain, Role, Step};
use crate::models::log::{LogInput, LogOutput};
use crate::partition::narrow;

/// The silent appends of an element, and the places that it is known to have.
#[derive(Clone, Copy, Debug, Default)]
struct Silent {
    appends: u32,
    places: u32,
    /// One of the appends.
    append: u32,
    /// The class of the appends, if there are several.
    class: Option<u32>,
}

/// Elements by their silent appends.
struct Silence<'a> {
    of: FxHashMap<&'a Value, Silent>,
    classes: u32,
}

/// What a log looks like to a climber.
pub(super) enum Growth {
    Mountain(Mountain),
    /// Some element is there that nobody can have appended.
    FromNowhere,
    /// It is not known who appended what.
    Ambiguous,
}

/// Whether nothing and the element `null` could be taken for each other.
pub(super) fn null_is_an_element(start: &[Value], ops: &[LogOp]) -> bool {
    start.contains(&Value::Null)
        || ops
            .iter()
            .any(|op| op.input == LogInput::Append(Value::Null))
}

/// How the log grows, given what it is known to hold and how long it is at first.
pub(super) fn growth(contents: &Contents<'_>, start: usize, ops: &[LogOp]) -> Growth {
    let silence = Silence::of(contents, start, ops);
    let known = || silence.of.values().filter(|silent| silent.places > 0);
    if known().any(|silent| silent.appends < silent.places) {
        return Growth::FromNowhere;
    }
    if known().any(|silent| silent.appends > silent.places) {
        return Growth::Ambiguous;
    }
    let steps = (start..contents.elements.len()).filter_map(|offset| {
        let by = match contents.told.get(&(offset as u64)) {
            Some(&op) => By::Op(op),
            None => silence.of[contents.elements[offset]?].by(),
        };
        Some(Step {
            from: offset as Height,
            to: offset as Height + 1,
            by,
        })
    });
    Growth::Mountain(Mountain {
        start: start as Height,
        steps: steps.collect(),
        roles: ops.iter().map(|op| role(op, &silence)).collect(),
        stride: 1,
        classes: silence.classes as usize,
    })
}

impl Silent {
    fn by(self) -> By {
        self.class.map_or(By::Op(self.append), By::Class)
    }
}

impl<'a> Silence<'a> {
    fn of(contents: &Contents<'a>, start: usize, ops: &'a [LogOp]) -> Self {
        let mut silence = Silence {
            of: FxHashMap::default(),
            classes: 0,
        };
        for (offset, element) in contents.elements.iter().enumerate().skip(start) {
            if let Some(element) = element
                && !contents.told.contains_key(&(offset as u64))
            {
                silence.of.entry(element).or_default().places += 1;
            }
        }
        for (number, op) in ops.iter().enumerate() {
            if let (LogInput::Append(element), None | Some(LogOutput::Done)) = (&op.input, &op.seen)
            {
                silence.append(element, narrow(number));
            }
        }
        silence
    }

    fn append(&mut self, element: &'a Value, op: u32) {
        let silent = self.of.entry(element).or_default();
        silent.append = op;
        silent.appends += 1;
        if silent.appends == 2 && silent.places > 0 {
            silent.class = Some(self.classes);
            self.classes += 1;
        }
    }
}

fn role(op: &LogOp, silence: &Silence<'_>) -> Role {
    match (&op.input, &op.seen) {
        (LogInput::Append(_), Some(LogOutput::Offset(_))) => Role::Told,
        (LogInput::Append(element), None | Some(LogOutput::Done)) => {
            let silent = silence.of.get(element).filter(|silent| silent.places > 0);
            match silent.map(|silent| silent.by()) {
                Some(By::Class(class)) => Role::Alike { class },
                Some(By::Op(_)) => Role::Told,
                None => Role::Free,
            }
        }
        (LogInput::Read, Some(LogOutput::Elements(read))) => Role::Sees(read.len() as Height),
        (LogInput::ReadAt(offset), Some(LogOutput::Element(element))) => {
            if *element == Value::Null {
                Role::SeesAtMost(Height::from(*offset))
            } else {
                Role::SeesAtLeast(Height::from(*offset) + 1)
            }
        }
        (LogInput::Read | LogInput::ReadAt(_), None) => Role::Dropped,
        // No log answers so.
        (LogInput::Read | LogInput::ReadAt(_) | LogInput::Append(_), Some(_)) => {
            Role::SeesAtMost(Height::MIN)
        }
    }
}
