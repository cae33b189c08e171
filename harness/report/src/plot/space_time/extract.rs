//! What of a story is drawn: a window around the contradiction, who takes part in it, and the
//! messages that matter most.

use std::collections::BTreeMap;

use testimony_engine::{Happening, Moment};

use crate::plot::frame::Band;
use crate::story::Cast;
use crate::{RunReport, phrase};

/// Messages drawn at most.
const ARROWS_MAX: usize = 240;
/// A run with so many messages is drawn whole.
const WHOLE: usize = 240;
/// What is drawn around the contradiction at least, and before something that nobody called, in
/// nanoseconds.
const AROUND: u64 = 20_000_000;
const BEFORE: u64 = 1_000_000_000;
/// Faults named at most.
const FAULTS_MAX: usize = 8;
/// Characters of a label.
const LABEL_MAX: usize = 34;

/// A message.
#[derive(Clone, Debug)]
pub(super) struct Arrow {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) sent: u64,
    pub(super) at: u64,
    pub(super) arrived: bool,
    pub(super) title: String,
    kind: String,
}

/// What lasts: an operation; or what a node is for a while, leader, down, standing still.
#[derive(Clone, Debug)]
pub(super) struct Bar {
    pub(super) lane: usize,
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) class: &'static str,
    pub(super) label: String,
    pub(super) title: String,
}

/// Something that happens to a node at once.
#[derive(Clone, Debug)]
pub(super) struct Sign {
    pub(super) lane: usize,
    pub(super) at: u64,
    pub(super) class: &'static str,
    pub(super) label: String,
    pub(super) title: String,
}

/// What is drawn.
#[derive(Clone, Debug)]
pub(super) struct Extract {
    window: (u64, u64),
    whole: bool,
    pub(super) lanes: Vec<String>,
    pub(super) arrows: Vec<Arrow>,
    pub(super) bars: Vec<Bar>,
    pub(super) stretches: Vec<Bar>,
    pub(super) signs: Vec<Sign>,
    pub(super) faults: Vec<Band>,
    /// Messages of the window that are not drawn, by kind.
    left_out: BTreeMap<String, usize>,
}

impl Extract {
    /// Nothing if there is no story, or nothing in it that anybody looks for.
    pub(super) fn of(report: &RunReport<'_>) -> Option<Self> {
        let cast = Cast::of(report);
        let (window, whole) = window(report, &cast)?;
        let nodes = report.plan.node_names();
        let nodes = nodes.iter().map(|node| node.as_str().to_owned());
        let mut extract = Extract {
            window,
            whole,
            lanes: nodes.chain(cast.processes()).collect(),
            arrows: Vec::new(),
            bars: Vec::new(),
            stretches: Vec::new(),
            signs: Vec::new(),
            faults: Vec::new(),
            left_out: BTreeMap::new(),
        };
        for moment in report.story {
            extract.look_at(moment, &cast);
        }
        extract.close(window.1);
        extract
            .stretches
            .retain(|s| s.from <= window.1 && s.to >= window.0);
        for stretch in &mut extract.stretches {
            stretch.from = stretch.from.max(window.0);
            stretch.to = stretch.to.min(window.1);
        }
        extract.choose();
        extract.faults = faults(report, window);
        Some(extract)
    }

    /// All instants that are to have a place.
    pub(super) fn instants(&self) -> impl Iterator<Item = u64> {
        let arrows = self.arrows.iter().flat_map(|a| [a.sent, a.at]);
        let bars = self.bars.iter().flat_map(|b| [b.from, b.to]);
        let stretches = self.stretches.iter().flat_map(|s| [s.from, s.to]);
        let signs = self.signs.iter().map(|sign| sign.at);
        let faults = self.faults.iter().flat_map(|f| [f.from, f.to]);
        let all = arrows
            .chain(bars)
            .chain(stretches)
            .chain(signs)
            .chain(faults);
        all.chain([self.window.0, self.window.1])
    }

    /// From when to when.
    pub(super) fn window_in_words(&self) -> String {
        let instants = phrase::Instants::telling_apart([]);
        let (from, to) = (instants.say(self.window.0), instants.say(self.window.1));
        let what = if self.whole {
            "The whole run"
        } else {
            "A part of the run"
        };
        format!("{what}, from {from} to {to} s. ")
    }

    /// What is not drawn, in a sentence.
    pub(super) fn omitted(&self) -> String {
        if self.left_out.is_empty() {
            return "Every message of that time is drawn.".to_owned();
        }
        let kinds = self.left_out.iter();
        let kinds: Vec<String> = kinds
            .map(|(kind, n)| format!("{n} of kind {kind}"))
            .collect();
        let kinds = phrase::printable(&kinds.join(", "));
        format!("Of its messages these are not drawn: {kinds}.")
    }

    fn lane(&self, name: &str) -> Option<usize> {
        self.lanes.iter().position(|lane| lane == name)
    }

    fn is_inside(&self, at: u64) -> bool {
        (self.window.0..=self.window.1).contains(&at)
    }

    fn look_at(&mut self, moment: &Moment, cast: &Cast) {
        let at = moment.time.0;
        match &moment.what {
            Happening::Message {
                from,
                to,
                kind,
                sent,
                arrived,
            } => self.message((from, to), kind, (sent.0, at), *arrived),
            Happening::Called {
                process,
                node,
                call,
            } if cast.calls(process, at) => self.called(process, node, call, at),
            Happening::Ended {
                process, ending, ..
            } if cast.ends(process, at) => self.ended(process, ending, at),
            Happening::Called { .. } | Happening::Ended { .. } => {}
            _ => self.turn(moment),
        }
    }

    fn message(
        &mut self,
        (from, to): (&str, &str),
        kind: &str,
        (sent, at): (u64, u64),
        arrived: bool,
    ) {
        if !self.is_inside(at) && !self.is_inside(sent) {
            return;
        }
        let (Some(from_lane), Some(to_lane)) = (self.lane(from), self.lane(to)) else {
            return;
        };
        let lost = if arrived { "" } else { ", lost" };
        let instants = phrase::Instants::telling_apart([sent, at]);
        let (says_sent, says_at) = (instants.say(sent), instants.say(at));
        self.arrows.push(Arrow {
            from: from_lane,
            to: to_lane,
            sent: sent.max(self.window.0),
            at: at.min(self.window.1),
            arrived,
            title: format!("{kind} from {from} to {to}, {says_sent} to {says_at} s{lost}"),
            kind: kind.to_owned(),
        });
    }

    fn called(&mut self, process: &str, node: &str, call: &str, at: u64) {
        let Some(lane) = self.lane(process).filter(|_| self.is_inside(at)) else {
            return;
        };
        self.bars.push(Bar {
            lane,
            from: at,
            to: self.window.1,
            class: "unknown",
            label: phrase::shorten(call, LABEL_MAX),
            title: format!("{process}: {call}, asked at {node}"),
        });
    }

    fn ended(&mut self, process: &str, ending: &str, at: u64) {
        let Some(lane) = self.lane(process) else {
            return;
        };
        let Some(bar) = self.bars.iter_mut().rev().find(|bar| bar.lane == lane) else {
            return;
        };
        bar.to = at.min(self.window.1);
        bar.class = match ending.split([' ', ':']).next() {
            Some("ok") => "completed",
            Some("fail") => "failed",
            _ => "unknown",
        };
        bar.label = phrase::shorten(&format!("{} → {ending}", bar.label), LABEL_MAX);
        bar.title = format!("{}: {ending}", bar.title);
    }

    fn turn(&mut self, moment: &Moment) {
        let at = moment.time.0;
        match &moment.what {
            Happening::Leads { node, term } => {
                self.end(node, "leads", at);
                self.begin(node, "leads", at, format!("term {term}"));
            }
            Happening::StepsDown { node } => self.end(node, "leads", at),
            Happening::Crashed { node } => {
                self.end(node, "leads", at);
                self.end(node, "still", at);
                self.sign(node, "crash", at, "crash".to_owned());
                self.begin(node, "down", at, "down".to_owned());
            }
            Happening::Started { node } => {
                self.end(node, "down", at);
                if at > 0 {
                    self.sign(node, "start", at, "start".to_owned());
                }
            }
            Happening::Paused { node } => self.begin(node, "still", at, "stands still".to_owned()),
            Happening::Resumed { node } => self.end(node, "still", at),
            Happening::Campaigns { node, term } => {
                self.sign(node, "campaign", at, format!("wants term {term}"));
            }
            _ => {}
        }
    }

    fn begin(&mut self, node: &str, class: &'static str, at: u64, label: String) {
        if let Some(lane) = self.lane(node) {
            let title = format!("{node}: {label}");
            self.stretches.push(Bar {
                lane,
                from: at,
                to: u64::MAX,
                class,
                label,
                title,
            });
        }
    }

    fn end(&mut self, node: &str, class: &str, at: u64) {
        let lane = self.lane(node);
        let mut open = self.stretches.iter_mut().filter(|s| s.to == u64::MAX);
        if let Some(open) = open.find(|s| Some(s.lane) == lane && s.class == class) {
            open.to = at;
        }
    }

    fn close(&mut self, at: u64) {
        for stretch in self.stretches.iter_mut().filter(|s| s.to == u64::MAX) {
            stretch.to = at.max(stretch.from);
        }
    }

    fn sign(&mut self, node: &str, class: &'static str, at: u64, label: String) {
        if let Some(lane) = self.lane(node).filter(|_| self.is_inside(at)) {
            let title = format!("{node}: {label}");
            self.signs.push(Sign {
                lane,
                at,
                class,
                label,
                title,
            });
        }
    }

    /// Keeps as many messages as can be told apart: heartbeats go first, then what the most common
    /// kind says while none of the operations is under way, then the rest of it, then the latest.
    fn choose(&mut self) {
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for arrow in &self.arrows {
            *kinds.entry(&arrow.kind).or_default() += 1;
        }
        let common = kinds.iter().max_by_key(|(_, count)| **count);
        let common = common.map(|(kind, _)| (*kind).to_owned());
        let is_common = |arrow: &Arrow| Some(&arrow.kind) == common.as_ref();
        let under_way = |arrow: &Arrow| {
            let mut bars = self.bars.iter();
            bars.any(|bar| bar.from <= arrow.at && arrow.sent <= bar.to)
        };
        let price = |arrow: &Arrow| match arrow {
            _ if arrow.kind == "request" => 0,
            _ if arrow.kind.starts_with("heartbeat") => 4,
            _ if !is_common(arrow) => 1,
            _ if under_way(arrow) => 2,
            _ => 3,
        };
        let mut order: Vec<usize> = (0..self.arrows.len()).collect();
        order.sort_by_key(|place| price(&self.arrows[*place]));
        let left_out = order.split_off(order.len().min(ARROWS_MAX));
        for place in &left_out {
            let kind = self.arrows[*place].kind.clone();
            *self.left_out.entry(kind).or_default() += 1;
        }
        order.sort_unstable();
        self.arrows = order
            .iter()
            .map(|place| self.arrows[*place].clone())
            .collect();
    }
}

/// The time that is drawn, and whether that is all of it.
fn window(report: &RunReport<'_>, cast: &Cast) -> Option<((u64, u64), bool)> {
    let last = report.story.last()?.time.0;
    let messages = report.story.iter();
    let messages = messages.filter(|moment| matches!(moment.what, Happening::Message { .. }));
    if messages.count() <= WHOLE {
        return Some(((0, last), true));
    }
    let broken = report.story.iter().find_map(|moment| match &moment.what {
        Happening::Broken { .. } => Some(moment.time.0),
        _ => None,
    });
    let (from, to) = match (report.is_illegal(), broken, cast.window()) {
        (false, Some(at), _) => (at.saturating_sub(BEFORE), at),
        (_, _, Some(window)) => window,
        _ => return None,
    };
    let margin = ((to - from) / 20).max(AROUND);
    Some((
        (from.saturating_sub(margin), (to + margin).min(last)),
        false,
    ))
}

/// The faults of a stretch of time, within it.
fn faults(report: &RunReport<'_>, (from, to): (u64, u64)) -> Vec<Band> {
    let bands = report.bands().into_iter();
    let inside = bands.filter(|band| band.from <= to && band.to >= from);
    let mut inside: Vec<Band> = inside.take(FAULTS_MAX).collect();
    for band in &mut inside {
        (band.from, band.to) = (band.from.max(from), band.to.min(to));
    }
    inside
}
