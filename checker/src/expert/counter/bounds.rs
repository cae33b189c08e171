//! Numbers that a counter cannot have been at, whatever the order.
//!
//! Whoever was told a number at some time says what the counter was at least from then on: that,
//! with all that was added certainly since, and without all that may have been taken away since.
//! Such a *floor* holds for whoever calls later. The counter's start is the first floor; Jepsen's
//! checker of counters knows no other. The reverse of it all is a ceiling.

use super::CounterOp;
use crate::expert::timeline::{Event, Timeline};
use crate::models::counter::{CounterInput, CounterOutput};

/// So many floors are remembered: one that is older than all of these, and than the start is
/// younger, says something of its own only while an add hangs.
const MOST: usize = 32;

/// Whether some number was seen that is below a floor or above a ceiling. O(n).
pub(super) fn broken(initial: i128, ops: &[CounterOp], timeline: &Timeline) -> bool {
    [1, -1]
        .into_iter()
        .any(|sign| Floors::new(sign, initial, ops, timeline).broken())
}

/// What the counter was at least; the counter upside down where the sign is negative.
struct Floors<'a> {
    sign: i128,
    ops: &'a [CounterOp],
    timeline: &'a Timeline,
    /// The oldest first. All are to be lowered by what may have been taken away so far.
    floors: Vec<Floor>,
    /// The amounts of all that was called so far and takes away; of all that returned.
    may_be_gone: i128,
    is_gone: i128,
    /// For each operation, the highest floor when it was called, and what was gone.
    at_call: Vec<(i128, i128)>,
}

struct Floor {
    /// The place of the return of who was told.
    since: u32,
    least: i128,
}

impl<'a> Floors<'a> {
    fn new(sign: i128, initial: i128, ops: &'a [CounterOp], timeline: &'a Timeline) -> Self {
        let start = Floor {
            since: 0,
            least: sign * initial,
        };
        Floors {
            sign,
            ops,
            timeline,
            floors: vec![start],
            may_be_gone: 0,
            is_gone: 0,
            at_call: vec![(0, 0); ops.len()],
        }
    }

    fn broken(mut self) -> bool {
        let timeline = self.timeline;
        timeline.events.iter().any(|event| match *event {
            Event::Call(op) => {
                self.call(op);
                false
            }
            Event::Return(op) => self.end(op),
        })
    }

    fn amount(&self, op: u32) -> i128 {
        match self.ops[op as usize].input {
            CounterInput::Add(amount) => self.sign * amount,
            CounterInput::Read => 0,
        }
    }

    fn call(&mut self, op: u32) {
        let highest = self.floors.iter().map(|floor| floor.least).max();
        self.at_call[op as usize] = (highest.unwrap_or(i128::MIN), self.is_gone);
        self.may_be_gone += self.amount(op).min(0);
    }

    /// Whether the operation was told a number that is too low.
    fn end(&mut self, op: u32) -> bool {
        let amount = self.amount(op);
        let called = self.timeline.calls[op as usize];
        let (highest, gone) = self.at_call[op as usize];
        let mut broken = false;
        if let Some(CounterOutput::Value(told)) = self.ops[op as usize].seen {
            let told = self.sign * told;
            broken = told < highest + self.may_be_gone + amount.max(0);
            // What was not gone when it was called may have been taken away after it.
            self.floors.push(Floor {
                since: self.timeline.returns[op as usize],
                least: told - gone,
            });
            if self.floors.len() > MOST {
                self.floors.remove(1);
            }
        }
        self.is_gone += amount.min(0);
        // The start comes before all places, also before the first.
        let before = |floor: &&mut Floor| floor.since == 0 || floor.since < called;
        for floor in self.floors.iter_mut().filter(before) {
            floor.least += amount.max(0);
        }
        broken
    }
}
