//! The history of a run on its way to the disk.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use testimony_engine::Plan;
use testimony_history::{Header, Recorder};

use super::folder::Folder;
use crate::LabError;
use crate::clock::Clock;

/// A `kill -9` of the harness loses at most what came in this time, and what it takes to write it.
const FLUSH_INTERVAL: Duration = Duration::from_millis(50);

/// A recorder, and the thread that flushes it however busy the runtime is.
pub(crate) struct Recording {
    path: PathBuf,
    recorder: Arc<Recorder<File>>,
    /// Dropping it ends the thread.
    running: Option<Sender<()>>,
    flusher: Option<JoinHandle<()>>,
}

impl Recording {
    pub(crate) fn create(folder: &Folder, plan: &Plan, clock: Clock) -> Result<Self, LabError> {
        let path = folder.file("history.jsonl");
        let create = || {
            let file = File::create(&path)?;
            let now = move || clock.now().0;
            let recorder = Arc::new(Recorder::create(
                file,
                &header(plan, &started(), &folder.name()),
                now,
            )?);
            let (running, ended) = channel::<()>();
            let flushed = Arc::clone(&recorder);
            let flusher = thread::Builder::new()
                .name("flusher".to_owned())
                .spawn(move || {
                    while ended.recv_timeout(FLUSH_INTERVAL) == Err(RecvTimeoutError::Timeout) {
                        // The recorder keeps the first error and returns it at the end.
                        let _ = flushed.flush();
                    }
                })?;
            io::Result::Ok((recorder, running, flusher))
        };
        let (recorder, running, flusher) = create().map_err(LabError::write(&path))?;
        Ok(Recording {
            path,
            recorder,
            running: Some(running),
            flusher: Some(flusher),
        })
    }

    pub(crate) fn recorder(&self) -> &Arc<Recorder<File>> {
        &self.recorder
    }

    /// Writes out the rest and has the system put it on the disk. Nobody records any more.
    pub(crate) fn finish(mut self) -> Result<(), LabError> {
        self.join();
        let sync = || {
            self.recorder.flush()?;
            File::open(&self.path)?.sync_all()
        };
        sync().map_err(LabError::write(&self.path))
    }

    fn join(&mut self) {
        self.running = None;
        if let Some(flusher) = self.flusher.take() {
            // It only flushes; a panic in it is one of the recorder, which the next flush meets.
            let _ = flusher.join();
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.join();
    }
}

/// What a recording says of its run before the first event.
pub(crate) fn header(plan: &Plan, started: &str, run: &str) -> Header {
    Header {
        model: Some(plan.model()),
        initial: None,
        started: Some(started.into()),
        run: Some(run.into()),
        seed: Some(plan.seed),
        nodes: plan
            .node_names()
            .iter()
            .map(|node| node.as_str().into())
            .collect(),
        extra: Vec::new(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the lab reads the calendar"
)]
fn started() -> String {
    let started = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
    started.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
