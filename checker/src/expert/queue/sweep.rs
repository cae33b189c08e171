//! The sweep: tightens every interval, gives unknown dequeues to values that need one, and looks
//! for a contradiction. O(n log n).
//!
//! Values that are there from the start are enqueued at places of their own before all events.

use rustc_hash::FxHashMap;
use testimony_history::Value;

use super::spare::give_out;
use super::{QueueInput, QueueOp, QueueOutput};
use crate::expert::timeline::{NEVER, Timeline};
use crate::partition::narrow;

/// The places of calls and returns, after those of the values that are there from the start.
pub(super) struct Places {
    pub(super) calls: Vec<u32>,
    pub(super) returns: Vec<u32>,
    /// How many there are.
    pub(super) count: u32,
}

/// A value's way through the queue, as places of events.
#[derive(Clone, Debug)]
pub(super) struct Passage {
    /// `None` if it is there from the start.
    pub(super) enqueue: Option<u32>,
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

/// Looks for a contradiction.
pub(super) fn sweep(initial: &[Value], ops: &[QueueOp]) -> Swept {
    let places = Places::of(initial.len(), ops);
    let Some(mut values) = passages(initial, ops, &places) else {
        return Swept::Contradiction;
    };
    let empties = numbers(ops, |op| op.seen == Some(QueueOutput::Empty));
    let unknown = numbers(ops, |op| {
        op.input == QueueInput::Dequeue && op.returned.is_none()
    });
    let given = give_out(&mut values, unknown, &empties, &places);
    if !given || overtaken(&values) {
        return Swept::Contradiction;
    }
    match places_of_emptiness(&values, &empties, &places) {
        Some(empties) => Swept::Consistent { values, empties },
        None => Swept::Contradiction,
    }
}

impl Places {
    fn of(initial: usize, ops: &[QueueOp]) -> Self {
        let Timeline {
            events,
            mut calls,
            mut returns,
        } = Timeline::of(ops);
        let shift = narrow(initial);
        calls.iter_mut().for_each(|place| *place += shift);
        for place in returns.iter_mut().filter(|place| **place != NEVER) {
            *place += shift;
        }
        Places {
            calls,
            returns,
            count: shift + narrow(events.len()),
        }
    }
}

fn numbers(ops: &[QueueOp], which: impl Fn(&QueueOp) -> bool) -> Vec<u32> {
    (0..narrow(ops.len()))
        .filter(|&op| which(&ops[op as usize]))
        .collect()
}

/// The ways of all values that were enqueued for certain; `None` if a value was dequeued that
/// cannot have been there, or twice.
fn passages(initial: &[Value], ops: &[QueueOp], places: &Places) -> Option<Vec<Passage>> {
    let mut takers: FxHashMap<&Value, u32> = FxHashMap::default();
    for (number, op) in ops.iter().enumerate() {
        if let Some(QueueOutput::Value(value)) = &op.seen
            && takers.insert(value, narrow(number)).is_some()
        {
            return None;
        }
    }
    let mut values = Vec::new();
    let from_start = initial.iter().zip(0..);
    for (value, place) in from_start {
        let passage = Passage::new(None, place, place, takers.remove(value), places);
        values.push(passage.tightened()?);
    }
    for (number, op) in ops.iter().enumerate() {
        let QueueInput::Enqueue(value) = &op.input else {
            continue;
        };
        let taker = takers.remove(value);
        if taker.is_none() && op.returned.is_none() {
            continue;
        }
        let (from, until) = (places.calls[number], places.returns[number]);
        let passage = Passage::new(Some(narrow(number)), from, until, taker, places);
        values.push(passage.tightened()?);
    }
    takers.is_empty().then_some(values)
}

impl Passage {
    fn new(
        enqueue: Option<u32>,
        in_from: u32,
        in_until: u32,
        dequeue: Option<u32>,
        places: &Places,
    ) -> Self {
        let at = |places: &[u32]| dequeue.map_or(NEVER, |taker| places[taker as usize]);
        Passage {
            enqueue,
            dequeue,
            in_from,
            in_until,
            out_from: at(&places.calls),
            out_until: at(&places.returns),
        }
    }

    /// A value leaves after it has come. `None` if it cannot.
    pub(super) fn tightened(mut self) -> Option<Self> {
        self.in_until = self.in_until.min(self.out_until);
        self.out_from = self.out_from.max(self.in_from);
        (self.in_from <= self.in_until && self.out_from <= self.out_until).then_some(self)
    }
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
fn places_of_emptiness(values: &[Passage], empties: &[u32], places: &Places) -> Option<Vec<Empty>> {
    let mut occupied = vec![0_i32; places.count as usize + 1];
    for value in values {
        value.occupies(&mut occupied);
    }
    let next = next_not_above_zero(&occupied);
    let place = |&op: &u32| {
        let place = next[places.calls[op as usize] as usize];
        (place <= places.returns[op as usize]).then_some(Empty { op, place })
    };
    empties.iter().map(place).collect()
}

impl Passage {
    /// Notes the places at which the value is in the queue for certain, as a difference to the
    /// place before.
    pub(super) fn occupies(&self, occupied: &mut [i32]) {
        let (first, end) = (self.in_until.saturating_add(1), self.out_from);
        if first < end && (first as usize) < occupied.len() {
            occupied[first as usize] += 1;
            if let Some(after) = occupied.get_mut(end as usize) {
                *after -= 1;
            }
        }
    }
}

/// For each place the first one, from there on, at which the sum of the differences so far is not
/// above zero; [`NEVER`] if there is none.
pub(super) fn next_not_above_zero(differences: &[i32]) -> Vec<u32> {
    let mut sum = 0;
    let mut next: Vec<u32> = differences
        .iter()
        .zip(0..)
        .map(|(difference, place)| {
            sum += difference;
            if sum <= 0 { place } else { NEVER }
        })
        .collect();
    for place in (1..next.len()).rev() {
        next[place - 1] = next[place - 1].min(next[place]);
    }
    next
}
