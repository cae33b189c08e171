//! A history that is judged while it is still being written: bytes in, and whether what they say so
//! far is legal.

use std::collections::HashMap;

use anyhow::anyhow;
use testimony_checker::{Stream, StreamLimits, StreamVerdict, Ticket, Violation};
use testimony_history::{EventReader, Header, Model, OnlinePairing, Outcome, Paired, Value};

use crate::args::Reading;
use crate::compression;
use crate::failure::Failure;
use crate::history_file::{initial, model_named};

/// A history in JSON lines, as far as it has been written.
pub(crate) struct Live {
    /// As a person knows it.
    name: String,
    reading: Reading,
    reader: EventReader,
    /// What there is from the header on.
    judge: Option<Judge>,
    /// Operations that completed.
    pub(crate) completed: u64,
}

struct Judge {
    model: Model,
    pairing: OnlinePairing,
    stream: Stream,
    /// The operations that are open or have just ended.
    tickets: HashMap<u64, Ticket>,
    paired: Vec<Paired>,
}

/// What became of it.
pub(crate) struct LiveEnd {
    pub(crate) verdict: StreamVerdict,
    pub(crate) model: Model,
    pub(crate) operations: u64,
    pub(crate) completed: u64,
    pub(crate) keys: usize,
    /// What the reader had to pass over.
    pub(crate) warning: Option<String>,
}

impl Live {
    /// Nothing yet of the history with this name.
    pub(crate) fn new(name: String, reading: &Reading) -> Self {
        Live {
            name,
            reading: reading.clone(),
            reader: EventReader::new(),
            judge: None,
            completed: 0,
        }
    }

    /// Takes the next bytes.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if self.reader.header().is_none() && compression::is_packed(bytes) {
            return Err(Failure::usage(anyhow!(
                "{}: compressed data cannot be followed; unpack it, and follow `-`",
                self.name
            )));
        }
        self.reader.feed(bytes);
        while let Some(event) = self.reader.next_event().map_err(|e| self.in_file(e))? {
            let judge = self.judge()?;
            let pushed = judge.pairing.push(event, &mut judge.paired);
            self.tell(pushed)?;
        }
        Ok(())
    }

    /// Decides what was read so far. `quiet` if nothing more of the same time is expected.
    pub(crate) fn catch_up(&mut self, quiet: bool) -> Result<(), Failure> {
        if self.reader.header().is_none() {
            return Ok(());
        }
        let judge = self.judge()?;
        if quiet {
            let flushed = judge.pairing.flush(&mut judge.paired);
            self.tell(flushed)?;
        }
        self.judge()?.stream.catch_up();
        Ok(())
    }

    /// The first violation, if one was found.
    pub(crate) fn violation(&self) -> Option<&Violation> {
        self.judge.as_ref()?.stream.violation()
    }

    /// The verdict on all that was fed.
    pub(crate) fn finish(mut self) -> Result<LiveEnd, Failure> {
        let (last, warning) = self.reader.finish().map_err(|error| self.in_file(error))?;
        let judge = self.judge()?;
        let pushed = match last {
            Some(event) => judge.pairing.push(event, &mut judge.paired),
            None => Ok(()),
        };
        let flushed = pushed.and_then(|()| judge.pairing.flush(&mut judge.paired));
        self.tell(flushed)?;
        let name = self.name.clone();
        let completed = self.completed;
        self.judge()?;
        let judge = self.judge.ok_or_else(|| no_model(&name))?;
        Ok(LiveEnd {
            model: judge.model,
            operations: judge.pairing.operations(),
            completed,
            keys: judge.stream.size().keys,
            verdict: judge.stream.finish(),
            warning: warning.map(|warning| format!("{name}: {warning}")),
        })
    }

    /// Tells the stream what was paired, also what came before an error.
    fn tell(&mut self, paired: Result<(), testimony_history::HistoryError>) -> Result<(), Failure> {
        if let Some(judge) = &mut self.judge {
            self.completed += judge.tell();
        }
        paired.map_err(|error| self.in_file(error))
    }

    /// The judge, who comes when the header is there.
    fn judge(&mut self) -> Result<&mut Judge, Failure> {
        if self.judge.is_none() {
            let header = self.reader.header().ok_or_else(|| no_model(&self.name))?;
            self.judge = Some(Judge::of(header, &self.reading, &self.name)?);
        }
        self.judge.as_mut().ok_or_else(|| no_model(&self.name))
    }

    fn in_file(&self, error: impl Into<anyhow::Error>) -> Failure {
        Failure::usage(error.into().context(self.name.clone()))
    }
}

impl Judge {
    fn of(header: &Header, reading: &Reading, name: &str) -> Result<Self, Failure> {
        let model = model_named(reading.model.as_deref())?.or(header.model);
        let model = model.ok_or_else(|| no_model(name))?;
        let initial: Option<Value> = initial(header, reading)?;
        let stream = Stream::new(model, initial.as_ref(), StreamLimits::default());
        Ok(Judge {
            model,
            pairing: OnlinePairing::new(model),
            stream: stream.map_err(|problem| Failure::usage(anyhow!(problem)))?,
            tickets: HashMap::new(),
            paired: Vec::new(),
        })
    }

    /// Tells the stream what was paired; how many operations completed.
    fn tell(&mut self) -> u64 {
        let mut completed = 0;
        let mut ended = Vec::new();
        for event in self.paired.drain(..) {
            match event {
                Paired::Call {
                    operation,
                    process,
                    call,
                    after,
                    ..
                } => {
                    let after: Vec<Ticket> = after
                        .iter()
                        .filter_map(|earlier| self.tickets.get(earlier).copied())
                        .collect();
                    let ticket = self.stream.call(process, &call, &after);
                    self.tickets.insert(operation, ticket);
                }
                Paired::End {
                    operation,
                    call,
                    outcome,
                    origin,
                } => {
                    completed += u64::from(matches!(outcome, Outcome::Completed(_)));
                    if let Some(&ticket) = self.tickets.get(&operation) {
                        self.stream.end(ticket, &call, &outcome, origin);
                        ended.push(operation);
                    }
                }
            }
        }
        // Calls rank before ends of the same time, so nothing that follows refers to these.
        for operation in ended {
            self.tickets.remove(&operation);
        }
        completed
    }
}

fn no_model(name: &str) -> Failure {
    Failure::usage(anyhow!(
        "{name}: the header does not say what it is a history of; give --model"
    ))
}
