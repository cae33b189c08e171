//! How much a check may cost before it gives up, undecided.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The most that a check may cost. Steps and bytes give the same answer every time, on any number
/// of threads; the stop flag is for a caller with a clock, and can only make a verdict undecided.
#[derive(Clone, Debug)]
pub struct Budget {
    /// The most steps spent on any one partition. A step applies one operation to one state and
    /// takes about a microsecond.
    pub steps: u64,
    /// The most memory, in bytes, that the searches together keep at any time.
    pub bytes: u64,
    /// Raised by the caller to end the check soon, for example at a deadline.
    pub stop: Option<Arc<AtomicBool>>,
    /// On how many threads partitions are checked; 0 counts as 1. Never changes the answer.
    pub threads: usize,
}

impl Budget {
    /// A budget fit for a test: one thread, 100 million steps, 2 GiB, no stop flag.
    pub fn for_tests() -> Self {
        Budget {
            steps: 100_000_000,
            bytes: 2 << 30,
            stop: None,
            threads: 1,
        }
    }

    /// Whether the caller has raised the stop flag.
    pub fn stopped(&self) -> bool {
        self.stop
            .as_ref()
            .is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}
