//! Sound relaxations of recorded histories: whatever order explains a history, explains its
//! relaxation too (with the same answers or fewer). They are written from the definition of
//! linearizability and share nothing with the checker's own.

mod element;

use std::collections::BTreeMap;

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use testimony_history::{
    Answer, Call, Function, History, Model, Operation, Outcome, Position, RecordedHistory, Value,
};

pub(crate) use element::without_an_element;

pub(crate) type Op = Operation<Call, Answer>;

/// A relaxation of a history of some model; `None` where it does not apply.
pub(crate) type Relaxation = fn(Model, &RecordedHistory, &mut dyn Rng) -> Option<RecordedHistory>;

/// Every relaxation with its name.
pub(crate) const ALL: [(&str, Relaxation); 9] = [
    ("pure operations are left out", without_pure_operations),
    ("outcomes become unknown", with_outcomes_forgotten),
    ("swaps become writes", with_swaps_as_writes),
    ("optional results are left out", with_results_untold),
    ("intervals become wider", with_wider_intervals),
    ("the end is cut off", as_prefix),
    ("an element is left out", without_an_element),
    ("one key is kept", with_one_key),
    ("writes that nobody saw are left out", without_unseen_writes),
];

/// A history of these operations, in any order. `after` is an index into them. As in a recording,
/// calls come before returns at the same position, and every event has a position of its own.
pub(crate) fn history(mut ops: Vec<Op>) -> RecordedHistory {
    let calls = ops.iter().enumerate().map(|(at, op)| (op.called, 0, at));
    let returns = ops.iter().enumerate();
    let returns = returns.filter_map(|(at, op)| Some((op.returned?, 1, at)));
    let mut events: Vec<(Position, u8, usize)> = calls.chain(returns).collect();
    events.sort_unstable();
    let mut order = Vec::with_capacity(ops.len());
    for (position, (_, kind, at)) in (0..).zip(events) {
        if kind == 0 {
            ops[at].called = position;
            order.push(at);
        } else {
            ops[at].returned = Some(position);
        }
    }
    let mut place = vec![0; ops.len()];
    for (now, &before) in (0..).zip(&order) {
        place[before] = now;
    }
    let mut slots: Vec<Option<Op>> = ops.into_iter().map(Some).collect();
    let placed = order.into_iter().map(|at| {
        let mut op = slots[at].take().expect("each has one place");
        op.after = op.after.map(|earlier| place[earlier as usize]);
        op
    });
    History::from_operations(placed.collect())
}

/// The operations that are kept. Who came after one that is not, comes after whoever that came
/// after.
pub(crate) fn kept(ops: &[Op], keep: impl Fn(&Op) -> bool) -> RecordedHistory {
    let mut ops = ops.to_vec();
    let keep: Vec<bool> = ops.iter().map(keep).collect();
    for (at, keep) in keep.iter().enumerate() {
        if !keep {
            unlink(&mut ops, at);
        }
    }
    let mut place = Vec::with_capacity(ops.len());
    let mut left = 0;
    for &keep in &keep {
        place.push(left);
        left += u32::from(keep);
    }
    let chosen = ops
        .into_iter()
        .zip(keep)
        .filter_map(|(op, keep)| keep.then_some(op));
    let relinked = chosen.map(|mut op| {
        op.after = op.after.map(|earlier| place[earlier as usize]);
        op
    });
    history(relinked.collect())
}

/// Nothing comes after the operation any more because of its process alone.
fn unlink(ops: &mut [Op], at: usize) {
    let before = ops[at].after;
    let this = u32::try_from(at).ok();
    for op in &mut ops[at + 1..] {
        if op.after == this {
            op.after = before;
        }
    }
}

/// Makes the operation that of a process of its own, which is under no order but that of time.
fn alone(ops: &mut [Op], at: usize) {
    unlink(ops, at);
    ops[at].after = None;
    ops[at].process = fresh_process(ops);
}

fn fresh_process(ops: &[Op]) -> u64 {
    ops.iter()
        .map(|op| op.process)
        .max()
        .map_or(0, |most| most + 1)
}

/// Whether the operation leaves every state as it is that allows its answer.
fn is_pure(op: &Op) -> bool {
    let Outcome::Completed(answer) = &op.outcome else {
        return false;
    };
    match op.input.f {
        Function::Read | Function::Contains => true,
        Function::Cas => answer.swapped == Some(false),
        Function::Dequeue => answer.value == Some(Value::Null),
        Function::Acquire => answer.result == Some(Value::Bool(false)),
        _ => false,
    }
}

fn without_pure_operations(
    _: Model,
    history: &RecordedHistory,
    rng: &mut dyn Rng,
) -> Option<RecordedHistory> {
    let ops = history.operations();
    let seed: Vec<bool> = ops.iter().map(|_| rng.random_bool(0.3)).collect();
    let number: BTreeMap<u64, bool> = ops
        .iter()
        .zip(seed)
        .map(|(op, drop)| (op.call.index, drop))
        .collect();
    Some(kept(ops, |op| !(is_pure(op) && number[&op.call.index])))
}

fn with_outcomes_forgotten(
    model: Model,
    given: &RecordedHistory,
    rng: &mut dyn Rng,
) -> Option<RecordedHistory> {
    let mut ops = given.operations().to_vec();
    for at in 0..ops.len() {
        if rng.random_bool(0.03) && may_be_forgotten(model, &ops, at) {
            forget(model, &mut ops, at);
        }
    }
    Some(history(ops))
}

/// A mutex knows its holder by the process: only the last call of a process can be forgotten
/// without making two processes of one.
fn may_be_forgotten(model: Model, ops: &[Op], at: usize) -> bool {
    let last = || ops[at + 1..].iter().all(|op| op.process != ops[at].process);
    matches!(ops[at].outcome, Outcome::Completed(_)) && (model != Model::Mutex || last())
}

fn forget(model: Model, ops: &mut [Op], at: usize) {
    if model == Model::Mutex {
        unlink(ops, at);
    } else {
        alone(ops, at);
    }
    (ops[at].outcome, ops[at].returned) = (Outcome::Unknown, None);
}

fn with_swaps_as_writes(
    _: Model,
    given: &RecordedHistory,
    rng: &mut dyn Rng,
) -> Option<RecordedHistory> {
    let mut ops = given.operations().to_vec();
    let mut any = false;
    for op in &mut ops {
        let (Outcome::Completed(answer), Some(Value::List(pair))) = (&op.outcome, &op.input.value)
        else {
            continue;
        };
        let swapped = op.input.f == Function::Cas && answer.swapped == Some(true);
        if swapped && pair[1] != Value::Null && rng.random_bool(0.3) {
            op.input.value = Some(pair[1].clone());
            op.input.f = Function::Write;
            op.outcome = Outcome::Completed(Answer::default());
            any = true;
        }
    }
    any.then(|| history(ops))
}

fn with_results_untold(
    _: Model,
    given: &RecordedHistory,
    rng: &mut dyn Rng,
) -> Option<RecordedHistory> {
    let mut ops = given.operations().to_vec();
    for op in &mut ops {
        if let Outcome::Completed(answer) = &mut op.outcome
            && rng.random_bool(0.3)
        {
            answer.actual = None;
            let optional = match op.input.f {
                Function::Add | Function::Remove | Function::Append => true,
                Function::Acquire => matches!(answer.result, Some(Value::Int(_))),
                _ => false,
            };
            if optional {
                answer.result = None;
            }
        }
    }
    Some(history(ops))
}

fn with_wider_intervals(
    model: Model,
    given: &RecordedHistory,
    rng: &mut dyn Rng,
) -> Option<RecordedHistory> {
    let mut ops = given.operations().to_vec();
    if model == Model::Mutex || ops.is_empty() {
        return None;
    }
    for at in 0..ops.len() {
        if rng.random_bool(0.05) {
            alone(&mut ops, at);
            let (earlier, later) = (rng.random_range(0..20), rng.random_range(0..20));
            let op = &mut ops[at];
            op.called = op.called.saturating_sub(earlier);
            op.returned = op.returned.map(|returned| returned + later);
        }
    }
    Some(history(ops))
}

/// The history with one of its operations open from its first event to its last.
pub(crate) fn with_one_open_throughout(
    given: &RecordedHistory,
    rng: &mut dyn Rng,
) -> RecordedHistory {
    let mut ops = given.operations().to_vec();
    let last = ops.iter().filter_map(|op| op.returned).max();
    if !ops.is_empty() {
        let at = rng.random_range(0..ops.len());
        alone(&mut ops, at);
        // One place is made before all others.
        for op in &mut ops {
            op.called += 1;
            op.returned = op.returned.map(|returned| returned + 1);
        }
        ops[at].called = 0;
        if ops[at].returned.is_some() {
            ops[at].returned = last.map(|last| last + 2);
        }
    }
    history(ops)
}

fn as_prefix(model: Model, given: &RecordedHistory, rng: &mut dyn Rng) -> Option<RecordedHistory> {
    let most = given.operations().last()?.called;
    let cut = rng.random_range(0..=most);
    let prefix = kept(given.operations(), |op| op.called <= cut);
    let mut ops = prefix.into_operations();
    let cut = ops.last()?.called;
    for at in 0..ops.len() {
        if ops[at].returned.is_some_and(|returned| returned > cut) {
            forget(model, &mut ops, at);
        }
    }
    Some(history(ops))
}

fn with_one_key(_: Model, given: &RecordedHistory, rng: &mut dyn Rng) -> Option<RecordedHistory> {
    let mut keys: Vec<&Option<Value>> = given.operations().iter().map(|op| &op.input.key).collect();
    keys.sort();
    keys.dedup();
    if keys.len() < 2 {
        return None;
    }
    let key = (*keys.choose(rng)?).clone();
    Some(kept(given.operations(), |op| op.input.key == key))
}

/// Of a plain register only: a comparison would see that a value is absent.
fn without_unseen_writes(
    model: Model,
    given: &RecordedHistory,
    _: &mut dyn Rng,
) -> Option<RecordedHistory> {
    let ops = given.operations();
    if model != Model::Register {
        return None;
    }
    let seen = |write: &Op| {
        ops.iter().any(|op| match &op.outcome {
            Outcome::Completed(answer) => {
                op.input.f == Function::Read
                    && op.input.key == write.input.key
                    && answer.value == write.input.value
            }
            Outcome::Failed | Outcome::Unknown => false,
        })
    };
    Some(kept(ops, |op| op.input.f != Function::Write || seen(op)))
}
