//! A linearizability checker whose every verdict carries evidence.

mod automaton;
pub mod budget;
pub mod check;
mod counterexample;
mod court;
mod erasure;
mod expert;
pub mod explain;
pub mod model;
pub mod models;
pub mod oracle;
mod parallel;
mod partition;
mod relaxation;
mod search;
mod table;
mod trial;
pub mod verdict;
pub mod witness;

pub use budget::Budget;
pub use check::{Decision, check, check_recorded, decide, decide_recorded, verify_recorded};
pub use explain::{CycleEdge, Explanation, Why};
pub use model::Model;
pub use verdict::{
    Algorithm, ConfirmedBy, Counterexample, Exhausted, Judgement, Note, PartitionWitness, Reason,
    Verdict, Witness,
};
pub use witness::{WitnessError, verify_witness};
