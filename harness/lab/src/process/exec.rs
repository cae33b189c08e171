//! How a node is bound to the life of the harness, and comes to where it belongs.
//!
//! A node is not started directly but by way of this program itself: `PROGRAM __exec --parent PID
//! -- NODE ARGS`. That process goes where the node is to be, asks the kernel to be killed when its
//! parent goes, and then becomes the node. The request survives the exec, so `kill -9` of the
//! harness leaves no node behind.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{AtFlags, CWD, Gid, Uid, chownat};
use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use rustix::thread::{
    LinkNameSpaceType, UnshareFlags, move_into_link_name_space, set_thread_gid, set_thread_groups,
    set_thread_uid,
};

use crate::disks::announce_saves;

/// The hidden subcommand that the lab calls on its launcher, and that must call
/// [`Entrance::become_node`].
pub const EXEC_SUBCOMMAND: &str = "__exec";

/// Who nobody is. Programs look up their own name, and this number has one everywhere.
const NOBODY: u32 = 65_534;

/// Where a process goes before it becomes a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entrance {
    /// The process id of the harness; the node dies with the thread that started it.
    pub parent: u32,
    /// The network namespace that the node lives in, if not that of the harness.
    pub net: Option<PathBuf>,
    /// The node's data, if its program refuses to be root: then it is somebody else, to whom these
    /// belong.
    pub unprivileged: Option<PathBuf>,
    /// Whether standard input is where somebody waits who decides on the node's saves.
    pub announce_saves: bool,
}

impl Entrance {
    /// Becomes `program`. The process must have one thread. Returns only if that did not work:
    /// because the harness is gone already, because the kernel does not let it in, or because the
    /// program cannot be executed.
    #[must_use]
    pub fn become_node(&self, program: &OsStr, args: &[OsString]) -> io::Error {
        if let Err(error) = self.go() {
            return error;
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the lab starting a process"
        )]
        let error = Command::new(program).args(args).exec();
        io::Error::new(
            error.kind(),
            format!("cannot execute {}: {error}", program.display()),
        )
    }

    fn go(&self) -> io::Result<()> {
        if let Some(path) = &self.net {
            let space = File::open(path)?;
            move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network))?;
        }
        if let Some(data) = &self.unprivileged
            && rustix::process::geteuid().is_root()
        {
            give_up_root(data)?;
        }
        // Not before: the kernel forgets the request when a process becomes somebody else.
        bind_to_parent(self.parent)?;
        if self.announce_saves {
            announce_saves()?;
        }
        Ok(())
    }
}

/// Asks the kernel to kill this process when the thread that started it ends.
pub(crate) fn bind_to_parent(parent: u32) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // The parent may have died before the request was made; then nothing would kill this process.
    if getppid().map(|pid| pid.as_raw_pid()) != i32::try_from(parent).ok() {
        let text = format!("the harness (process {parent}) that started this process is gone");
        return Err(io::Error::other(text));
    }
    Ok(())
}

/// In a namespace of users in which root is called otherwise, and so owns the same files; where
/// that is refused, as another user, who is given the data.
fn give_up_root(data: &Path) -> io::Result<()> {
    // Asked before: in the new namespace it has no name yet.
    let group = rustix::process::getegid().as_raw();
    #[expect(
        deprecated,
        reason = "the replacement is unsafe for the sake of other flags: this process has one \
                  thread, from which nothing can be taken"
    )]
    let renamed = rustix::thread::unshare(UnshareFlags::NEWUSER);
    if renamed.is_ok() {
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{NOBODY} 0 1\n"))?;
        return fs::write("/proc/self/gid_map", format!("{NOBODY} {group} 1\n"));
    }
    give_away(data)?;
    set_thread_groups(&[])?;
    set_thread_gid(Gid::from_raw(NOBODY))?;
    Ok(set_thread_uid(Uid::from_raw(NOBODY))?)
}

/// Makes nobody the owner of a folder and all that is in it.
fn give_away(path: &Path) -> io::Result<()> {
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    chownat(
        CWD,
        path,
        Some(user),
        Some(group),
        AtFlags::SYMLINK_NOFOLLOW,
    )?;
    if fs::symlink_metadata(path)?.is_dir() {
        for entry in fs::read_dir(path)? {
            give_away(&entry?.path())?;
        }
    }
    Ok(())
}
/// Whether a process is the program that it was started to be, and no longer this one on the way
/// there. What is changed in its memory before is gone when it becomes the program.
pub(crate) fn has_become_its_program(process: u32) -> io::Result<bool> {
    let line = fs::read(format!("/proc/{process}/cmdline"))?;
    let mut words = line.split(|byte| *byte == 0);
    Ok(!words.any(|word| word == EXEC_SUBCOMMAND.as_bytes()))
}
