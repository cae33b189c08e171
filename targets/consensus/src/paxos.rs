//! Paxos, three times: one decision, a log without a leader, and a log with one.
//!
//! Lamport, "The Part-Time Parliament" (1998) and "Paxos Made Simple" (2001); van Renesse and
//! Altinbuken, "Paxos Made Moderately Complex" (2015). A *proposer* asks a majority of *acceptors*
//! to promise that they accept nothing of lower ballots (prepare, promise); among what they have
//! accepted it must take over the value of the highest ballot, and only if there is none may it
//! propose its own; what a majority accepts in one ballot is chosen (accept, accepted). Any two
//! majorities share an acceptor, so no later ballot can choose another value.
//!
//! - [`PaxosRegister`]: a key is chosen once; `synod.rs` is that algorithm.
//! - [`Paxos`]: a log in which every position is chosen so, proposed by whoever has a command.
//! - [`MultiPaxos`]: promises hold for all positions at once, so that a leader prepares once and
//!   then has one round trip for a command.
//!
//! Nodes fail by stopping and come back with what they saved; messages may be lost, doubled,
//! delayed and overtaken. A node that answers wrongly is outside what Paxos promises to survive.

mod action;
mod agreement;
mod ballot;
mod log;
mod multi;
mod register;
mod state;
mod synod;
#[cfg(test)]
mod testing;

pub use action::Action;
pub use ballot::Ballot;
pub use log::{Entry, LogAudit, LogDisk, LogMessage, LogRecord, Paxos};
pub use multi::{MultiAudit, MultiDisk, MultiMessage, MultiPaxos, MultiRecord, Slot, Snapshot};
pub use register::{
    PaxosRegister, Proposal, RegisterAudit, RegisterDisk, RegisterMessage, RegisterRecord,
};
pub use synod::{Kept, Synod};

/// A place in a log; the first is 1.
pub type Position = u64;

/// About what a message takes besides its commands, and what a command takes.
const HEADER_BYTES: usize = 64;
const COMMAND_BYTES: usize = 80;
