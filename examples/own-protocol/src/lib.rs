//! A protocol that Testimony does not know, run in its simulated lab: chain replication.
//!
//! Take this crate as a template for an implementation of your own. [`Chain`] is a node of the
//! protocol, [`Log`] is what it keeps over a crash, [`OneOrder`] is what must hold across all
//! nodes, and [`Message`] is what nodes tell each other. `tests/simulated.rs` runs thousands of
//! calls under faults and judges what clients saw; `tests/threads.rs` judges a map that has nothing
//! to do with replication. Nothing in Testimony has to be changed for either.
//!
//! # The protocol
//!
//! Van Renesse and Schneider, "Chain Replication for Supporting High Throughput and Availability"
//! (2004), section 3, with a chain that never changes: there is no master that takes dead nodes
//! out, so the chain stands still while any of its nodes is down.
//!
//! ```text
//!  updates                                        queries
//!     |                                              |
//!     v   forward         forward         forward    v
//!    head -------> node -------> node -----------> tail
//!    head <------- node <------- node <----------- tail
//!     |      have            have           have     |
//!     v                                              v
//!  acknowledged                                   answered
//! ```
//!
//! The head gives every update a place in its log. Every node saves an update before it sends it to
//! its successor. An update that the tail has saved is on all nodes: it counts, and word of that
//! goes back up the chain to the head, which answers the client. In the paper the tail answers
//! updates, too; here the client waits at the head, since it asked there.
//!
//! # Why it is linearizable
//!
//! A log is never changed, only extended, and the log on a node's disk is always the beginning of
//! that on its predecessor's: the predecessor saved what it sent, and a node takes only what comes
//! next. So there is one order of the updates, the head's. Let an update take effect when the
//! tail's disk has it. That is after its call, and before its acknowledgement, which follows from
//! word of the tail. A query takes effect when the tail answers it, from a state that its disk has:
//! answers wait for what was to be saved before them. An update whose client got no answer may be
//! on its way down the chain for as long as it likes; its outcome is unknown, and the client does
//! not send it again ([`SESSIONS`](testimony_consensus::Replica::SESSIONS) is false).
//!
//! This stands crashes, lost, doubled, late and overtaking messages, and any clock. It does not
//! stand a disk that forgets, or a node that lies.

mod chain;
mod log;
mod message;
mod one_order;

pub use chain::Chain;
pub use log::Log;
pub use message::Message;
pub use one_order::OneOrder;
