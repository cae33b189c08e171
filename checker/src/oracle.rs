//! Brute force: tries every order. It is the judge of judges, so it is as plain as can be and
//! shares nothing with the search but the model.

use std::collections::HashSet;

use testimony_history::{History, Model as Kind, Operation, Outcome, RecordedHistory, Value};

use crate::model::Model;
use crate::models::{Bundled, Keyed, decode, for_bundled};

/// The most operations (failed ones excluded) that the oracle takes on.
pub const MOST_OPERATIONS: usize = 24;

/// Whether some order explains the history; `None` if it has more than [`MOST_OPERATIONS`]
/// operations on one key. Exponential in time and memory: meant for a dozen operations.
pub fn is_linearizable<M: Model>(
    model: &M,
    history: &History<M::Input, M::Output>,
) -> Option<bool> {
    let operations = history.operations();
    let mut keys: Vec<Option<Value>> = operations.iter().map(|op| model.key(&op.input)).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        let happened = |op: &Operation<_, _>| !matches!(op.outcome, Outcome::Failed);
        let part: Vec<usize> = (0..operations.len())
            .filter(|&op| happened(&operations[op]) && model.key(&operations[op].input) == key)
            .collect();
        if part.len() > MOST_OPERATIONS {
            return None;
        }
        let mut tried = HashSet::new();
        if !explain(model, operations, &part, 0, &model.init(), &mut tried) {
            return Some(false);
        }
    }
    Some(true)
}

/// [`is_linearizable`] for a recorded history and a bundled model; the error says why the model
/// cannot read it.
pub fn judge_recorded(
    model: Kind,
    initial: Option<&Value>,
    history: &RecordedHistory,
) -> Result<Option<bool>, String> {
    for_bundled!(model, B => {
        let model = Keyed(<B as Bundled>::starting_as(initial)?);
        Ok(is_linearizable(&model, &decode::<B>(history)?))
    })
}

/// Whether the operations of `part` that are not in `done` can follow in some order.
fn explain<M: Model>(
    model: &M,
    operations: &[Operation<M::Input, M::Output>],
    part: &[usize],
    done: u32,
    state: &M::State,
    tried: &mut HashSet<(u32, M::State)>,
) -> bool {
    let is_done = |place: usize| done >> place & 1 == 1;
    let completed = |place: usize| matches!(operations[part[place]].outcome, Outcome::Completed(_));
    if (0..part.len()).all(|place| is_done(place) || !completed(place)) {
        return true;
    }
    if !tried.insert((done, state.clone())) {
        return false;
    }
    (0..part.len())
        .filter(|&place| !is_done(place))
        .any(|place| {
            let first = (0..part.len()).all(|other| {
                let waiting = completed(other) && !is_done(other);
                other == place || !waiting || !precedes(operations, part[other], part[place])
            });
            let operation = &operations[part[place]];
            let seen = match &operation.outcome {
                Outcome::Completed(output) => Some(output),
                Outcome::Failed | Outcome::Unknown => None,
            };
            first
                && model
                    .step(state, &operation.input, seen)
                    .is_some_and(|next| {
                        explain(model, operations, part, done | 1 << place, &next, tried)
                    })
        })
}

/// Whether completed operation `a` must come before `b`: it returned before `b` was called, or
/// their process made it first.
fn precedes<I, O>(operations: &[Operation<I, O>], a: usize, b: usize) -> bool {
    if operations[a]
        .returned
        .is_some_and(|returned| returned < operations[b].called)
    {
        return true;
    }
    let mut at = b;
    while let Some(before) = operations[at].after {
        at = before as usize;
        if at == a {
            return true;
        }
        if matches!(operations[at].outcome, Outcome::Unknown) {
            return false;
        }
    }
    false
}
