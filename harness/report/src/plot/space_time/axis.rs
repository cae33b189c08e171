//! The elastic axis of a space-time diagram.

use super::extract::Extract;
use crate::plot::elastic::{self, Bounds, Room};
use crate::plot::frame::WIDTH;
use crate::plot::label::width;

/// Where the first event stands: room for the names of the rows.
pub(super) const LEFT: f64 = 64.0;
const BOUNDS: Bounds = Bounds {
    narrow: 2.0,
    wide: 30.0,
};
/// Room behind the last event.
const BEYOND: f64 = 60.0;

/// Instants and their places, both ascending.
pub(super) struct Axis {
    instants: Vec<u64>,
    places: Vec<f64>,
}

impl Axis {
    /// With room for the labels of the operations; stretched to the page if there is room.
    pub(super) fn of(extract: &Extract) -> Self {
        let mut instants: Vec<u64> = extract.instants().collect();
        instants.sort_unstable();
        instants.dedup();
        let rank = |at: u64| instants.partition_point(|other| *other < at);
        let rooms: Vec<Room> = extract
            .bars
            .iter()
            .map(|bar| Room {
                from: rank(bar.from),
                to: rank(bar.to),
                width: width(&bar.label, 12.0) + 10.0,
            })
            .collect();
        let gaps = elastic::gaps(&instants, BOUNDS);
        let natural: f64 = gaps.iter().sum();
        let factor = ((WIDTH - LEFT - 2.0 * BEYOND) / natural.max(1.0)).clamp(1.0, 6.0);
        let gaps: Vec<f64> = gaps.iter().map(|gap| gap * factor).collect();
        let places = elastic::places(LEFT + 14.0, &gaps, &rooms);
        Axis { instants, places }
    }

    /// The place of an instant; of one outside, the nearest. O(log n).
    pub(super) fn x(&self, at: u64) -> f64 {
        let rank = self.instants.partition_point(|other| *other < at);
        let rank = rank.min(self.places.len().saturating_sub(1));
        self.places.get(rank).copied().unwrap_or(LEFT)
    }

    pub(super) fn instants(&self) -> impl Iterator<Item = (u64, f64)> {
        self.instants
            .iter()
            .copied()
            .zip(self.places.iter().copied())
    }

    /// Where the page ends.
    pub(super) fn end(&self) -> f64 {
        (self.places.last().copied().unwrap_or(LEFT) + BEYOND).max(WIDTH)
    }
}
