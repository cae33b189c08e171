//! How long ago the value of an answer had been replaced.
//!
//! A version that only one operation can have made is there once, without a gap: from its maker to
//! the next update, and everybody who sees it does so meanwhile. So if it was surely there at some
//! moment, and somebody who began after that moment saw or made another version, it had been
//! replaced by the time this somebody ended. Whoever sees it in a call after that contradicts
//! every order; that call is stale.

use super::versions::{Moment, NEVER, Sight, Versions};
use super::{Bucket, StaleRead};

/// A stale answer: numbers of operations in the history.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stale {
    pub(super) read: u32,
    pub(super) by: u32,
    pub(super) lag: u64,
    pub(super) versions: u64,
}

/// Somebody saw or made one version, called at `start` or later, and had ended at `end`.
#[derive(Clone, Copy)]
struct Event {
    start: Moment,
    end: Moment,
    version: u32,
    by: u32,
}

/// The version of whoever saw a value that cannot be attributed; it is no other one.
const NAMELESS: u32 = u32::MAX;

/// The stale answers of a key, in the order of their calls. O(n log n).
pub(super) fn stale_reads(key: &Versions) -> Vec<Stale> {
    let mut events = events(key);
    events.sort_unstable_by_key(|event| (event.start, event.end, event.version));
    let earliest = earliest_from(&events);
    let mut stale = Vec::new();
    let mut queries = Vec::new();
    for deed in &key.deeds {
        let Some(version) = key.seen(deed) else {
            continue;
        };
        let there = key.versions[version as usize].effect;
        let after = events.partition_point(|event| event.start <= there);
        let Some(other) = earliest[after].other_than(version) else {
            continue;
        };
        if other.end < deed.start {
            queries.push((there, deed.start));
            stale.push(Stale {
                read: deed.source,
                by: key.deeds[other.by as usize].source,
                lag: deed.start.abs_diff(other.end),
                versions: 1,
            });
        }
    }
    for (stale, newer) in stale.iter_mut().zip(newer_versions(key, &queries)) {
        stale.versions = newer.max(1);
    }
    stale
}

fn events(key: &Versions) -> Vec<Event> {
    let mut events = Vec::new();
    for (number, deed) in (0..).zip(&key.deeds) {
        let Some(end) = deed.end else { continue };
        let (start, version) = match (deed.sight, key.seen(deed)) {
            (_, Some(version)) => {
                let made = key.versions[version as usize].start;
                (made.max(deed.start), version)
            }
            (Sight::Several | Sight::Unmade, _) => (deed.start, NAMELESS),
            (Sight::Nothing | Sight::Part | Sight::Version(_), None) => continue,
        };
        events.push(Event {
            start,
            end,
            version,
            by: number,
        });
    }
    let made = (0..).zip(&key.versions).skip(1);
    events.extend(
        made.filter(|(_, version)| version.effect < NEVER && version.changes)
            .map(|(number, version)| Event {
                start: version.start,
                end: version.effect,
                version: number,
                by: version.effect_by,
            }),
    );
    events
}

/// The events that end first, of two different versions.
#[derive(Clone, Copy, Default)]
struct Earliest {
    first: Option<Event>,
    second: Option<Event>,
}

impl Earliest {
    fn with(self, event: Event) -> Self {
        let Some(first) = self.first else {
            return Earliest {
                first: Some(event),
                second: None,
            };
        };
        if event.end <= first.end {
            let second = if first.version == event.version {
                self.second
            } else {
                Some(first)
            };
            return Earliest {
                first: Some(event),
                second,
            };
        }
        let closer = self.second.is_none_or(|second| event.end <= second.end);
        if event.version != first.version && closer {
            return Earliest {
                second: Some(event),
                ..self
            };
        }
        self
    }

    fn other_than(self, version: u32) -> Option<Event> {
        let first = self.first.filter(|event| event.version != version);
        first.or(self.second)
    }
}

/// For each event, in the order of their starts, which of it and all later ones end first.
fn earliest_from(events: &[Event]) -> Vec<Earliest> {
    let mut earliest = vec![Earliest::default(); events.len() + 1];
    for (at, event) in events.iter().enumerate().rev() {
        earliest[at] = earliest[at + 1].with(*event);
    }
    earliest
}

/// For each pair of moments, how many versions were called after the first and surely there before
/// the second. A sweep over the second moment, with a Fenwick tree over the first.
fn newer_versions(key: &Versions, queries: &[(Moment, Moment)]) -> Vec<u64> {
    if queries.is_empty() {
        return Vec::new();
    }
    let changes = key.versions.iter().skip(1);
    let mut made: Vec<(Moment, Moment)> = changes
        .filter(|version| version.effect < NEVER && version.changes)
        .map(|version| (version.effect, version.start))
        .collect();
    made.sort_unstable();
    let mut starts: Vec<Moment> = made.iter().map(|&(_, start)| start).collect();
    starts.sort_unstable();
    let mut order: Vec<usize> = (0..queries.len()).collect();
    order.sort_unstable_by_key(|&query| queries[query].1);
    let mut counts = vec![0; queries.len()];
    let mut tree = Fenwick::new(starts.len());
    let mut added = 0;
    for query in order {
        let (there, called) = queries[query];
        while added < made.len() && made[added].0 < called {
            tree.add(starts.partition_point(|&start| start < made[added].1));
            added += 1;
        }
        let before = tree.sum(starts.partition_point(|&start| start <= there));
        counts[query] = added as u64 - before;
    }
    counts
}

/// Counts of places (Fenwick 1994).
struct Fenwick(Vec<u64>);

impl Fenwick {
    fn new(places: usize) -> Self {
        Fenwick(vec![0; places + 1])
    }

    fn add(&mut self, place: usize) {
        let mut at = place + 1;
        while at < self.0.len() {
            self.0[at] += 1;
            at += at & at.wrapping_neg();
        }
    }

    /// How many were added to places below this one.
    fn sum(&self, place: usize) -> u64 {
        let (mut at, mut sum) = (place, 0);
        while at > 0 {
            sum += self.0[at];
            at &= at - 1;
        }
        sum
    }
}

/// Lags in buckets of 1, 2, 5, 10, ..., without the empty ones at either end.
pub(super) fn histogram(reads: &[StaleRead]) -> Vec<Bucket> {
    let mut buckets: Vec<Bucket> = Vec::new();
    for read in reads.iter().rev() {
        while buckets.last().is_none_or(|bucket| bucket.below <= read.lag) {
            let (from, below) = buckets
                .last()
                .map_or_else(|| around(read.lag), |bucket| around(bucket.below));
            buckets.push(Bucket {
                from,
                below,
                reads: 0,
            });
        }
        if let Some(bucket) = buckets.last_mut() {
            bucket.reads += 1;
        }
    }
    buckets
}

/// The round numbers around a lag.
fn around(lag: u64) -> (u64, u64) {
    let mut power = 1_u64;
    while lag / power >= 10 {
        power *= 10;
    }
    let (from, below) = match lag / power {
        0..=1 => (1, 2),
        2..=4 => (2, 5),
        _ => (5, 10),
    };
    (from * power, power.saturating_mul(below))
}
