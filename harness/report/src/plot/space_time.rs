//! Who told whom what, and when: a row for each node and each process, an arrow for each message.
//!
//! As in Lamport's drawings, but with time from left to right. Time is elastic (see
//! [`crate::plot::elastic`]): the order is exact, and pauses in which nothing happens are short.
//! Only a window around the contradiction is drawn, and of its messages only so many.

mod axis;
mod extract;

use maud::{Markup, html};

use crate::plot::frame::drawing;
use crate::plot::label::{Px, width};
use crate::{RunReport, phrase};
use axis::{Axis, LEFT};
use extract::{Arrow, Bar, Extract, Sign};

const ROW: f64 = 46.0;
const STRIP: f64 = 20.0;
/// Half the height of a lane's body, of a bar, of a cross.
const BODY: f64 = 7.0;
const BAR: f64 = 11.0;
const CROSS: f64 = 3.5;

/// The drawing and what it leaves out, in a sentence; nothing if nobody looked inside.
pub(crate) fn space_time(report: &RunReport<'_>) -> Option<(Markup, String)> {
    let extract = Extract::of(report)?;
    let axis = Axis::of(&extract);
    let top = extract.faults.len() as f64 * STRIP + 8.0;
    let bottom = top + extract.lanes.len() as f64 * ROW;
    let picture = Picture {
        extract: &extract,
        axis,
        top,
        bottom,
    };
    let words = [extract.window_in_words(), extract.omitted()].concat();
    let right = picture.axis.end();
    let label = "What the nodes and processes told each other over time";
    Some((
        drawing(label, right, bottom + 30.0, &picture.content()),
        words,
    ))
}

struct Picture<'a> {
    extract: &'a Extract,
    axis: Axis,
    top: f64,
    bottom: f64,
}

impl Picture<'_> {
    fn content(&self) -> Markup {
        let extract = self.extract;
        html! {
            defs {
                marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6"
                    markerHeight="6" orient="auto" {
                    path class="arrow-head" d="M0 0L8 4L0 8z" {}
                }
            }
            (self.faults())
            @for (lane, name) in extract.lanes.iter().enumerate() { (self.lane(lane, name)) }
            @for stretch in &extract.stretches { (self.stretch(stretch)) }
            @for arrow in &extract.arrows { (self.arrow(arrow)) }
            @for sign in &extract.signs { (self.sign(sign)) }
            @for bar in &extract.bars { (self.bar(bar)) }
            (self.ticks())
        }
    }

    fn y(&self, lane: usize) -> f64 {
        self.top + (lane as f64 + 0.5) * ROW
    }

    fn lane(&self, lane: usize, name: &str) -> Markup {
        let y = self.y(lane);
        html! {
            line class="lane" x1=(Px(LEFT)) x2=(Px(self.axis.end())) y1=(Px(y)) y2=(Px(y)) {}
            text class="row-name" x="4" y=(Px(y + 4.0)) { (phrase::printable(name)) }
        }
    }

    fn faults(&self) -> Markup {
        html! {
            @for (row, band) in self.extract.faults.iter().enumerate() {
                @let (from, to) = (self.axis.x(band.from), self.axis.x(band.to));
                @let y = row as f64 * STRIP + 2.0;
                rect class="shade" x=(Px(from)) y=(Px(y)) width=(Px((to - from).max(2.0)))
                    height=(Px(self.bottom - y)) { title { (band.title) } }
                text class="tick" x=(Px(from + 4.0)) y=(Px(y + 12.0)) { (band.label) }
            }
        }
    }

    /// A stretch of a lane in which its node leads, stands still, or is down.
    fn stretch(&self, stretch: &Bar) -> Markup {
        let (from, to) = (self.axis.x(stretch.from), self.axis.x(stretch.to));
        let y = self.y(stretch.lane);
        html! {
            rect class={ "body " (stretch.class) } x=(Px(from)) y=(Px(y - BODY)) rx="2"
                width=(Px((to - from).max(1.0))) height=(Px(2.0 * BODY)) {
                title { (phrase::printable(&stretch.title)) }
            }
            text class="tick" x=(Px(from + 3.0)) y=(Px(y - BODY - 3.0)) {
                (phrase::printable(&stretch.label))
            }
        }
    }

    fn arrow(&self, arrow: &Arrow) -> Markup {
        let (from, to) = ((self.axis.x(arrow.sent)), (self.axis.x(arrow.at)));
        let (low, high) = (self.y(arrow.from), self.y(arrow.to));
        // What was lost ends on its way.
        let share = if arrow.arrived { 1.0 } else { 0.6 };
        let (x, y) = (from + (to - from) * share, low + (high - low) * share);
        let class = if arrow.arrived {
            "message"
        } else {
            "message lost"
        };
        html! {
            g class=(class) {
                title { (phrase::printable(&arrow.title)) }
                @if arrow.arrived {
                    line x1=(Px(from)) y1=(Px(low)) x2=(Px(x)) y2=(Px(y)) marker-end="url(#arrow)" {}
                } @else {
                    line x1=(Px(from)) y1=(Px(low)) x2=(Px(x)) y2=(Px(y)) {}
                    (cross(x, y))
                }
            }
        }
    }

    fn sign(&self, sign: &Sign) -> Markup {
        let (x, y) = (self.axis.x(sign.at), self.y(sign.lane));
        html! {
            g class={ "sign " (sign.class) } {
                title { (phrase::printable(&sign.title)) }
                @if sign.class == "crash" { (cross(x, y)) } @else {
                    circle cx=(Px(x)) cy=(Px(y)) r="3.5" {}
                }
                text class="tick" x=(Px(x + 5.0)) y=(Px(y + BODY + 10.0)) {
                    (phrase::printable(&sign.label))
                }
            }
        }
    }

    fn bar(&self, bar: &Bar) -> Markup {
        let (from, to) = (self.axis.x(bar.from), self.axis.x(bar.to));
        let y = self.y(bar.lane);
        html! {
            g class=(bar.class) {
                title { (phrase::printable(&bar.title)) }
                rect class={ "bar " (bar.class) } x=(Px(from)) y=(Px(y - BAR)) rx="3"
                    width=(Px(to - from)) height=(Px(2.0 * BAR)) {}
                text x=(Px(from + 5.0)) y=(Px(y + 4.2)) { (phrase::printable(&bar.label)) }
            }
        }
    }

    /// Times at the bottom, as many as fit.
    fn ticks(&self) -> Markup {
        let instants = phrase::Instants::telling_apart([]);
        let room = width("000.000", 11.0) + 14.0;
        let mut last = f64::NEG_INFINITY;
        let labels = self.axis.instants().filter(|(_, x)| {
            let fits = x - last >= room;
            last = if fits { *x } else { last };
            fits
        });
        let labels: Vec<(u64, f64)> = labels.collect();
        html! {
            text class="tick" x="4" y=(Px(self.bottom + 18.0)) { "seconds" }
            @for (nanos, x) in labels {
                line class="instant" x1=(Px(x)) x2=(Px(x)) y1=(Px(self.bottom - 4.0))
                    y2=(Px(self.bottom + 4.0)) {}
                text class="tick" x=(Px(x)) y=(Px(self.bottom + 18.0)) text-anchor="middle" {
                    (instants.say(nanos))
                }
            }
        }
    }
}

fn cross(x: f64, y: f64) -> Markup {
    let (left, right) = (Px(x - CROSS), Px(x + CROSS));
    let (top, bottom) = (Px(y - CROSS), Px(y + CROSS));
    let strokes = format!("M{left} {top}L{right} {bottom}M{left} {bottom}L{right} {top}");
    html! { path class="cross" d=(strokes) {} }
}
