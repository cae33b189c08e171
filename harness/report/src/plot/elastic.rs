//! An elastic time axis for a few operations: the order is exact, the widths are kind to readers.
//!
//! A counterexample may hold a write at 2 s, and two reads a millisecond apart at 19 s. On a linear
//! axis the reads would be one line. Here each gap between neighbouring events is drawn in
//! proportion to its length only within bounds, and grows where a label needs the room. The places
//! are the longest paths through "this event stands at least so far right of that one".

/// Room that something needs between two events, given by their ranks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Room {
    /// Rank of the left event.
    pub(crate) from: usize,
    /// Rank of the right event.
    pub(crate) to: usize,
    /// Pixels needed between them.
    pub(crate) width: f64,
}

/// How wide a gap between neighbouring events may be drawn, in pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The narrowest gap.
    pub(crate) narrow: f64,
    /// The widest gap, unless a label needs more.
    pub(crate) wide: f64,
}

/// The gaps' widths: the median gap is twice the narrowest, the others in proportion, within
/// bounds. `instants` are those of the events by rank, in ascending order.
pub(crate) fn gaps(instants: &[u64], bounds: Bounds) -> Vec<f64> {
    let lengths: Vec<u64> = instants
        .windows(2)
        .map(|w| w[1].saturating_sub(w[0]))
        .collect();
    let mut sorted: Vec<u64> = lengths
        .iter()
        .copied()
        .filter(|&length| length > 0)
        .collect();
    sorted.sort_unstable();
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or(1).max(1) as f64;
    let width = |length: u64| length as f64 / median * bounds.narrow * 2.0;
    lengths
        .into_iter()
        .map(|length| width(length).clamp(bounds.narrow, bounds.wide))
        .collect()
}

/// The pixel of each of `gaps.len() + 1` events, the first at `start`, so that every gap and every
/// room is kept. O(events + rooms).
pub(crate) fn places(start: f64, gaps: &[f64], rooms: &[Room]) -> Vec<f64> {
    let events = gaps.len() + 1;
    let mut ending: Vec<Vec<&Room>> = vec![Vec::new(); events];
    for room in rooms
        .iter()
        .filter(|room| room.from < room.to && room.to < events)
    {
        ending[room.to].push(room);
    }
    let mut places = vec![start; events];
    for event in 1..events {
        let after_last = places[event - 1] + gaps[event - 1];
        let needed = ending[event]
            .iter()
            .map(|room| places[room.from] + room.width);
        places[event] = needed.fold(after_last, f64::max);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        narrow: 10.0,
        wide: 60.0,
    };

    #[test]
    fn long_gaps_are_shortened_and_short_ones_kept_apart() {
        let widths = gaps(&[0, 1_000, 2_000, 3_000, 9_000_000, 9_000_001], BOUNDS);
        assert_eq!(widths, [20.0, 20.0, 20.0, 60.0, 10.0]);
    }

    #[test]
    fn events_stand_in_order_with_room_for_labels() {
        let rooms = [
            Room {
                from: 0,
                to: 2,
                width: 100.0,
            },
            Room {
                from: 1,
                to: 3,
                width: 50.0,
            },
            Room {
                from: 7,
                to: 9,
                width: 1e9,
            },
        ];
        assert_eq!(
            places(5.0, &[10.0, 10.0, 10.0], &rooms),
            [5.0, 15.0, 105.0, 115.0]
        );
    }

    #[test]
    fn no_events_and_one_event_have_a_place() {
        assert!(gaps(&[], BOUNDS).is_empty());
        assert_eq!(places(5.0, &[], &[]), [5.0]);
        assert!(gaps(&[7], BOUNDS).is_empty());
        assert_eq!(gaps(&[7, 7], BOUNDS), [10.0]);
    }
}
