//! What a simulated run writes down: the files of any run, in memory.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use testimony_engine::{Happening, Moment, Nanos, Plan, StatusSample};
use testimony_history::Recorder;

use crate::run::journal::Journal;
use crate::run::recording::header;

/// When every simulation started: it does not know the hour.
const STARTED: &str = "1970-01-01T00:00:00.000Z";

/// A recorder with a virtual clock, and the other files.
pub(super) struct Recording {
    clock: Arc<AtomicU64>,
    pub(super) recorder: Arc<Recorder<Vec<u8>>>,
    pub(super) journal: Journal<Vec<u8>>,
    status: Vec<u8>,
    story: Option<Vec<u8>>,
}

/// The bytes of all files.
pub(super) struct Files {
    pub(super) history: Vec<u8>,
    pub(super) injections: Vec<u8>,
    pub(super) status: Vec<u8>,
    pub(super) story: Vec<u8>,
}

impl Recording {
    pub(super) fn begin(plan: &Plan, story: bool) -> io::Result<Self> {
        let clock = Arc::new(AtomicU64::new(0));
        let shown = Arc::clone(&clock);
        let run = format!("{}-{}", plan.target, plan.seed);
        let now = move || shown.load(Ordering::Relaxed);
        let recorder = Arc::new(Recorder::create(
            Vec::new(),
            &header(plan, STARTED, &run),
            now,
        )?);
        Ok(Recording {
            clock,
            journal: Journal::new(Vec::new(), Arc::clone(&recorder)),
            recorder,
            status: Vec::new(),
            story: story.then(Vec::new),
        })
    }

    pub(super) fn now(&self, now: Nanos) {
        self.clock.store(now.0, Ordering::Relaxed);
    }

    pub(super) fn sample(&mut self, sample: &StatusSample) {
        line(&mut self.status, sample);
    }

    /// Whether somebody wants to know what goes on inside.
    pub(super) fn is_told(&self) -> bool {
        self.story.is_some()
    }

    pub(super) fn tell(&mut self, time: Nanos, what: impl FnOnce() -> Happening) {
        if let Some(story) = &mut self.story {
            line(story, &Moment { time, what: what() });
        }
    }

    pub(super) fn finish(self) -> io::Result<Files> {
        let injections = self.journal.finish()?;
        let recorder = Arc::into_inner(self.recorder);
        let recorder = recorder.ok_or_else(|| io::Error::other("somebody still records"))?;
        Ok(Files {
            history: recorder.finish()?,
            injections,
            status: self.status,
            story: self.story.unwrap_or_default(),
        })
    }
}

fn line(out: &mut Vec<u8>, object: &impl Serialize) {
    serde_json::to_writer(&mut *out, object).expect("it is words and numbers, in memory");
    out.push(b'\n');
}
