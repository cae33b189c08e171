//! That a run was ended by its first violation, before its time.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::Value as Json;

/// The event that made the history illegal while it was being written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoppedEarly {
    /// Its index in the history.
    pub event: u64,
    /// Its line in `history.jsonl`.
    pub line: u32,
    /// The key of the object; null if there is one object only.
    pub key: Json,
    /// When it was recorded, in seconds since the run's start.
    pub seconds: f64,
}

impl fmt::Display for StoppedEarly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StoppedEarly {
            event,
            key,
            seconds,
            ..
        } = self;
        match key {
            Json::Null => write!(f, "at {seconds:.1} s, by event {event}"),
            key => write!(f, "at {seconds:.1} s, by event {event} on key {key}"),
        }
    }
}
