//! What this crate promises, one module per part.

mod compact;
mod corpus;
mod edn;
mod generate;
mod intake;
mod jsonl;
mod no_panic;
mod online;
mod pairing;
mod recorder;
mod round_trip;
mod shared;
mod table;

use testimony_history::{Model, ReadOptions, RecordedHistory, Recording, read};

/// Reads with default options, and panics with the error.
fn reads(text: &str) -> Recording {
    read(text.as_bytes(), &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// The error of reading with default options.
fn refused(bytes: impl AsRef<[u8]>) -> String {
    match read(bytes.as_ref(), &ReadOptions::default()) {
        Ok(recording) => panic!("was read: {recording:?}"),
        Err(error) => error.to_string(),
    }
}

/// A JSON lines file of these events.
fn jsonl(events: &[&str]) -> String {
    let mut text = String::from("{\"testimony\":1}\n");
    for event in events {
        text.push_str(event);
        text.push('\n');
    }
    text
}

/// The history of a model in these events.
fn history(model: Model, events: &[&str]) -> RecordedHistory {
    reads(&jsonl(events))
        .history(model)
        .unwrap_or_else(|error| panic!("{error}"))
        .0
}

/// Why these events make no history of a model.
fn contradicted(model: Model, events: &[&str]) -> String {
    match reads(&jsonl(events)).history(model) {
        Ok((history, _)) => panic!("was paired: {history:?}"),
        Err(error) => error.to_string(),
    }
}
