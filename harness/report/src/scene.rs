//! What a person is shown of a counterexample: its operations in order, numbered, and the faults
//! around them. Text, Markdown and HTML all show the same scene.

use std::collections::{HashMap, HashSet};

use testimony_checker::{Counterexample, CycleEdge, Why};
use testimony_history::{Answer, Call, Event, Operation, Outcome, Position, Recording};

use crate::phrase::{self, Instants};
use crate::plot::frame::Band;

/// Operations shown at most; the file of the counterexample has them all.
const OPERATIONS_MAX: usize = 60;
/// Faults shown at most.
const FAULTS_MAX: usize = 8;
/// A fault that ended so long before the contradiction still counts as around it, in nanoseconds.
const AFTERMATH: u64 = 1_000_000_000;

/// One operation as it is shown.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// Its number in the drawing and the table, from 1.
    pub(crate) number: usize,
    /// Who called.
    pub(crate) process: u64,
    /// What was asked.
    pub(crate) call: Call,
    /// What became of it, as far as the contradiction needs it.
    pub(crate) outcome: Outcome<Answer>,
    /// Where in the order it was called.
    pub(crate) called: Position,
    /// Where in the order it returned, if that is part of the contradiction.
    pub(crate) returned: Option<Position>,
    /// When it was called, in nanoseconds.
    pub(crate) from: Option<u64>,
    /// When it returned, or its client gave up, in nanoseconds.
    pub(crate) to: Option<u64>,
    /// The node that was asked.
    pub(crate) node: Option<String>,
    /// Whether it is one of those that contradict each other.
    pub(crate) marked: bool,
    /// What was done to it to make the contradiction small.
    pub(crate) note: Option<String>,
    /// The index of its invocation in the recording.
    pub(crate) index: u64,
}

/// Why one operation comes before another.
#[derive(Clone, Debug)]
pub(crate) struct Because {
    /// The number of the earlier operation.
    pub(crate) from: usize,
    /// The number of the later one.
    pub(crate) to: usize,
    /// The reason, in words.
    pub(crate) why: String,
}

/// A counterexample as it is shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scene {
    /// The contradiction in one line.
    pub(crate) headline: String,
    /// The contradiction in sentences.
    pub(crate) sentences: Vec<String>,
    /// The operations in the order of their calls.
    pub(crate) operations: Vec<Shown>,
    /// How many operations of the counterexample are not shown.
    pub(crate) hidden: usize,
    /// The cycle, if the contradiction is one.
    pub(crate) cycle: Vec<Because>,
    /// Faults that were active around the operations that contradict each other.
    pub(crate) faults: Vec<Band>,
}

impl Shown {
    /// What was asked and answered, for a label.
    pub(crate) fn label(&self, value_max: usize) -> String {
        phrase::operation(&self.call, &self.outcome, value_max)
    }

    /// The class in the style sheet.
    pub(crate) fn class(&self) -> &'static str {
        match self.outcome {
            Outcome::Completed(_) => "completed",
            Outcome::Failed => "failed",
            Outcome::Unknown => "unknown",
        }
    }

    /// Whether nothing says when it ended.
    pub(crate) fn is_open(&self) -> bool {
        self.returned.is_none()
    }
}

impl Scene {
    /// The scene of a counterexample found in `recording`, among `faults`.
    pub(crate) fn of(found: &Counterexample, recording: &Recording, faults: &[Band]) -> Self {
        let operations = shown(found, recording);
        let of_index = |index: u64| operations.iter().find(|shown| shown.index == index);
        let because = |edge: &CycleEdge| {
            let (from, to) = (of_index(edge.from)?, of_index(edge.to)?);
            Some(Because {
                from: from.number,
                to: to.number,
                why: why(edge.why, from, to),
            })
        };
        let cycle = found.explanation.cycle.as_deref().unwrap_or_default();
        let edges: Option<Vec<Because>> = cycle.iter().map(because).collect();
        let total = found.operations.operations().len();
        Scene {
            headline: found.explanation.headline.clone(),
            sentences: found.explanation.sentences.clone(),
            cycle: edges.unwrap_or_default(),
            hidden: total - operations.len(),
            faults: around(&operations, faults),
            operations,
        }
    }

    /// Whether the order of the events and their times agree, so that times can be shown along them.
    pub(crate) fn is_timed(&self) -> bool {
        let mut instants: Vec<(Position, Option<u64>)> = Vec::new();
        for shown in &self.operations {
            instants.push((shown.called, shown.from));
            instants.extend(shown.returned.map(|returned| (returned, shown.to)));
        }
        instants.sort_unstable();
        instants.iter().all(|(_, time)| time.is_some())
            && instants.windows(2).all(|pair| pair[0].1 <= pair[1].1)
    }

    /// How to say the times of this scene.
    pub(crate) fn instants(&self) -> Instants {
        let times = self
            .operations
            .iter()
            .flat_map(|shown| [shown.from, shown.to]);
        Instants::telling_apart(times.flatten())
    }

    /// From when to when an operation took, as the table says it.
    pub(crate) fn span(&self, shown: &Shown) -> (String, String) {
        let instants = self.instants();
        let (Some(from), true) = (shown.from, self.is_timed()) else {
            let end = shown
                .returned
                .map_or("open".to_owned(), |returned| format!("#{returned}"));
            return (format!("#{}", shown.called), end);
        };
        let open = || "open".to_owned();
        let to = shown
            .returned
            .and(shown.to)
            .map_or_else(open, |to| instants.say(to));
        (instants.say(from), to)
    }

    /// The processes, in ascending order.
    pub(crate) fn processes(&self) -> Vec<u64> {
        let mut processes: Vec<u64> = self.operations.iter().map(|shown| shown.process).collect();
        processes.sort_unstable();
        processes.dedup();
        processes
    }
}

/// The operations that are shown: those that contradict each other first of all.
fn shown(found: &Counterexample, recording: &Recording) -> Vec<Shown> {
    let marked: HashSet<u64> = found.explanation.marked.iter().copied().collect();
    let mut chosen: Vec<&Operation<Call, Answer>> = found.operations.operations().iter().collect();
    chosen.sort_by_key(|operation| (!marked.contains(&operation.call.index), operation.called));
    chosen.truncate(OPERATIONS_MAX);
    chosen.sort_by_key(|operation| operation.called);
    let nodes = nodes(&chosen, &recording.events);
    let mut shown = Vec::with_capacity(chosen.len());
    for (place, operation) in chosen.into_iter().enumerate() {
        let index = operation.call.index;
        let notes: Vec<&str> = found
            .notes
            .iter()
            .filter(|note| note.operation == index)
            .map(|note| note.text.as_str())
            .collect();
        let key = operation.input.key.clone().or_else(|| found.key.clone());
        shown.push(Shown {
            number: place + 1,
            process: operation.process,
            call: Call {
                key,
                ..operation.input.clone()
            },
            outcome: operation.outcome.clone(),
            called: operation.called,
            returned: operation.returned,
            from: operation.call.time,
            to: operation.end.and_then(|end| end.time),
            node: nodes.get(&index).map(|node| phrase::printable(node)),
            marked: marked.contains(&index),
            note: (!notes.is_empty()).then(|| notes.join("; ")),
            index,
        });
    }
    shown
}

/// The node that each of the operations was sent to, by the index of its invocation.
fn nodes<'a>(
    operations: &[&Operation<Call, Answer>],
    events: &'a [Event],
) -> HashMap<u64, &'a str> {
    let wanted: HashSet<u64> = operations
        .iter()
        .map(|operation| operation.call.index)
        .collect();
    let wanted = events.iter().filter(|event| wanted.contains(&event.index));
    wanted
        .filter_map(|event| Some((event.index, event.node.as_deref()?)))
        .collect()
}

/// The faults that were active while the marked operations ran, or had just ended.
fn around(operations: &[Shown], faults: &[Band]) -> Vec<Band> {
    let any_marked = operations.iter().any(|shown| shown.marked);
    let times = || {
        let counts = operations
            .iter()
            .filter(|shown| shown.marked || !any_marked);
        counts
            .flat_map(|shown| [shown.from, shown.returned.and(shown.to)])
            .flatten()
    };
    let (Some(first), Some(last)) = (times().min(), times().max()) else {
        return Vec::new();
    };
    let active = |band: &&Band| band.from <= last && band.to.saturating_add(AFTERMATH) >= first;
    let mut around: Vec<Band> = faults.iter().filter(active).cloned().collect();
    around.sort_by_key(|band| (last.saturating_sub(band.to), band.from));
    around.truncate(FAULTS_MAX);
    around.sort_by_key(|band| band.from);
    around
}

/// Why one operation comes before another, in words.
fn why(why: Why, from: &Shown, to: &Shown) -> String {
    let said = |shown: &Shown| format!("p{}'s {}", shown.process, shown.call.f);
    let (earlier, later) = (said(from), said(to));
    match why {
        Why::RealTime => format!("{earlier} had ended before {later} was called"),
        Why::ReadsFrom => format!("{later} saw what {earlier} had written"),
        Why::WriteOrder => format!("the value of {earlier} was replaced by that of {later}"),
    }
}
