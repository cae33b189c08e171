//! What a history is: who called what, when, and what was answered.
//!
//! Concurrent processes call an object; every call and every answer is one [`Event`], and the
//! events in order are a recording. Paired up, they are a [`History`] of [`Operation`]s, which is
//! what a checker judges. This crate holds that vocabulary, the file formats it is kept in, and the
//! recorder that writes it down while it happens. It knows nothing about what the operations mean.
//!
//! A file is read in two steps: [`read`] makes a [`Recording`] of it, in whatever [`Format`] it is,
//! and [`Recording::history`] pairs its events, which takes a [`Model`], for the model has the
//! words.
//!
//! ```
//! use testimony_history::{Model, Outcome, ReadOptions, read};
//!
//! let file = br#"{"testimony":1,"model":"register"}
//! {"process":0,"type":"invoke","f":"write","value":1}
//! {"process":1,"type":"invoke","f":"read"}
//! {"process":1,"type":"ok","f":"read","value":1}
//! {"process":0,"type":"info","f":"write","error":"timeout"}
//! "#;
//! let recording = read(file, &ReadOptions::default())?;
//! let model = recording.header.model.unwrap_or(Model::Register);
//! let (history, warnings) = recording.history(model)?;
//! assert!(warnings.is_empty());
//! assert_eq!(history.operations()[0].outcome, Outcome::Unknown);
//!
//! let wrong = br#"{"testimony":1}
//! {"process":1,"type":"ok","f":"read","value":1}
//! "#;
//! let error = read(wrong, &ReadOptions::default())?.history(model).unwrap_err();
//! assert_eq!(error.to_string(), "line 2, column 12: process 1 returns without a call");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A history that is still being written is read by an [`EventReader`], and its events are paired
//! by an [`OnlinePairing`], in memory that does not grow with it.
//!
//! Who makes histories in a test of their own uses [`History::builder`]; who records a run, a
//! [`Recorder`].

pub mod builder;
pub mod compact;
pub mod edn;
mod entries;
pub mod event;
pub mod format;
mod gather;
pub mod history;
pub mod intake;
mod jsonl;
pub mod online;
mod order;
pub mod pairing;
pub mod place;
mod porcupine;
mod processes;
mod ranks;
pub mod recorder;
pub mod recording;
mod runs;
mod strings;
mod table;
pub mod value;
mod vocabulary;

pub use builder::{Builder, OpId};
pub use compact::CompactHistory;
pub use event::{Answer, Call, Event, Function, Kind, Model, Process};
pub use format::{FailedCas, Format, Keyed, ReadError, ReadOptions, ReadProblem, read, write};
pub use history::{History, Operation, Origin, Outcome, Position, RecordedHistory};
pub use intake::{CompactError, CompactOptions, CompactRecording, ModelFrom, read_compact};
pub use jsonl::{EventReader, PlacedEvent};
pub use online::{OnlinePairing, Paired};
pub use pairing::{HistoryError, HistoryProblem};
pub use place::Place;
pub use recorder::{Ending, InjectionState, Recorder, Reply, Stamp};
pub use recording::{Columns, Header, Order, Recording, Warning};
pub use table::write_csv;
pub use value::Value;
