//! The limits that a person gives, as the budget that the checker keeps.

use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::Duration;

use testimony_checker::Budget;

use crate::args::Limits;
use crate::deadline::Deadline;
use crate::memory;

/// The time limit of who gives none.
const USUAL: Duration = Duration::from_secs(60);

/// What is still allowed to take place after the time limit, so that the whole ends within a
/// second of it.
const GRACE: Duration = Duration::from_millis(500);

impl Limits {
    /// Starts the clock. The budget holds until the deadline is dropped.
    pub(crate) fn start(&self) -> (Budget, Deadline) {
        self.start_with(self.time_limit)
    }

    /// The same for what comes after so many seconds: with the time that is left, and with a little
    /// where none is.
    pub(crate) fn go_on(&self, after: f64) -> (Budget, Deadline) {
        let spent = Duration::try_from_secs_f64(after).unwrap_or_default();
        self.start_with(self.time_limit.saturating_sub(spent).max(GRACE))
    }

    fn start_with(&self, time: Duration) -> (Budget, Deadline) {
        let deadline = Deadline::after(time);
        let budget = Budget {
            steps: self.step_limit.unwrap_or(u64::MAX),
            bytes: self.memory_limit.unwrap_or_else(memory::half_of_free),
            stop: Some(deadline.flag()),
            threads: self.threads.unwrap_or_else(cores),
        };
        (budget, deadline)
    }

    /// What a person types for those limits that may change the answer, if they are not the usual
    /// ones.
    pub(crate) fn as_typed(&self) -> Vec<String> {
        let mut words = Vec::new();
        if self.time_limit != USUAL {
            let limit = humantime::format_duration(self.time_limit).to_string();
            words.push(format!("--time-limit {}", testimony_lab::quoted(&limit)));
        }
        if let Some(bytes) = self.memory_limit {
            words.push(format!("--memory-limit {bytes}B"));
        }
        if let Some(steps) = self.step_limit {
            words.push(format!("--step-limit {steps}"));
        }
        words
    }
}

/// How many threads this machine runs at once.
pub(crate) fn cores() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}
