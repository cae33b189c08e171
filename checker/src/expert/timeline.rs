//! The calls and returns of a partition in one line, each at a place of its own.
//!
//! Every algorithm that decides a partition without a search thinks of an operation as a stretch of
//! places, from its call to its return, and gives it a point in there. Points that lie in these
//! stretches, taken in ascending order, never contradict real time: if one operation returned
//! before another was called, then so did its point come before. So an order is found by finding
//! points, and operations at one point may come in any order that suits them.

use crate::partition::{Op, narrow};

/// The place of an event that never happens.
pub(super) const NEVER: u32 = u32::MAX;

/// The events of a partition in order. At equal positions calls come before returns, since equal
/// positions put nothing in order.
#[derive(Debug)]
pub(super) struct Timeline {
    /// What happens at each place.
    pub(super) events: Vec<Event>,
    /// The place of each operation's call.
    pub(super) calls: Vec<u32>,
    /// The place of each operation's return; [`NEVER`] if its outcome is unknown.
    pub(super) returns: Vec<u32>,
}

/// The call or the return of an operation, by number in the partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Call(u32),
    Return(u32),
}

/// An operation with its point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) place: u32,
    pub(super) op: u32,
}

impl Timeline {
    /// The events of operations that are in the order of their calls. O(n log n).
    pub(super) fn of<I, O>(ops: &[Op<I, O>]) -> Self {
        let mut ends: Vec<(u32, u32)> = Vec::with_capacity(ops.len());
        for (number, op) in ops.iter().enumerate() {
            ends.extend(op.returned.map(|returned| (returned, narrow(number))));
        }
        ends.sort_unstable();
        let mut timeline = Timeline {
            events: Vec::with_capacity(ops.len() + ends.len()),
            calls: Vec::with_capacity(ops.len()),
            returns: vec![NEVER; ops.len()],
        };
        let mut ends = ends.into_iter().peekable();
        for (number, op) in ops.iter().enumerate() {
            while let Some((_, ended)) = ends.next_if(|(returned, _)| *returned < op.called) {
                timeline.end(ended);
            }
            timeline.calls.push(narrow(timeline.events.len()));
            timeline.events.push(Event::Call(narrow(number)));
        }
        ends.for_each(|(_, ended)| timeline.end(ended));
        timeline
    }

    fn end(&mut self, op: u32) {
        self.returns[op as usize] = narrow(self.events.len());
        self.events.push(Event::Return(op));
    }

    /// The operations in the order of their points; those at one point stay in the order given.
    pub(super) fn in_order(&self, points: &[Point]) -> Vec<u32> {
        let mut starts = vec![0_u32; self.events.len() + 1];
        for point in points {
            starts[point.place as usize + 1] += 1;
        }
        for place in 1..starts.len() {
            starts[place] += starts[place - 1];
        }
        let mut order = vec![0; points.len()];
        for point in points {
            let at = &mut starts[point.place as usize];
            order[*at as usize] = point.op;
            *at += 1;
        }
        order
    }
}

/// Whether the positions alone say all about order: no operation is linked to an earlier one of its
/// process by `after`. What is said of places holds only then.
pub(super) fn positions_suffice<I, O>(ops: &[Op<I, O>]) -> bool {
    ops.iter().all(|op| op.after.is_none())
}
