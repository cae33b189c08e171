//! Cores of consensus protocols without clocks, sockets or disks: Raft, with mistakes to turn on.
//!
//! A node is a [`Replica`]: it takes inputs and gives outputs; whoever runs it owns time, network
//! and storage.
//! The replicated state is a [`machine::StateMachine`]. [`bug::Bug`] lists the mistakes that the
//! core, or the node around it, makes when it is told to: a tester of distributed systems needs
//! systems that are known to be broken.

pub mod broadcast;
pub mod bug;
mod handover;
mod journal;
mod ledger;
pub mod machine;
mod node_id;
pub mod paxos;
pub mod primary_backup;
pub mod quorum;
pub mod raft;
pub mod replica;
mod sessions;
pub mod single;
#[cfg(test)]
mod stage;
pub mod timestamp;
pub mod two_phase_commit;

pub use journal::Journal;
pub use ledger::Update;
pub use node_id::{MalformedNodeId, NodeId};
pub use replica::Replica;
