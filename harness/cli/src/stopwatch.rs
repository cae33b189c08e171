//! How long the parts of a command take; for people, never for a verdict.

use std::time::Instant;

/// Runs from when it is made.
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(
        clippy::disallowed_methods,
        reason = "timings are shown to people, nothing more"
    )]
    pub(crate) fn start() -> Self {
        Stopwatch(Instant::now())
    }

    /// Seconds since the start.
    pub(crate) fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}
