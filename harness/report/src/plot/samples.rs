//! The operations of a recording as points in time: when each was called, how long it took, how it
//! ended. Tolerant where the reader of histories is strict: a drawing needs no verdict.

use std::collections::HashMap;

use testimony_history::{Event, Function, Kind, Process};

/// How an operation ended, as a drawing tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Ending {
    /// Completed with an answer.
    Ok,
    /// Certainly did not happen.
    Failed,
    /// Nobody knows.
    Unknown,
}

impl Ending {
    /// All of them, in the order in which they are drawn: the rarer above the more common.
    pub(crate) const ALL: [Ending; 3] = [Ending::Ok, Ending::Failed, Ending::Unknown];

    /// Also the class in the style sheet.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Ending::Ok => "completed",
            Ending::Failed => "failed",
            Ending::Unknown => "unknown",
        }
    }

    fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Invoke => None,
            Kind::Ok => Some(Ending::Ok),
            Kind::Fail => Some(Ending::Failed),
            Kind::Info => Some(Ending::Unknown),
        }
    }
}

/// One operation with both its times, in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    /// What was called.
    pub(crate) f: Function,
    /// When it was called.
    pub(crate) called: u64,
    /// When its answer, or the news that there is none, arrived.
    pub(crate) returned: u64,
    /// How it ended.
    pub(crate) ending: Ending,
}

/// The operations that have both times. Those without a completion are not among them.
pub(crate) fn samples(events: &[Event]) -> Vec<Sample> {
    let mut open: HashMap<u64, u64> = HashMap::new();
    let mut samples = Vec::new();
    for event in events {
        let (Process::Client(process), Some(time)) = (&event.process, event.time) else {
            continue;
        };
        let Some(ending) = Ending::of(event.kind) else {
            open.insert(*process, time);
            continue;
        };
        if let Some(called) = open.remove(process) {
            let returned = time.max(called);
            samples.push(Sample {
                f: event.f.clone(),
                called,
                returned,
                ending,
            });
        }
    }
    samples
}

/// The last time in the recording, in nanoseconds; 0 if there is none.
pub(crate) fn last_time(events: &[Event]) -> u64 {
    events
        .iter()
        .filter_map(|event| event.time)
        .max()
        .unwrap_or(0)
}
