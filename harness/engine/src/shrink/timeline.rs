//! The times of a plan that lists its operations, made shorter and rounder.
//!
//! All that is planned stands on one line of time: calls, beginnings and ends of injections. Their
//! order is kept; only the gaps between them change, and with them how long injections last.

use std::time::Duration;

use crate::Plan;

/// The times of all that is planned, in ascending order, without repetition.
pub(super) fn marks(plan: &Plan) -> Vec<Duration> {
    let calls = plan.script.iter().flat_map(|script| &script.calls);
    let begins = plan.injections.iter().map(|injection| injection.at);
    let ends = plan.injections.iter().map(|i| i.at + i.duration);
    let mut marks: Vec<Duration> = calls
        .map(|call| call.at)
        .chain(begins)
        .chain(ends)
        .collect();
    marks.sort_unstable();
    marks.dedup();
    marks
}

/// The plan with the gap before the `number`-th mark, counted from 0, of that length at most; all
/// that comes later moves.
pub(super) fn with_gap(plan: &Plan, number: usize, gap: Duration) -> Plan {
    let marks = marks(plan);
    let Some(mark) = marks.get(number).copied() else {
        return plan.clone();
    };
    let before = number.checked_sub(1).map_or(Duration::ZERO, |n| marks[n]);
    let moved = (mark - before).saturating_sub(gap);
    moved_by(plan, |at| if at >= mark { at - moved } else { at })
}

/// The plan with every gap of that length at most.
pub(super) fn with_gaps(plan: &Plan, gap: Duration) -> Plan {
    let numbers = 0..marks(plan).len();
    numbers.fold(plan.clone(), |plan, number| with_gap(&plan, number, gap))
}

/// The plan with all times rounded to that unit, injections that last no shorter than it.
pub(super) fn rounded(plan: &Plan, unit: Duration) -> Plan {
    let unit = unit.as_nanos().max(1);
    let round = |at: Duration| {
        let units = (at.as_nanos() + unit / 2) / unit;
        Duration::from_nanos(u64::try_from(units * unit).unwrap_or(u64::MAX))
    };
    let mut rounded = moved_by(plan, round);
    for (to, from) in rounded.injections.iter_mut().zip(&plan.injections) {
        if to.duration.is_zero() && !from.duration.is_zero() {
            to.duration = Duration::from_nanos(u64::try_from(unit).unwrap_or(u64::MAX));
        }
    }
    rounded
}

/// The plan whose time of faults is over so long after the last injection.
pub(super) fn ending(plan: &Plan, after: Duration) -> Plan {
    Plan {
        time: end_of_injections(plan) + after,
        ..plan.clone()
    }
}

fn end_of_injections(plan: &Plan) -> Duration {
    let ends = plan.injections.iter().map(|i| i.at + i.duration);
    ends.max().unwrap_or_default()
}

fn moved_by(plan: &Plan, place: impl Fn(Duration) -> Duration) -> Plan {
    let mut moved = plan.clone();
    for call in moved.script.iter_mut().flat_map(|script| &mut script.calls) {
        call.at = place(call.at);
    }
    for injection in &mut moved.injections {
        let end = place(injection.at + injection.duration);
        injection.at = place(injection.at);
        injection.duration = end - injection.at;
    }
    let slack = plan.time.saturating_sub(end_of_injections(plan));
    moved.time = end_of_injections(&moved) + slack;
    moved
}
