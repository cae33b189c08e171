//! The one place where checking meets a clock: a flag that rises when time is up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Raises a stop flag after some time, unless it is dropped before.
pub(crate) struct Deadline {
    flag: Arc<AtomicBool>,
    cancel: Option<Sender<()>>,
    watcher: Option<JoinHandle<()>>,
}

impl Deadline {
    /// Starts the clock.
    pub(crate) fn after(limit: Duration) -> Self {
        let flag = Arc::new(AtomicBool::new(false));
        let (cancel, cancelled) = channel();
        let raised = Arc::clone(&flag);
        let watcher = thread::spawn(move || raise_after(limit, &cancelled, &raised));
        Deadline {
            flag,
            cancel: Some(cancel),
            watcher: Some(watcher),
        }
    }

    /// The flag that rises.
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.flag)
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        drop(self.cancel.take());
        if let Some(watcher) = self.watcher.take() {
            // The watcher does nothing that can panic.
            drop(watcher.join());
        }
    }
}

fn raise_after(limit: Duration, cancelled: &Receiver<()>, flag: &AtomicBool) {
    if cancelled.recv_timeout(limit) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
        flag.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_rises_when_time_is_up() {
        let deadline = Deadline::after(Duration::from_millis(1));
        while !deadline.flag().load(Ordering::Relaxed) {
            thread::yield_now();
        }
    }

    #[test]
    fn a_dropped_deadline_never_rises() {
        let deadline = Deadline::after(Duration::from_secs(3600));
        let flag = deadline.flag();
        drop(deadline);
        assert!(!flag.load(Ordering::Relaxed));
    }
}
