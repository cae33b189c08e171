//! Two values that each had to be current while the other was (Gibbons and Korach 1997).
//!
//! A value that was made once is current once, without interruption: from the operation that made
//! it to the next that changes the cell. All operations that saw it happen meanwhile. So of two
//! such values, everything of the one comes before everything of the other; there is no order if
//! some operation of each returned before one of the other was called. Values made by several
//! operations are left out, which loses contradictions and invents none.

use rustc_hash::FxHashMap;
use testimony_history::Value;

use super::CellOp;
use super::writers::Sights;

/// A time, with room for "before everything".
type Time = i64;

/// When the operations of one value were under way.
#[derive(Clone, Copy, Debug)]
struct Zone {
    first_return: Time,
    last_call: Time,
    /// The operation called last, by number in the history.
    last: u32,
}

/// An operation (by number in the history) of two values that cannot both be ordered, if there are
/// any.
pub(super) fn conflict(ops: &[CellOp], sights: &Sights) -> Option<u32> {
    let mut zones: FxHashMap<&Value, Zone> = FxHashMap::default();
    for sight in &sights.all {
        let op = &ops[sight.op as usize];
        let Some(returned) = op.returned else {
            continue;
        };
        let (called, returned) = (Time::from(op.called), Time::from(returned));
        let from_start = sights.initial.as_ref() == Some(&sight.value);
        let zone = zones.entry(&sight.value).or_insert(Zone {
            first_return: if from_start { Time::MIN } else { returned },
            last_call: called,
            last: op.source,
        });
        zone.first_return = zone.first_return.min(returned);
        if called > zone.last_call {
            (zone.last_call, zone.last) = (called, op.source);
        }
    }
    between(zones.into_values().collect())
}

/// A zone is *forward* if its value is known to be current from its first return to its last call.
/// Forward zones must not overlap, and no other zone may lie inside one.
fn between(mut zones: Vec<Zone>) -> Option<u32> {
    zones.sort_unstable_by_key(|zone| (zone.first_return, zone.last_call));
    let (forward, backward): (Vec<Zone>, Vec<Zone>) = zones
        .into_iter()
        .partition(|zone| zone.first_return < zone.last_call);
    for pair in forward.windows(2) {
        if pair[1].first_return < pair[0].last_call {
            return Some(pair[0].last);
        }
    }
    backward.into_iter().find_map(|zone| {
        let before = forward.partition_point(|other| other.first_return < zone.last_call);
        let around = forward[..before].last()?;
        (around.last_call > zone.first_return).then_some(around.last)
    })
}
