//! What is known of a model beyond its steps: simplifications before the search, and algorithms
//! that decide a partition without one. This is the place for special algorithms.

pub(crate) mod cell;
mod climb;
pub(crate) mod counter;
pub(crate) mod log;
pub(crate) mod mutex;
pub(crate) mod queue;
pub(crate) mod set;
mod stretch;
#[cfg(test)]
mod tests;
mod timeline;

use crate::budget::Budget;
use crate::model::Model;
use crate::partition::Op;
use crate::verdict::Algorithm;
pub(crate) use stretch::{MOST_STATES, Stretch};
use testimony_history::Position;

/// Knowledge about a model.
pub(crate) trait Expert<M: Model>: Sync {
    /// A partition that is linearizable if and only if the given one is, and cheaper to search. An
    /// order for it must explain the given one. Unknown operations that it leaves out cannot be
    /// noticed by any other operation. Once the budget's stop flag is raised it ends soon, with
    /// less done.
    fn simplify(
        &self,
        model: &M,
        ops: &[Op<M::Input, M::Output>],
        budget: &Budget,
    ) -> Simplified<M> {
        let _ = (model, budget);
        Simplified::to(ops.to_vec())
    }

    /// States of which one at least can do all that the object can when a stretch of the partition
    /// begins: the object is in one of them, or in one that the stretch cannot tell from it, or in
    /// one in which it can do less, or in one that it can get to from one of them by letting some
    /// operations happen first that were open. `None` if there are too many, or nobody knows. Takes
    /// what [`simplify`](Expert::simplify) made.
    fn possible_states(
        &self,
        model: &M,
        stretch: &Stretch<'_, M::Input, M::Output>,
    ) -> Option<Vec<M::State>> {
        let _ = (model, stretch);
        None
    }

    /// Decides the partition by an algorithm of its own, if it has one that covers it.
    fn decide(&self, model: &M, ops: &[Op<M::Input, M::Output>]) -> Option<Decided> {
        let _ = (model, ops);
        None
    }
}

/// What is left to search.
pub(crate) struct Simplified<M: Model> {
    /// The model to search with, if not the given one.
    pub(crate) model: Option<M>,
    pub(crate) ops: Vec<Op<M::Input, M::Output>>,
    /// An operation (by number in the history) that nothing can explain, if one was noticed.
    pub(crate) impossible: Option<u32>,
}

impl<M: Model> Simplified<M> {
    /// Fewer operations, and the model as it is.
    pub(crate) fn to(ops: Vec<Op<M::Input, M::Output>>) -> Self {
        Simplified {
            model: None,
            ops,
            impossible: None,
        }
    }
}

/// What a special algorithm found.
pub(crate) struct Decided {
    pub(crate) algorithm: Algorithm,
    /// The order, by number in the history, if there is one.
    pub(crate) order: Option<Vec<u32>>,
    /// What it cost, comparable to steps of a search.
    pub(crate) steps: u64,
}

/// What an algorithm made of a partition; operations by number in it.
pub(crate) enum Judged {
    Order(Vec<u32>),
    Contradiction,
    /// It is for another algorithm.
    NotCovered,
}

impl Judged {
    /// The judgement in the terms of the history.
    fn decided<I, O>(self, algorithm: Algorithm, ops: &[Op<I, O>]) -> Option<Decided> {
        let source = |op: u32| ops[op as usize].source;
        let order = match self {
            Judged::Order(order) => Some(order.into_iter().map(source).collect()),
            Judged::Contradiction => None,
            Judged::NotCovered => return None,
        };
        Some(Decided {
            algorithm,
            order,
            steps: ops.len() as u64,
        })
    }
}

impl From<Option<Vec<u32>>> for Judged {
    fn from(order: Option<Vec<u32>>) -> Self {
        order.map_or(Judged::Contradiction, Judged::Order)
    }
}

/// Knows nothing.
pub(crate) struct Layman;

impl<M: Model> Expert<M> for Layman {}

/// Demands that an unknown operation has happened by a time, as the only one that can have made
/// what was seen then. Whether that says anything new.
pub(crate) fn close<I, O>(op: &mut Op<I, O>, by: Position) -> bool {
    let sooner = op.returned.is_none_or(|returned| by < returned);
    if sooner {
        op.returned = Some(by);
    }
    sooner
}
