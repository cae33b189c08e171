//! The data directory: one process at a time, one node for ever.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use testimony_consensus::NodeId;

use super::StorageError;
use super::steps::{Step, TEMPORARY, publish};

const LOCK: &str = "lock";
const IDENTITY: &str = "identity.json";
const LOG: &str = "log-";
const SNAPSHOT: &str = "snapshot-";

/// What the directory remembers of the node from the day it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Identity {
    pub(crate) id: NodeId,
    /// The members that the cluster began with: the ground on which the log stands.
    pub(crate) voters: BTreeSet<NodeId>,
}

/// A data directory that no other process may use while this value lives.
#[derive(Debug)]
pub(crate) struct DataDirectory {
    path: PathBuf,
    /// The system drops the lock with the file, also when the process is killed.
    _lock: File,
}

impl DataDirectory {
    /// Makes the directory if need be, and locks it.
    pub(crate) fn lock(path: &Path) -> Result<Self, StorageError> {
        fs::create_dir_all(path).map_err(StorageError::io("make the data directory", path))?;
        let name = path.join(LOCK);
        let lock = File::create(&name).map_err(StorageError::io("open the lock", &name))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(DataDirectory {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(StorageError::Locked { path: name }),
            Err(errno) => Err(StorageError::io("lock", &name)(errno.into())),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whose directory this is; `None` if its making was not completed.
    pub(crate) fn identity(&self) -> Result<Option<Identity>, StorageError> {
        let path = self.path.join(IDENTITY);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes.map_err(StorageError::io("read", &path))?,
        };
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| StorageError::Identity {
                path,
                reason: error.to_string(),
            })
    }

    /// Runs the steps one after the other, up to the first that fails.
    pub(crate) fn execute(&self, steps: &[Step]) -> Result<(), StorageError> {
        steps.iter().try_for_each(|step| {
            step.execute(&self.path)
                .map_err(StorageError::io("change", &self.path))
        })
    }

    /// The generation of the newest log, if there is one.
    pub(crate) fn newest_log(&self) -> Result<Option<u64>, StorageError> {
        let names = self.names()?;
        Ok(names
            .iter()
            .filter_map(|name| name.strip_prefix(LOG)?.parse().ok())
            .max())
    }

    /// What interrupted changes have left behind, given the generation that counts.
    pub(crate) fn leftovers(&self, current: u64) -> Result<Vec<Step>, StorageError> {
        let (log, snapshot) = (log_name(current), snapshot_name(current));
        let is_leftover = |name: &String| {
            let ours = name.starts_with(LOG) || name.starts_with(SNAPSHOT);
            name.ends_with(TEMPORARY) || (ours && *name != log && *name != snapshot)
        };
        let names = self.names()?.into_iter().filter(is_leftover);
        Ok(names.map(|name| Step::Remove { name }).collect())
    }

    fn names(&self) -> Result<Vec<String>, StorageError> {
        let failed = StorageError::io("list", &self.path);
        let read = || -> io::Result<Vec<String>> {
            let entries = fs::read_dir(&self.path)?;
            entries
                .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
                .collect()
        };
        read().map_err(failed)
    }
}

/// The steps that say whose directory this is. The last ones of its making.
pub(crate) fn publish_identity(identity: &Identity) -> [Step; 3] {
    let bytes = serde_json::to_vec(identity).expect("an identity is plain data");
    publish(IDENTITY, bytes)
}

/// The name of a generation's log.
pub(crate) fn log_name(generation: u64) -> String {
    format!("{LOG}{generation:010}")
}

/// The name of the snapshot that a generation's log stands on.
pub(crate) fn snapshot_name(generation: u64) -> String {
    format!("{SNAPSHOT}{generation:010}")
}
