//! Where a command is carried out: here, or in namespaces in which its lab may do as it likes.
//!
//! That is decided before anything else happens, since a process with threads is not let in.

use std::ffi::OsString;

use testimony_lab::netns;

use crate::args::{Command, EnterArguments, FirstArguments};
use crate::failure::Failure;
use crate::run;
use crate::run_folder::RunFolder;

/// Whether the command's lab is in namespaces of its own. A command that cannot be carried out is
/// here, where that is told.
pub(crate) fn is_elsewhere(command: &Command) -> bool {
    let lab = match command {
        Command::Run(arguments) => run::lab(arguments),
        Command::Replay(arguments) => RunFolder::open(&arguments.run)
            .and_then(|folder| folder.leftovers())
            .ok()
            .map(|leftovers| leftovers.plan.lab),
        Command::Try => return true,
        _ => None,
    };
    lab.is_some_and(|lab| lab == netns::LAB)
}

/// Calls this program again, with the same words, in namespaces of its own. Its exit code.
pub(crate) fn enter() -> Result<u8, Failure> {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    netns::enter(&words).map_err(broken)
}

/// On the way there.
pub(crate) fn cross(arguments: &EnterArguments) -> Result<u8, Failure> {
    netns::cross(arguments.parent, &arguments.words).map_err(broken)
}

/// The first process there.
pub(crate) fn be_first(arguments: &FirstArguments) -> Result<u8, Failure> {
    netns::be_first(&arguments.words).map_err(broken)
}

fn broken(error: std::io::Error) -> Failure {
    Failure::Broken(error.into())
}
