//! One direction between two nodes: when a frame that comes now arrives, and how often.

use std::time::{Duration, Instant};

use testimony_engine::Chance;

use super::Treatment;

/// So much may wait for its turn on a link that lets few bytes pass: what it passes in this time,
const QUEUE_TIME: u64 = 1;
/// and never less than this. What comes when the queue is full is lost, as in any router.
const QUEUE_BYTES_MIN: u64 = 16 * 1024;

/// How long a frame waits at most on a link that passes so many bytes a second.
pub(crate) fn wait_max(rate: u64) -> Duration {
    time_of(room(rate), rate)
}

fn room(rate: u64) -> u64 {
    (rate * QUEUE_TIME).max(QUEUE_BYTES_MIN)
}

/// What has been done to frames so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many came.
    pub came: u64,
    /// How many of them arrive later than they would by themselves.
    pub delayed: u64,
    /// How many of them are lost.
    pub lost: u64,
    /// How many of them arrive twice.
    pub doubled: u64,
    /// How many of them may arrive behind later ones.
    pub late: u64,
    /// How many of them are damaged.
    pub damaged: u64,
    /// How many of them found the queue full.
    pub overflowed: u64,
}

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fate {
    /// When it arrives; `None` if it never does.
    pub(super) arrival: Option<Instant>,
    /// Whether it arrives twice.
    pub(super) doubled: bool,
    /// Whether it arrives damaged.
    pub(super) damaged: bool,
}

/// One direction between two nodes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Line {
    treatment: Treatment,
    /// How often it was told how to treat.
    pub(super) orders: u64,
    pub(super) counts: Counts,
    /// When all that came before has passed, as far as the rate allows.
    free_at: Option<Instant>,
    /// When the last frame that keeps the order arrives.
    last_arrival: Option<Instant>,
}

impl Line {
    /// Treats frames that come from now on so. What waits is not waited for.
    pub(super) fn treat(&mut self, treatment: Treatment) {
        self.treatment = treatment;
        self.orders += 1;
        (self.free_at, self.last_arrival) = (None, None);
    }

    /// What becomes of a frame of `length` bytes that comes `now`.
    pub(super) fn admit(&mut self, now: Instant, length: usize, chance: &mut Chance) -> Fate {
        let Treatment {
            delay,
            jitter,
            flaws,
            damaged,
            ..
        } = self.treatment;
        self.counts.came += 1;
        if chance.percent(flaws.lost) {
            self.counts.lost += 1;
            return Fate::default();
        }
        let Some(passed) = self.pass(now, length) else {
            self.counts.overflowed += 1;
            return Fate::default();
        };
        let mut arrival = passed + delay + up_to(jitter, chance);
        if chance.percent(flaws.late) {
            self.counts.late += 1;
            arrival += up_to(flaws.lateness, chance);
        } else {
            arrival = self.last_arrival.map_or(arrival, |last| last.max(arrival));
            self.last_arrival = Some(arrival);
        }
        self.counts.delayed += u64::from(arrival > now);
        let fate = Fate {
            arrival: Some(arrival),
            doubled: chance.percent(flaws.doubled),
            damaged: chance.percent(damaged),
        };
        self.counts.doubled += u64::from(fate.doubled);
        self.counts.damaged += u64::from(fate.damaged);
        fate
    }

    /// When the last byte has passed at the rate of the link; `None` if too much waits already.
    fn pass(&mut self, now: Instant, length: usize) -> Option<Instant> {
        let Some(rate) = self.treatment.bytes_per_second else {
            return Some(now);
        };
        let begins = self.free_at.map_or(now, |at| at.max(now));
        if begins - now > wait_max(rate) {
            return None;
        }
        let passed = begins + time_of(length as u64, rate);
        self.free_at = Some(passed);
        Some(passed)
    }
}

fn time_of(bytes: u64, rate: u64) -> Duration {
    Duration::from_nanos(bytes.saturating_mul(1_000_000_000) / rate.max(1))
}

fn up_to(most: Duration, chance: &mut Chance) -> Duration {
    let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(chance.below(nanos.saturating_add(1)))
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "any instant will do to count from"
)]
mod tests {
    use testimony_engine::Flaws;

    use super::*;

    const FRAMES: u64 = 2_000;

    /// Sends frames, one each millisecond. Returns when each arrives, counted from the first.
    fn arrivals(treatment: Treatment, length: usize) -> (Vec<Option<Duration>>, Counts) {
        let (mut line, mut chance) = (Line::default(), Chance::new(1, "test"));
        line.treat(treatment);
        let start = Instant::now();
        let mut send = |number| {
            let now = start + Duration::from_millis(number);
            line.admit(now, length, &mut chance)
                .arrival
                .map(|at| at - start)
        };
        let arrivals = (0..FRAMES).map(&mut send).collect();
        (arrivals, line.counts)
    }

    fn about(count: u64, percent: u64) -> bool {
        count.abs_diff(FRAMES * percent / 100) < FRAMES * percent / 400
    }

    #[test]
    fn an_untreated_line_touches_nothing() {
        let (arrivals, counts) = arrivals(Treatment::default(), 1_000);
        let sent = |number| Some(Duration::from_millis(number));
        assert!(arrivals.into_iter().eq((0..FRAMES).map(sent)));
        assert_eq!(
            counts,
            Counts {
                came: FRAMES,
                ..Counts::default()
            }
        );
    }

    #[test]
    fn delay_and_jitter_keep_the_order() {
        let (delay, jitter) = (Duration::from_millis(20), Duration::from_millis(10));
        let (arrivals, counts) = arrivals(
            Treatment {
                delay,
                jitter,
                ..Treatment::default()
            },
            100,
        );
        assert!(arrivals.is_sorted());
        for (number, at) in (0..).zip(arrivals) {
            let took = at.unwrap() - Duration::from_millis(number);
            assert!((delay..=delay + jitter).contains(&took), "{took:?}");
        }
        assert_eq!(counts.delayed, FRAMES);
    }

    #[test]
    fn as_many_frames_are_lost_doubled_and_late_as_were_asked_for() {
        let lateness = Duration::from_millis(50);
        let flaws = Flaws {
            lost: 20,
            doubled: 10,
            late: 30,
            lateness,
        };
        let treatment = Treatment {
            flaws,
            damaged: 15,
            ..Treatment::default()
        };
        let (arrivals, counts) = arrivals(treatment, 100);
        let lost = arrivals.iter().filter(|at| at.is_none()).count() as u64;
        assert_eq!(lost, counts.lost);
        assert!(
            about(counts.lost, 20) && about(counts.doubled, 8),
            "{counts:?}"
        );
        assert!(
            about(counts.late, 24) && about(counts.damaged, 12),
            "{counts:?}"
        );
        let came: Vec<_> = arrivals.into_iter().flatten().collect();
        assert!(!came.is_sorted(), "late frames are overtaken");
    }

    #[test]
    fn a_rate_is_kept_and_what_finds_the_queue_full_is_lost() {
        let bytes_per_second = Some(100_000);
        let treatment = Treatment {
            bytes_per_second,
            ..Treatment::default()
        };
        let (arrivals, counts) = arrivals(treatment, 1_000);
        let passed = FRAMES - counts.overflowed;
        let took = arrivals.into_iter().flatten().max().unwrap();
        assert_eq!(took, Duration::from_millis(passed * 10));
        assert!(
            took > Duration::from_secs(2) && took < Duration::from_millis(3_100),
            "{took:?}"
        );
    }
}
