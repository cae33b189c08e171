//! What primaries and backups tell each other.

use crate::ledger::Update;
use crate::replica::Description;

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub enum Message<C> {
    /// The primary has executed this.
    Copy {
        /// Its epoch.
        epoch: u64,
        /// Which update it was, counted from the very first one.
        number: u64,
        /// What it executed.
        update: Update<C>,
    },
    /// The primary lives.
    Beat {
        /// Its epoch.
        epoch: u64,
        /// The number of its last update.
        last: u64,
    },
    /// A backup misses updates.
    Missing {
        /// The epoch.
        epoch: u64,
        /// The first one; none if it needs the whole state.
        first: Option<u64>,
    },
    /// All that led to the state.
    State {
        /// The primary's epoch.
        epoch: u64,
        /// The state.
        bytes: Vec<u8>,
    },
    /// The receiver is in the past.
    Passed {
        /// The sender's epoch.
        epoch: u64,
    },
}

/// About how many bytes epoch and number take, and an update.
const HEADER_BYTES: usize = 16;
const UPDATE_BYTES: usize = 80;

impl<C> Message<C> {
    /// The epoch of its sender.
    pub(super) fn epoch(&self) -> u64 {
        match self {
            Message::Copy { epoch, .. }
            | Message::Beat { epoch, .. }
            | Message::Missing { epoch, .. }
            | Message::State { epoch, .. }
            | Message::Passed { epoch } => *epoch,
        }
    }

    pub(super) fn description(&self) -> Description {
        let (kind, payload) = match self {
            Message::Copy { .. } => ("copy", UPDATE_BYTES),
            Message::Beat { .. } => ("heartbeat", 0),
            Message::Missing { .. } => ("missing", 0),
            Message::State { bytes, .. } => ("state", bytes.len()),
            Message::Passed { .. } => ("passed", 0),
        };
        let bytes = HEADER_BYTES + payload;
        Description { kind, bytes }
    }
}
