//! Histories of operations whose times were changed.

use testimony_history::{Answer, Call, History, Operation, Outcome, RecordedHistory};

type Op = Operation<Call, Answer>;

/// Positions from times, calls before returns.
pub(crate) fn ranked(mut moved: Vec<(i64, i64, Op)>) -> RecordedHistory {
    moved.sort_by_key(|(start, ..)| *start);
    let mut events: Vec<(i64, bool, usize)> = Vec::new();
    for (number, (start, end, _)) in moved.iter().enumerate() {
        events.push((*start, false, number));
        events.push((*end, true, number));
    }
    events.sort_unstable();
    for (position, (_, returns, number)) in (0..).zip(events) {
        let op = &mut moved[number].2;
        if returns {
            op.returned = (op.outcome != Outcome::Unknown).then_some(position);
        } else {
            op.called = position;
        }
        op.after = None;
        op.process = number as u64;
    }
    History::from_operations(moved.into_iter().map(|(_, _, op)| op).collect())
}
