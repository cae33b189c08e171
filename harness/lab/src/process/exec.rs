//! How a node is bound to the life of the harness.
//!
//! A node is not started directly but by way of this program itself: `PROGRAM __exec --parent PID
//! -- NODE ARGS`. That process asks the kernel to be killed when its parent goes, and then becomes
//! the node. The request survives the exec, so `kill -9` of the harness leaves no node behind.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Signal, getppid, set_parent_process_death_signal};

/// The hidden subcommand that the lab calls on its launcher, and that must call
/// [`exec_under_parent`].
pub const EXEC_SUBCOMMAND: &str = "__exec";

/// Becomes `program`, to be killed when the thread that started this process ends.
///
/// `parent` is the process id of the harness. Returns only if that did not work: because the
/// harness is gone already, or because the program cannot be executed.
#[must_use]
pub fn exec_under_parent(parent: u32, program: &OsStr, args: &[OsString]) -> io::Error {
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return error.into();
    }
    // The parent may have died before the request was made; then nothing would kill this process.
    if getppid().map(|pid| pid.as_raw_pid()) != i32::try_from(parent).ok() {
        let text = format!("the harness (process {parent}) that started this node is gone");
        return io::Error::other(text);
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
