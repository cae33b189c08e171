//! Refuting a window: when the search stalls, the contradiction is usually near where it stalled,
//! and nothing long before matters.
//!
//! A window is cut out of a partition between two returns, and searched in breadth from every state
//! that the object can possibly have at its beginning. If no order of the window exists from any of
//! them, none of the whole exists.
//!
//! # Why
//!
//! Let an order of the whole partition be given, and let the *old* operations be those that must
//! have happened before the window begins: the returns up to some return *y*. Cut the order just
//! after the last old operation. What stands before the cut and is not old precedes an old
//! operation, so it was called no later than *y*: call it *open*. So what stands after the cut is
//! every operation called after *y*, and some of the open ones. It is an order of the window, in
//! which open operations are optional, from the state at the cut. An open operation that does stand
//! after the cut has its answer there, so its answer is kept. Those that are pure are left out,
//! which changes no state.
//!
//! At the other end the window is cut at a return *z*, as a prefix: of the order, keep what comes
//! before the first operation that was called after *z*. It holds everything that returned by *z*.
//! Later returns are left open.
//!
//! The state at the cut is one that [`Expert::possible_states`] names, or one that the operations
//! of the window cannot tell from it, or one in which they can do no more; or the object gets there
//! from one of these by what was open, which is optional in the window.

use testimony_history::Position;

use crate::expert::{Expert, Stretch};
use crate::model::Model;
use crate::partition::{Op, narrow, select};
use crate::search::{Answer, Limits, Prunings, Work, sweep};

/// How many returns the smallest window has; each next one has so many times more.
const SMALLEST: usize = 8;
const GROWTH: usize = 4;

/// What came of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Refutation {
    /// The operation whose return nothing gets past, if a window was refuted; by number in the
    /// partition.
    pub(crate) refuted: Option<u32>,
    pub(crate) work: Work,
}

/// A partition in which a window is looked for.
pub(crate) struct Refuter<'a, M: Model> {
    pub(crate) model: &'a M,
    pub(crate) expert: &'a dyn Expert<M>,
    pub(crate) ops: &'a [Op<M::Input, M::Output>],
}

impl<M: Model> Refuter<'_, M> {
    /// Tries ever larger windows that end with the return of an operation. All together take no
    /// more than the steps given.
    pub(crate) fn refute(&self, last: u32, limits: Limits<'_>) -> Refutation {
        let mut refutation = Refutation::default();
        let returns = self.returns();
        let end = self.ops[last as usize].returned;
        let Some(place) = end.and_then(|end| returns.iter().position(|&other| other == end)) else {
            return refutation;
        };
        let mut size = SMALLEST;
        while size < place && !limits.budget.stopped() {
            let Some(steps) = limits
                .steps
                .checked_sub(refutation.work.steps)
                .filter(|&s| s > 0)
            else {
                break;
            };
            let limits = Limits { steps, ..limits };
            let first = self.calm(&returns, place - size);
            let Some((work, refuted)) = self.try_window(returns[first], returns[place], limits)
            else {
                break;
            };
            refutation.work += work;
            if refuted.is_some() {
                refutation.refuted = refuted;
                break;
            }
            size *= GROWTH;
        }
        refutation
    }

    /// When operations return, in order.
    fn returns(&self) -> Vec<Position> {
        let mut returns: Vec<Position> = self.ops.iter().filter_map(|op| op.returned).collect();
        returns.sort_unstable();
        returns
    }

    /// A return near the given one at which few operations are open.
    fn calm(&self, returns: &[Position], near: usize) -> usize {
        let from = near.saturating_sub(SMALLEST / 2);
        let open = |&place: &usize| {
            let called = self.ops.partition_point(|op| op.called <= returns[place]);
            called - place
        };
        (from..=near).rev().min_by_key(open).unwrap_or(near)
    }

    /// The work done, and the operation whose return nothing in the window gets past if there is
    /// one. `None` if there is no saying what the object can be when the window begins.
    fn try_window(
        &self,
        after: Position,
        until: Position,
        limits: Limits<'_>,
    ) -> Option<(Work, Option<u32>)> {
        let (window, numbers) = self.window(after, until);
        let states = self.expert.possible_states(self.model, &window)?;
        let found = sweep(self.model, states, &window.ops, Prunings::ALL, limits);
        let refuted = found
            .furthest
            .filter(|_| found.answer == Answer::NoOrder)
            .map(|op| numbers[op as usize]);
        Some((found.work, refuted))
    }

    /// The operations of a window, and their numbers in the partition.
    fn window(
        &self,
        after: Position,
        until: Position,
    ) -> (Stretch<'_, M::Input, M::Output>, Vec<u32>) {
        let called = self.ops.partition_point(|op| op.called <= until);
        let open = |op: &Op<_, _>| op.called <= after || op.returned.is_none_or(|end| end > until);
        let is_old = |op: &Op<_, _>| op.returned.is_some_and(|end| end <= after);
        let keep: Vec<bool> = self.ops[..called]
            .iter()
            .map(|op| !(is_old(op) || open(op) && self.model.is_pure(&op.input, op.seen.as_ref())))
            .collect();
        let mut ops = select(&self.ops[..called], &keep);
        for op in &mut ops {
            if open(op) {
                op.returned = None;
            }
        }
        let numbers = (0..narrow(called)).filter(|&op| keep[op as usize]);
        let window = Stretch {
            old: self.ops[..called].iter().filter(|op| is_old(op)).collect(),
            begins: after,
            ops,
        };
        (window, numbers.collect())
    }
}

#[cfg(test)]
mod tests;
