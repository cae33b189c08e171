//! Decides every partition of a history, in rounds.
//!
//! Partitions differ wildly in cost, and one illegal partition settles the verdict. So all are
//! tried with a small step budget first, and those that are left again with four times as much. A
//! round (see [`ladder`](crate::ladder)) is finished before it is judged, and of several illegal
//! partitions the one with the fewest steps, then the smallest key, is taken: the answer does not
//! depend on the number of threads.

use std::collections::BTreeSet;

use crate::budget::Budget;
use crate::expert::Expert;
use crate::ladder::{Ladder, Result};
use crate::model::Model;
use crate::parallel;
use crate::partition::Partition;
use crate::search::{Answer, Limits, Work};
use crate::verdict::{Algorithm, Difficulty, Exhausted, Reason};

/// What became of all partitions.
pub(crate) struct Outcome {
    pub(crate) finding: Finding,
    pub(crate) work: Work,
    pub(crate) algorithms: BTreeSet<Algorithm>,
}

/// What was found; operations by number in the history.
pub(crate) enum Finding {
    /// An order for each partition.
    Orders(Vec<Vec<u32>>),
    /// This partition has none. The operation whose return nothing gets past, if it is known.
    Illegal(usize, Option<u32>),
    Undecided(Exhausted),
}

/// Partitions being decided.
pub(crate) struct Trial<'a, M: Model> {
    pub(crate) model: &'a M,
    pub(crate) expert: &'a dyn Expert<M>,
    pub(crate) partitions: &'a [Partition<M::Input, M::Output>],
    pub(crate) budget: &'a Budget,
}

impl<M: Model> Trial<'_, M> {
    /// Decides all partitions.
    pub(crate) fn run(&self) -> Outcome {
        let mut results: Vec<Option<Result>> = self.partitions.iter().map(|_| None).collect();
        let mut left: Vec<usize> = (0..self.partitions.len()).collect();
        let mut spent = vec![Work::default(); self.partitions.len()];
        for round in 0.. {
            for (&part, result) in left.iter().zip(self.round(&left, round, &spent)) {
                spent[part] += result.found.work;
                results[part] = Some(result);
            }
            let illegal = left.iter().any(|&part| is_illegal(&results[part]));
            left.retain(|&part| {
                let wants_more = gave_up(&results[part]) == Some(&Reason::Steps);
                wants_more && spent[part].steps < self.budget.steps
            });
            if illegal || left.is_empty() || self.budget.stopped() {
                break;
            }
        }
        self.judge(&results, &spent)
    }

    fn round(&self, parts: &[usize], round: u32, spent: &[Work]) -> Vec<Result> {
        let crowd = if self.partitions.len() > 1 {
            parallel::MOST_THREADS as u64
        } else {
            1
        };
        let decide = |part: usize, spent: u64, crowd| {
            let ladder = Ladder {
                model: self.model,
                expert: self.expert,
                ops: &self.partitions[part].ops,
            };
            let all = self.budget.steps.saturating_sub(spent);
            let limits = Limits {
                steps: ladder.steps(round).min(all),
                bytes: self.budget.bytes / crowd,
                budget: self.budget,
            };
            ladder.decide(round, all, limits)
        };
        let mut results = parallel::map(self.budget.threads, parts, |&part| {
            decide(part, spent[part].steps, crowd)
        });
        // Whoever needs more than a thread's share of the memory gets all of it, alone.
        for (&part, result) in parts.iter().zip(&mut results) {
            if crowd > 1 && result.found.answer == Answer::GaveUp(Reason::Bytes) {
                let so_far = result.found.work;
                *result = decide(part, spent[part].steps + so_far.steps, 1);
                result.found.work += so_far;
            }
        }
        results
    }

    fn judge(&self, results: &[Option<Result>], spent: &[Work]) -> Outcome {
        let fewest = |part: &usize| {
            results[*part]
                .as_ref()
                .map(|result| result.found.work.steps)
        };
        let illegal = (0..results.len())
            .filter(|&part| is_illegal(&results[part]))
            .min_by_key(fewest);
        let algorithms = results
            .iter()
            .flatten()
            .map(|result| result.algorithm)
            .collect();
        let finding = match illegal {
            Some(part) => {
                let furthest = results[part]
                    .as_ref()
                    .and_then(|result| result.found.furthest);
                Finding::Illegal(part, furthest)
            }
            None => self.legal_or_undecided(results, spent),
        };
        let mut work = Work::default();
        spent.iter().for_each(|&spent| work += spent);
        Outcome {
            finding,
            work,
            algorithms,
        }
    }

    fn legal_or_undecided(&self, results: &[Option<Result>], spent: &[Work]) -> Finding {
        let mut orders = Vec::with_capacity(results.len());
        let mut undecided = results
            .iter()
            .enumerate()
            .filter(|(_, r)| gave_up(r).is_some());
        if let Some((part, result)) = undecided.next() {
            let others = undecided.count();
            let mut exhausted = self.exhausted(part, result, 1 + others);
            exhausted.steps = spent[part].steps;
            return Finding::Undecided(exhausted);
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
            steps: 0,
            difficulty: found.map(|found| Difficulty {
                states: found.states as u64,
                ..Difficulty::default()
            }),
        }
    }
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
