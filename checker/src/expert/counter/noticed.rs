//! Unknown adds that cannot come before anybody who would notice them.
//!
//! Whoever sees a sum sees at least the start, all that was surely added by then, and all that may
//! have been taken away; and at most the reverse. An unknown add that leads beyond what was seen
//! comes after it in every order. If that is so of everyone who returns after its call, then it
//! comes last of all, and whatever order has it has room for the others without it.

use super::{CounterInput, CounterOp, CounterOutput, Height};
use crate::expert::timeline::{Event, Timeline};

/// What a sum seen leaves open, of adds that may have come before.
struct Sight {
    /// The place of its return.
    until: u32,
    /// How much more, and how much less, there may be before it than there surely was.
    more: Height,
    less: Height,
}

/// Which operations can be noticed. O(n log n).
pub(super) fn noticed(initial: i128, ops: &[CounterOp]) -> Vec<bool> {
    let all_known = ops.iter().all(|op| op.returned.is_some());
    if all_known {
        return vec![true; ops.len()];
    }
    let timeline = Timeline::of(ops);
    let sights = sights(initial, ops, &timeline);
    let room = room_from(&sights);
    let mut keep = Vec::with_capacity(ops.len());
    for (op, &call) in ops.iter().zip(&timeline.calls) {
        let later = sights.partition_point(|sight| sight.until < call);
        let (more, less) = room[later];
        keep.push(match op.input {
            _ if op.returned.is_some() => true,
            CounterInput::Read => false,
            CounterInput::Add(amount) if amount > 0 => amount <= more,
            CounterInput::Add(amount) => amount < 0 && -amount <= less,
        });
    }
    keep
}

/// Every sum that was seen, in the order of the returns.
fn sights(initial: i128, ops: &[CounterOp], timeline: &Timeline) -> Vec<Sight> {
    // What was added and taken away by the calls so far, and by the returns so far.
    let (mut called_up, mut called_down) = (initial, initial);
    let (mut certain_up, mut certain_down) = (0, 0);
    let mut floors: Vec<(Height, Height)> = vec![(0, 0); ops.len()];
    let mut sights = Vec::new();
    for (place, event) in (0..).zip(&timeline.events) {
        match *event {
            Event::Call(op) => {
                floors[op as usize] = (certain_up, certain_down);
                if let CounterInput::Add(amount) = ops[op as usize].input {
                    called_up += amount.max(0);
                    called_down += amount.min(0);
                }
            }
            Event::Return(op) => {
                let (up, down) = floors[op as usize];
                if let Some(CounterOutput::Value(seen)) = ops[op as usize].seen {
                    sights.push(Sight {
                        until: place,
                        more: seen - (called_down + up),
                        less: (called_up + down) - seen,
                    });
                }
                if let CounterInput::Add(amount) = ops[op as usize].input {
                    certain_up += amount.max(0);
                    certain_down += amount.min(0);
                }
            }
        }
    }
    sights
}

/// From each sight on, the most that any of them leaves open; nothing after the last.
fn room_from(sights: &[Sight]) -> Vec<(Height, Height)> {
    let mut room = vec![(0, 0); sights.len() + 1];
    for (at, sight) in sights.iter().enumerate().rev() {
        let (more, less) = room[at + 1];
        room[at] = (more.max(sight.more), less.max(sight.less));
    }
    room
}
