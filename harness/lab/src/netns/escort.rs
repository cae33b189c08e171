//! A process that only waits for another: signals go in, the exit code comes out.

use std::io;
use std::os::fd::OwnedFd;
use std::process::{Child, Command};

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, wait};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};

/// Waits for a child of this process, the only one, and passes on to it what this process is told.
/// Its exit code; 128 and the number of a signal that ended it, as a shell has it.
pub(super) fn to_its_end(child: &Child) -> io::Result<u8> {
    let pid = super::passage::pid_of(child)?;
    runtime()?.block_on(async {
        let mut told = Told::listen()?;
        let mut deaths = signal(SignalKind::child())?;
        loop {
            // It may have ended before anybody listened.
            if let Some(code) = bury(pid)? {
                return Ok(code);
            }
            tokio::select! {
                signal = told.next() => pass_on(pid, signal),
                _ = deaths.recv() => {}
            }
        }
    })
}

/// Starts the command and waits for it as process 1: all orphans are buried as well, and when
/// `mortality` is closed at its other end, this returns, by which everything ends.
pub(super) fn as_first(mut command: Command, mortality: OwnedFd) -> io::Result<u8> {
    runtime()?.block_on(async {
        let mut told = Told::listen()?;
        let mut deaths = signal(SignalKind::child())?;
        let mut mortality = pipe::Receiver::from_owned_fd(mortality)?;
        let pid = super::passage::pid_of(&command.spawn()?)?;
        loop {
            if let Some(code) = bury(pid)? {
                return Ok(code);
            }
            tokio::select! {
                signal = told.next() => pass_on(pid, signal),
                _ = deaths.recv() => {}
                // Nobody is left to be told a code.
                _ = mortality.read_u8() => return Ok(u8::MAX),
            }
        }
    })
}

/// A runtime that has no thread of its own: in the namespaces of another process than its
/// children's, a process must not make any.
fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// What a person or a service manager says.
struct Told {
    interrupt: Signals,
    terminate: Signals,
    hang_up: Signals,
}

impl Told {
    fn listen() -> io::Result<Self> {
        Ok(Told {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.hang_up.recv() => Signal::HUP,
        }
    }
}

fn pass_on(pid: Pid, signal: Signal) {
    // It may have ended meanwhile; that is heard of next.
    let _ = kill_process(pid, signal);
}

/// Reaps all that have ended. The exit code of this one, if it is among them.
fn bury(pid: Pid) -> io::Result<Option<u8>> {
    let mut code = None;
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((dead, status))) if dead == pid => code = Some(code_of(status)),
            Ok(Some(_)) => {}
            Ok(None) | Err(rustix::io::Errno::CHILD) => return Ok(code),
            Err(error) => return Err(error.into()),
        }
    }
}

fn code_of(status: WaitStatus) -> u8 {
    let code = status
        .exit_status()
        .or_else(|| status.terminating_signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok())
        .unwrap_or(u8::MAX)
}
