//! What a search came to.

use super::Work;
use crate::verdict::Reason;

/// What a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) answer: Answer,
    pub(crate) work: Work,
    /// The operation whose return was the furthest not got past.
    pub(crate) furthest: Option<u32>,
    /// How many states of the object were met.
    pub(crate) states: usize,
}

/// Whether there is an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// This one: the operations that happened, by number in the partition.
    Order(Vec<u32>),
    /// There is none.
    NoOrder,
    /// Nobody knows.
    GaveUp(Reason),
}

impl Found {
    /// Nothing was found, for a reason.
    pub(crate) fn gave_up(furthest: Option<u32>, reason: Reason) -> Self {
        Found {
            answer: Answer::GaveUp(reason),
            furthest,
            ..Found::impossible()
        }
    }

    /// There is no order, for a reason that needs no search.
    pub(crate) fn impossible() -> Self {
        Found {
            answer: Answer::NoOrder,
            work: Work::default(),
            furthest: None,
            states: 0,
        }
    }
}
