//! Durable storage: the log and the snapshots of one node.
//!
//! `frame`, `record` and `image` are pure: bytes to records and back. `steps` makes changes of
//! files data. `directory` and `durable_log` touch the disk.

use std::io;
use std::path::{Path, PathBuf};

use testimony_consensus::NodeId;

mod directory;
mod durable_log;
mod frame;
mod image;
mod record;
mod steps;

#[cfg(test)]
mod example;

pub(crate) use directory::Identity;
pub(crate) use durable_log::{DurableLog, Opened};
pub(crate) use record::{HardState, Record};

/// Why durable state could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The system refused an operation on a file.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was attempted.
        doing: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process uses the directory.
    #[error("{} is locked: another process runs this node; stop it first", path.display())]
    Locked {
        /// The lock.
        path: PathBuf,
    },
    /// The directory belongs to another node.
    #[error(
        "{} holds the state of {found}, not of {expected}: give each node its own directory",
        path.display()
    )]
    Foreign {
        /// The directory, or the file that says so.
        path: PathBuf,
        /// Whose it is.
        found: NodeId,
        /// Who wanted it.
        expected: NodeId,
    },
    /// The file that says whose the directory is cannot be read.
    #[error("{} is damaged: {reason}; {ADVICE}", path.display())]
    Identity {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// There is a log, but nothing says whose.
    #[error("{} holds a log but no identity.json; {ADVICE}", path.display())]
    NoIdentity {
        /// The directory.
        path: PathBuf,
    },
    /// There was a log, and it is gone.
    #[error("{} has lost its log; {ADVICE}", path.display())]
    NoLog {
        /// The directory.
        path: PathBuf,
    },
    /// The log is damaged where no interrupted write can have damaged it.
    #[error("{} is corrupt at byte {offset}: {reason}; {ADVICE}", path.display())]
    Corrupt {
        /// The log.
        path: PathBuf,
        /// Where.
        offset: usize,
        /// How.
        reason: String,
    },
    /// A snapshot is damaged.
    #[error("{} is corrupt: {reason}; {ADVICE}", path.display())]
    Snapshot {
        /// The snapshot.
        path: PathBuf,
        /// How.
        reason: String,
    },
    /// A snapshot or a batch of entries is larger than what a file can hold.
    #[error("{0}; take snapshots more often, or write smaller values")]
    TooLarge(String),
}

/// What a person can do about damage. A copy from yesterday is no cure: it has forgotten votes.
const ADVICE: &str = "acknowledged writes may be lost, so the node does not start: \
     remove the node from the cluster, empty the directory, and add the node anew";

impl StorageError {
    /// For `map_err`: an operation on a file that the system refused.
    fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| StorageError::Io {
            doing,
            path,
            source,
        }
    }
}

impl From<frame::TooLarge> for StorageError {
    fn from(error: frame::TooLarge) -> Self {
        StorageError::TooLarge(error.to_string())
    }
}
