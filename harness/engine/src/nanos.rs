//! Points in time of a run, and spans as a person writes them.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Nanoseconds since the run's start, on the lab's one monotonic clock.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Nanos(pub u64);

impl Nanos {
    /// The run's start.
    pub const ZERO: Nanos = Nanos(0);

    /// The point `millis` milliseconds after the start.
    pub const fn from_millis(millis: u64) -> Self {
        Nanos(millis.saturating_mul(1_000_000))
    }

    /// The point `seconds` seconds after the start.
    pub const fn from_secs(seconds: u64) -> Self {
        Nanos(seconds.saturating_mul(1_000_000_000))
    }

    /// The time from `earlier` to this point; zero if it is not earlier.
    pub fn since(self, earlier: Nanos) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl From<Duration> for Nanos {
    /// The point that long after the start; the far end of time if it does not fit.
    fn from(span: Duration) -> Self {
        Nanos(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl From<Nanos> for Duration {
    fn from(point: Nanos) -> Self {
        Duration::from_nanos(point.0)
    }
}

impl Add<Duration> for Nanos {
    type Output = Nanos;

    /// Saturates at the far end of time.
    fn add(self, span: Duration) -> Nanos {
        Nanos(self.0.saturating_add(Nanos::from(span).0))
    }
}

impl Sub<Duration> for Nanos {
    type Output = Nanos;

    /// Saturates at the start.
    fn sub(self, span: Duration) -> Nanos {
        Nanos(self.0.saturating_sub(Nanos::from(span).0))
    }
}

/// Seconds with milliseconds, as in `12.345s`.
impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{:03}s",
            self.0 / 1_000_000_000,
            self.0 / 1_000_000 % 1_000
        )
    }
}
