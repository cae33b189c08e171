//! How many operations ended per second, over time.

use std::fmt::Write as _;

use maud::{Markup, html};

use crate::plot::axis::{Linear, bin};
use crate::plot::frame::{Frame, LEFT, RIGHT, WIDTH, drawing, tick};
use crate::plot::label::Px;
use crate::plot::samples::{Ending, Sample};

const TOP: f64 = 10.0;
const BOTTOM: f64 = 150.0;
/// Bins of time at most, and the shortest in nanoseconds.
const BINS_MAX: u64 = 160;
const BIN_MIN: u64 = 100_000_000;

/// The drawing; nothing if there are no operations.
pub(crate) fn throughput(frame: &Frame, samples: &[Sample]) -> Option<Markup> {
    if samples.is_empty() {
        return None;
    }
    let rates = Ending::ALL.map(|ending| (ending, rates(frame.end, samples, ending)));
    let highest = rates
        .iter()
        .flat_map(|(_, rates)| rates)
        .copied()
        .fold(0.0, f64::max);
    let scale = Linear::new(0.0, highest * 1.05, BOTTOM, TOP);
    let content = html! {
        (frame.seconds(TOP, BOTTOM))
        (frame.shades(TOP, BOTTOM))
        @for rate in scale.ticks(4) {
            @let y = scale.place(rate);
            line class="grid" x1=(Px(LEFT)) x2=(Px(RIGHT)) y1=(Px(y)) y2=(Px(y)) {}
            text class="tick" x=(Px(LEFT - 6.0)) y=(Px(y + 4.0)) text-anchor="end" {
                (tick(rate)) "/s"
            }
        }
        @for (ending, rates) in &rates {
            @if rates.iter().any(|&rate| rate > 0.0) {
                path class={ "rate " (ending.name()) } d=(steps(rates, &scale)) {}
            }
        }
    };
    Some(drawing(
        "Operations per second over time",
        WIDTH,
        BOTTOM + 26.0,
        &content,
    ))
}

/// Operations per second that ended so, in bins of equal length.
fn rates(end: u64, samples: &[Sample], ending: Ending) -> Vec<f64> {
    let bins = usize::try_from((end / BIN_MIN).clamp(1, BINS_MAX)).unwrap_or(1);
    let mut counts = vec![0u32; bins];
    for sample in samples.iter().filter(|sample| sample.ending == ending) {
        counts[bin(sample.returned as f64 / end as f64, bins)] += 1;
    }
    let seconds = end as f64 / 1e9 / bins as f64;
    counts
        .into_iter()
        .map(|count| f64::from(count) / seconds)
        .collect()
}

/// A line of steps through the bins.
fn steps(rates: &[f64], scale: &Linear) -> String {
    let width = (RIGHT - LEFT) / rates.len() as f64;
    let mut path = format!("M{} {}", Px(LEFT), Px(scale.place(0.0)));
    for (number, &rate) in rates.iter().enumerate() {
        let _ = write!(
            path,
            "V{}H{}",
            Px(scale.place(rate)),
            Px(LEFT + width * (number + 1) as f64)
        );
    }
    let _ = write!(path, "V{}", Px(scale.place(0.0)));
    path
}
