//! What a person is shown of a counterexample: its operations in order, numbered, and the faults
//! around them. Text, Markdown and HTML all show the same scene.

use testimony_history::{Answer, Call, Outcome, Position};

use crate::phrase::{self, Instants};
use crate::plot::frame::Band;

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
    /// The key on which the operations contradict each other.
    pub(crate) key: Option<String>,
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
                .map_or("never".to_owned(), |returned| format!("#{returned}"));
            return (format!("#{}", shown.called), end);
        };
        let open = || "never".to_owned();
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
