//! From events to operations: pairs calls with what became of them, and checks that the model has
//! the words for both.

use crate::place::{Place, excerpt, index32};
use crate::processes::Processes;
use crate::ranks::{Ranked, Ranks, Step};
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
    /// A comparison that matched, and found what it was not looking for.
    #[error("{f} says that it swapped, but the \"actual\" value that it found was {found}")]
    SwappedFromAnother {
        /// The function.
        f: Function,
        /// What it found.
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
    /// An event at a time whose events have been paired already; only while a history is followed.
    #[error("another event at time {time} came after those at that time had been judged")]
    LateTie {
        /// The time.
        time: u64,
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
        for index in 0..self.events.len() {
            pairing.take(index)?;
        }
        Ok(pairing.finish())
    }
}

/// Operations under construction.
struct Pairing<'a> {
    recording: &'a Recording,
    model: Model,
    operations: Vec<Operation<Call, Answer>>,
    /// The invocation of each operation.
    invocations: Vec<usize>,
    /// Who called each operation, by the code of its life.
    callers: Vec<u32>,
    processes: Processes,
    ranks: Ranks,
    oddities: Oddities,
}

/// What is odd in a history, but does not keep it from being judged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Oddities {
    fresh: Option<(u64, u32, u64)>,
    differing: Option<(u32, u64)>,
}

/// What a completion must fit.
pub(crate) struct Invocation<'a> {
    /// The word that called.
    pub(crate) f: &'a Function,
    /// The call that it made.
    pub(crate) call: &'a Call,
    /// Where it stands.
    pub(crate) line: u32,
}

impl<'a> Pairing<'a> {
    fn new(recording: &'a Recording, model: Model) -> Self {
        let likely = recording.events.len() / 2;
        Pairing {
            recording,
            model,
            operations: Vec::with_capacity(likely),
            invocations: Vec::with_capacity(likely),
            callers: Vec::with_capacity(likely),
            processes: Processes::default(),
            ranks: Ranks::default(),
            oddities: Oddities::default(),
        }
    }

    fn take(&mut self, index: usize) -> Result<(), HistoryError> {
        let event = &self.recording.events[index];
        let time = event.time.filter(|_| self.recording.order == Order::Time);
        if let Some(time) = time {
            self.ranks.time(time, &mut self.operations);
        }
        let Process::Client(process) = event.process else {
            return Ok(());
        };
        let step = match event.kind {
            Kind::Invoke => Some(self.call(index, event, process)?),
            Kind::Ok | Kind::Fail | Kind::Info => self.end(index, event, process)?,
        };
        if let Some(step) = step {
            let timed = time.is_some();
            self.ranks.take(step, timed, &mut self.operations);
        }
        Ok(())
    }

    fn call(&mut self, index: usize, event: &Event, process: u64) -> Result<Step, HistoryError> {
        let state = self.processes.state(process);
        if let Some(open) = state.open {
            let line = self.recording.line(self.invocations[open as usize]);
            return Err(self.error(index, two_open_calls(process, line)));
        }
        let input = self.complained(index, vocabulary::call(self.model, event))?;
        let operation = index32(self.operations.len());
        let caller = self.processes.call(process, operation);
        if caller.later {
            let line = self.recording.line(index);
            self.oddities.fresh_process(process, line);
        }
        self.invocations.push(index);
        self.callers.push(caller.code);
        self.operations.push(Operation {
            process,
            input,
            outcome: Outcome::Unknown,
            called: 0,
            returned: None,
            after: None,
            call: self.origin(index),
            end: None,
        });
        Ok(Step::Call {
            operation,
            completed: state.completed,
        })
    }

    /// Ends an operation, which returns unless nobody knows what became of it.
    fn end(
        &mut self,
        index: usize,
        event: &Event,
        process: u64,
    ) -> Result<Option<Step>, HistoryError> {
        let Some(operation) = self.processes.state(process).open else {
            return Err(self.error(index, return_without_call(process)));
        };
        let open = operation as usize;
        let invocation = self.invocations[open];
        let invocation = Invocation {
            f: &self.recording.events[invocation].f,
            call: &self.operations[open].input,
            line: self.recording.line(invocation),
        };
        self.complained(index, same_call(self.model, event, process, &invocation))?;
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
        Ok(Some(Step::Return { operation }))
    }

    fn answer(&mut self, index: usize, event: &Event, open: usize) -> Result<Answer, HistoryError> {
        let call = &self.operations[open].input;
        if !vocabulary::repeats(call, event) {
            self.oddities.value_differs(self.recording.line(index));
        }
        self.complained(index, vocabulary::answer(self.model, call, event))
    }

    fn finish(mut self) -> (RecordedHistory, Vec<Warning>) {
        self.ranks.finish(&mut self.operations);
        let numbers = self.processes.numbers();
        for (operation, caller) in self.operations.iter_mut().zip(self.callers) {
            operation.process = numbers[caller as usize];
        }
        let history = RecordedHistory::from_operations(self.operations);
        (history, self.oddities.warnings())
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
        of.map_err(|complaint| self.error(index, complaint))
    }

    fn error(&self, index: usize, (part, problem): Complaint) -> HistoryError {
        HistoryError {
            place: self.recording.place(index, part),
            problem,
        }
    }
}

impl Ranked for Vec<Operation<Call, Answer>> {
    fn set_called(&mut self, operation: u32, position: Position) {
        self[operation as usize].called = position;
    }

    fn set_returned(&mut self, operation: u32, position: Position) {
        self[operation as usize].returned = Some(position);
    }

    fn has_returned(&self, operation: u32) -> bool {
        self[operation as usize].returned.is_some()
    }

    fn link(&mut self, operation: u32, earlier: u32) {
        self[operation as usize].after = Some(earlier);
    }
}

impl Oddities {
    /// A process goes on after an unknown outcome.
    pub(crate) fn fresh_process(&mut self, process: u64, line: u32) {
        self.fresh.get_or_insert((process, line, 0)).2 += 1;
    }

    /// A completion does not repeat its invocation's value.
    pub(crate) fn value_differs(&mut self, line: u32) {
        self.differing.get_or_insert((line, 0)).1 += 1;
    }

    /// What to say about it.
    pub(crate) fn warnings(self) -> Vec<Warning> {
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
        fresh.into_iter().chain(differing).collect()
    }
}

/// A process calls while its call on that line is open.
pub(crate) fn two_open_calls(process: u64, line: u32) -> Complaint {
    let problem = HistoryProblem::TwoOpenCalls { process, line };
    (|columns| columns.process, problem)
}

/// A process returns from nothing.
pub(crate) fn return_without_call(process: u64) -> Complaint {
    let problem = HistoryProblem::ReturnWithoutCall { process };
    (|columns| columns.process, problem)
}

/// A completion must name its invocation's function, and may repeat its key.
pub(crate) fn same_call(
    model: Model,
    event: &Event,
    process: u64,
    invocation: &Invocation<'_>,
) -> Result<(), Complaint> {
    let other = |part: fn(&Columns) -> u32, returned: String, called: String| {
        let problem = HistoryProblem::OtherCall {
            process,
            returned: excerpt(&returned),
            line: invocation.line,
            called: excerpt(&called),
        };
        Err((part, problem))
    };
    if event.f != *invocation.f
        && vocabulary::function(model, &event.f) != vocabulary::function(model, invocation.f)
    {
        return other(
            |columns| columns.f,
            event.f.to_string(),
            invocation.f.to_string(),
        );
    }
    let called = invocation.call.key.as_ref();
    match vocabulary::key(event).filter(|_| event.kind == Kind::Ok) {
        Some(key) if Some(&key) != called => {
            let called = called.map_or("no key".to_owned(), |key| format!("key {key}"));
            other(|columns| columns.key, format!("key {key}"), called)
        }
        _ => Ok(()),
    }
}
