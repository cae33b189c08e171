//! The one monotonic clock of a run.

use testimony_engine::Nanos;
use tokio::time::Instant;

/// Tells the time since the run's start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    /// The run starts now.
    pub(crate) fn start() -> Self {
        Clock {
            start: Instant::now(),
        }
    }

    pub(crate) fn now(&self) -> Nanos {
        self.start.elapsed().into()
    }

    /// When that point of the run is, for a timer.
    pub(crate) fn instant(&self, point: Nanos) -> Instant {
        // A point beyond what the timer can hold is never reached by a run.
        self.start.checked_add(point.into()).unwrap_or(self.start)
    }
}
