//! The frame that all drawings over a run's time share: one time axis, so that they line up, and
//! the faults shaded behind.

use maud::{Markup, html};

use crate::phrase;
use crate::plot::axis::Linear;
use crate::plot::label::Px;

/// Width of every drawing over time, in pixels.
pub(crate) const WIDTH: f64 = 1072.0;
/// Where the plot begins: room for the labels of the other axis.
pub(crate) const LEFT: f64 = 76.0;
/// Where the plot ends.
pub(crate) const RIGHT: f64 = WIDTH - 14.0;

/// A stretch of time shaded behind a plot.
#[derive(Clone, Debug)]
pub(crate) struct Band {
    /// When it began, in nanoseconds.
    pub(crate) from: u64,
    /// When it ended.
    pub(crate) to: u64,
    /// What a person reads on it.
    pub(crate) label: String,
    /// Whether it was seen to take effect.
    pub(crate) verified: bool,
    /// What a person reads when pointing at it.
    pub(crate) title: String,
}

/// The time axis of a run, with its faults.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// Nanoseconds to pixels.
    pub(crate) time: Linear,
    /// When the run ended, in nanoseconds.
    pub(crate) end: u64,
    /// The faults.
    pub(crate) bands: Vec<Band>,
}

impl Frame {
    /// A frame from 0 to `end` nanoseconds.
    pub(crate) fn new(end: u64, bands: Vec<Band>) -> Self {
        let end = bands.iter().map(|band| band.to).fold(end, u64::max).max(1);
        Frame {
            time: Linear::new(0.0, end as f64, LEFT, RIGHT),
            end,
            bands,
        }
    }

    /// The pixel of a point in time.
    pub(crate) fn x(&self, nanos: u64) -> f64 {
        self.time.place(nanos as f64)
    }

    /// The faults as shades from `top` to `bottom`.
    pub(crate) fn shades(&self, top: f64, bottom: f64) -> Markup {
        html! {
            @for band in &self.bands {
                rect class="shade" x=(Px(self.x(band.from))) y=(Px(top)) height=(Px(bottom - top))
                    width=(Px((self.x(band.to) - self.x(band.from)).max(1.5))) {
                    title { (band.title) }
                }
            }
        }
    }

    /// Seconds along the bottom, with a thin line up to `top` for each.
    pub(crate) fn seconds(&self, top: f64, bottom: f64) -> Markup {
        let ticks = Linear::new(0.0, self.end as f64 / 1e9, LEFT, RIGHT).ticks(12);
        html! {
            @for seconds in ticks {
                @let x = Px(self.time.place(seconds * 1e9));
                line class="grid" x1=(x) x2=(x) y1=(Px(top)) y2=(Px(bottom)) {}
                text class="tick" x=(x) y=(Px(bottom + 16.0)) text-anchor="middle" {
                    (tick(seconds)) " s"
                }
            }
        }
    }
}

/// A round number without needless decimals.
pub(crate) fn tick(value: f64) -> String {
    let text = format!("{:.6}", value + 0.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A drawing in a box that scrolls sideways where the window is narrow.
pub(crate) fn drawing(label: &str, width: f64, height: f64, content: &Markup) -> Markup {
    html! {
        div.drawing tabindex="0" role="group" aria-label=(label) {
            svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label=(label)
                viewBox={ "0 0 " (Px(width)) " " (Px(height)) } width=(Px(width)) height=(Px(height)) {
                (content)
            }
        }
    }
}

/// A length of time in seconds as an axis says it: `1 ms`.
pub(crate) fn duration_tick(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s < 0.999_9e-6 => (s * 1e9, "ns"),
        s if s < 0.999_9e-3 => (s * 1e6, "µs"),
        s if s < 0.999_9 => (s * 1e3, "ms"),
        s => (s, "s"),
    };
    format!("{} {unit}", phrase::shorten(&tick(value), 6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_carry_no_needless_zeros() {
        assert_eq!([0.0, 10.0, 0.5, 2.5].map(tick), ["0", "10", "0.5", "2.5"]);
        let said = [1e-6, 1e-4, 1e-3, 0.1, 1.0, 10.0].map(duration_tick);
        assert_eq!(said, ["1 µs", "100 µs", "1 ms", "100 ms", "1 s", "10 s"]);
    }

    #[test]
    fn a_run_without_a_length_has_a_frame() {
        let frame = Frame::new(0, Vec::new());
        assert!((LEFT..=RIGHT).contains(&frame.x(0)));
        assert!(frame.seconds(0.0, 10.0).into_string().contains("0 s"));
    }
}
