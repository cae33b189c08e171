//! How long ago the value of an answer had been replaced.
//!
//! A version that only one operation can have made is there once, without a gap: from its maker to
//! the next update. If it was surely there at some moment, because its maker or somebody who saw it
//! had ended, an update called after that moment comes later in every order that real time allows.
//! So once that update has surely taken effect the version has been replaced, and whoever asks
//! after that must not see it.
//!
//! What others merely read is no evidence that a version was replaced: their answers may be the
//! stale ones. That a value was seen at all is evidence that it had been made.

use super::versions::{Moment, NEVER, Versions};
use super::{Bucket, StaleRead};

/// A stale answer: numbers of operations in the history.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stale {
    pub(super) read: u32,
    pub(super) by: u32,
    pub(super) lag: u64,
    pub(super) versions: u64,
}

/// A version was made: called at `start` or later, and surely there at `end`.
#[derive(Clone, Copy)]
struct Update {
    start: Moment,
    end: Moment,
    version: u32,
    by: u32,
}

/// The stale answers of a key, in the order of their calls. O(n log n).
pub(super) fn stale_reads(key: &Versions) -> Vec<Stale> {
    let mut updates = updates(key);
    updates.sort_unstable_by_key(|update| (update.start, update.end, update.version));
    let earliest = earliest_from(&updates);
    let mut stale = Vec::new();
    let mut queries = Vec::new();
    for deed in &key.deeds {
        let Some(version) = key.seen(deed) else {
            continue;
        };
        let there = key.versions[version as usize].effect;
        // The maker of the version itself was called before it was there.
        let after = updates.partition_point(|update| update.start <= there);
        let Some(other) = earliest.get(after) else {
            continue;
        };
        if other.end < deed.start {
            queries.push((there, deed.start));
            stale.push(Stale {
                read: deed.source,
                by: key.deeds[other.by as usize].source,
                lag: deed.start.abs_diff(other.end),
                versions: 0,
            });
        }
    }
    for (stale, newer) in stale.iter_mut().zip(newer_versions(key, &queries)) {
        stale.versions = newer;
    }
    stale
}

/// The updates that surely took effect and changed the value.
fn updates(key: &Versions) -> Vec<Update> {
    let made = (0..).zip(&key.versions).skip(1);
    made.filter(|(_, version)| version.effect < NEVER && version.changes)
        .map(|(number, version)| Update {
            start: version.start,
            end: version.effect,
            version: number,
            by: version.effect_by,
        })
        .collect()
}

/// For each update, in the order of their starts, which of it and all later ones ends first.
fn earliest_from(updates: &[Update]) -> Vec<Update> {
    let mut earliest = updates.to_vec();
    for at in (1..earliest.len()).rev() {
        if earliest[at].end < earliest[at - 1].end {
            earliest[at - 1] = earliest[at];
        }
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
