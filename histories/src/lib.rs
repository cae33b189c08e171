//! What a history is: who called what, when, and what was answered.
//!
//! Concurrent processes call an object; every call and every answer is one [`Event`], and the
//! events in order are a recording. Paired up, they are a [`History`] of [`Operation`]s, which is
//! what a checker judges. This crate holds that vocabulary, the file formats it is kept in, and the
//! recorder that writes it down while it happens. It knows nothing about what the operations mean.

pub mod builder;
pub mod edn;
mod entries;
pub mod event;
pub mod format;
mod gather;
pub mod history;
mod jsonl;
mod order;
pub mod pairing;
pub mod place;
mod porcupine;
mod processes;
pub mod recorder;
pub mod recording;
mod strings;
pub mod value;
mod vocabulary;

pub use builder::{Builder, OpId};
pub use event::{Answer, Call, Event, Function, Kind, Model, Process};
pub use format::{FailedCas, Format, Keyed, ReadError, ReadOptions, ReadProblem, read, write};
pub use history::{History, Operation, Origin, Outcome, Position, RecordedHistory};
pub use pairing::{HistoryError, HistoryProblem};
pub use place::Place;
pub use recorder::{Ending, InjectionState, Recorder, Reply, Stamp};
pub use recording::{Columns, Header, Order, Recording, Warning};
pub use value::Value;
