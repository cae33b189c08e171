//! The way of this program into namespaces of its own, before it has any thread.
//!
//! Three processes of the same executable lead there. The one that a person called stays outside.
//! The second leaves for new namespaces and stops; the first then says who the second is in there,
//! which nobody inside may. The third is process 1 in there: it buries the dead, and with it dies
//! every process inside, at once, whatever it has done to itself. It starts this program a fourth
//! time, which does what was asked for. Each of them passes on signals to the next and the exit
//! code to the one before; each dies when the one before dies.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, getpid, kill_process, set_parent_process_death_signal,
    waitid,
};
use rustix::thread::UnshareFlags;

use super::escort;
use crate::process::bind_to_parent;

/// The hidden subcommand that must call [`cross`] with what follows it.
pub const ENTER_SUBCOMMAND: &str = "__enter";
/// The hidden subcommand that must call [`be_first`] with what follows it.
pub const FIRST_SUBCOMMAND: &str = "__first";
/// Stands before the words of a call that is made inside.
pub const INSIDE_FLAG: &str = "--inside";

/// Namespaces that a run has of its own, beside that of users.
const OWN: UnshareFlags = UnshareFlags::NEWNET
    .union(UnshareFlags::NEWNS)
    .union(UnshareFlags::NEWPID)
    .union(UnshareFlags::NEWUTS)
    .union(UnshareFlags::NEWIPC);

/// Does `words` inside: calls this program with [`INSIDE_FLAG`] and these words in namespaces of
/// its own. Its exit code. The process must have one thread.
///
/// # Errors
/// If this program cannot be started again. Why it could not enter is told by the process that
/// tried, which then ends with an exit code of its own.
pub fn enter(words: &[OsString]) -> io::Result<u8> {
    let mut command = call(ENTER_SUBCOMMAND)?;
    command
        .arg(std::process::id().to_string())
        .arg("--")
        .args(words);
    // A group of its own: what is typed in the terminal is passed on, and so arrives once.
    command.process_group(0);
    let child = command.spawn()?;
    let pid = pid_of(&child)?;
    let status = waitid(
        WaitId::Pid(pid),
        WaitIdOptions::EXITED | WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT,
    )?;
    if status.is_some_and(|status| status.stopped()) {
        if let Err(error) = name_users(pid) {
            kill_process(pid, Signal::KILL)?;
            return Err(explained(
                "who is who in the new namespaces cannot be said",
                &error,
            ));
        }
        kill_process(pid, Signal::CONT)?;
    }
    escort::to_its_end(&child)
}

/// Leaves for new namespaces and does `words` there; `parent` is the process that called
/// [`enter`]. The exit code. The process must have one thread.
///
/// # Errors
/// If this machine does not let it; the error says what to do.
pub fn cross(parent: u32, words: &[OsString]) -> io::Result<u8> {
    bind_to_parent(parent)?;
    leave()?;
    kill_process(getpid(), Signal::STOP)?;
    // The kernel may have dropped the request when the process became another user.
    bind_to_parent(parent)?;
    let mut command = call(FIRST_SUBCOMMAND)?;
    command.arg("--").args(words);
    // Never written to: it ends with this process, and so the next one hears of that.
    command.stdin(Stdio::piped());
    escort::to_its_end(&command.spawn()?)
}

/// Is process 1 of the new namespaces: makes them ready, and does `words`. The exit code.
///
/// # Errors
/// If this machine does not let it; the error says what to do.
pub fn be_first(words: &[OsString]) -> io::Result<u8> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let mortality = io::stdin().as_fd().try_clone_to_owned()?;
    let private = MountPropagationFlags::REC | MountPropagationFlags::PRIVATE;
    mount_change("/", private)
        .map_err(|error| explained("mounts of our own are refused here", &error.into()))?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", "/proc", "proc", flags, None::<&std::ffi::CStr>).map_err(|error| {
        explained(
            "/proc of the new namespaces cannot be mounted",
            &error.into(),
        )
    })?;
    let mut command = call(INSIDE_FLAG)?;
    command.args(words).stdin(Stdio::null());
    escort::as_first(command, mortality)
}

/// With users of its own, if that is allowed: then nothing outside can be harmed, not even by
/// root. Else as root without.
fn leave() -> io::Result<()> {
    #[expect(
        deprecated,
        reason = "the replacement is unsafe for the sake of other flags: this process has one \
                  thread, from which nothing can be taken"
    )]
    let unshare = rustix::thread::unshare;
    match unshare(UnshareFlags::NEWUSER | OWN) {
        Ok(()) => Ok(()),
        Err(refused) => unshare(OWN)
            .map_err(|_| explained("namespaces of users are refused here", &refused.into())),
    }
}

fn explained(what: &str, error: &io::Error) -> io::Error {
    let text = format!("{what} ({error}); `testimony doctor` says what would enable the netns lab");
    io::Error::new(error.kind(), text)
}

/// Says who is who in the namespace of users of a process that has just left for it.
fn name_users(process: Pid) -> io::Result<()> {
    let folder = PathBuf::from(format!("/proc/{}", process.as_raw_pid()));
    let space = |folder: &Path| fs::read_link(folder.join("ns/user"));
    if space(&folder)? == space(Path::new("/proc/self"))? {
        return Ok(());
    }
    if !rustix::process::geteuid().is_root() {
        // Without this, nobody but root may say anything about groups.
        fs::write(folder.join("setgroups"), "deny")?;
    }
    let user = rustix::process::geteuid().as_raw();
    let group = rustix::process::getegid().as_raw();
    fs::write(folder.join("uid_map"), names("/proc/self/uid_map", user)?)?;
    fs::write(folder.join("gid_map"), names("/proc/self/gid_map", group)?)
}

/// Root gives everybody the same number as here; anybody else is root in there, and alone.
fn names(own: &str, number: u32) -> io::Result<String> {
    if !rustix::process::geteuid().is_root() {
        return Ok(format!("0 {number} 1\n"));
    }
    let mut names = String::new();
    for line in fs::read_to_string(own)?.lines() {
        if let [here, _, count] = line.split_whitespace().collect::<Vec<_>>()[..] {
            names.push_str(&format!("{here} {here} {count}\n"));
        }
    }
    Ok(names)
}

/// This program, called with that word.
pub(super) fn call(word: &str) -> io::Result<Command> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the lab starting a process"
    )]
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(word);
    Ok(command)
}

pub(super) fn pid_of(child: &Child) -> io::Result<Pid> {
    let number = i32::try_from(child.id()).ok();
    let impossible = || io::Error::other("the kernel gave a process an impossible number");
    number.and_then(Pid::from_raw).ok_or_else(impossible)
}
