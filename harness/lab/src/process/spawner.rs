//! The one thread from which all nodes are started.
//!
//! The kernel binds a child's parent-death signal to the *thread* that started it. A worker thread
//! of the runtime may end at any time and would take nodes with it, so this thread does nothing
//! else and lives as long as the lab.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;

use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid,
};
use tokio::sync::oneshot;

use super::exec::EXEC_SUBCOMMAND;

/// A command line that starts the program whose `__exec` subcommand calls
/// [`Entrance::become_node`](crate::Entrance::become_node); normally the path of the harness alone.
#[derive(Clone, Debug)]
pub struct Launcher {
    /// The program.
    pub program: PathBuf,
    /// Arguments before `__exec`.
    pub args: Vec<OsString>,
}

/// What to start.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<OsString>,
    pub(crate) env: Vec<(OsString, OsString)>,
    /// The network namespace to start it in, if not this one.
    pub(crate) net: Option<PathBuf>,
    /// The data that it must own although it must not be root.
    pub(crate) unprivileged: Option<PathBuf>,
    /// What its saves are to be announced on, if somebody decides on them.
    pub(crate) saves: Option<OwnedFd>,
    /// Its standard output is appended here.
    pub(crate) stdout: PathBuf,
    /// Its standard error is appended here.
    pub(crate) stderr: PathBuf,
    /// Whether its standard input and output are pipes to the lab instead.
    pub(crate) talks: bool,
}

/// A child of the spawner's thread.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) pid: u32,
    /// Names the process without the danger that its number is given to another one.
    pub(crate) handle: OwnedFd,
    /// What it talks over, if it was to talk.
    pub(crate) pipes: Option<Pipes>,
}

/// The lab's ends of a child's standard streams.
#[derive(Debug)]
pub(crate) struct Pipes {
    pub(crate) stdin: OwnedFd,
    pub(crate) stdout: OwnedFd,
}

/// The thread; when the spawner is dropped, the thread ends and the kernel kills what is left.
#[derive(Debug)]
pub(crate) struct Spawner {
    requests: mpsc::Sender<Request>,
}

type Request = (Start, oneshot::Sender<io::Result<Started>>);

impl Spawner {
    pub(crate) fn new(launcher: Launcher) -> io::Result<Self> {
        let (requests, inbox) = mpsc::channel::<Request>();
        let work = move || {
            for (start, answer) in inbox {
                // Nobody waits any more: the run is over, and nobody else would reap the child.
                if let Err(Ok(unwanted)) = answer.send(start.run(&launcher)) {
                    unwanted.discard();
                }
            }
        };
        thread::Builder::new()
            .name("spawner".to_owned())
            .spawn(work)?;
        Ok(Spawner { requests })
    }

    pub(crate) async fn start(&self, start: Start) -> io::Result<Started> {
        let (answer, answered) = oneshot::channel();
        let gone = || io::Error::other("the thread that starts nodes has ended");
        self.requests.send((start, answer)).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

impl Started {
    fn discard(self) {
        let _ = pidfd_send_signal(&self.handle, Signal::KILL);
        let _ = waitid(WaitId::PidFd(self.handle.as_fd()), WaitIdOptions::EXITED);
    }
}

impl Start {
    fn run(self, launcher: &Launcher) -> io::Result<Started> {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the lab starting a process"
        )]
        let mut command = Command::new(&launcher.program);
        command.args(&launcher.args).arg(EXEC_SUBCOMMAND);
        command.arg("--parent").arg(std::process::id().to_string());
        if let Some(net) = &self.net {
            command.arg("--net").arg(net);
        }
        if let Some(data) = &self.unprivileged {
            command.arg("--unprivileged").arg(data);
        }
        if self.saves.is_some() {
            command.arg("--announce-saves");
        }
        command.arg("--");
        command.arg(&self.program).args(&self.args).envs(self.env);
        if self.talks {
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
        } else {
            command.stdin(self.saves.map_or_else(Stdio::null, Stdio::from));
            command.stdout(append(&self.stdout)?);
        }
        command.stderr(append(&self.stderr)?);
        // A group of its own: Ctrl-C in the terminal is for the harness, which still has work to
        // do.
        command.process_group(0);
        let mut child = command.spawn()?;
        let pipes = match (child.stdin.take(), child.stdout.take()) {
            (Some(stdin), Some(stdout)) => Some(Pipes {
                stdin: stdin.into(),
                stdout: stdout.into(),
            }),
            _ => None,
        };
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        // The child is not reaped before its handle is open, so its number is still its own.
        let opened = pid
            .ok_or_else(|| io::Error::other("the kernel gave a process an impossible number"))
            .and_then(|pid| Ok(pidfd_open(pid, PidfdFlags::empty())?));
        match opened {
            Ok(handle) => Ok(Started {
                pid: child.id(),
                handle,
                pipes,
            }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}
