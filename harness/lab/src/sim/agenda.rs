//! What is going to happen, in the order of virtual time.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use testimony_engine::Nanos;

/// Events to come. Those of the same time happen in the order in which they were put down.
pub(super) struct Agenda<E> {
    heap: BinaryHeap<Item<E>>,
    next: u64,
}

struct Item<E> {
    at: Nanos,
    number: u64,
    event: E,
}

impl<E> Agenda<E> {
    pub(super) fn new() -> Self {
        Agenda {
            heap: BinaryHeap::new(),
            next: 0,
        }
    }

    /// Puts an event down. O(log n).
    pub(super) fn put(&mut self, at: Nanos, event: E) {
        let number = self.next;
        self.next += 1;
        self.heap.push(Item { at, number, event });
    }

    /// Takes the earliest event. O(log n).
    pub(super) fn take(&mut self) -> Option<(Nanos, E)> {
        self.heap.pop().map(|item| (item.at, item.event))
    }
}

impl<E> Ord for Item<E> {
    /// The earliest is the greatest: the heap gives the greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl<E> PartialOrd for Item<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Item<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<E> Eq for Item<E> {}

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
