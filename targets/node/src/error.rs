//! Why a node does not start, or stops by itself.

use std::io;
use std::net::SocketAddr;

use testimony_consensus::NodeId;

use crate::storage::StorageError;

/// Why a node could not start, or had to stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// Something else holds the address, or it is not this machine's.
    #[error("cannot listen on {address} for {purpose}: choose an address that is free")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What was to be served there.
        purpose: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The options contradict each other.
    #[error("{0}")]
    Options(String),
    /// The durable state could not be read or written. The node stops: after a failed write nobody
    /// knows what is on the disk.
    #[error("node {id}: {source}")]
    Storage {
        /// The node.
        id: NodeId,
        /// What failed.
        source: StorageError,
    },
    /// The protocol core did not accept what the disk gave back.
    #[error("node {id} cannot go on from its stored state: {reason}")]
    Core {
        /// The node.
        id: NodeId,
        /// What the core said.
        reason: String,
    },
    /// The thread that owns the core is gone without an error: a defect of this program.
    #[error("node {id}: the core's thread ended unexpectedly; this is a bug in the node")]
    Lost {
        /// The node.
        id: NodeId,
    },
    /// The system refused something that a server needs: a thread, a signal handler, a socket.
    #[error("{what}")]
    System {
        /// What the node wanted to do.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}
