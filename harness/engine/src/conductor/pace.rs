//! When the next operations start: at a rate, with jitter, in bursts.

use std::time::Duration;

use crate::chance::Chance;
use crate::{Nanos, Plan};

/// Operations start in bursts of random size, so that some of them race, and the pauses between
/// bursts are as long as the rate asks for on average.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    chance: Chance,
    rate: u32,
    burst_max: u32,
    /// When the burst at hand began, or the next one begins.
    due: Nanos,
    /// How many operations of it have not started yet.
    left: u32,
    size: u32,
}

impl Pace {
    pub(super) fn new(plan: &Plan) -> Self {
        let burst_max = plan.workload.burst.min(plan.clients).max(1);
        Pace {
            chance: Chance::new(plan.seed, "pace"),
            rate: plan.rate.max(1),
            burst_max,
            due: Nanos::ZERO,
            left: 0,
            size: 0,
        }
    }

    /// When the next operation may start.
    pub(super) fn due(&self) -> Nanos {
        self.due
    }

    /// An operation starts at `now`, which is not before [`due`](Self::due).
    pub(super) fn started(&mut self, now: Nanos) {
        if self.left == 0 {
            let size = self.chance.between(1, u64::from(self.burst_max));
            self.size = u32::try_from(size).expect("not above the largest burst");
            self.left = self.size;
        }
        self.left -= 1;
        if self.left == 0 {
            self.due = self.late(now) + self.pause();
        }
    }

    /// The time from which the next pause is counted: what was missed is made up for only in part,
    /// so that a stall is not followed by a flood.
    fn late(&self, now: Nanos) -> Nanos {
        self.due
            .max(now - Duration::from_secs(1) * self.burst_max / self.rate)
    }

    /// 50 to 150 percent of the time that the burst takes at the rate.
    fn pause(&mut self) -> Duration {
        let percent = u32::try_from(self.chance.between(50, 150)).expect("a percentage");
        Duration::from_secs(1) * self.size * percent / 100 / self.rate
    }
}
