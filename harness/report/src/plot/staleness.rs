//! How far behind stale answers were: a bar for each range of lags, which grow by 1, 2, 5, 10.

use maud::{Markup, html};
use testimony_checker::examination::{Bucket, Unit};

use crate::phrase;
use crate::plot::axis::Linear;
use crate::plot::frame::{LEFT, RIGHT, WIDTH, drawing, duration_tick, tick};
use crate::plot::label::Px;

const TOP: f64 = 10.0;
const BOTTOM: f64 = 150.0;
/// Width of a bar at most.
const BAR_MAX: f64 = 64.0;

/// The drawing; nothing if no answer was stale.
pub(crate) fn staleness(buckets: &[Bucket], unit: Unit) -> Option<Markup> {
    let highest = buckets.iter().map(|bucket| bucket.reads).max()?;
    let scale = Linear::new(0.0, highest as f64 * 1.05, BOTTOM, TOP);
    let width = ((RIGHT - LEFT) / buckets.len() as f64).min(BAR_MAX);
    let right = LEFT + width * buckets.len() as f64;
    let counts = scale.ticks(4);
    let content = html! {
        @for &count in counts.iter().filter(|count| count.fract() == 0.0) {
            @let y = scale.place(count);
            line class="grid" x1=(Px(LEFT)) x2=(Px(right)) y1=(Px(y)) y2=(Px(y)) {}
            text class="tick" x=(Px(LEFT - 6.0)) y=(Px(y + 4.0)) text-anchor="end" { (tick(count)) }
        }
        @for (number, bucket) in buckets.iter().enumerate() {
            @let x = LEFT + width * number as f64;
            @let y = scale.place(bucket.reads as f64);
            rect class="stale" x=(Px(x + 1.0)) y=(Px(y)) width=(Px(width - 2.0))
                height=(Px(BOTTOM - y)) {
                title { (in_words(bucket, unit)) }
            }
            text class="tick" x=(Px(x)) y=(Px(BOTTOM + 16.0)) text-anchor="middle" {
                (bound(bucket.from, unit))
            }
        }
        @if let Some(last) = buckets.last() {
            text class="tick" x=(Px(right)) y=(Px(BOTTOM + 16.0)) text-anchor="middle" {
                (bound(last.below, unit))
            }
        }
    };
    let label = "Stale answers by how far behind they were";
    Some(drawing(label, WIDTH, BOTTOM + 26.0, &content))
}

fn bound(lag: u64, unit: Unit) -> String {
    match unit {
        Unit::Nanoseconds => duration_tick(lag as f64 / 1e9),
        Unit::Events => phrase::count(lag),
    }
}

fn in_words(bucket: &Bucket, unit: Unit) -> String {
    let (from, below) = (bound(bucket.from, unit), bound(bucket.below, unit));
    let answers = phrase::counted(bucket.reads, "stale answer");
    format!("{answers}, {from} to {below} behind")
}
