//! Pairs calls with what became of them while they are still being written.
//!
//! The rules are those of [`Recording::history`](crate::Recording::history), and so are the errors.
//! Events of one time rank calls first, so an event is passed on when one with a later time has
//! been seen. What is held are the events of one time, and the open call of each process.

use rustc_hash::FxHashMap;

use crate::jsonl::PlacedEvent;
use crate::pairing::{Invocation, return_without_call, same_call, two_open_calls};
use crate::place::Place;
use crate::vocabulary::{self, Complaint};
use crate::{
    Answer, Call, Function, HistoryError, HistoryProblem, Kind, Model, Origin, Outcome, Process,
};

/// Pairs events as they come.
#[derive(Debug)]
pub struct OnlinePairing {
    model: Model,
    /// Events of one time, and those without a time among them.
    tied: Vec<PlacedEvent>,
    /// Events without a time that follow them; they are among them if their time comes again.
    untimed: Vec<PlacedEvent>,
    /// The time of the events that were passed on last.
    passed: Option<u64>,
    clients: FxHashMap<u64, Client>,
    /// Processes, and operations, so far.
    processes: u64,
    operations: u64,
}

/// An event of an operation, in the order of positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Paired {
    /// An operation is called.
    Call {
        /// Its number among the operations.
        operation: u64,
        /// The process: a number of our own, for one that goes on after an unknown outcome counts
        /// as another.
        process: u64,
        /// What it calls.
        call: Call,
        /// Operations that the process completes at the time of this call, and calls before it.
        after: Vec<u64>,
        /// Where it stands.
        origin: Origin,
    },
    /// An operation ends.
    End {
        /// Its number.
        operation: u64,
        /// What it called.
        call: Call,
        /// What became of it.
        outcome: Outcome<Answer>,
        /// Where it stands.
        origin: Origin,
    },
}

/// A process, in its present life.
#[derive(Debug)]
struct Client {
    /// None between an unknown outcome and the next call, which is another process's.
    number: Option<u64>,
    open: Option<Open>,
    /// What it completed among the events that are being passed on.
    completed: Vec<u64>,
}

/// A call that has not ended.
#[derive(Debug)]
struct Open {
    operation: u64,
    line: u32,
    f: Function,
    call: Call,
}

impl OnlinePairing {
    /// Nothing yet, of a model.
    pub fn new(model: Model) -> Self {
        OnlinePairing {
            model,
            tied: Vec::new(),
            untimed: Vec::new(),
            passed: None,
            clients: FxHashMap::default(),
            processes: 0,
            operations: 0,
        }
    }

    /// Operations called so far.
    pub fn operations(&self) -> u64 {
        self.operations
    }

    /// Takes the next event, and passes on to `out` what can be ranked.
    ///
    /// # Errors
    /// Names the place of the first event that contradicts an earlier one or the model.
    pub fn push(&mut self, event: PlacedEvent, out: &mut Vec<Paired>) -> Result<(), HistoryError> {
        match (
            event.event.time,
            self.tied.first().and_then(|first| first.event.time),
        ) {
            (None, None) => self.pass(&[event], out),
            (None, Some(_)) => {
                self.untimed.push(event);
                Ok(())
            }
            (Some(time), Some(tie)) if time == tie => {
                self.tied.append(&mut self.untimed);
                self.tied.push(event);
                Ok(())
            }
            (Some(time), tie) => {
                if tie.is_none() && self.passed == Some(time) {
                    let problem = HistoryProblem::LateTie { time };
                    return Err(error(&event, (|columns| columns.event, problem)));
                }
                self.flush(out)?;
                self.tied.push(event);
                Ok(())
            }
        }
    }

    /// Takes all events so far as if none of their time could follow. One that does is an error.
    ///
    /// # Errors
    /// As for [`OnlinePairing::push`].
    pub fn flush(&mut self, out: &mut Vec<Paired>) -> Result<(), HistoryError> {
        let tied = std::mem::take(&mut self.tied);
        if let Some(first) = tied.first() {
            self.passed = first.event.time;
        }
        self.pass(&tied, out)?;
        for event in std::mem::take(&mut self.untimed) {
            self.pass(&[event], out)?;
        }
        Ok(())
    }

    /// Passes on simultaneous events, their calls first.
    fn pass(&mut self, tied: &[PlacedEvent], out: &mut Vec<Paired>) -> Result<(), HistoryError> {
        let mut ends = Vec::new();
        let several = tied.len() > 1;
        for event in tied {
            let Process::Client(process) = event.event.process else {
                continue;
            };
            match event.event.kind {
                Kind::Invoke => out.push(self.call(event, process)?),
                Kind::Ok | Kind::Fail | Kind::Info => {
                    ends.push(self.end(event, process, several)?);
                }
            }
        }
        for event in tied {
            if let Process::Client(process) = event.event.process {
                self.leave_ties(process);
            }
        }
        out.append(&mut ends);
        Ok(())
    }

    /// What a process completed at one time comes first by position, from the next time on.
    fn leave_ties(&mut self, process: u64) {
        if let Some(client) = self.clients.get_mut(&process) {
            client.completed.clear();
            if client.number.is_none() {
                self.clients.remove(&process);
            }
        }
    }

    fn call(&mut self, placed: &PlacedEvent, process: u64) -> Result<Paired, HistoryError> {
        let event = &placed.event;
        let processes = &mut self.processes;
        let client = self.clients.entry(process).or_insert_with(|| Client {
            number: None,
            open: None,
            completed: Vec::new(),
        });
        let number = *client.number.get_or_insert_with(|| {
            *processes += 1;
            *processes
        });
        if let Some(open) = &client.open {
            return Err(error(placed, two_open_calls(process, open.line)));
        }
        let call = vocabulary::call(self.model, event).map_err(|wrong| error(placed, wrong))?;
        let operation = self.operations;
        self.operations += 1;
        client.open = Some(Open {
            operation,
            line: placed.line,
            f: event.f.clone(),
            call: call.clone(),
        });
        Ok(Paired::Call {
            operation,
            process: number,
            call,
            after: client.completed.clone(),
            origin: origin(placed),
        })
    }

    /// The end of an operation, which may be `tied` to a call of the same process.
    fn end(
        &mut self,
        placed: &PlacedEvent,
        process: u64,
        tied: bool,
    ) -> Result<Paired, HistoryError> {
        let event = &placed.event;
        let client = self.clients.get_mut(&process);
        let Some((client, open)) =
            client.and_then(|client| client.open.take().map(|open| (client, open)))
        else {
            return Err(error(placed, return_without_call(process)));
        };
        let invocation = Invocation {
            f: &open.f,
            call: &open.call,
            line: open.line,
        };
        same_call(self.model, event, process, &invocation).map_err(|wrong| error(placed, wrong))?;
        let outcome = match event.kind {
            Kind::Invoke | Kind::Info => {
                client.number = None;
                Outcome::Unknown
            }
            Kind::Fail => Outcome::Failed,
            Kind::Ok => {
                client.completed.extend(tied.then_some(open.operation));
                let answer = vocabulary::answer(self.model, &open.call, event);
                Outcome::Completed(answer.map_err(|wrong| error(placed, wrong))?)
            }
        };
        Ok(Paired::End {
            operation: open.operation,
            call: open.call,
            outcome,
            origin: origin(placed),
        })
    }
}

fn origin(placed: &PlacedEvent) -> Origin {
    Origin {
        index: placed.event.index,
        time: placed.event.time,
        line: placed.line,
    }
}

fn error(placed: &PlacedEvent, (part, problem): Complaint) -> HistoryError {
    let column = match part(&placed.columns) {
        0 => placed.columns.event,
        column => column,
    };
    HistoryError {
        place: Place {
            line: placed.line,
            column,
        },
        problem,
    }
}
