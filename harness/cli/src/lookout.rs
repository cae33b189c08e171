//! Watches the history of a run while it is being written, and ends the run at the first violation.
//!
//! It reads the file that the recorder writes, as anybody else would: neither the engine nor the
//! lab knows of it. Whatever it finds is judged again, from the whole recording, when the run is
//! over.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use testimony_engine::Plan;
use testimony_report::StoppedEarly;
use tokio::sync::mpsc::UnboundedSender;

use crate::failure::Failure;
use crate::follow::{Tail, described, key_of};
use crate::live::Live;
use crate::terminal;
use crate::verdict_of_run::as_recorded;

/// How often the history is looked at. The recorder writes it out as often.
const POLL: Duration = Duration::from_millis(100);

/// Ends the run early. A second interrupt would end it at once, so whoever is first is the only
/// one, but for a person who insists.
#[derive(Clone)]
pub(crate) struct Interrupter {
    interrupt: UnboundedSender<()>,
    interrupted: Arc<AtomicBool>,
}

impl Interrupter {
    pub(crate) fn new(interrupt: UnboundedSender<()>) -> Self {
        Interrupter {
            interrupt,
            interrupted: Arc::new(AtomicBool::new(false)),
        }
    }

    /// A person interrupts the run. Whether it still heard that.
    pub(crate) fn interrupt(&self) -> bool {
        self.interrupted.store(true, Ordering::Relaxed);
        self.interrupt.send(()).is_ok()
    }

    /// A violation interrupts the run, unless it has been interrupted.
    fn interrupt_once(&self) -> bool {
        !self.interrupted.swap(true, Ordering::Relaxed) && self.interrupt.send(()).is_ok()
    }
}

/// A thread that watches a run.
pub(crate) struct Lookout {
    over: Sender<()>,
    thread: JoinHandle<Option<StoppedEarly>>,
}

impl Lookout {
    /// Starts to watch the run in `folder`.
    pub(crate) fn start(plan: &Plan, folder: &Path, interrupter: Interrupter) -> Self {
        let (over, is_over) = channel();
        let history = folder.join("history.jsonl");
        let live = Live::new(history.display().to_string(), &as_recorded(plan));
        let thread = thread::spawn(move || match watch(&history, live, &is_over) {
            Ok(found) => found.filter(|_| stop(&interrupter)),
            Err(failure) => {
                terminal::tell(&format!("warning: the run is no longer watched: {failure}"));
                None
            }
        });
        Lookout { over, thread }
    }

    /// The run is over. What ended it, if it was this.
    pub(crate) fn end(self) -> Option<StoppedEarly> {
        drop(self.over);
        self.thread.join().unwrap_or_else(|_| {
            terminal::tell("warning: watching the run failed, which is our bug");
            None
        })
    }
}

fn stop(interrupter: &Interrupter) -> bool {
    let stopped = interrupter.interrupt_once();
    if stopped {
        terminal::tell("stopping early: healing and reading every key (--to-the-end goes on)");
    }
    stopped
}

/// Follows the history to its first violation, or until the run is over.
fn watch(
    history: &Path,
    mut live: Live,
    is_over: &Receiver<()>,
) -> Result<Option<StoppedEarly>, Failure> {
    let mut tail = None;
    while is_over.recv_timeout(POLL) == Err(RecvTimeoutError::Timeout) {
        if tail.is_none() && history.exists() {
            tail = Some(Tail::open(history)?);
        }
        let Some(tail) = &mut tail else { continue };
        tail.read(|bytes| {
            live.feed(bytes)?;
            Ok(live.violation().is_some())
        })?;
        live.catch_up(false)?;
        if let Some(violation) = live.violation() {
            terminal::tell(&format!("violation: {}", described(violation)));
            let event = violation.event;
            return Ok(Some(StoppedEarly {
                event: event.index,
                line: event.line,
                key: key_of(violation),
                seconds: Duration::from_nanos(event.time.unwrap_or(0)).as_secs_f64(),
            }));
        }
    }
    Ok(None)
}
