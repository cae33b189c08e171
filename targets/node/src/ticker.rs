//! When the core's clock ticks.

use std::time::{Duration, Instant};

/// Turns time that has passed into ticks.
///
/// A process that was stopped for a while and goes on sees one late tick and not all that it
/// missed: otherwise it would hold an election against a leader whose messages still wait in its
/// sockets. A leader's lease, on the other hand, rests on the number of ticks, so for lease reads
/// missed ticks must be made up for.
#[derive(Debug)]
pub(crate) struct Ticker {
    period: Duration,
    next: Instant,
    catch_up: u32,
}

impl Ticker {
    /// Ticks every `period` from `now` on, at most `catch_up` times at once.
    pub(crate) fn new(period: Duration, now: Instant, catch_up: u32) -> Self {
        Ticker {
            period,
            next: now + period,
            catch_up,
        }
    }

    /// When there is something to do next.
    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    /// How many ticks are due.
    pub(crate) fn due(&mut self, now: Instant) -> u32 {
        let mut due = 0;
        while self.next <= now && due < self.catch_up {
            self.next += self.period;
            due += 1;
        }
        if self.next <= now {
            self.next = now + self.period;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_millis(10);

    #[expect(
        clippy::disallowed_methods,
        reason = "an instant can be had in no other way"
    )]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn ticks_keep_their_rate_when_each_is_a_little_late() {
        let start = start();
        let mut ticker = Ticker::new(PERIOD, start, 1);
        let late = Duration::from_millis(3);
        let ticks: u32 = (1..=100)
            .map(|n| ticker.due(start + PERIOD * n + late))
            .sum();
        assert_eq!(ticks, 100);
    }

    #[test]
    fn nothing_is_due_before_the_next_tick() {
        let start = start();
        let mut ticker = Ticker::new(PERIOD, start, 1);
        assert_eq!(ticker.due(start + PERIOD / 2), 0);
        assert_eq!(ticker.next(), start + PERIOD);
    }

    #[test]
    fn a_long_stop_is_one_tick() {
        let start = start();
        let mut ticker = Ticker::new(PERIOD, start, 1);
        let woken = start + PERIOD * 500;
        assert_eq!((ticker.due(woken), ticker.due(woken)), (1, 0));
        assert_eq!(ticker.next(), woken + PERIOD);
    }

    #[test]
    fn a_long_stop_is_caught_up_with_as_far_as_a_lease_needs() {
        let start = start();
        let mut ticker = Ticker::new(PERIOD, start, 30);
        assert_eq!(ticker.due(start + PERIOD * 3), 3);
        let woken = start + PERIOD * 500;
        assert_eq!((ticker.due(woken), ticker.due(woken)), (30, 0));
    }
}
