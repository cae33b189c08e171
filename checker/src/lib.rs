//! A linearizability checker whose every verdict carries evidence.

pub mod budget;
pub mod check;
pub mod explain;
pub mod model;
pub mod verdict;

pub use budget::Budget;
pub use check::{Decision, check, check_recorded, decide, decide_recorded};
pub use explain::{CycleEdge, Explanation, Why};
pub use model::Model;
pub use verdict::{
    Algorithm, ConfirmedBy, Counterexample, Exhausted, Judgement, Note, PartitionWitness, Reason,
    Verdict, Witness,
};
