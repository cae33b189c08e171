//! From events to operations: pairs calls with what became of them, and checks that the model has
//! the words for both.

use std::ops::Range;

use crate::place::{Place, excerpt, index32};
use crate::processes::Processes;
use crate::recording::{Columns, Order};
use crate::vocabulary::{self, Complaint};
use crate::{
    Answer, Call, Event, Function, Kind, Model, Operation, Origin, Outcome, Position, Process,
    RecordedHistory, Recording, Warning,
};

/// Why the events of a recording make no history of a model, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct HistoryError {
    /// The offending part of an event; zeros if there was no file.
    pub place: Place,
    /// What is wrong with it.
    pub problem: HistoryProblem,
}

/// What is wrong with an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryProblem {
    /// A function that the model lacks.
    #[error("the model {model} has no function {f:?}; it has {known}")]
    UnknownFunction {
        /// The word in the file.
        f: Box<str>,
        /// The model.
        model: Model,
        /// What the model has instead.
        known: Box<str>,
    },
    /// A call on a map that does not say where.
    #[error("{f} on a kv needs a \"key\"")]
    MissingKey {
        /// The function.
        f: Function,
    },
    /// A call without its argument.
    #[error("{f} needs a \"value\": {expected}")]
    MissingArgument {
        /// The function.
        f: Function,
        /// What its argument must be.
        expected: &'static str,
    },
    /// A call with an argument that the function does not take.
    #[error("the \"value\" of {f} must be {expected}, found {found}")]
    WrongArgument {
        /// The function.
        f: Function,
        /// What its argument must be.
        expected: &'static str,
        /// What it is.
        found: Box<str>,
    },
    /// A completed operation without its answer.
    #[error("a completed {f} needs {field:?}")]
    MissingAnswer {
        /// The function.
        f: Function,
        /// The key under which the answer should stand.
        field: &'static str,
    },
    /// An answer that the function does not give.
    #[error("the {field:?} of a completed {f} must be {expected}, found {found}")]
    WrongAnswer {
        /// The function.
        f: Function,
        /// The key under which the answer stands.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: Box<str>,
    },
    /// A completion of nothing.
    #[error("process {process} returns without a call")]
    ReturnWithoutCall {
        /// The process.
        process: u64,
    },
    /// A second call before the first has returned.
    #[error("process {process} calls while its call on line {line} is open")]
    TwoOpenCalls {
        /// The process.
        process: u64,
        /// The line of the first call.
        line: u32,
    },
    /// A completion of something else.
    #[error("process {process} returns from {returned}, but its call on line {line} was {called}")]
    OtherCall {
        /// The process.
        process: u64,
        /// What the completion says.
        returned: Box<str>,
        /// The line of the call.
        line: u32,
        /// What the call says.
        called: Box<str>,
    },
}

impl Recording {
    /// Pairs the clients' events into the operations of a model. O(n) in the number of events.
    ///
    /// Synonyms are resolved, `increment` and `decrement` become `add`, and the entries of maps are
    /// brought into the order of their keys. A history without a completed operation is no error.
    ///
    /// # Errors
    /// Names the place of the first event that contradicts an earlier one or the model.
    pub fn history(&self, model: Model) -> Result<(RecordedHistory, Vec<Warning>), HistoryError> {
        let mut pairing = Pairing::new(self, model);
        for ties in Ties::of(self) {
            pairing.rank(ties)?;
        }
        Ok(pairing.finish())
    }
}

/// Runs of events that count as simultaneous, in order.
///
/// They carry the same time. An event without one that stands between two of them cannot have
/// another, so it belongs to them.
struct Ties<'a> {
    recording: &'a Recording,
    next: usize,
}

impl<'a> Ties<'a> {
    fn of(recording: &'a Recording) -> Self {
        Ties { recording, next: 0 }
    }
}

impl Iterator for Ties<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let events = &self.recording.events;
        let start = self.next;
        let first = events.get(start)?;
        self.next = start + 1;
        let (Order::Time, Some(time)) = (self.recording.order, first.time) else {
            return Some(start..self.next);
        };
        for (index, event) in events.iter().enumerate().skip(start + 1) {
            match event.time {
                Some(later) if later == time => self.next = index + 1,
                Some(_) => break,
                None => {}
            }
        }
        Some(start..self.next)
    }
}

/// Operations under construction.
struct Pairing<'a> {
    recording: &'a Recording,
    model: Model,
    operations: Vec<Operation<Call, Answer>>,
    /// The invocation of each operation.
    invocations: Vec<usize>,
    processes: Processes,
    next: Position,
    fresh: Option<(u64, u32, u64)>,
    differing: Option<(u32, u64)>,
}

impl<'a> Pairing<'a> {
    fn new(recording: &'a Recording, model: Model) -> Self {
        let likely = recording.events.len() / 2;
        Pairing {
            recording,
            model,
            operations: Vec::with_capacity(likely),
            invocations: Vec::with_capacity(likely),
            processes: Processes::default(),
            next: 0,
            fresh: None,
            differing: None,
        }
    }

    /// Pairs simultaneous events. Their calls rank before their returns, so that none of them comes
    /// before another; what one process does is kept in order by [`Operation::after`].
    fn rank(&mut self, ties: Range<usize>) -> Result<(), HistoryError> {
        let mut returns = Vec::new();
        for index in ties {
            let event = &self.recording.events[index];
            let Process::Client(process) = event.process else {
                continue;
            };
            match event.kind {
                Kind::Invoke => self.call(index, event, process)?,
                Kind::Ok | Kind::Fail | Kind::Info => {
                    returns.extend(self.end(index, event, process)?);
                }
            }
        }
        for operation in returns {
            let position = self.step();
            self.operations[operation].returned = Some(position);
        }
        Ok(())
    }

    fn call(&mut self, index: usize, event: &Event, process: u64) -> Result<(), HistoryError> {
        let state = self.processes.state(process);
        if let Some(open) = state.open {
            let line = self.recording.line(self.invocations[open]);
            let problem = HistoryProblem::TwoOpenCalls { process, line };
            return Err(self.error(index, |columns| columns.process, problem));
        }
        let input = self.complained(index, vocabulary::call(self.model, event))?;
        let operation = self.operations.len();
        if self.processes.call(process, operation) {
            let line = self.recording.line(index);
            self.fresh.get_or_insert((process, line, 0)).2 += 1;
        }
        // Positions of returns are given at the end of the run: without one, it is of this run.
        let earlier = state
            .completed
            .filter(|&it| self.operations[it].returned.is_none());
        let called = self.step();
        self.invocations.push(index);
        self.operations.push(Operation {
            process,
            input,
            outcome: Outcome::Unknown,
            called,
            returned: None,
            after: earlier.map(index32),
            call: self.origin(index),
            end: None,
        });
        Ok(())
    }

    /// Ends an operation, and answers which one if it returned.
    fn end(
        &mut self,
        index: usize,
        event: &Event,
        process: u64,
    ) -> Result<Option<usize>, HistoryError> {
        let Some(open) = self.processes.state(process).open else {
            let problem = HistoryProblem::ReturnWithoutCall { process };
            return Err(self.error(index, |columns| columns.process, problem));
        };
        self.same_call(index, event, process, open)?;
        let origin = self.origin(index);
        self.operations[open].end = Some(origin);
        let outcome = match event.kind {
            Kind::Invoke | Kind::Info => {
                self.processes.lose(process);
                return Ok(None);
            }
            Kind::Fail => Outcome::Failed,
            Kind::Ok => Outcome::Completed(self.answer(index, event, open)?),
        };
        self.processes.end(process, event.kind == Kind::Ok);
        self.operations[open].outcome = outcome;
        Ok(Some(open))
    }

    fn answer(&mut self, index: usize, event: &Event, open: usize) -> Result<Answer, HistoryError> {
        let call = &self.operations[open].input;
        if !vocabulary::repeats(call, event) {
            let line = self.recording.line(index);
            self.differing.get_or_insert((line, 0)).1 += 1;
        }
        self.complained(index, vocabulary::answer(self.model, call, event))
    }

    /// A completion must name its invocation's function, and may repeat its key.
    fn same_call(
        &self,
        index: usize,
        event: &Event,
        process: u64,
        open: usize,
    ) -> Result<(), HistoryError> {
        let invocation = &self.recording.events[self.invocations[open]];
        let other = |part: fn(&Columns) -> u32, returned: String, called: String| {
            let line = self.recording.line(self.invocations[open]);
            let (returned, called) = (excerpt(&returned), excerpt(&called));
            let problem = HistoryProblem::OtherCall {
                process,
                returned,
                line,
                called,
            };
            Err(self.error(index, part, problem))
        };
        if event.f != invocation.f
            && vocabulary::function(self.model, &event.f)
                != vocabulary::function(self.model, &invocation.f)
        {
            return other(
                |columns| columns.f,
                event.f.to_string(),
                invocation.f.to_string(),
            );
        }
        if event.kind != Kind::Ok || event.key.is_none() || event.key == invocation.key {
            return Ok(());
        }
        let (key, called) = (vocabulary::key(event), &self.operations[open].input.key);
        match key {
            Some(key) if Some(&key) != called.as_ref() => {
                let called = called
                    .as_ref()
                    .map_or("no key".to_owned(), |key| format!("key {key}"));
                other(|columns| columns.key, format!("key {key}"), called)
            }
            _ => Ok(()),
        }
    }

    fn finish(self) -> (RecordedHistory, Vec<Warning>) {
        let mut operations = self.operations;
        self.processes.rename_later_lives(|operation, number| {
            operations[operation].process = number;
        });
        let fresh = self
            .fresh
            .map(|(process, line, times)| Warning::FreshProcess {
                process,
                line,
                times,
            });
        let differing = self
            .differing
            .map(|(line, times)| Warning::ValueDiffers { line, times });
        let warnings = fresh.into_iter().chain(differing).collect();
        (RecordedHistory::from_operations(operations), warnings)
    }

    fn step(&mut self) -> Position {
        let position = self.next;
        self.next = position
            .checked_add(1)
            .expect("a history holds at most 2^32 events");
        position
    }

    fn origin(&self, index: usize) -> Origin {
        let event = &self.recording.events[index];
        Origin {
            index: event.index,
            time: event.time,
            line: self.recording.line(index),
        }
    }

    fn complained<T>(&self, index: usize, of: Result<T, Complaint>) -> Result<T, HistoryError> {
        of.map_err(|(part, problem)| self.error(index, part, problem))
    }

    fn error(
        &self,
        index: usize,
        part: fn(&Columns) -> u32,
        problem: HistoryProblem,
    ) -> HistoryError {
        HistoryError {
            place: self.recording.place(index, part),
            problem,
        }
    }
}
