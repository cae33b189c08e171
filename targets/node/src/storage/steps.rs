//! Changes of a directory that must survive a crash between any two of them, as data.
//!
//! A plan of steps is made purely and executed here. Tests execute every beginning of a plan, which
//! is what a crash does.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// One change of a directory. Names are relative to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Writes a new file, or replaces one that nothing refers to, and waits until it is on the
    /// disk.
    Create { name: String, bytes: Vec<u8> },
    /// Gives a complete file its name.
    Rename { from: String, to: String },
    /// Waits until the names are on the disk, too.
    SyncDirectory,
    /// Removes a file that nothing refers to any more.
    Remove { name: String },
}

impl Step {
    /// Does it.
    pub(crate) fn execute(&self, directory: &Path) -> io::Result<()> {
        match self {
            Step::Create { name, bytes } => create(&directory.join(name), bytes),
            Step::Rename { from, to } => fs::rename(directory.join(from), directory.join(to)),
            Step::SyncDirectory => File::open(directory)?.sync_all(),
            Step::Remove { name } => remove(&directory.join(name)),
        }
    }
}

/// The steps that put a file into the directory whole or not at all.
pub(crate) fn publish(name: &str, bytes: Vec<u8>) -> [Step; 3] {
    let temporary = format!("{name}{TEMPORARY}");
    [
        Step::Create {
            name: temporary.clone(),
            bytes,
        },
        Step::Rename {
            from: temporary,
            to: name.to_owned(),
        },
        Step::SyncDirectory,
    ]
}

/// Ends the names of files that are not complete.
pub(crate) const TEMPORARY: &str = ".tmp";

fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
