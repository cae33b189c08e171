//! What the log remembers, one record after the other. Pure.

use serde::{Deserialize, Serialize};
use testimony_consensus::NodeId;
use testimony_consensus::raft::{Entry, Term};

use super::frame::{self, TooLarge};

/// The version of the layout of log and snapshot files.
pub(crate) const FORMAT: u32 = 1;

/// Which snapshot a log begins behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SnapshotPointer {
    /// The last entry that the snapshot contains.
    pub(crate) index: u64,
    /// The term of that entry.
    pub(crate) term: Term,
}

/// The term and whom the node voted for in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HardState {
    pub(crate) term: Term,
    pub(crate) vote: Option<NodeId>,
}

/// One thing that must survive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    bound(deserialize = "C: serde::de::DeserializeOwned")
)]
pub(crate) enum Record<C> {
    /// The first record of a file: whose log it is, and what it stands on.
    Begin {
        format: u32,
        id: NodeId,
        generation: u64,
        snapshot: Option<SnapshotPointer>,
    },
    /// A new term or vote.
    HardState(HardState),
    /// These entries follow; from the first one's index on they replace what was there.
    Entries(Vec<Entry<C>>),
}

/// Appends one frame with all of these records to `out`: they survive together or not at all.
pub(crate) fn encode<C: Serialize>(
    records: &[Record<C>],
    out: &mut Vec<u8>,
) -> Result<(), TooLarge> {
    let payload = serde_json::to_vec(records).expect("records have only string keys");
    frame::encode(&payload, out)
}
