//! Decides every partition of a history, in rounds.
//!
//! Partitions differ wildly in cost, and one illegal partition settles the verdict. So all are
//! tried with a small step budget first, and those that are left again with twice as much. A round
//! is finished before it is judged, and of several illegal partitions the one with the fewest
//! steps, then the smallest key, is taken: the answer does not depend on the number of threads.

use std::collections::BTreeSet;

use crate::budget::Budget;
use crate::expert::{Expert, Simplified};
use crate::model::Model;
use crate::parallel;
use crate::partition::{Op, Partition};
use crate::search::{Answer, Found, Limits, Prunings, search};
use crate::verdict::{Algorithm, Exhausted, Reason};

/// The steps of the first round: enough for most partitions.
const FIRST_ROUND: u64 = 1 << 12;

/// What became of all partitions.
pub(crate) struct Outcome {
    pub(crate) finding: Finding,
    pub(crate) steps: u64,
    pub(crate) algorithms: BTreeSet<Algorithm>,
}

/// What was found; operations by number in the history.
pub(crate) enum Finding {
    /// An order for each partition.
    Orders(Vec<Vec<u32>>),
    /// This partition has none.
    Illegal(usize),
    Undecided(Exhausted),
}

/// Partitions being decided.
pub(crate) struct Trial<'a, M: Model> {
    pub(crate) model: &'a M,
    pub(crate) expert: &'a dyn Expert<M>,
    pub(crate) partitions: &'a [Partition<M::Input, M::Output>],
    pub(crate) budget: &'a Budget,
}

/// The verdict on one partition, from the last round it was in.
struct Result {
    found: Found,
    algorithm: Algorithm,
}

impl<M: Model> Trial<'_, M> {
    /// Decides all partitions.
    pub(crate) fn run(&self) -> Outcome {
        let mut results: Vec<Option<Result>> = self.partitions.iter().map(|_| None).collect();
        let mut left: Vec<usize> = (0..self.partitions.len()).collect();
        let mut steps = 0;
        let mut round = FIRST_ROUND;
        loop {
            // With a single partition left there is nothing to be fair to.
            round = if left.len() == 1 {
                self.budget.steps
            } else {
                round.min(self.budget.steps)
            };
            for (&part, result) in left.iter().zip(self.round(&left, round)) {
                steps += result.found.steps;
                results[part] = Some(result);
            }
            let again = |part: &usize| gave_up(&results[*part]) == Some(&Reason::Steps);
            let illegal = left.iter().any(|&part| is_illegal(&results[part]));
            left.retain(again);
            let last = round == self.budget.steps;
            if illegal || left.is_empty() || last || self.budget.stopped() {
                return self.judge(&results, steps);
            }
            round = round.saturating_mul(2);
        }
    }

    fn round(&self, parts: &[usize], steps: u64) -> Vec<Result> {
        let crowd = if self.partitions.len() > 1 {
            parallel::MOST_THREADS as u64
        } else {
            1
        };
        let limits = |crowd| Limits {
            steps,
            bytes: self.budget.bytes / crowd,
            budget: self.budget,
        };
        let mut results = parallel::map(self.budget.threads, parts, |&part| {
            self.decide(&self.partitions[part], limits(crowd))
        });
        // Whoever needs more than a thread's share of the memory gets all of it, alone.
        for (&part, result) in parts.iter().zip(&mut results) {
            if crowd > 1 && result.found.answer == Answer::GaveUp(Reason::Bytes) {
                let spent = result.found.steps;
                *result = self.decide(&self.partitions[part], limits(1));
                result.found.steps += spent;
            }
        }
        results
    }

    fn decide(&self, partition: &Partition<M::Input, M::Output>, limits: Limits<'_>) -> Result {
        if let Some(decided) = self.expert.decide(self.model, &partition.ops) {
            let answer = decided.order.map_or(Answer::NoOrder, Answer::Order);
            let found = Found {
                answer,
                steps: decided.steps,
                furthest: None,
            };
            return Result {
                found,
                algorithm: decided.algorithm,
            };
        }
        let found = search_simplified(self.model, self.expert, &partition.ops, limits);
        Result {
            found,
            algorithm: Algorithm::WindowedSearch,
        }
    }

    fn judge(&self, results: &[Option<Result>], steps: u64) -> Outcome {
        let fewest = |part: &usize| results[*part].as_ref().map(|result| result.found.steps);
        let illegal = (0..results.len())
            .filter(|&part| is_illegal(&results[part]))
            .min_by_key(fewest);
        let algorithms = results
            .iter()
            .flatten()
            .map(|result| result.algorithm)
            .collect();
        let finding = match illegal {
            Some(part) => Finding::Illegal(part),
            None => self.legal_or_undecided(results),
        };
        Outcome {
            finding,
            steps,
            algorithms,
        }
    }

    fn legal_or_undecided(&self, results: &[Option<Result>]) -> Finding {
        let mut orders = Vec::with_capacity(results.len());
        let mut undecided = results
            .iter()
            .enumerate()
            .filter(|(_, r)| gave_up(r).is_some());
        if let Some((part, result)) = undecided.next() {
            let others = undecided.count();
            return Finding::Undecided(self.exhausted(part, result, 1 + others));
        }
        for result in results.iter().flatten() {
            if let Answer::Order(order) = &result.found.answer {
                orders.push(order.clone());
            }
        }
        Finding::Orders(orders)
    }

    fn exhausted(&self, part: usize, result: &Option<Result>, partitions: usize) -> Exhausted {
        let reason = gave_up(result).cloned().unwrap_or(Reason::Stopped);
        let found = result.as_ref().map(|result| &result.found);
        Exhausted {
            reason,
            key: self.partitions[part].key.clone(),
            partitions,
            furthest: found.and_then(|found| found.furthest).map(u64::from),
            steps: found.map_or(0, |found| found.steps),
        }
    }
}

/// Searches a partition after simplifying it. Operations in the answer are named by their number in
/// the history.
pub(crate) fn search_simplified<M: Model>(
    model: &M,
    expert: &dyn Expert<M>,
    ops: &[Op<M::Input, M::Output>],
    limits: Limits<'_>,
) -> Found {
    let Simplified {
        model: other,
        ops,
        impossible,
    } = expert.simplify(model, ops);
    if let Some(op) = impossible {
        return Found {
            answer: Answer::NoOrder,
            steps: 0,
            furthest: Some(op),
        };
    }
    let ops = without_unseen_reads(model, ops);
    let mut found = search(other.as_ref().unwrap_or(model), &ops, Prunings::ALL, limits);
    let source = |op: u32| ops[op as usize].source;
    if let Answer::Order(order) = &mut found.answer {
        order.iter_mut().for_each(|op| *op = source(*op));
    }
    found.furthest = found.furthest.map(source);
    found
}

/// Drops pure operations whose answer nobody learnt: whether they happened makes no difference.
fn without_unseen_reads<M: Model>(
    model: &M,
    mut ops: Vec<Op<M::Input, M::Output>>,
) -> Vec<Op<M::Input, M::Output>> {
    let drop = |op: &Op<_, _>| op.returned.is_none() && model.is_pure(&op.input, None);
    if ops.iter().any(drop) {
        let keep: Vec<bool> = ops.iter().map(|op| !drop(op)).collect();
        ops = crate::partition::select(&ops, &keep);
    }
    ops
}

fn gave_up(result: &Option<Result>) -> Option<&Reason> {
    match &result.as_ref()?.found.answer {
        Answer::GaveUp(reason) => Some(reason),
        Answer::Order(_) | Answer::NoOrder => None,
    }
}

fn is_illegal(result: &Option<Result>) -> bool {
    result
        .as_ref()
        .is_some_and(|result| result.found.answer == Answer::NoOrder)
}
