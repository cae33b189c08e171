//! The places of calls and returns in the order of a history, where equal times count as
//! simultaneous.
//!
//! Events that carry the same time are a run. An event without a time that stands between two of
//! them cannot have another, so it belongs to them; whether it does shows only when the next time
//! comes, and until then it waits. Within a run calls rank before returns, so that none of its
//! events comes before another; what one process does is kept in order by a link
//! ([`Operation::after`](crate::Operation::after)).

use crate::Position;

/// Operations in the making, to which ranks are given. Operations are numbered in the order of
/// their calls.
pub(crate) trait Ranked {
    /// Gives an operation the rank of its call. Operations are given theirs in order.
    fn set_called(&mut self, operation: u32, position: Position);
    /// Gives an operation the rank of its return.
    fn set_returned(&mut self, operation: u32, position: Position);
    /// Whether an operation has the rank of its return.
    fn has_returned(&self, operation: u32) -> bool;
    /// Puts an operation after an earlier one. Operations are linked in order.
    fn link(&mut self, operation: u32, earlier: u32);
}

/// Gives ranks to the events of a history one by one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ranks {
    next: Position,
    /// The time of the present run.
    now: Option<u64>,
    /// Operations that return in the present run.
    returns: Vec<u32>,
    /// Events without a time behind the last one of the present run.
    waiting: Vec<Step>,
}

/// What happens to an operation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// It is called by a process whose last operation that happened is `completed`.
    Call {
        /// The operation.
        operation: u32,
        /// The last one before.
        completed: Option<u32>,
    },
    /// It returns.
    Return {
        /// The operation.
        operation: u32,
    },
}

impl Ranks {
    /// An event carries a time; to be called before [`Ranks::take`] with its step, and also with
    /// the times of events that are no step of an operation. O(1), amortised.
    pub(crate) fn time(&mut self, time: u64, ranked: &mut impl Ranked) {
        if self.now == Some(time) {
            for step in std::mem::take(&mut self.waiting) {
                self.within(step, ranked);
            }
        } else {
            self.finish(ranked);
            self.now = Some(time);
        }
    }

    /// The next step.
    pub(crate) fn take(&mut self, step: Step, timed: bool, ranked: &mut impl Ranked) {
        match self.now {
            Some(_) if timed => self.within(step, ranked),
            Some(_) => self.waiting.push(step),
            None => self.alone(step, ranked),
        }
    }

    /// Ends the present run. Nothing waits any more.
    pub(crate) fn finish(&mut self, ranked: &mut impl Ranked) {
        self.end_run(ranked);
        for step in std::mem::take(&mut self.waiting) {
            self.alone(step, ranked);
        }
        self.now = None;
    }

    fn alone(&mut self, step: Step, ranked: &mut impl Ranked) {
        self.within(step, ranked);
        self.end_run(ranked);
    }

    fn within(&mut self, step: Step, ranked: &mut impl Ranked) {
        match step {
            Step::Return { operation } => self.returns.push(operation),
            Step::Call {
                operation,
                completed,
            } => {
                let position = self.step();
                ranked.set_called(operation, position);
                // Returns are ranked at the end of the run: without a rank, it is of this run.
                if let Some(earlier) = completed.filter(|&it| !ranked.has_returned(it)) {
                    ranked.link(operation, earlier);
                }
            }
        }
    }

    fn end_run(&mut self, ranked: &mut impl Ranked) {
        for at in 0..self.returns.len() {
            let position = self.step();
            ranked.set_returned(self.returns[at], position);
        }
        self.returns.clear();
    }

    fn step(&mut self) -> Position {
        let position = self.next;
        self.next = position
            .checked_add(1)
            .expect("a history holds at most 2^32 events");
        position
    }
}
