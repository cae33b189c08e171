//! The limits that a person gives, as the budget that the checker keeps.

use std::num::NonZero;
use std::thread::available_parallelism;

use testimony_checker::Budget;

use crate::args::Limits;
use crate::deadline::Deadline;
use crate::memory;

impl Limits {
    /// Starts the clock. The budget holds until the deadline is dropped.
    pub(crate) fn start(&self) -> (Budget, Deadline) {
        let deadline = Deadline::after(self.time_limit);
        let budget = Budget {
            steps: self.step_limit.unwrap_or(u64::MAX),
            bytes: self.memory_limit.unwrap_or_else(memory::half_of_free),
            stop: Some(deadline.flag()),
            threads: self.threads.unwrap_or_else(cores),
        };
        (budget, deadline)
    }
}

/// How many threads this machine runs at once.
pub(crate) fn cores() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}
