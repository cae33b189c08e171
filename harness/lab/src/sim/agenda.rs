//! What is going to happen, in the order of virtual time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use testimony_engine::Nanos;

/// Events to come. Those of the same time happen in the order in which they were put down.
///
/// The heap orders small keys only: events are large, and moving them about was a tenth of a run.
pub(super) struct Agenda<E> {
    keys: BinaryHeap<Reverse<Key>>,
    next: u64,
    events: Vec<Option<E>>,
    /// Places in `events` that are free again.
    free: Vec<u32>,
}

/// When, then in which order; and where the event lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    at: Nanos,
    number: u64,
    place: u32,
}

impl<E> Agenda<E> {
    pub(super) fn new() -> Self {
        Agenda {
            keys: BinaryHeap::new(),
            next: 0,
            events: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Puts an event down. O(log n).
    pub(super) fn put(&mut self, at: Nanos, event: E) {
        let number = self.next;
        self.next += 1;
        let place = self.free.pop().unwrap_or_else(|| {
            self.events.push(None);
            u32::try_from(self.events.len() - 1).expect("fewer than 2^32 events at a time")
        });
        self.events[place as usize] = Some(event);
        self.keys.push(Reverse(Key { at, number, place }));
    }

    /// Takes the earliest event. O(log n).
    pub(super) fn take(&mut self) -> Option<(Nanos, E)> {
        let Reverse(Key { at, place, .. }) = self.keys.pop()?;
        self.free.push(place);
        let event = self.events[place as usize].take()?;
        Some((at, event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_the_same_time_keep_their_order() {
        let mut agenda = Agenda::new();
        for (at, event) in [(5, 'c'), (3, 'a'), (5, 'd'), (4, 'b')] {
            agenda.put(Nanos(at), event);
        }
        let taken: String = std::iter::from_fn(|| agenda.take().map(|(_, e)| e)).collect();
        assert_eq!(taken, "abcd");
    }
}
