//! The ways of deciding one partition, the cheap ones first.
//!
//! A special algorithm, if the expert has one that covers the partition. Or else, round by round
//! with more steps each time:
//!
//! 1. The search, depth first, on the partition as it is. Most histories are explained by nearly
//!    the first order that is tried, and are done before anything clever was worth its cost.
//! 2. The search after simplification.
//! 3. When that stalls, the [refutation](crate::refutation) of a window that ends where it stalled.
//! 4. From some round on, or when memory runs out, the search in breadth, which keeps little.

use crate::expert::{Expert, Simplified};
use crate::model::Model;
use crate::partition::{Op, narrow, select};
use crate::refutation::Refuter;
use crate::search::{Answer, Found, Limits, Prunings, Work, search, search_breadth};
use crate::verdict::{Algorithm, Reason};

/// The steps of the first round, with as many more for each operation: enough for most partitions.
const FIRST_ROUND: u64 = 1 << 12;
const FIRST_ROUND_EACH: u64 = 16;
/// The same for the search before simplification.
const AS_IT_IS: u64 = 1 << 6;
const AS_IT_IS_EACH: u64 = 2;
/// What part of a round's steps the refutation of windows has; less where nothing has been searched
/// at length. A contradiction in a small window is found in few steps, if at all.
const REFUTATION: u64 = 4;
const FIRST_REFUTATION: u64 = 32;
/// How many times more steps each round has than the one before, as a power of two.
const GROWTH: u32 = 2;
/// The first round with a search in breadth.
const BREADTH: u32 = 2;

/// The verdict on one partition, from the last round it was in.
pub(crate) struct Result {
    pub(crate) found: Found,
    pub(crate) algorithm: Algorithm,
}

/// One partition, and what is known of its object.
pub(crate) struct Ladder<'a, M: Model> {
    pub(crate) model: &'a M,
    pub(crate) expert: &'a dyn Expert<M>,
    pub(crate) ops: &'a [Op<M::Input, M::Output>],
}

impl<M: Model> Ladder<'_, M> {
    /// How many steps each search has in a round.
    pub(crate) fn steps(&self, round: u32) -> u64 {
        let first = FIRST_ROUND + FIRST_ROUND_EACH * self.ops.len() as u64;
        let times = 1_u64.checked_shl(round * GROWTH).unwrap_or(u64::MAX);
        first.saturating_mul(times)
    }

    /// Decides the partition with what a round may spend on each search, and on all together.
    /// Operations in the answer are named by their number in the history.
    pub(crate) fn decide(&self, round: u32, all: u64, limits: Limits<'_>) -> Result {
        if let Some(decided) = self.expert.decide(self.model, self.ops) {
            let answer = decided.order.map_or(Answer::NoOrder, Answer::Order);
            let found = Found {
                answer,
                work: Work::steps(decided.steps),
                furthest: None,
                states: 0,
            };
            return Result {
                found,
                algorithm: decided.algorithm,
            };
        }
        let mut first = None;
        if round == 0 {
            let found = self.search_as_it_is(limits);
            let stalled = is_stalled(&found) && found.work.steps < all;
            let result = self.named(self.ops, found, Algorithm::WindowedSearch);
            if !stalled {
                return result;
            }
            first = Some(result.found);
        }
        let spent = first.as_ref().map_or(Work::default(), |found| found.work);
        let stalled_at = first.and_then(|found| found.furthest);
        let mut result = self.decide_simplified(round, stalled_at, all - spent.steps, limits);
        result.found.work += spent;
        result
    }

    fn search_as_it_is(&self, limits: Limits<'_>) -> Found {
        let steps = AS_IT_IS + AS_IT_IS_EACH * self.ops.len() as u64;
        let limits = Limits {
            steps: steps.min(limits.steps),
            ..limits
        };
        search(self.model, self.ops, Prunings::ALL, limits)
    }

    fn decide_simplified(
        &self,
        round: u32,
        stalled_at: Option<u32>,
        all: u64,
        limits: Limits<'_>,
    ) -> Result {
        if limits.budget.stopped() {
            return Result {
                found: Found::gave_up(stalled_at, Reason::Stopped),
                algorithm: Algorithm::WindowedSearch,
            };
        }
        let Simplified {
            model,
            ops,
            impossible,
        } = self.expert.simplify(self.model, self.ops, limits.budget);
        if let Some(op) = impossible {
            return Result {
                found: Found {
                    furthest: Some(op),
                    ..Found::impossible()
                },
                algorithm: Algorithm::WindowedSearch,
            };
        }
        let ops = without_unseen_reads(self.model, ops);
        let model = model.as_ref().unwrap_or(self.model);
        let climb = Climb {
            model,
            expert: self.expert,
            ops: &ops,
            all,
            limits,
        };
        let stalled_at = stalled_at.and_then(|source| {
            let place = ops.iter().position(|op| op.source == source)?;
            Some(narrow(place))
        });
        let (found, algorithm) = climb.run(round, stalled_at);
        self.named(&ops, found, algorithm)
    }

    /// With operations named by their number in the history.
    fn named(
        &self,
        ops: &[Op<M::Input, M::Output>],
        mut found: Found,
        algorithm: Algorithm,
    ) -> Result {
        let source = |op: u32| ops[op as usize].source;
        if let Answer::Order(order) = &mut found.answer {
            order.iter_mut().for_each(|op| *op = source(*op));
        }
        found.furthest = found.furthest.map(source);
        Result { found, algorithm }
    }
}

/// The searches of a simplified partition in one round.
struct Climb<'a, M: Model> {
    model: &'a M,
    expert: &'a dyn Expert<M>,
    ops: &'a [Op<M::Input, M::Output>],
    /// The steps that all together may take.
    all: u64,
    /// What each may take.
    limits: Limits<'a>,
}

impl<M: Model> Climb<'_, M> {
    /// Refutation, if it is known where a search stalled; search; refutation; search in breadth.
    fn run(&self, round: u32, stalled_at: Option<u32>) -> (Found, Algorithm) {
        let mut work = Work::default();
        let mut refuted = self.refute(stalled_at, FIRST_REFUTATION, &mut work);
        let mut found = Found::gave_up(stalled_at, Reason::Steps);
        if refuted.is_none() {
            found = search(
                self.model,
                self.ops,
                Prunings::ALL,
                self.rest(1, work.steps),
            );
            work += found.work;
            if !is_stalled(&found) {
                return (Found { work, ..found }, Algorithm::WindowedSearch);
            }
            refuted = self.refute(found.furthest, REFUTATION, &mut work);
        }
        if refuted.is_some() {
            found.answer = Answer::NoOrder;
            found.furthest = refuted;
            return (Found { work, ..found }, Algorithm::WindowedRefutation);
        }
        let out_of_memory = found.answer == Answer::GaveUp(Reason::Bytes);
        if !out_of_memory && (round < BREADTH || work.steps >= self.all) {
            return (Found { work, ..found }, Algorithm::WindowedSearch);
        }
        let wide = search_breadth(
            self.model,
            self.ops,
            Prunings::ALL,
            self.rest(1, work.steps),
        );
        work += wide.work;
        (Found { work, ..wide }, Algorithm::BreadthFirstSearch)
    }

    /// Looks for a window that ends where a search stalled, with a part of a round's steps.
    fn refute(&self, stalled_at: Option<u32>, part: u64, work: &mut Work) -> Option<u32> {
        let refuter = Refuter {
            model: self.model,
            expert: self.expert,
            ops: self.ops,
        };
        let refutation = refuter.refute(stalled_at?, self.rest(part, work.steps));
        *work += refutation.work;
        refutation.refuted
    }

    /// A part of what one search may take, of what is left.
    fn rest(&self, part: u64, spent: u64) -> Limits<'_> {
        let left = self.all.saturating_sub(spent);
        Limits {
            steps: (self.limits.steps / part).min(left),
            ..self.limits
        }
    }
}

/// Whether more steps or less memory might help.
fn is_stalled(found: &Found) -> bool {
    matches!(found.answer, Answer::GaveUp(Reason::Steps | Reason::Bytes))
}

/// Drops pure operations whose answer nobody learnt: whether they happened makes no difference.
fn without_unseen_reads<M: Model>(
    model: &M,
    mut ops: Vec<Op<M::Input, M::Output>>,
) -> Vec<Op<M::Input, M::Output>> {
    let drop = |op: &Op<_, _>| op.returned.is_none() && model.is_pure(&op.input, None);
    if ops.iter().any(drop) {
        let keep: Vec<bool> = ops.iter().map(|op| !drop(op)).collect();
        ops = select(&ops, &keep);
    }
    ops
}
