//! What a person is shown of a counterexample: its operations in order, numbered, and the faults
//! around them. Text, Markdown and HTML all show the same scene.

use std::collections::{HashMap, HashSet};

use testimony_checker::{Counterexample, CycleEdge, Why};
use testimony_history::{
    Answer, Call, Event, Function, Operation, Outcome, Position, Recording, Value,
};

use crate::phrase::{self, Instants};
use crate::plot::frame::Band;

/// Operations that nobody saw are shown if there are no more of them.
const UNSEEN_MAX: usize = 3;
/// Operations shown at most; the file of the counterexample has them all.
const OPERATIONS_MAX: usize = 60;
/// Faults shown at most.
const FAULTS_MAX: usize = 8;
/// A fault that ended so long before the contradiction still counts as around it, in nanoseconds.
const AFTERMATH: u64 = 1_000_000_000;

/// An operation of a counterexample.
type Recorded = Operation<Call, Answer>;

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
    /// How many operations are not shown since their outcome is open and nobody saw their value.
    pub(crate) unseen: usize,
    /// How many more are not shown since there are too many.
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
        let (chosen, unseen) = chosen(found);
        let hidden = found.operations.operations().len() - unseen - chosen.len();
        let operations = shown(found, &chosen, recording);
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
        Scene {
            headline: phrase::headline(&found.explanation.headline),
            sentences: found.explanation.sentences.clone(),
            cycle: edges.unwrap_or_default(),
            unseen,
            hidden,
            faults: around(&operations, faults),
            operations,
        }
    }

    /// Whether the order of the events and their times agree, so that times can be shown along
    /// them.
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

    /// What is not shown, in sentences.
    pub(crate) fn omitted(&self) -> Vec<String> {
        let operations = |number: usize| phrase::counted(number as u64, "operation");
        let unseen = (self.unseen > 0).then(|| {
            let what = "whose outcome is open and whose effect no answer shows";
            format!("Not shown: {} {what}.", operations(self.unseen))
        });
        let hidden = (self.hidden > 0)
            .then(|| format!("Not shown, for want of room: {}.", operations(self.hidden)));
        unseen.into_iter().chain(hidden).collect()
    }

    /// The processes, in ascending order.
    pub(crate) fn processes(&self) -> Vec<u64> {
        let mut processes: Vec<u64> = self.operations.iter().map(|shown| shown.process).collect();
        processes.sort_unstable();
        processes.dedup();
        processes
    }
}

/// The operations that are shown, those that contradict each other first of all, and how many are
/// not since they say nothing to a reader.
fn chosen(found: &Counterexample) -> (Vec<&Recorded>, usize) {
    let told = told(found);
    let all = found.operations.operations();
    let seen: HashSet<&Value> = all.iter().flat_map(seen).collect();
    let says_little = |operation: &&Recorded| {
        !told.contains(&operation.call.index) && is_unseen(operation, &seen)
    };
    let unseen = all.iter().filter(says_little).count();
    let unseen = if unseen > UNSEEN_MAX { unseen } else { 0 };
    let mut chosen: Vec<&Recorded> = all
        .iter()
        .filter(|operation| unseen == 0 || !says_little(operation))
        .collect();
    chosen.sort_by_key(|operation| (!told.contains(&operation.call.index), operation.called));
    chosen.truncate(OPERATIONS_MAX);
    chosen.sort_by_key(|operation| operation.called);
    (chosen, unseen)
}

/// The operations that the explanation is about, by the index of the invocation.
fn told(found: &Counterexample) -> HashSet<u64> {
    let cycle = found.explanation.cycle.iter().flatten();
    let ends = cycle.flat_map(|edge| [edge.from, edge.to]);
    found
        .explanation
        .marked
        .iter()
        .copied()
        .chain(ends)
        .collect()
}

/// The values that an answer shows.
fn seen(operation: &Recorded) -> impl Iterator<Item = &Value> {
    let values = match &operation.outcome {
        Outcome::Completed(answer) => [answer.value.as_ref(), answer.actual.as_ref()],
        Outcome::Failed | Outcome::Unknown => [None, None],
    };
    values.into_iter().flatten()
}

/// Whether the operation may never have happened and, if it did, nobody saw what it did: an open
/// read, or an open write of a whole value that no answer shows.
fn is_unseen(operation: &Recorded, seen: &HashSet<&Value>) -> bool {
    if operation.outcome != Outcome::Unknown {
        return false;
    }
    let value = operation.input.value.as_ref();
    match (&operation.input.f, value) {
        (Function::Read | Function::Contains, _) => true,
        (Function::Write, Some(value)) => !seen.contains(value),
        (Function::Cas, Some(Value::List(pair))) => {
            pair.get(1).is_some_and(|new| !seen.contains(new))
        }
        _ => false,
    }
}

/// The operations as they are shown, numbered.
fn shown(found: &Counterexample, chosen: &[&Recorded], recording: &Recording) -> Vec<Shown> {
    let marked: HashSet<u64> = found.explanation.marked.iter().copied().collect();
    let nodes = nodes(chosen, &recording.events);
    let mut shown = Vec::with_capacity(chosen.len());
    for (place, operation) in chosen.iter().enumerate() {
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
fn nodes<'a>(operations: &[&Recorded], events: &'a [Event]) -> HashMap<u64, &'a str> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn open(f: Function, value: Option<Value>) -> Recorded {
        Operation {
            process: 0,
            input: Call {
                f,
                key: None,
                value,
            },
            outcome: Outcome::Unknown,
            called: 0,
            returned: None,
            after: None,
            call: testimony_history::Origin::default(),
            end: None,
        }
    }

    #[test]
    fn only_what_cannot_matter_to_a_reader_is_left_out() {
        let (one, two) = (Value::Int(1), Value::Int(2));
        let seen = HashSet::from([&one]);
        let swap = |new: &Value| Some(Value::list([Value::Null, new.clone()]));
        assert!(is_unseen(&open(Function::Read, None), &seen));
        assert!(is_unseen(&open(Function::Write, Some(two.clone())), &seen));
        assert!(!is_unseen(&open(Function::Write, Some(one.clone())), &seen));
        assert!(is_unseen(&open(Function::Cas, swap(&two)), &seen));
        assert!(!is_unseen(&open(Function::Cas, swap(&one)), &seen));
        assert!(
            !is_unseen(&open(Function::Add, Some(two)), &seen),
            "a counter shows sums"
        );
        assert!(!is_unseen(&open(Function::Remove, None), &seen));
        let failed = Recorded {
            outcome: Outcome::Failed,
            ..open(Function::Read, None)
        };
        assert!(!is_unseen(&failed, &seen));
    }
}
