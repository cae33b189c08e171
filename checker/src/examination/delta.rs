//! The least Δ by which reads would have to be called earlier for the zones of no two versions to
//! conflict.
//!
//! All who made or saw a version stand together in every order, so of two versions A and B
//! everything of A comes first, or everything of B. A cannot come first if somebody of A was called
//! after somebody of B had ended. If neither can come first there is no order, and if no two
//! versions conflict so, there is one (Gibbons and Korach 1997, section 4). Calling reads earlier
//! only takes conflicts away, so the least Δ is found by bisection.

use super::versions::{Deed, Moment, NEVER, Sight, Versions};
use super::{Answers, Delta};

/// When the operations of one version were under way.
#[derive(Clone, Copy, Debug)]
struct Zone {
    /// When its maker was called.
    made: Moment,
    /// When the last of those who saw it was called.
    last_read: Moment,
    /// When the first of all of them had ended.
    first_end: Moment,
}

impl Zone {
    fn last_call(&self, delta: Moment) -> Moment {
        self.made.max(self.last_read.saturating_sub(delta))
    }
}

/// The least Δ of the keys looked at so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Search {
    least: Moment,
    hopeless: bool,
    inexact: bool,
}

impl Search {
    /// Looks at one more key. O(n log n), and as much again for each bit of Δ and every version
    /// that is part of a conflict.
    pub(super) fn add(&mut self, key: &Versions, answers: &Answers) {
        self.hopeless |= answers.unexplained > 0;
        self.inexact |= answers.ambiguous + answers.partial + key.unattributed() > 0 || key.grows;
        let mut zones = zones(key);
        zones.sort_unstable_by_key(|zone| zone.first_end);
        let zones = conflicting(&zones, self.least);
        let (Some(first), Some(last)) = (
            zones
                .iter()
                .map(|zone| zone.first_end)
                .filter(|&end| end > Moment::MIN)
                .min(),
            zones.iter().map(|zone| zone.last_read).max(),
        ) else {
            return;
        };
        // No read is called after the first end if all are called so much earlier.
        let (mut too_little, mut enough) = (self.least, last.saturating_sub(first).max(self.least));
        while enough - too_little > 1 {
            let middle = too_little + (enough - too_little) / 2;
            if conflicting(&zones, middle).is_empty() {
                enough = middle;
            } else {
                too_little = middle;
            }
        }
        self.least = enough;
    }

    /// No Δ below this one is enough, or none at all.
    pub(super) fn at_least(&mut self, least: Moment, hopeless: bool) {
        self.least = self.least.max(least);
        self.hopeless |= hopeless;
        self.inexact = true;
    }

    pub(super) fn conclude(self) -> Delta {
        let least = self.least.unsigned_abs();
        match self {
            Search { hopeless: true, .. } => Delta::Never,
            Search { inexact: true, .. } => Delta::AtLeast(least),
            Search { .. } => Delta::Least(least),
        }
    }
}

/// The zones of all versions that were surely there.
fn zones(key: &Versions) -> Vec<Zone> {
    let versions = key.versions.iter();
    let mut zones: Vec<Zone> = versions
        .map(|version| Zone {
            made: version.start,
            last_read: Moment::MIN,
            first_end: version.effect,
        })
        .collect();
    for deed in &key.deeds {
        if let Some(version) = key.seen(deed).or_else(|| seen_unnoticed(key, deed)) {
            let zone = &mut zones[version as usize];
            zone.last_read = zone.last_read.max(deed.start);
        }
    }
    zones.retain(|zone| zone.first_end < NEVER);
    zones
}

/// What a compare-and-set of unknown outcome saw, if somebody saw what it made.
fn seen_unnoticed(key: &Versions, deed: &Deed) -> Option<u32> {
    match (deed.end, deed.made, deed.sight) {
        (None, Some(made), Sight::Version(version)) => {
            let made = &key.versions[made as usize];
            let known = made.effect < NEVER && key.versions[version as usize].effect < NEVER;
            (made.happened && known).then_some(version)
        }
        _ => None,
    }
}

/// The zones, sorted by their first ends, that conflict with another one if reads are called
/// `delta` earlier.
fn conflicting(zones: &[Zone], delta: Moment) -> Vec<Zone> {
    let mut latest = Vec::with_capacity(zones.len() + 1);
    latest.push([(Moment::MIN, usize::MAX); 2]);
    for (at, zone) in zones.iter().enumerate() {
        let [first, second] = latest[at];
        let call = (zone.last_call(delta), at);
        latest.push(match (call.0 > first.0, call.0 > second.0) {
            (true, _) => [call, first],
            (false, true) => [first, call],
            (false, false) => [first, second],
        });
    }
    let conflicts = |at: usize| {
        let zone = &zones[at];
        let call = zone.last_call(delta);
        let before = zones.partition_point(|other| other.first_end < call);
        let [first, second] = latest[before];
        let other = if first.1 == at { second } else { first };
        other.0 > zone.first_end
    };
    let numbers = (0..zones.len()).filter(|&at| conflicts(at));
    numbers.map(|at| zones[at]).collect()
}
