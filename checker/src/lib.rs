//! A linearizability checker whose every verdict carries evidence.
//!
//! Concurrent processes called an object, and every call and answer was written down: a
//! [`History`](testimony_history::History). It is linearizable if one order of the operations
//! explains all answers, in which an operation that ended before another began comes before it
//! (Herlihy and Wing 1990). [`check`] finds such an order and hands it over as a [`Witness`], which
//! [`verify_witness`] replays in linear time; or it finds that there is none, and hands over a
//! small [`Counterexample`] with the contradiction in words; or it runs out of its [`Budget`] and
//! says so. There is no bool, and undecided is never green.
//!
//! # In a test of one's own
//!
//! Say what the object means by implementing [`Model`], record what your clients did, and check.
//! The crate has no clock, no I/O and no runtime, so it goes with threads, with loom, with turmoil
//! or madsim, or with a recording from elsewhere.
//!
//! ```
//! use testimony_checker::{Budget, Model, Verdict, check};
//! use testimony_history::History;
//!
//! /// A lottery that gives every ticket once, in order.
//! struct Tickets;
//!
//! impl Model for Tickets {
//!     type Input = ();
//!     type Output = u32;
//!     type State = u32;
//!
//!     fn init(&self) -> u32 {
//!         1
//!     }
//!
//!     fn step(&self, next: &u32, _draw: &(), seen: Option<&u32>) -> Option<u32> {
//!         seen.is_none_or(|seen| seen == next).then(|| next + 1)
//!     }
//! }
//!
//! // Two clients draw at the same time, and the second gets the first ticket: fine.
//! let mut history = History::builder();
//! let (one, other) = (history.invoke(1, ()), history.invoke(2, ()));
//! history.complete(one, 2);
//! history.complete(other, 1);
//! let judgement = check(&Tickets, &history.finish(), &Budget::for_tests());
//! let Verdict::Linearizable(witness) = judgement.verdict else { panic!() };
//! assert_eq!(witness.partitions[0].order, [1, 0]);
//!
//! // One after the other, it is not.
//! let mut history = History::builder();
//! let one = history.invoke(1, ());
//! history.complete(one, 2);
//! let other = history.invoke(2, ());
//! history.complete(other, 1);
//! let judgement = check(&Tickets, &history.finish(), &Budget::for_tests());
//! let Verdict::Illegal(found) = judgement.verdict else { panic!() };
//! println!("{}", found.explanation.headline);
//! ```
//!
//! An operation whose outcome is unknown (its client timed out) stays open to the end: it may have
//! taken effect at any time after its call, or never. One that failed for certain counts as if it
//! had not been called.
//!
//! # What is in it
//!
//! - [`models`]: registers, compare-and-set, maps, counters, sets, queues, mutexes, logs, for one's
//!   own use and for recorded histories ([`check_recorded`]).
//! - The general search, good for any model: windowed, depth-first, with an exact memory of dead
//!   configurations. What it prunes, and why nothing is lost, is said where it is done.
//! - What is known of the bundled models beyond their steps, to make searches short or superfluous.
//! - [`examination`]: how stale the answers of an illegal history were, and which weaker promises
//!   still hold: sequential consistency, session guarantees, Δ-atomicity.
//! - [`Stream`]: the same verdicts while the history is still being written.
//! - [`oracle`]: brute force for a dozen operations, which shares nothing with the search.

mod automaton;
pub mod budget;
pub mod check;
mod columns;
mod counterexample;
mod court;
mod erasure;
pub mod examination;
mod expert;
pub mod explain;
mod ladder;
pub mod model;
pub mod models;
pub mod oracle;
mod parallel;
mod partition;
mod refutation;
mod relaxation;
mod search;
#[cfg(test)]
#[path = "../tests/simulated/mod.rs"]
#[expect(
    dead_code,
    reason = "the tests of the search need a part of the simulation"
)]
mod simulated;
pub mod stream;
mod table;
mod trial;
pub mod verdict;
pub mod witness;
mod zones;

pub use budget::Budget;
pub use check::{Decision, check, check_recorded, decide, decide_recorded, verify_recorded};
pub use columns::decide_compact;
pub use explain::{CycleEdge, Explanation, Why};
pub use model::Model;
pub use stream::{Stream, StreamLimits, StreamSize, StreamVerdict, Ticket, Violation};
pub use verdict::{
    Algorithm, ConfirmedBy, Counterexample, Difficulty, Exhausted, Judgement, Note,
    PartitionWitness, Reason, Verdict, Witness,
};
pub use witness::{WitnessError, verify_witness};
