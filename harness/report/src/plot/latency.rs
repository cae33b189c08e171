//! How long operations took, over time: a row for each function, a point for each operation, on a
//! logarithmic scale.
//!
//! Points that fall on the same pixels become one, the more opaque the more there are, so that the
//! file stays small however long the run was.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use maud::{Markup, html};

use crate::plot::axis::{Log, bin};
use crate::plot::frame::{Frame, LEFT, RIGHT, WIDTH, drawing, duration_tick};
use crate::plot::label::Px;
use crate::plot::samples::{Ending, Sample};

/// Height of a function's row.
const ROW: f64 = 84.0;
/// Room between rows.
const GAP: f64 = 14.0;
/// Columns and lines of points in a row.
const GRID: (usize, usize) = (316, 26);
/// From how many operations on a point is drawn in the second and the third strength.
const STRENGTHS: [u32; 2] = [3, 12];

/// The drawing; nothing if there are no operations.
pub(crate) fn latency(frame: &Frame, samples: &[Sample]) -> Option<Markup> {
    let rows = by_function(samples);
    if rows.is_empty() {
        return None;
    }
    let (low, high) = range(samples);
    let bottom = rows.len() as f64 * (ROW + GAP);
    let content = html! {
        (frame.seconds(0.0, bottom))
        (frame.shades(0.0, bottom))
        @for (row, (name, samples)) in rows.iter().enumerate() {
            @let top = row as f64 * (ROW + GAP) + GAP;
            (function(frame, name, samples, &Log::new(low, high, top + ROW, top)))
        }
    };
    Some(drawing(
        "Latency of operations over time",
        WIDTH,
        bottom + 26.0,
        &content,
    ))
}

fn by_function(samples: &[Sample]) -> BTreeMap<&str, Vec<&Sample>> {
    let mut rows: BTreeMap<&str, Vec<&Sample>> = BTreeMap::new();
    for sample in samples {
        rows.entry(sample.f.name()).or_default().push(sample);
    }
    rows
}

fn seconds(sample: &Sample) -> f64 {
    (sample.returned - sample.called) as f64 / 1e9
}

/// Shortest and longest latency in seconds.
fn range(samples: &[Sample]) -> (f64, f64) {
    let seconds = samples.iter().map(seconds).filter(|&s| s > 0.0);
    seconds.fold((f64::INFINITY, 0.0), |(low, high), s| {
        (low.min(s), high.max(s))
    })
}

fn function(frame: &Frame, name: &str, samples: &[&Sample], scale: &Log) -> Markup {
    let ticks = scale.ticks();
    let step = ticks.len().div_ceil(5).max(1);
    let top = ticks.last().map_or(0.0, |&high| scale.place(high));
    html! {
        @for tick in ticks.iter().step_by(step) {
            @let y = scale.place(*tick);
            line class="grid" x1=(Px(LEFT)) x2=(Px(RIGHT)) y1=(Px(y)) y2=(Px(y)) {}
            text class="tick" x=(Px(LEFT - 6.0)) y=(Px(y + 4.0)) text-anchor="end" {
                (duration_tick(*tick))
            }
        }
        @for (class, path) in points(frame, samples, scale) {
            path class=(class) d=(path) {}
        }
        text class="row-name" x=(Px(LEFT + 6.0)) y=(Px(top + 12.0)) { (name) }
    }
}

/// A path for each ending and strength: its class and its points.
fn points(frame: &Frame, samples: &[&Sample], scale: &Log) -> Vec<(String, String)> {
    let mut cells: BTreeMap<(Ending, usize, usize), u32> = BTreeMap::new();
    let ticks = scale.ticks();
    let edge = |tick: Option<&f64>| tick.map_or(0.0, |&tick| scale.place(tick));
    let (bottom, top) = (edge(ticks.first()), edge(ticks.last()));
    for sample in samples {
        let column = (frame.x(sample.returned) - LEFT) / (RIGHT - LEFT);
        let line = (scale.place(seconds(sample)) - top) / (bottom - top);
        *cells
            .entry((sample.ending, bin(column, GRID.0), bin(line, GRID.1)))
            .or_default() += 1;
    }
    let mut paths: BTreeMap<(Ending, usize), String> = BTreeMap::new();
    for ((ending, column, line), count) in cells {
        let strength = STRENGTHS.iter().filter(|&&from| count >= from).count();
        let x = LEFT + (column as f64 + 0.5) / GRID.0 as f64 * (RIGHT - LEFT);
        let y = top + (line as f64 + 0.5) / GRID.1 as f64 * (bottom - top);
        let path = paths.entry((ending, strength)).or_default();
        let _ = write!(path, "M{} {}h0", Px(x), Px(y));
    }
    let class =
        |(ending, strength): (Ending, usize)| format!("point {} s{strength}", ending.name());
    paths
        .into_iter()
        .map(|(kind, path)| (class(kind), path))
        .collect()
}
