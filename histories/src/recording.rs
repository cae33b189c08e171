//! A history file as it was read: a header and events, not yet paired into operations.

use std::fmt;
use std::sync::Arc;

use crate::place::Place;
use crate::{Event, Model, Process, Value};

/// The first line of a history file: what was recorded, and how. Every field may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The object that the clients used.
    pub model: Option<Model>,
    /// The value that each object starts with; absent means empty.
    pub initial: Option<Value>,
    /// When the run started, in RFC 3339.
    pub started: Option<Arc<str>>,
    /// The run's name.
    pub run: Option<Arc<str>>,
    /// The seed of the run.
    pub seed: Option<u64>,
    /// The nodes of the system.
    pub nodes: Vec<Arc<str>>,
    /// Keys that the format does not know; they survive a round trip.
    pub extra: Vec<(Arc<str>, Value)>,
}

/// Which order the events of a recording have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// The order of the lines, but events of different processes with the same time are concurrent.
    #[default]
    Time,
    /// The order of the lines alone; times are for display.
    Lines,
}

/// The columns at which the parts of an event stand in its line, counted in bytes from 1; 0 for a
/// part that is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Columns {
    /// The event itself.
    pub event: u32,
    /// Its process.
    pub process: u32,
    /// Its function.
    pub f: u32,
    /// Its key.
    pub key: u32,
    /// Its value.
    pub value: u32,
    /// Its result.
    pub result: u32,
}

/// A history file, parsed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    /// What was recorded.
    pub header: Header,
    /// What happened, in the order of the file.
    pub events: Vec<Event>,
    /// The line of each event, from 1; empty if there was no file.
    pub lines: Vec<u32>,
    /// The columns of each event; empty if there was no file.
    pub columns: Vec<Columns>,
    /// What counts as order between events.
    pub order: Order,
    /// What the reader had to pass over.
    pub warnings: Vec<Warning>,
}

/// Something odd in a file that does not keep it from being judged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The last line breaks off in the middle; it was dropped.
    TornLastLine {
        /// Its number, from 1.
        line: u32,
    },
    /// The last line is complete but has no final newline; it was read.
    NoFinalNewline {
        /// Its number, from 1.
        line: u32,
    },
    /// Two events have the same `index`; all events were numbered anew.
    IndicesRepeat {
        /// The line of the first repetition.
        line: u32,
    },
    /// A process went on after an unknown outcome; from there on it counts as a fresh process.
    FreshProcess {
        /// The process in the file.
        process: u64,
        /// The line of the first such invocation.
        line: u32,
        /// How many such invocations the history has, of any process.
        times: u64,
    },
    /// Completions name a value other than their invocation's; the invocation's counts.
    ValueDiffers {
        /// The line of the first such completion.
        line: u32,
        /// How many there are.
        times: u64,
    },
    /// Lines of a log that are no events.
    LinesSkipped {
        /// The first of them.
        line: u32,
        /// How many there are.
        times: u64,
    },
    /// The values of EDN were read as pairs of key and value.
    KeyedValues,
    /// The format itself says that each key starts as the empty string.
    StartsAsEmptyString,
}

impl Recording {
    /// A recording of events that come from no file.
    pub fn from_events(header: Header, events: Vec<Event>) -> Self {
        Recording {
            header,
            events,
            ..Recording::default()
        }
    }

    /// The events of everything that is no client, in order.
    pub fn nemesis(&self) -> impl Iterator<Item = &Event> {
        self.events
            .iter()
            .filter(|event| matches!(event.process, Process::Named(_)))
    }

    /// The line of an event; 0 if it comes from no file.
    pub(crate) fn line(&self, event: usize) -> u32 {
        self.lines.get(event).copied().unwrap_or(0)
    }

    /// The place of a part of an event, or of the event where that part is absent.
    pub(crate) fn place(&self, event: usize, part: impl Fn(&Columns) -> u32) -> Place {
        let columns = self.columns.get(event).copied().unwrap_or_default();
        let column = match part(&columns) {
            0 => columns.event,
            column => column,
        };
        Place {
            line: self.line(event),
            column,
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::TornLastLine { line } => {
                write!(f, "line {line}: the last line breaks off; it was dropped")
            }
            Warning::NoFinalNewline { line } => {
                write!(
                    f,
                    "line {line}: no newline at the end; the line is complete and was read"
                )
            }
            Warning::IndicesRepeat { line } => {
                write!(
                    f,
                    "line {line}: an index repeats; all events were numbered anew"
                )
            }
            Warning::FreshProcess {
                process,
                line,
                times,
            } => write!(
                f,
                "line {line}: process {process} goes on after an unknown outcome; it counts as a \
                 fresh process ({times} such invocations)"
            ),
            Warning::ValueDiffers { line, times } => write!(
                f,
                "line {line}: the completion's value is not its invocation's, which counts \
                 ({times} such completions)"
            ),
            Warning::LinesSkipped { line, times } => {
                write!(f, "line {line}: no event; skipped ({times} such lines)")
            }
            Warning::KeyedValues => f.write_str(
                "values were read as pairs [key value] (--keyed no reads them as they are)",
            ),
            Warning::StartsAsEmptyString => {
                f.write_str("in this format each key starts as the empty string")
            }
        }
    }
}
