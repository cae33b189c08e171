//! Who led when: a lane for each node, drawn from what the nodes said of themselves.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};
use testimony_engine::{NodeName, NodeStatus, Role, StatusSample};

use crate::phrase::Instants;
use crate::plot::frame::{Frame, LEFT, RIGHT, WIDTH, drawing};
use crate::plot::label::{Px, width};

const ROW: f64 = 24.0;
const TOP: f64 = 4.0;
/// Height of a leader's stretch; a follower's is a thin line.
const THICK: f64 = 17.0;
const THIN: f64 = 4.0;
/// A node is taken to stay what it was for at most so long after it last said so, in nanoseconds.
const STALE: u64 = 2_000_000_000;

/// What a node was, as a lane tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Was {
    Leader(Option<u64>),
    Candidate,
    Follower,
    Down,
}

/// A node being one thing for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stretch {
    from: u64,
    to: u64,
    was: Was,
}

/// The drawing; nothing if no node ever said anything.
pub(crate) fn roles(frame: &Frame, samples: &[StatusSample]) -> Option<Markup> {
    let lanes = stretches(frame.end, samples);
    if lanes.is_empty() {
        return None;
    }
    let bottom = TOP + lanes.len() as f64 * ROW;
    let content = html! {
        (frame.seconds(TOP, bottom))
        (frame.shades(TOP, bottom))
        @for (number, (node, stretches)) in lanes.iter().enumerate() {
            @let middle = TOP + (number as f64 + 0.5) * ROW;
            text class="tick" x=(Px(LEFT - 8.0)) y=(Px(middle + 4.0)) text-anchor="end" {
                (crate::phrase::shorten(&crate::phrase::printable(node.as_str()), 9))
            }
            @for stretch in stretches { (drawn(frame, node, stretch, middle)) }
        }
    };
    Some(drawing(
        "Leader and term of each node over time",
        WIDTH,
        bottom + 26.0,
        &content,
    ))
}

/// What each node was, over time.
fn stretches(end: u64, samples: &[StatusSample]) -> BTreeMap<NodeName, Vec<Stretch>> {
    let names: BTreeSet<&NodeName> = samples
        .iter()
        .flat_map(|sample| sample.nodes.keys())
        .collect();
    let mut lanes = BTreeMap::new();
    for name in names {
        let mut lane: Vec<Stretch> = Vec::new();
        for (number, sample) in samples.iter().enumerate() {
            let from = sample.time.0;
            let until = samples.get(number + 1).map_or(end, |next| next.time.0);
            let to = until.clamp(from, from.saturating_add(STALE));
            if let Some(was) = sample.nodes.get(name).map(was) {
                extend(&mut lane, Stretch { from, to, was });
            }
        }
        lanes.insert(name.clone(), lane);
    }
    lanes
}

fn was(status: &NodeStatus) -> Was {
    match status.role {
        _ if !status.alive => Was::Down,
        Some(Role::Leader) => Was::Leader(status.term),
        Some(Role::Candidate | Role::PreCandidate) => Was::Candidate,
        Some(Role::Follower) | None => Was::Follower,
    }
}

/// Adds a stretch, as part of the last one where it goes on being the same.
fn extend(lane: &mut Vec<Stretch>, stretch: Stretch) {
    match lane.last_mut() {
        Some(last) if last.was == stretch.was && last.to >= stretch.from => last.to = stretch.to,
        _ => lane.push(stretch),
    }
}

fn drawn(frame: &Frame, node: &NodeName, stretch: &Stretch, middle: f64) -> Markup {
    let (from, to) = (frame.x(stretch.from), frame.x(stretch.to).min(RIGHT));
    let long = (to - from).max(1.5);
    let (class, thick) = match stretch.was {
        Was::Leader(_) => ("leader", THICK),
        Was::Candidate => ("candidate", THICK * 0.6),
        Was::Follower => ("follower", THIN),
        Was::Down => ("down", 0.0),
    };
    html! {
        g {
            title { (title(node, stretch)) }
            @if stretch.was == Was::Down {
                line class="down" x1=(Px(from)) x2=(Px(from + long)) y1=(Px(middle)) y2=(Px(middle)) {}
            } @else {
                rect class=(class) x=(Px(from)) y=(Px(middle - thick / 2.0)) width=(Px(long))
                    height=(Px(thick)) rx="2" {}
            }
            @if let Was::Leader(Some(term)) = stretch.was {
                @if let Some(label) = fitting(term, long) {
                    text class="on-leader" x=(Px(from + 5.0)) y=(Px(middle + 4.0)) { (label) }
                }
            }
        }
    }
}

/// As much of "term 5" as fits.
fn fitting(term: u64, room: f64) -> Option<String> {
    let long = format!("term {term}");
    [long, term.to_string()]
        .into_iter()
        .find(|label| width(label, 11.0) + 9.0 <= room)
}

fn title(node: &NodeName, stretch: &Stretch) -> String {
    let what = match stretch.was {
        Was::Leader(Some(term)) => format!("led in term {term}"),
        Was::Leader(None) => "led".to_owned(),
        Was::Candidate => "asked for votes".to_owned(),
        Was::Follower => "followed".to_owned(),
        Was::Down => "did not answer".to_owned(),
    };
    let instants = Instants::telling_apart([]);
    format!(
        "{node} {what}, {} to {} s",
        instants.say(stretch.from),
        instants.say(stretch.to)
    )
}

#[cfg(test)]
mod tests {
    use testimony_engine::Nanos;

    use super::*;

    fn sample(seconds: u64, role: Role, alive: bool) -> StatusSample {
        let status = NodeStatus {
            alive,
            role: Some(role),
            term: Some(2),
            ..NodeStatus::default()
        };
        StatusSample {
            time: Nanos(seconds * 1_000_000_000),
            nodes: [("n1".into(), status)].into(),
        }
    }

    #[test]
    fn a_node_that_stays_what_it_is_has_one_stretch() {
        let samples = [
            sample(0, Role::Leader, true),
            sample(1, Role::Leader, true),
            sample(2, Role::Leader, false),
        ];
        let lanes = stretches(3_000_000_000, &samples);
        let expected = [
            Stretch {
                from: 0,
                to: 2_000_000_000,
                was: Was::Leader(Some(2)),
            },
            Stretch {
                from: 2_000_000_000,
                to: 3_000_000_000,
                was: Was::Down,
            },
        ];
        assert_eq!(lanes[&NodeName::from("n1")], expected);
    }

    #[test]
    fn silence_is_not_taken_for_an_answer() {
        let samples = [
            sample(0, Role::Follower, true),
            sample(60, Role::Follower, true),
        ];
        let lanes = stretches(61_000_000_000, &samples);
        assert_eq!(lanes[&NodeName::from("n1")].len(), 2);
        assert_eq!(lanes[&NodeName::from("n1")][0].to, STALE);
    }

    #[test]
    fn no_samples_no_drawing() {
        assert!(roles(&Frame::new(0, Vec::new()), &[]).is_none());
    }
}
