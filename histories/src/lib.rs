//! What a history is: who called what, when, and what was answered.
//!
//! Concurrent processes call an object; every call and every answer is one [`Event`], and the
//! events in order are a recording. Paired up, they are a [`History`] of [`Operation`]s, which is
//! what a checker judges. This crate holds that vocabulary, the file formats it is kept in, and the
//! recorder that writes it down while it happens. It knows nothing about what the operations mean.

pub mod event;
pub mod history;
pub mod value;

pub use event::{Answer, Call, Event, Function, Kind, Model, Process};
pub use history::{History, Operation, Outcome, Position, RecordedHistory};
pub use value::Value;
