//! What is known of counters: how to judge those that only grow, or only shrink, without a search.
//!
//! An add that tells its result tells where it stands. Those that do not must all add the same: to
//! find which of several sums makes a number is NP-hard (Gibbons and Korach 1997). Counters that go
//! up and down are left to the search, without the adds that [`noticed`] leaves out.

mod bounds;
mod noticed;

use std::collections::BTreeSet;

use super::climb::{By, Height, Mountain, Role, Step, climb};
use super::timeline::{Timeline, positions_suffice};
use super::{Decided, Expert, Judged, MOST_STATES, Simplified, Stretch};
use crate::budget::Budget;
use crate::models::counter::{Counter, CounterInput, CounterOutput};
use crate::partition::{Op, narrow, select};
use crate::verdict::Algorithm;

type CounterOp = Op<CounterInput, CounterOutput>;

/// Knows counters.
pub(crate) struct CounterExpert;

impl Expert<Counter> for CounterExpert {
    fn simplify(
        &self,
        model: &Counter,
        ops: &[CounterOp],
        _budget: &Budget,
    ) -> Simplified<Counter> {
        let keep = noticed::noticed(model.initial(), ops);
        Simplified::to(select(ops, &keep))
    }

    fn decide(&self, model: &Counter, ops: &[CounterOp]) -> Option<Decided> {
        let timeline = Timeline::of(ops);
        let judged = if bounds::broken(model.initial(), ops, &timeline) {
            Judged::Contradiction
        } else if positions_suffice(ops) {
            judge(model.initial(), ops, &timeline)
        } else {
            Judged::NotCovered
        };
        judged.decided(Algorithm::CounterGreedy, ops)
    }

    /// What is old has been added. Of what was open, silent adds that came before may as well come
    /// first in the stretch: nobody was told what they made. An add that told its sum may have come
    /// before, or may not.
    fn possible_states(
        &self,
        model: &Counter,
        stretch: &Stretch<'_, CounterInput, CounterOutput>,
    ) -> Option<Vec<i128>> {
        let old = stretch.old.iter().map(|op| added(op.input)).sum::<i128>();
        let mut states = BTreeSet::from([model.initial() + old]);
        let tells = |op: &&CounterOp| matches!(op.seen, Some(CounterOutput::Value(_)));
        for op in stretch.open().filter(tells) {
            let with = |state: &i128| state + added(op.input);
            states.extend(states.iter().map(with).collect::<Vec<_>>());
            if states.len() > MOST_STATES {
                return None;
            }
        }
        Some(states.into_iter().collect())
    }
}

fn added(input: CounterInput) -> i128 {
    match input {
        CounterInput::Add(amount) => amount,
        CounterInput::Read => 0,
    }
}

fn judge(initial: i128, ops: &[CounterOp], timeline: &Timeline) -> Judged {
    let Some((mountain, certain)) = mountain(initial, ops) else {
        return Judged::NotCovered;
    };
    match climb(&mountain, timeline) {
        Some(order) => Judged::Order(order),
        None if certain => Judged::Contradiction,
        None => Judged::NotCovered,
    }
}

/// The counter as something that only grows, and whether that it cannot be climbed proves that
/// there is no order: not so if unknown adds were left out. `None` if it grows and shrinks, or if
/// silent adds differ.
fn mountain(initial: i128, ops: &[CounterOp]) -> Option<(Mountain, bool)> {
    let sign = direction(ops)?;
    let stride = stride(ops)?;
    let mut mountain = Mountain {
        start: sign * initial,
        roles: Vec::with_capacity(ops.len()),
        steps: Vec::new(),
        stride: sign * stride,
        classes: 0,
    };
    let mut certain = true;
    for (number, op) in ops.iter().enumerate() {
        let role = role(op, sign, stride);
        if role == Role::Told
            && let (CounterInput::Add(amount), Some(CounterOutput::Value(sum))) =
                (&op.input, &op.seen)
        {
            mountain.steps.push(Step {
                from: sign * (sum - amount),
                to: sign * sum,
                by: By::Op(narrow(number)),
            });
        }
        certain &= role != Role::Dropped || is_idle(op);
        mountain.roles.push(role);
    }
    mountain.steps.sort_unstable_by_key(|step| step.from);
    Some((mountain, certain))
}

fn role(op: &CounterOp, sign: Height, stride: i128) -> Role {
    match (op.input, op.seen) {
        (CounterInput::Read | CounterInput::Add(0), Some(CounterOutput::Value(seen))) => {
            Role::Sees(sign * seen)
        }
        (CounterInput::Add(_), Some(CounterOutput::Value(_))) => Role::Told,
        (CounterInput::Add(0), Some(CounterOutput::Done)) => Role::Blind,
        // No read answers so.
        (CounterInput::Read, Some(CounterOutput::Done)) => Role::SeesAtMost(Height::MIN),
        (CounterInput::Add(amount), _) if amount == stride && amount != 0 => Role::Free,
        (CounterInput::Add(_) | CounterInput::Read, _) => Role::Dropped,
    }
}

/// Whether an operation changes nothing, whether or not it happens.
fn is_idle(op: &CounterOp) -> bool {
    matches!(op.input, CounterInput::Read | CounterInput::Add(0))
}

/// 1 if nothing is taken away, -1 if nothing is added.
fn direction(ops: &[CounterOp]) -> Option<Height> {
    let any = |which: fn(i128) -> bool| {
        ops.iter()
            .any(|op| matches!(op.input, CounterInput::Add(amount) if which(amount)))
    };
    match (any(|amount| amount > 0), any(|amount| amount < 0)) {
        (true, true) => None,
        (_, false) => Some(1),
        (false, true) => Some(-1),
    }
}

/// What each silent add adds: all completed ones the same. If there are only unknown ones, and they
/// differ, or there are none, 0: then none of them is used.
fn stride(ops: &[CounterOp]) -> Option<i128> {
    let amounts = |returned: bool| {
        ops.iter()
            .filter(move |op| op.returned.is_some() == returned && !is_idle(op))
            .filter(|op| !matches!(op.seen, Some(CounterOutput::Value(_))))
            .filter_map(|op| match op.input {
                CounterInput::Add(amount) => Some(amount),
                CounterInput::Read => None,
            })
    };
    let mut completed = amounts(true);
    if let Some(first) = completed.next() {
        return completed.all(|amount| amount == first).then_some(first);
    }
    let mut unknown = amounts(false);
    let first = unknown.next().unwrap_or(0);
    let same = unknown.all(|amount| amount == first);
    Some(if same { first } else { 0 })
}
