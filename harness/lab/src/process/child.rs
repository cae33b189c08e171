//! A running node process: signals that cannot hit another process, and a death that is noticed.

use std::fmt;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, sleep, timeout};

use super::spawner::Started;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code, if it exited.
    pub code: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => write!(f, "exit code {code}"),
            (None, Some(signal)) => write!(f, "signal {signal}"),
            (None, None) => f.write_str("an unknown cause"),
        }
    }
}

/// A child process. Dropping it kills and reaps it.
#[derive(Debug)]
pub(crate) struct Child {
    pid: u32,
    handle: AsyncFd<OwnedFd>,
    exit: Mutex<Option<Exit>>,
    expected_to_end: AtomicBool,
}

/// How long a signal may take to have its effect on a busy machine.
const EFFECT_DEADLINE: Duration = Duration::from_secs(5);
const STATE_INTERVAL: Duration = Duration::from_millis(1);

impl Child {
    /// Must be called within a runtime.
    pub(crate) fn new(started: Started) -> io::Result<Self> {
        let Started { pid, handle, .. } = started;
        #[expect(
            deprecated,
            reason = "the replacement is unsafe for the sake of other types: an OwnedFd never changes"
        )]
        let handle = AsyncFd::with_interest(handle, Interest::READABLE)?;
        let (exit, expected_to_end) = (Mutex::new(None), AtomicBool::new(false));
        Ok(Child {
            pid,
            handle,
            exit,
            expected_to_end,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether the lab itself has asked it to end.
    pub(crate) fn expected_to_end(&self) -> bool {
        self.expected_to_end.load(Ordering::SeqCst)
    }

    /// Whether it has ended, by whatever cause.
    pub(crate) fn has_ended(&self) -> bool {
        self.reap(WaitIdOptions::NOHANG)
            .is_ok_and(|exit| exit.is_some())
    }

    /// Waits for its end and reaps it.
    pub(crate) async fn ended(&self) -> io::Result<Exit> {
        loop {
            if let Some(exit) = self.reap(WaitIdOptions::NOHANG)? {
                return Ok(exit);
            }
            // Readable means ended, and stays so; the guard need not be cleared.
            let _ready = self.handle.readable().await?;
        }
    }

    /// SIGKILL; returns when it is gone and reaped.
    pub(crate) async fn kill(&self) -> io::Result<Exit> {
        self.end(Signal::KILL, EFFECT_DEADLINE).await
    }

    /// SIGTERM; returns when it is gone and reaped, or with an error after `patience`.
    pub(crate) async fn terminate(&self, patience: Duration) -> io::Result<Exit> {
        self.end(Signal::TERM, patience).await
    }

    /// SIGSTOP; returns when the kernel shows all its threads as stopped.
    pub(crate) async fn pause(&self) -> io::Result<()> {
        self.signal(Signal::STOP)?;
        self.wait_for_state("stopped", |states| states.iter().all(|state| *state == 'T'))
            .await
    }

    /// SIGCONT; returns when the kernel shows none of its threads as stopped.
    pub(crate) async fn resume(&self) -> io::Result<()> {
        self.signal(Signal::CONT)?;
        self.wait_for_state("continued", |states| {
            states.iter().all(|state| *state != 'T')
        })
        .await
    }

    async fn end(&self, signal: Signal, patience: Duration) -> io::Result<Exit> {
        self.expected_to_end.store(true, Ordering::SeqCst);
        self.signal(signal)?;
        // One that stands still would not hear of it.
        self.signal(Signal::CONT)?;
        match timeout(patience, self.ended()).await {
            Ok(exit) => exit,
            Err(_) => Err(late(self.pid, "ended")),
        }
    }

    /// A process that has ended already is not an error: it has what was wanted, or will be
    /// noticed.
    fn signal(&self, signal: Signal) -> io::Result<()> {
        match pidfd_send_signal(self.handle.get_ref().as_fd(), signal) {
            Err(error) if error != rustix::io::Errno::SRCH => Err(error.into()),
            _ => Ok(()),
        }
    }

    async fn wait_for_state(
        &self,
        what: &str,
        reached: impl Fn(&[char]) -> bool,
    ) -> io::Result<()> {
        let deadline = Instant::now() + EFFECT_DEADLINE;
        loop {
            let states = thread_states(self.pid)?;
            if !states.is_empty() && reached(&states) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(late(self.pid, what));
            }
            sleep(STATE_INTERVAL).await;
        }
    }

    fn reap(&self, options: WaitIdOptions) -> io::Result<Option<Exit>> {
        let mut exit = self.exit.lock().unwrap_or_else(PoisonError::into_inner);
        if exit.is_none() {
            let id = WaitId::PidFd(self.handle.get_ref().as_fd());
            *exit = waitid(id, WaitIdOptions::EXITED | options)?.map(|status| Exit {
                code: status.exit_status(),
                signal: status.terminating_signal(),
            });
        }
        Ok(*exit)
    }
}

impl Child {
    /// Kills and reaps it at once, without the runtime; it may have ended already.
    pub(crate) fn destroy(&self) {
        self.expected_to_end.store(true, Ordering::SeqCst);
        if self.has_ended() {
            return;
        }
        // SIGKILL ends a stopped process as well, at once; the wait is for the reaping only.
        let _ = self.signal(Signal::KILL);
        let _ = self.reap(WaitIdOptions::empty());
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.destroy();
    }
}

fn late(pid: u32, what: &str) -> io::Error {
    let text = format!("process {pid} has not {what} in time");
    io::Error::new(io::ErrorKind::TimedOut, text)
}

/// The states of all threads of a process, as letters of proc(5); gone threads are left out.
fn thread_states(pid: u32) -> io::Result<Vec<char>> {
    let mut states = Vec::new();
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let Ok(stat) = fs::read_to_string(thread?.path().join("stat")) else {
            continue;
        };
        // The command's name stands in parentheses and may itself contain anything.
        let state = stat
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.chars().next());
        states.extend(state);
    }
    Ok(states)
}
