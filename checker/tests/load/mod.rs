//! Histories of an exact size and shape, in linear time: so many operations, processes and unknown
//! outcomes, and either linearizable by construction or with exactly one stale read near the end.
//!
//! Every process calls again as soon as it has an answer. An operation takes effect at one random
//! instant between its call and its return; one with an unknown outcome then, or much later, or
//! never.

mod clients;

use testimony_history::{Model, RecordedHistory};

/// What the clients use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    /// A register; every value is written once.
    Register,
    /// A register with compare-and-set, and so many different values. A comparison that does not
    /// match says no more than that.
    CasRegister(i64),
    /// So many registers, called alike often; every value is written once.
    Map(usize),
}

/// The size and shape of a history.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) object: Object,
    pub(crate) operations: usize,
    pub(crate) processes: usize,
    /// How many updates have an unknown outcome.
    pub(crate) unknown: usize,
    /// Whether one read near the end answers with a value that was surely overwritten before.
    pub(crate) stale: bool,
    pub(crate) seed: u64,
}

impl Load {
    /// The model to judge by.
    pub(crate) fn model(&self) -> Model {
        match self.object {
            Object::Register => Model::Register,
            Object::CasRegister(_) => Model::CasRegister,
            Object::Map(_) => Model::Kv,
        }
    }

    /// The history: the same one every time. It is linearizable exactly if it has no stale read.
    pub(crate) fn history(&self) -> RecordedHistory {
        clients::run(self)
    }
}
