//! Histories of simulated objects: linearizable by construction, or with a planted fault.
//!
//! Processes call an object; an operation takes effect at one random instant between its call and
//! its return, at any later time if its outcome is unknown, and never if it failed. The object here
//! shares nothing with the checker's models.

pub(crate) mod object;
pub(crate) mod schedule;

pub(crate) use object::Fault;
pub(crate) use schedule::{Schedule, simulate};
