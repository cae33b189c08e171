//! The entry points: a history and a model in, a judgement out.

use std::hash::Hash;

use testimony_history::{Answer, Call, History, RecordedHistory, Value};

use crate::budget::Budget;
use crate::model::Model;
use crate::verdict::{Exhausted, Judgement, Reason, Verdict};

/// Judges a history against a model.
pub fn check<M: Model>(
    model: &M,
    history: &History<M::Input, M::Output>,
    budget: &Budget,
) -> Judgement<M::Input, M::Output> {
    decide(model, history, budget).conclude()
}

/// Judges a recorded history against one of the bundled models. Each key is an object of its own,
/// and starts as `initial`.
pub fn check_recorded(
    model: testimony_history::Model,
    initial: Option<&Value>,
    history: &RecordedHistory,
    budget: &Budget,
) -> Judgement {
    decide_recorded(model, initial, history, budget).conclude()
}

/// The first half of [`check`]: finds the verdict.
pub fn decide<'a, M: Model>(
    model: &'a M,
    history: &'a History<M::Input, M::Output>,
    budget: &Budget,
) -> Decision<'a, M::Input, M::Output> {
    let _ = (model, budget);
    Decision { history }
}

/// The first half of [`check_recorded`]: finds the verdict.
pub fn decide_recorded<'a>(
    model: testimony_history::Model,
    initial: Option<&'a Value>,
    history: &'a RecordedHistory,
    budget: &Budget,
) -> Decision<'a> {
    let _ = (model, budget, initial);
    Decision { history }
}

/// A verdict that has been found, and whose counterexample is still to be shrunk and explained. For
/// callers that want to know how long each half takes.
pub struct Decision<'a, I = Call, O = Answer> {
    history: &'a History<I, O>,
}

impl<I: Clone + Eq + Hash, O: Clone + Eq + Hash> Decision<'_, I, O> {
    /// Shrinks and explains the counterexample, if the history is illegal.
    pub fn conclude(self) -> Judgement<I, O> {
        let why = Exhausted {
            reason: Reason::NotCovered("not yet".into()),
            key: None,
            partitions: 1,
            furthest: None,
            steps: 0,
        };
        Judgement {
            verdict: Verdict::Undecided(why),
            operations: self.history.operations().len(),
            partitions: 1,
            steps: 0,
            algorithms: Vec::new(),
        }
    }
}
