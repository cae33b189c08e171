//! A counterexample as a timeline: a row for each process, a bar for each operation.
//!
//! The order from left to right is exact; lengths are elastic (see [`crate::plot::elastic`]), so
//! that every label fits into its bar and operations far apart still stand on one page.

use maud::{Markup, html};

use crate::phrase;
use crate::plot::elastic::{self, Bounds, Room};
use crate::plot::frame::{Band, WIDTH, drawing};
use crate::plot::label::{Px, width};
use crate::plot::lanes;
use crate::scene::{Scene, Shown};

const LEFT: f64 = 64.0;
const ROW: f64 = 42.0;
const BAR: f64 = 28.0;
const STRIP: f64 = 22.0;
/// Room in a bar beside its label: the badge and the padding.
const BESIDE: f64 = 40.0;
const BOUNDS: Bounds = Bounds {
    narrow: 13.0,
    wide: 96.0,
};
/// Characters of a key or a value in a label.
const VALUE_MAX: usize = 12;
/// How far open bars reach past the last event.
const BEYOND: f64 = 46.0;

/// What an event of the axis belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    FaultBegins(usize),
    Called(usize),
    Returned(usize),
    FaultEnds(usize),
    End,
}

/// The events of the axis in order, with their places.
struct Axis {
    marks: Vec<Mark>,
    instants: Vec<u64>,
    places: Vec<f64>,
}

impl Axis {
    fn of(scene: &Scene) -> Self {
        let mut events = events(scene);
        events.sort_unstable();
        let last = events.last().map_or(0, |event| event.0);
        let mut instants: Vec<u64> = events.iter().map(|event| event.0).collect();
        let mut marks: Vec<Mark> = events.into_iter().map(|event| event.2).collect();
        instants.push(last);
        marks.push(Mark::End);
        let mut axis = Axis {
            marks,
            instants,
            places: Vec::new(),
        };
        axis.places = axis.stretched(&axis.rooms(scene));
        axis
    }

    /// The places for gaps so wide that the page is filled, if there is room.
    fn stretched(&self, rooms: &[Room]) -> Vec<f64> {
        let gaps = elastic::gaps(&self.instants, BOUNDS);
        let places = |factor: f64| {
            let wide: Vec<f64> = gaps.iter().map(|gap| gap * factor).collect();
            elastic::places(LEFT + 14.0, &wide, rooms)
        };
        let fits = |places: &[f64]| places.last().is_none_or(|&end| end <= WIDTH - BEYOND);
        let (mut low, mut high) = (1.0, 6.0);
        for _ in 0..16 {
            let middle = f64::midpoint(low, high);
            if fits(&places(middle)) {
                low = middle;
            } else {
                high = middle;
            }
        }
        places(low)
    }

    /// The room that labels need.
    fn rooms(&self, scene: &Scene) -> Vec<Room> {
        let needed = |number: usize, shown: &Shown| {
            let from = self.rank(Mark::Called(number))?;
            let to = self.rank(self.ending(number, shown))?;
            Some(Room {
                from,
                to,
                width: width(&shown.label(VALUE_MAX), 12.0) + BESIDE,
            })
        };
        scene
            .operations
            .iter()
            .enumerate()
            .filter_map(|(n, shown)| needed(n, shown))
            .collect()
    }

    fn ending(&self, number: usize, shown: &Shown) -> Mark {
        if shown.is_open() {
            Mark::End
        } else {
            Mark::Returned(number)
        }
    }

    fn rank(&self, mark: Mark) -> Option<usize> {
        self.marks.iter().position(|&other| other == mark)
    }

    fn x(&self, mark: Mark) -> f64 {
        self.rank(mark).map_or(LEFT, |rank| self.places[rank])
    }

    /// From where to where the bar of an operation reaches.
    fn span(&self, scene: &Scene, number: usize) -> (f64, f64) {
        let open = scene.operations[number].is_open();
        let to = if open {
            self.end()
        } else {
            self.x(Mark::Returned(number))
        };
        (self.x(Mark::Called(number)), to)
    }

    fn end(&self) -> f64 {
        self.places.last().copied().unwrap_or(LEFT) + BEYOND
    }
}

/// Time (or position), order within equal times, and meaning of each event.
fn events(scene: &Scene) -> Vec<(u64, u32, Mark)> {
    let timed = scene.is_timed();
    let at = |time: Option<u64>, position: u32| match time {
        Some(time) if timed => time,
        _ => u64::from(position),
    };
    let mut events = Vec::new();
    for (number, shown) in scene.operations.iter().enumerate() {
        events.push((
            at(shown.from, shown.called),
            shown.called,
            Mark::Called(number),
        ));
        if let Some(returned) = shown.returned {
            events.push((at(shown.to, returned), returned, Mark::Returned(number)));
        }
    }
    let window = (
        events.iter().map(|e| e.0).min(),
        events.iter().map(|e| e.0).max(),
    );
    if let (true, (Some(first), Some(last))) = (timed, window) {
        for (number, band) in scene.faults.iter().enumerate() {
            let (from, to) = (band.from.clamp(first, last), band.to.clamp(first, last));
            events.push((
                from,
                if from < band.from { u32::MAX } else { 0 },
                Mark::FaultBegins(number),
            ));
            events.push((to, u32::MAX, Mark::FaultEnds(number)));
        }
    }
    events
}

/// A row of bars that do not overlap: all of a process's operations, or, where one of them is open
/// and the process went on, some of them.
struct Row {
    process: u64,
    /// Whether it is the first row of its process.
    first: bool,
    operations: Vec<usize>,
}

/// The rows, by process.
fn rows(scene: &Scene, axis: &Axis) -> Vec<Row> {
    let mut rows = Vec::new();
    for process in scene.processes() {
        let numbers = scene.operations.iter().enumerate();
        let of_process: Vec<usize> = numbers
            .filter(|(_, shown)| shown.process == process)
            .map(|(n, _)| n)
            .collect();
        let spans: Vec<(f64, f64)> = of_process.iter().map(|&n| axis.span(scene, n)).collect();
        let (lane, lanes) = lanes::pack(&spans);
        for row in 0..lanes {
            let here = of_process
                .iter()
                .zip(&lane)
                .filter(|(_, lane)| **lane == row);
            let operations = here.map(|(&number, _)| number).collect();
            rows.push(Row {
                process,
                first: row == 0,
                operations,
            });
        }
    }
    rows
}

/// The drawing; nothing if there is nothing to show.
pub(crate) fn timeline(scene: &Scene) -> Option<Markup> {
    if scene.operations.is_empty() {
        return None;
    }
    let axis = Axis::of(scene);
    let rows = rows(scene, &axis);
    let (strip, strips) = faults(scene, &axis);
    let top = strips as f64 * STRIP + 6.0;
    let bottom = top + rows.len() as f64 * ROW;
    let right = axis.end().max(WIDTH);
    let content = html! {
        (fade())
        (shades(scene, &axis, bottom))
        (strip)
        @for (number, row) in rows.iter().enumerate() {
            @let middle = top + (number as f64 + 0.5) * ROW;
            line class="lane" x1=(Px(LEFT)) x2=(Px(right)) y1=(Px(middle)) y2=(Px(middle)) {}
            @if row.first {
                text class="row-name" x="4" y=(Px(middle + 4.0)) { "p" (row.process) }
            }
            @for &number in &row.operations { (bar(scene, &axis, number, middle)) }
        }
        (ticks(scene, &axis, bottom, right))
    };
    let label = format!("Timeline of {} operations", scene.operations.len());
    Some(drawing(&label, right, bottom + 44.0, &content))
}

/// The gradient with which an operation of unknown end fades out.
fn fade() -> Markup {
    let stop = |class: &str, unmarked: &str| {
        html! {
            linearGradient id=(class) x1="0" x2="1" y1="0" y2="0" {
                stop offset="0.45" style={ "stop-color:var(" (unmarked) ")" } {}
                stop offset="1" style={ "stop-color:var(" (unmarked) ");stop-opacity:0" } {}
            }
        }
    };
    html! { defs { (stop("fade", "--unknown-soft")) (stop("fade-marked", "--accuse-soft")) } }
}

fn shades(scene: &Scene, axis: &Axis, bottom: f64) -> Markup {
    html! {
        @for (number, band) in scene.faults.iter().enumerate() {
            @let (from, to) = reach(axis, number);
            rect class="shade" x=(Px(from)) y="0" width=(Px((to - from).max(2.0))) height=(Px(bottom)) {
                title { (band.title) }
            }
        }
    }
}

/// From where to where a fault is shaded.
fn reach(axis: &Axis, number: usize) -> (f64, f64) {
    let (begin, end) = (Mark::FaultBegins(number), Mark::FaultEnds(number));
    match (axis.rank(begin), axis.rank(end)) {
        (Some(from), Some(to)) => (axis.places[from], axis.places[to.max(from)]),
        _ => (LEFT, LEFT),
    }
}

/// The names of the faults above the rows, and how many lanes they take.
fn faults(scene: &Scene, axis: &Axis) -> (Markup, usize) {
    let named = |number: usize, band: &Band| {
        let (from, to) = reach(axis, number);
        (from, to.max(from + width(&band.label, 11.0) + 14.0))
    };
    let spans: Vec<(f64, f64)> = scene
        .faults
        .iter()
        .enumerate()
        .map(|(n, band)| named(n, band))
        .collect();
    let (lane, lanes) = lanes::pack(&spans);
    let markup = html! {
        @for (number, band) in scene.faults.iter().enumerate() {
            @let (from, to) = reach(axis, number);
            @let y = lane[number] as f64 * STRIP + 2.0;
            rect class="fault" x=(Px(from)) y=(Px(y)) width=(Px((to - from).max(3.0)))
                height=(Px(STRIP - 5.0)) rx="2" { title { (band.title) } }
            text class="tick" x=(Px(from + 6.0)) y=(Px(y + 12.0)) { (band.label) }
        }
    };
    (markup, lanes)
}

fn bar(scene: &Scene, axis: &Axis, number: usize, middle: f64) -> Markup {
    let shown = &scene.operations[number];
    let (from, to) = axis.span(scene, number);
    let top = middle - BAR / 2.0;
    let marked = if shown.marked { " marked" } else { "" };
    html! {
        g class={ (shown.class()) (marked) } {
            title { (title(scene, shown)) }
            @if shown.is_open() {
                (open_bar(shown, from, to, top))
            } @else {
                rect class={ "bar " (shown.class()) (marked) } x=(Px(from)) y=(Px(top))
                    width=(Px(to - from)) height=(Px(BAR)) rx="3" {}
            }
            circle class="badge" cx=(Px(from + 15.0)) cy=(Px(middle)) r="8.5" {}
            text class="badge-number" x=(Px(from + 15.0)) y=(Px(middle + 3.8)) text-anchor="middle" {
                (shown.number)
            }
            text x=(Px(from + 29.0)) y=(Px(middle + 4.2)) { (shown.label(VALUE_MAX)) }
        }
    }
}

/// A bar without a right edge: nobody knows when it ended, or whether.
fn open_bar(shown: &Shown, from: f64, to: f64, top: f64) -> Markup {
    let solid = from + (to - from) * 0.4;
    let fill = if shown.marked {
        "url(#fade-marked)"
    } else {
        "url(#fade)"
    };
    let left = format!(
        "M{x} {top}H{f}V{bottom}H{x}",
        x = Px(solid),
        f = Px(from),
        top = Px(top),
        bottom = Px(top + BAR)
    );
    let rest = format!(
        "M{s} {top}H{t}M{s} {bottom}H{t}",
        s = Px(solid),
        t = Px(to - 6.0),
        top = Px(top),
        bottom = Px(top + BAR)
    );
    html! {
        rect x=(Px(from)) y=(Px(top)) width=(Px(to - from)) height=(Px(BAR)) fill=(fill) {}
        path class="edge-open" d=(left) {}
        path class="edge-open dashed" d=(rest) {}
    }
}

/// Everything about an operation, for who points at it.
fn title(scene: &Scene, shown: &Shown) -> String {
    let (from, to) = scene.span(shown);
    let unit = if scene.is_timed() { " s" } else { "" };
    let until = if shown.is_open() {
        "open to the end".to_owned()
    } else {
        format!("{to}{unit}")
    };
    let mut title = format!(
        "{}. p{}: {}\n{from}{unit} to {until}",
        shown.number,
        shown.process,
        shown.label(200)
    );
    if let Some(node) = &shown.node {
        title.push_str(&format!("\nasked {node}"));
    }
    title.push_str(&format!("\nevent {} of the recording", shown.index));
    if let Some(note) = &shown.note {
        title.push_str(&format!("\n{note}"));
    }
    title
}

/// The axis: a hairline at each event, its time where there is room, and the gaps that were
/// shortened.
fn ticks(scene: &Scene, axis: &Axis, bottom: f64, right: f64) -> Markup {
    let timed = scene.is_timed();
    let instants = scene.instants();
    html! {
        line class="instant" x1=(Px(LEFT)) x2=(Px(right)) y1=(Px(bottom)) y2=(Px(bottom)) {}
        @for &x in &axis.places[..axis.places.len() - 1] {
            line class="instant" x1=(Px(x)) x2=(Px(x)) y1=(Px(bottom - 4.0)) y2=(Px(bottom + 4.0)) {}
        }
        @if timed {
            @for (x, nanos) in labelled(scene, axis) {
                text class="tick" x=(Px(x)) y=(Px(bottom + 18.0)) text-anchor="middle" {
                    (instants.say(nanos))
                }
            }
            @for (x, length) in shortened(axis) {
                text class="tick" x=(Px(x)) y=(Px(bottom + 36.0)) text-anchor="middle" {
                    "⟵ " (phrase::duration(length)) " ⟶"
                }
            }
        }
        @if timed { text class="tick" x="4" y=(Px(bottom + 18.0)) { "seconds" } }
    }
}

/// The events whose times are written: those of marked operations first, then as many as fit.
fn labelled(scene: &Scene, axis: &Axis) -> Vec<(f64, u64)> {
    let room = width(
        &scene
            .instants()
            .say(axis.instants.last().copied().unwrap_or(0)),
        11.0,
    ) + 10.0;
    let marked = |mark: Mark| match mark {
        Mark::Called(number) | Mark::Returned(number) => Some(scene.operations[number].marked),
        Mark::FaultBegins(_) | Mark::FaultEnds(_) | Mark::End => None,
    };
    let mut labelled: Vec<(f64, u64)> = Vec::new();
    for wanted in [true, false] {
        for (rank, &mark) in axis.marks.iter().enumerate() {
            let x = axis.places[rank].max(LEFT + room / 2.0);
            let free = labelled.iter().all(|(other, _)| (other - x).abs() >= room);
            if marked(mark) == Some(wanted) && free {
                labelled.push((x, axis.instants[rank]));
            }
        }
    }
    labelled
}

/// Gaps drawn much shorter than their neighbours would ask for: where, and how long they were.
fn shortened(axis: &Axis) -> Vec<(f64, u64)> {
    let widths = elastic::gaps(&axis.instants, BOUNDS);
    let mut shortened: Vec<(f64, u64)> = Vec::new();
    for (rank, width_drawn) in widths.into_iter().enumerate() {
        let length = axis.instants[rank + 1].saturating_sub(axis.instants[rank]);
        let (x, next) = (axis.places[rank], axis.places[rank + 1]);
        let label = width(&phrase::duration(length), 11.0) + 42.0;
        let middle = f64::midpoint(x, next);
        let free = shortened
            .last()
            .is_none_or(|(other, _)| middle - other >= label);
        if width_drawn >= BOUNDS.wide && length > 0 && free && middle - label / 2.0 >= LEFT {
            shortened.push((middle, length));
        }
    }
    shortened
}
