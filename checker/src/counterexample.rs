//! From an illegal partition to a few operations that contradict each other, confirmed and
//! explained.

mod prefix;
mod shrinker;

use rustc_hash::FxHashSet;
use testimony_history::{History, Operation, Outcome, Position, Value};

use crate::budget::Budget;
use crate::court::Court;
use crate::explain::Explanation;
use crate::partition::narrow;
use crate::search::{Answer, Limits, Prunings};
use crate::verdict::{ConfirmedBy, Counterexample, Exhausted, Reason, Verdict};
use shrinker::{Shrinker, Shrunk};

/// The most operations that are explained.
const EXPLAINED_MOST: usize = 1000;
/// The most operations that brute force confirms.
const ORACLE_MOST: usize = 12;
/// The most steps of confirming by the search without prunings, for so few operations; with more,
/// each step takes longer, and is less likely to be enough.
const CONFIRM_STEPS: u64 = 3_000_000;
const CONFIRM_FEW: u64 = 16;

/// Shrinks the partition with this key, which a court found illegal, and explains the rest.
pub(crate) fn find<I, O>(
    court: &impl Court<I, O>,
    history: &History<I, O>,
    key: &Option<Value>,
    furthest: Option<u32>,
    budget: &Budget,
) -> Verdict<I, O>
where
    I: Clone + Eq,
    O: Clone + Eq,
{
    let exhibits = exhibits(court, history, key);
    let until = furthest.and_then(|op| history.operations()[op as usize].returned);
    let original = History::from_operations(exhibits.clone());
    let Shrunk {
        operations,
        mut notes,
        anchor,
    } = Shrinker::new(court, budget, exhibits, until).shrink();
    let operations = History::from_operations(ranked(operations));
    let confirmed_by = match confirm(court, &operations, budget) {
        Ok(confirmed_by) => confirmed_by,
        Err(problem) => return Verdict::Undecided(evidence_failed(key, problem)),
    };
    let shown: FxHashSet<u64> = operations
        .operations()
        .iter()
        .map(|op| op.call.index)
        .collect();
    notes.retain(|note| shown.contains(&note.operation));
    notes.sort_by_key(|note| note.operation);
    notes.dedup();
    Verdict::Illegal(Box::new(Counterexample {
        key: key.clone(),
        notes,
        confirmed_by,
        explanation: explain(court, &operations, &original, anchor),
        operations,
        original_operations: original.operations().len(),
    }))
}

/// The contradiction in words, unless nobody would read so many.
fn explain<I, O>(
    court: &impl Court<I, O>,
    operations: &History<I, O>,
    original: &History<I, O>,
    anchor: Option<u64>,
) -> Explanation {
    let count = operations.operations().len();
    if count <= EXPLAINED_MOST {
        return court.explain(operations, original, anchor);
    }
    Explanation {
        headline: format!("no order explains these {count} operations"),
        sentences: vec![
            "They were not made fewer before the limits of the check were reached.".to_owned(),
        ],
        ..Explanation::default()
    }
}

/// The operations on one key that may have happened, with `after` links among themselves.
fn exhibits<I: Clone, O: Clone>(
    court: &impl Court<I, O>,
    history: &History<I, O>,
    key: &Option<Value>,
) -> Vec<Operation<I, O>> {
    let all = history.operations();
    let keep: Vec<bool> = all
        .iter()
        .map(|op| !matches!(op.outcome, Outcome::Failed) && court.key(&op.input) == *key)
        .collect();
    let mut exhibits = select(all, &keep);
    for exhibit in &mut exhibits {
        if matches!(exhibit.outcome, Outcome::Unknown) {
            exhibit.returned = None;
        }
    }
    exhibits
}

/// The chosen operations. An `after` link to one left out is replaced by that one's own link.
fn select<I: Clone, O: Clone>(all: &[Operation<I, O>], keep: &[bool]) -> Vec<Operation<I, O>> {
    let mut numbers = vec![None; all.len()];
    let mut selected: Vec<Operation<I, O>> = Vec::new();
    for (number, operation) in all.iter().enumerate().filter(|(number, _)| keep[*number]) {
        let mut after = operation.after;
        while let Some(before) = after
            && !keep[before as usize]
        {
            let unknown = matches!(all[before as usize].outcome, Outcome::Unknown);
            after = if unknown {
                None
            } else {
                all[before as usize].after
            };
        }
        numbers[number] = Some(narrow(selected.len()));
        let after = after.and_then(|before| numbers[before as usize]);
        selected.push(Operation {
            after,
            ..operation.clone()
        });
    }
    selected
}

/// The operations with positions that leave no gaps.
fn ranked<I, O>(mut operations: Vec<Operation<I, O>>) -> Vec<Operation<I, O>> {
    let mut used: Vec<Position> = operations
        .iter()
        .flat_map(|op| [Some(op.called), op.returned])
        .flatten()
        .collect();
    used.sort_unstable();
    used.dedup();
    let rank = |position| narrow(used.partition_point(|&other| other < position));
    for operation in &mut operations {
        operation.called = rank(operation.called);
        operation.returned = operation.returned.map(rank);
    }
    operations
}

fn confirm<I, O>(
    court: &impl Court<I, O>,
    history: &History<I, O>,
    budget: &Budget,
) -> Result<ConfirmedBy, String> {
    if history.operations().len() <= ORACLE_MOST {
        return match court.oracle(history) {
            Some(false) => Ok(ConfirmedBy::Oracle),
            Some(true) => Err("brute force explains the counterexample".to_owned()),
            None => Err("brute force cannot read the counterexample".to_owned()),
        };
    }
    let all = Limits {
        steps: CONFIRM_STEPS * CONFIRM_FEW / history.operations().len().max(1) as u64,
        bytes: budget.bytes,
        budget,
    };
    for (prunings, confirmed_by) in [
        (Prunings::NONE, ConfirmedBy::Search),
        (Prunings::ALIKE, ConfirmedBy::OrderedSearch),
    ] {
        let found = court
            .search_plainly(history, prunings, all)
            .ok_or("the counterexample is not of one key".to_owned())?;
        match found.answer {
            Answer::NoOrder => return Ok(confirmed_by),
            Answer::GaveUp(_) => {}
            Answer::Order(_) => return Err("the plain search explains it".to_owned()),
        }
    }
    Ok(ConfirmedBy::PrunedSearch)
}

fn evidence_failed(key: &Option<Value>, problem: String) -> Exhausted {
    Exhausted {
        key: key.clone(),
        ..Exhausted::because(Reason::EvidenceFailed(problem))
    }
}
