//! What a set can be when a stretch of a partition begins.
//!
//! The first read of all elements that must happen in the stretch says what was there, but for
//! elements that something in the stretch may have added or removed by then. Of these, what
//! happened earlier may say whether they were there: nothing that can have added it, and it was
//! not; nothing that can have removed it, and something that did add it, and it was.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use testimony_history::{Position, Value};

use super::{SetInput, SetOp, SetOutput};
use crate::expert::{MOST_STATES, Stretch};
use crate::model::Model;
use crate::models::set::{Set, SetState};

/// The states; `None` if there are too many, or if nothing reads all elements.
pub(super) fn possible(
    model: &Set,
    stretch: &Stretch<'_, SetInput, SetOutput>,
) -> Option<Vec<SetState>> {
    let (by, read) = stretch.first(|op| match &op.seen {
        Some(SetOutput::Elements(elements)) => Some(elements),
        _ => None,
    })?;
    let pasts = pasts(model, stretch, by);
    let touched = |element: &Value| pasts.iter().any(|(other, _)| *other == element);
    let certain = |element: &&Value| !touched(element);
    let mut states: Vec<Vec<Value>> = vec![read.iter().filter(certain).cloned().collect()];
    for (element, past) in &pasts {
        if past.was_there() == Some(false) {
            continue;
        }
        let with = states.iter().map(|state| {
            let mut state = state.clone();
            state.push((*element).clone());
            state
        });
        let with: Vec<Vec<Value>> = with.collect();
        if past.was_there() == Some(true) {
            states = with;
        } else {
            states.extend(with);
        }
        if states.len() > MOST_STATES {
            return None;
        }
    }
    let sorted = |mut state: Vec<Value>| {
        state.sort();
        state.dedup();
        Arc::new(state)
    };
    Some(states.into_iter().map(sorted).collect())
}

/// What happened to an element before the stretch.
#[derive(Clone, Copy, Default)]
struct Past {
    /// It was there from the start, or was added for certain.
    there: bool,
    /// Something may have added it.
    maybe_there: bool,
    /// Something may have removed it.
    maybe_gone: bool,
}

impl Past {
    fn was_there(self) -> Option<bool> {
        match self {
            Past {
                there: false,
                maybe_there: false,
                ..
            } => Some(false),
            Past {
                there: true,
                maybe_gone: false,
                ..
            } => Some(true),
            _ => None,
        }
    }
}

/// The elements that something in the stretch may have changed by a time, sorted, each with its
/// past.
fn pasts<'s>(
    model: &Set,
    stretch: &'s Stretch<'_, SetInput, SetOutput>,
    by: Position,
) -> Vec<(&'s Value, Past)> {
    let initial = model.init();
    let mut pasts: FxHashMap<&Value, Past> = FxHashMap::default();
    for op in stretch.ops.iter().filter(|op| op.called <= by) {
        if let SetInput::Add(element) | SetInput::Remove(element) = &op.input {
            let there = initial.binary_search(element).is_ok();
            pasts.entry(element).or_insert(Past {
                there,
                ..Past::default()
            });
        }
    }
    let old = stretch.old.iter().map(|op| (*op, true));
    let open = stretch.open().map(|op| (op, false));
    for (op, certain) in old.chain(open) {
        note(&mut pasts, op, certain);
    }
    let mut pasts: Vec<(&Value, Past)> = pasts.into_iter().collect();
    pasts.sort_by_key(|(element, _)| *element);
    pasts
}

fn note(pasts: &mut FxHashMap<&Value, Past>, op: &SetOp, certain: bool) {
    match &op.input {
        SetInput::Add(element) => {
            if let Some(past) = pasts.get_mut(element) {
                past.there |= certain;
                past.maybe_there = true;
            }
        }
        SetInput::Remove(element) => {
            if let Some(past) = pasts.get_mut(element) {
                past.maybe_gone = true;
            }
        }
        SetInput::Contains(_) | SetInput::Read => {}
    }
}
