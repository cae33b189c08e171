//! Runs a consensus core of Testimony as a real server: sockets, a durable log, an HTTP API.
//!
//! The core ([`testimony_consensus::raft::Raft`]) has no clock, no socket and no disk. This crate
//! gives it all three. [`serve`] is the whole server; `testimony node raft` calls it.
//!
//! Inside, three parts know nothing of each other: `storage` (the durable log), `peers` (the
//! transport between nodes) and `http` (the interface for clients). `runner` owns the core and
//! connects them: one thread steps the core, saves what it wants saved, and only then lets
//! messages and answers leave.

mod error;
mod http;
mod listen;
mod node;
mod options;
mod peers;
mod runner;
mod storage;
mod ticker;

pub use error::NodeError;
pub use node::{Addresses, Node, serve};
pub use options::{NodeOptions, PeerAddress};
pub use storage::StorageError;
