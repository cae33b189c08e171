//! The explanation that always works: how far an order can get, and why nothing can follow.

use std::collections::HashSet;

use testimony_history::{History, Operation, Outcome};

use super::Explanation;
use crate::model::Model;

/// The most configurations looked at, and the most work, where one takes the cube of the
/// operations.
const MOST_TRIED: usize = 5_000;
const MOST_WORK: usize = 200_000_000;

/// An order of some operations, as far as it gets.
#[derive(Clone)]
struct Attempt<S> {
    order: Vec<usize>,
    /// Completed operations in it.
    completed: usize,
    state: S,
}

/// Explains by the longest order that works. `sentence` says what the operation with a number did,
/// in the past tense; `state` is a clause that describes a state.
pub(crate) fn explain<M: Model>(
    model: &M,
    history: &History<M::Input, M::Output>,
    sentence: impl Fn(usize) -> String,
    state: impl Fn(&M::State) -> String,
) -> Explanation {
    let operations = history.operations();
    let mut tried = HashSet::new();
    let most = (MOST_WORK / operations.len().pow(3).max(1)).clamp(10, MOST_TRIED);
    let best = longest(model, operations, &mut tried, most);
    let everything = tried.len() < most;
    let stuck: Vec<usize> = (0..operations.len())
        .filter(|&op| is_completed(&operations[op]) && may_follow(operations, &best.order, op))
        .collect();
    let total = operations.iter().filter(|op| is_completed(op)).count();
    let headline = match stuck[..] {
        // All others fit, so it is this one that no order of them has a place for.
        [op] if best.completed + 1 == total => {
            format!(
                "{}, which fits into no order of the other operations",
                sentence(op)
            )
        }
        _ => format!(
            "no order explains these operations: of {total} completed ones {} fit{}",
            best.completed,
            if everything {
                " at most"
            } else {
                ", and no order that was tried has more"
            },
        ),
    };
    let mut sentences = vec![if best.order.is_empty() {
        format!("At the start {}.", state(&best.state))
    } else {
        let steps: Vec<String> = best.order.iter().map(|&op| sentence(op)).collect();
        format!(
            "In this order it works: {}. Then {}.",
            steps.join("; "),
            state(&best.state)
        )
    }];
    for &op in &stuck {
        let clause = sentence(op);
        sentences.push(format!("That cannot be followed by this: {clause}."));
    }
    sentences.push(if everything {
        "Every other order gets stuck as early or earlier.".to_owned()
    } else {
        "No order that was tried gets further.".to_owned()
    });
    let marked = stuck.iter().map(|&op| operations[op].call.index).collect();
    Explanation {
        headline,
        sentences,
        marked,
        cycle: None,
    }
}

/// The order with the most completed operations, and the fewest unknown ones among those.
fn longest<M: Model>(
    model: &M,
    operations: &[Operation<M::Input, M::Output>],
    tried: &mut HashSet<(Vec<usize>, M::State)>,
    most: usize,
) -> Attempt<M::State> {
    let start = Attempt {
        order: Vec::new(),
        completed: 0,
        state: model.init(),
    };
    let mut best = start.clone();
    let mut open = vec![start];
    while let Some(attempt) = open.pop() {
        let mut set = attempt.order.clone();
        set.sort_unstable();
        if tried.len() >= most || !tried.insert((set, attempt.state.clone())) {
            continue;
        }
        let rank = |attempt: &Attempt<_>| (attempt.completed, usize::MAX - attempt.order.len());
        if rank(&attempt) > rank(&best) {
            best = attempt.clone();
        }
        for op in (0..operations.len())
            .rev()
            .filter(|&op| may_follow(operations, &attempt.order, op))
        {
            open.extend(followed_by(model, operations, &attempt, op));
        }
    }
    best
}

fn followed_by<M: Model>(
    model: &M,
    operations: &[Operation<M::Input, M::Output>],
    attempt: &Attempt<M::State>,
    op: usize,
) -> Option<Attempt<M::State>> {
    let operation = &operations[op];
    let seen = match &operation.outcome {
        Outcome::Completed(output) => Some(output),
        Outcome::Failed | Outcome::Unknown => None,
    };
    let state = model.step(&attempt.state, &operation.input, seen)?;
    let mut order = attempt.order.clone();
    order.push(op);
    let completed = attempt.completed + usize::from(seen.is_some());
    Some(Attempt {
        order,
        completed,
        state,
    })
}

fn is_completed<I, O>(operation: &Operation<I, O>) -> bool {
    matches!(operation.outcome, Outcome::Completed(_))
}

/// Whether time allows an operation to come next.
fn may_follow<I, O>(operations: &[Operation<I, O>], order: &[usize], op: usize) -> bool {
    let called = operations[op].called;
    let waiting = |other: usize| is_completed(&operations[other]) && !order.contains(&other);
    let earlier = |other: usize| operations[other].returned.is_some_and(|end| end < called);
    let linked = operations[op]
        .after
        .is_some_and(|before| waiting(before as usize));
    let possible = !matches!(operations[op].outcome, Outcome::Failed) && !order.contains(&op);
    let overtakes = (0..operations.len()).any(|other| waiting(other) && earlier(other));
    possible && !linked && !overtakes
}
