//! The faults of a run as named bars over time, above the plots that they shade.

use maud::{Markup, html};

use crate::plot::frame::{Band, Frame, RIGHT, WIDTH, drawing};
use crate::plot::label::{Px, width};
use crate::plot::lanes;

const ROW: f64 = 21.0;
const TOP: f64 = 4.0;
/// Room between a bar's edge and its label, twice.
const PADDING: f64 = 10.0;

/// Where a bar stands and what is written on it or beside it.
struct Placed<'a> {
    from: f64,
    to: f64,
    label: (f64, &'a str),
}

/// The drawing; nothing if there were no faults.
pub(crate) fn faults(frame: &Frame) -> Option<Markup> {
    if frame.bands.is_empty() {
        return None;
    }
    let placed: Vec<Placed<'_>> = frame.bands.iter().map(|band| place(frame, band)).collect();
    let (lane, lanes) = lanes::pack(&placed.iter().map(Placed::extent).collect::<Vec<_>>());
    let bottom = TOP + lanes as f64 * ROW;
    let content = html! {
        (frame.seconds(TOP, bottom))
        @for (number, (band, placed)) in frame.bands.iter().zip(&placed).enumerate() {
            @let y = TOP + lane[number] as f64 * ROW + 1.5;
            g {
                title { (band.title) }
                rect class=(if band.verified { "fault" } else { "fault unverified" }) rx="2"
                    x=(Px(placed.from)) y=(Px(y)) width=(Px(placed.to - placed.from))
                    height=(Px(ROW - 4.0)) {}
                text class="tick" x=(Px(placed.label.0)) y=(Px(y + 12.5)) { (placed.label.1) }
            }
        }
    };
    Some(drawing("Faults over time", WIDTH, bottom + 26.0, &content))
}

/// The bar of a fault; its label inside where it fits, else to the right, else to the left.
fn place<'a>(frame: &Frame, band: &'a Band) -> Placed<'a> {
    let from = frame.x(band.from).min(RIGHT - 3.0);
    let to = frame.x(band.to).max(from + 3.0);
    let needed = width(&band.label, 11.0) + PADDING;
    let label = if needed <= to - from {
        from + PADDING / 2.0
    } else if to + needed <= RIGHT {
        to + PADDING / 2.0
    } else {
        from - needed + PADDING / 2.0
    };
    Placed {
        from,
        to,
        label: (label, &band.label),
    }
}

impl Placed<'_> {
    /// The room that bar and label take together.
    fn extent(&self) -> (f64, f64) {
        let (x, label) = self.label;
        let end = x + width(label, 11.0) + PADDING / 2.0;
        (self.from.min(x - PADDING / 2.0), self.to.max(end))
    }
}
