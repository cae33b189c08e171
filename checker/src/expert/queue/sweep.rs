//! The sweep: tightens every interval, gives unknown dequeues to values that need one, and looks
//! for a contradiction. O(n log n).

use rustc_hash::FxHashMap;
use testimony_history::Value;

use super::{QueueInput, QueueOp, QueueOutput, places};
use crate::partition::narrow;

/// The place of an event that never happens.
pub(super) const NEVER: u32 = u32::MAX;

/// A value's way through the queue, as places of events.
#[derive(Clone, Debug)]
pub(super) struct Passage {
    pub(super) enqueue: u32,
    pub(super) dequeue: Option<u32>,
    /// The enqueue is not before.
    pub(super) in_from: u32,
    /// The enqueue is not after.
    pub(super) in_until: u32,
    /// The dequeue is not before.
    pub(super) out_from: u32,
    /// The dequeue is not after.
    pub(super) out_until: u32,
}

/// An operation that found the queue empty, and a place where it was.
#[derive(Clone, Debug)]
pub(super) struct Empty {
    pub(super) op: u32,
    pub(super) place: u32,
}

/// What the sweep found.
pub(super) enum Swept {
    /// No order exists.
    Contradiction,
    /// One does.
    Consistent {
        values: Vec<Passage>,
        empties: Vec<Empty>,
    },
}

/// `None` if the queue is not covered: unknown dequeues and findings of emptiness together.
pub(super) fn sweep(ops: &[QueueOp]) -> Option<Swept> {
    let (calls, returns) = places(ops);
    let Some(mut values) = passages(ops, &calls, &returns) else {
        return Some(Swept::Contradiction);
    };
    let empties = numbers(ops, |op| op.seen == Some(QueueOutput::Empty));
    let unknown = numbers(ops, |op| {
        op.input == QueueInput::Dequeue && op.returned.is_none()
    });
    let left_over = values.iter().any(|value| value.dequeue.is_none());
    if left_over && !unknown.is_empty() {
        if !empties.is_empty() {
            return None;
        }
        if !give_out(&mut values, unknown, &calls) {
            return Some(Swept::Contradiction);
        }
    }
    if overtaken(&values) {
        return Some(Swept::Contradiction);
    }
    Some(
        match places_of_emptiness(&values, &empties, &calls, &returns) {
            Some(empties) => Swept::Consistent { values, empties },
            None => Swept::Contradiction,
        },
    )
}

fn numbers(ops: &[QueueOp], which: impl Fn(&QueueOp) -> bool) -> Vec<u32> {
    (0..narrow(ops.len()))
        .filter(|&op| which(&ops[op as usize]))
        .collect()
}

/// The ways of all values that were enqueued for certain; `None` if a value was dequeued that
/// cannot have been there, or twice.
fn passages(ops: &[QueueOp], calls: &[u32], returns: &[u32]) -> Option<Vec<Passage>> {
    let mut takers: FxHashMap<&Value, u32> = FxHashMap::default();
    for (number, op) in ops.iter().enumerate() {
        if let Some(QueueOutput::Value(value)) = &op.seen
            && takers.insert(value, narrow(number)).is_some()
        {
            return None;
        }
    }
    let mut values = Vec::new();
    for (number, op) in ops.iter().enumerate() {
        let QueueInput::Enqueue(value) = &op.input else {
            continue;
        };
        let taker = takers.remove(value);
        if taker.is_none() && op.returned.is_none() {
            continue;
        }
        let at = |places: &[u32]| taker.map_or(NEVER, |taker| places[taker as usize]);
        let passage = Passage {
            enqueue: narrow(number),
            dequeue: taker,
            in_from: calls[number],
            in_until: returns[number],
            out_from: at(calls),
            out_until: at(returns),
        };
        values.push(passage.tightened()?);
    }
    takers.is_empty().then_some(values)
}

impl Passage {
    /// A value leaves after it has come. `None` if it cannot.
    fn tightened(mut self) -> Option<Self> {
        self.in_until = self.in_until.min(self.out_until);
        self.out_from = self.out_from.max(self.in_from);
        (self.in_from <= self.in_until && self.out_from <= self.out_until).then_some(self)
    }
}

/// Gives an unknown dequeue to every value that must have left although nobody is known to have
/// taken it: one enqueued after it was dequeued by a certain time. The earliest deadline gets the
/// earliest call. Whether there are enough.
fn give_out(values: &mut [Passage], mut unknown: Vec<u32>, calls: &[u32]) -> bool {
    let mut later: Vec<(u32, u32)> = values.iter().map(|v| (v.in_from, v.out_until)).collect();
    later.sort_unstable();
    // For each suffix of the values by enqueue, when the first of them has left.
    let mut soonest = vec![NEVER; later.len() + 1];
    for (at, (_, out)) in later.iter().enumerate().rev() {
        soonest[at] = soonest[at + 1].min(*out);
    }
    let mut needy: Vec<(u32, usize)> = Vec::new();
    for (number, value) in values
        .iter()
        .enumerate()
        .filter(|(_, v)| v.dequeue.is_none())
    {
        let deadline = soonest[later.partition_point(|(from, _)| *from <= value.in_until)];
        if deadline != NEVER {
            needy.push((deadline, number));
        }
    }
    needy.sort_unstable();
    unknown.sort_unstable_by_key(|&op| calls[op as usize]);
    if needy.len() > unknown.len() {
        return false;
    }
    needy
        .into_iter()
        .zip(unknown)
        .all(|((deadline, number), taker)| {
            let value = &mut values[number];
            (value.dequeue, value.out_from, value.out_until) =
                (Some(taker), calls[taker as usize], deadline);
            let tightened = value.clone().tightened();
            let possible = tightened.is_some();
            if let Some(tightened) = tightened {
                *value = tightened;
            }
            possible
        })
}

/// Whether some value is enqueued for certain before another, and dequeued for certain after it.
fn overtaken(values: &[Passage]) -> bool {
    let mut by_end: Vec<&Passage> = values.iter().collect();
    by_end.sort_unstable_by_key(|value| value.in_until);
    let mut by_start: Vec<&Passage> = values.iter().collect();
    by_start.sort_unstable_by_key(|value| value.in_from);
    let mut earlier = by_end.into_iter().peekable();
    let mut last_out = 0;
    by_start.into_iter().any(|value| {
        while let Some(other) = earlier.next_if(|other| other.in_until < value.in_from) {
            last_out = last_out.max(other.out_from);
        }
        value.out_until < last_out
    })
}

/// For each operation that found the queue empty, the first place in its time at which no value is
/// in the queue for certain. `None` if one has none.
fn places_of_emptiness(
    values: &[Passage],
    empties: &[u32],
    calls: &[u32],
    returns: &[u32],
) -> Option<Vec<Empty>> {
    let mut occupied: Vec<(u32, u32)> = values
        .iter()
        .filter(|value| value.in_until < value.out_from)
        .map(|value| (value.in_until + 1, value.out_from - 1))
        .filter(|(first, last)| first <= last)
        .collect();
    occupied.sort_unstable();
    let mut merged: Vec<(u32, u32)> = Vec::new();
    for (first, last) in occupied {
        match merged.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => merged.push((first, last)),
        }
    }
    let place = |&op: &u32| {
        let from = calls[op as usize];
        let before = merged.partition_point(|(first, _)| *first <= from);
        let covered = before
            .checked_sub(1)
            .map(|at| merged[at])
            .filter(|(_, last)| *last >= from);
        let place = covered.map_or(from, |(_, last)| last.saturating_add(1));
        (place <= returns[op as usize]).then_some(Empty { op, place })
    };
    empties.iter().map(place).collect()
}
