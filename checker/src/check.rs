//! The entry points: a history and a model in, a judgement out.

use testimony_history::{Answer, Call, History, Model as Kind, Outcome, RecordedHistory, Value};

use crate::budget::Budget;
use crate::counterexample;
use crate::court::{Court, RecordedCourt, Ruled, Ruling, TypedCourt};
use crate::model::Model;
use crate::models::{Bundled, decode, for_bundled, verify_recorded_witness};
use crate::verdict::{Exhausted, Judgement, PartitionWitness, Reason, Verdict, Witness};
use crate::witness::WitnessError;

/// Judges a history against a model. The verdict comes with its evidence, which has been verified;
/// if it does not hold the verdict is undecided. Time is exponential in the number of operations
/// open at once in the worst case, and close to linear in most.
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
    model: Kind,
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
    decide_in(TypedCourt { model }, history, budget)
}

/// The first half of [`check_recorded`]: finds the verdict.
pub fn decide_recorded<'a>(
    model: Kind,
    initial: Option<&Value>,
    history: &'a RecordedHistory,
    budget: &Budget,
) -> Decision<'a> {
    for_bundled!(model, B => decide_by::<B>(model, initial, history, budget))
}

/// Shrinks and explains a key of a recorded history that was found to be illegal, perhaps with the
/// operation whose return nothing gets past.
pub(crate) fn conclude_recorded(
    model: Kind,
    initial: Option<&Value>,
    history: &RecordedHistory,
    (key, furthest): (&Option<Value>, Option<u32>),
    budget: &Budget,
) -> Verdict {
    for_bundled!(model, B => match RecordedCourt::<B>::new(model, initial) {
        Ok(court) => counterexample::find(&court, history, key, furthest, budget),
        Err(problem) => Verdict::Undecided(Exhausted::because(Reason::NotCovered(problem))),
    })
}

/// Replays a witness for a recorded history; see
/// [`verify_witness`](crate::verify_witness). A history that the model
/// cannot read has no witness: the error is the text that says why.
pub fn verify_recorded(
    model: Kind,
    initial: Option<&Value>,
    history: &RecordedHistory,
    witness: &Witness,
) -> Result<Result<(), WitnessError>, String> {
    for_bundled!(model, B => replay::<B>(initial, history, witness))
}

/// A verdict that has been found, and whose counterexample is still to be shrunk and explained. For
/// callers that want to know how long each half takes.
pub struct Decision<'a, I = Call, O = Answer> {
    judgement: Judgement<I, O>,
    conclude: Option<Box<dyn FnOnce() -> Verdict<I, O> + 'a>>,
}

impl<'a, I, O> Decision<'a, I, O> {
    /// A decision that needs no counterexample.
    pub(crate) fn without_conclusion(judgement: Judgement<I, O>) -> Self {
        Decision {
            judgement,
            conclude: None,
        }
    }

    /// A decision that the history is illegal.
    pub(crate) fn with_conclusion(
        judgement: Judgement<I, O>,
        conclude: Box<dyn FnOnce() -> Verdict<I, O> + 'a>,
    ) -> Self {
        Decision {
            judgement,
            conclude: Some(conclude),
        }
    }

    /// The key that was found to be illegal, if one was, and the operation (by number in the
    /// history) whose return nothing gets past, if it is known.
    pub(crate) fn illegal_part(&self) -> Option<(Option<Value>, Option<u32>)> {
        match &self.judgement.verdict {
            Verdict::Undecided(why) if self.is_illegal() => {
                let furthest = why.furthest.and_then(|op| u32::try_from(op).ok());
                Some((why.key.clone(), furthest))
            }
            _ => None,
        }
    }

    /// What is known without a counterexample.
    pub(crate) fn into_judgement(self) -> Judgement<I, O> {
        self.judgement
    }

    /// Whether the history was found to be illegal.
    pub fn is_illegal(&self) -> bool {
        self.conclude.is_some()
    }

    /// The steps spent so far, all on finding the verdict; see [`Judgement::steps`].
    pub fn steps(&self) -> u64 {
        self.judgement.steps
    }

    /// Shrinks and explains the counterexample, if the history is illegal. The cost is bounded in
    /// steps; a raised stop flag makes the counterexample larger, not the verdict another.
    pub fn conclude(self) -> Judgement<I, O> {
        let mut judgement = self.judgement;
        if let Some(conclude) = self.conclude {
            judgement.verdict = conclude();
        }
        judgement
    }
}

fn replay<B: Bundled>(
    initial: Option<&Value>,
    history: &RecordedHistory,
    witness: &Witness,
) -> Result<Result<(), WitnessError>, String> {
    decode::<B>(history)?;
    Ok(verify_recorded_witness(
        &B::starting_as(initial)?,
        history,
        witness,
    ))
}

fn decide_by<'a, B: Bundled>(
    kind: Kind,
    initial: Option<&Value>,
    history: &'a RecordedHistory,
    budget: &Budget,
) -> Decision<'a> {
    match RecordedCourt::<B>::new(kind, initial) {
        Ok(court) => decide_in(court, history, budget),
        Err(problem) => undecided(history, Reason::NotCovered(problem)),
    }
}

fn decide_in<'a, I, O, C>(
    court: C,
    history: &'a History<I, O>,
    budget: &Budget,
) -> Decision<'a, I, O>
where
    I: Clone + Eq,
    O: Clone + Eq,
    C: Court<I, O> + 'a,
{
    let Ruling {
        decision,
        work,
        algorithms,
        partitions,
    } = match court.rule(history, budget) {
        Ok(ruling) => ruling,
        Err(problem) => return undecided(history, Reason::NotCovered(problem)),
    };
    let judgement = |verdict| Judgement {
        verdict,
        operations: history.operations().len(),
        partitions,
        steps: work.steps,
        stored: work.stored,
        algorithms: algorithms.iter().copied().collect(),
    };
    match decision {
        Ruled::Orders(orders) => {
            let verdict = verified(&court, history, orders);
            Decision {
                judgement: judgement(verdict),
                conclude: None,
            }
        }
        Ruled::Undecided(why) => {
            let why = in_the_file(why, &court, history);
            Decision {
                judgement: judgement(Verdict::Undecided(why)),
                conclude: None,
            }
        }
        Ruled::Illegal(key, furthest) => {
            let verdict = Verdict::Undecided(not_concluded(&key, furthest));
            let budget = budget.clone();
            let conclude = move || counterexample::find(&court, history, &key, furthest, &budget);
            Decision {
                judgement: judgement(verdict),
                conclude: Some(Box::new(conclude)),
            }
        }
    }
}

/// Names operations by their place in the file, and says which were in the way.
fn in_the_file<I, O>(
    mut why: Exhausted,
    court: &impl Court<I, O>,
    history: &History<I, O>,
) -> Exhausted {
    let furthest = why.furthest.and_then(|op| usize::try_from(op).ok());
    why.furthest = furthest.map(index(history));
    let (Some(difficulty), Some(furthest)) = (&mut why.difficulty, furthest) else {
        why.difficulty = None;
        return why;
    };
    let until = history.operations()[furthest].returned;
    for operation in history.operations() {
        let called = Some(operation.called) <= until && court.key(&operation.input) == why.key;
        match operation.outcome {
            Outcome::Unknown if called => difficulty.unknown.push(operation.call.index),
            Outcome::Completed(_) if called && operation.returned >= until => {
                difficulty.open.push(operation.call.index);
            }
            Outcome::Completed(_) | Outcome::Failed | Outcome::Unknown => {}
        }
    }
    why
}

fn index<I, O>(history: &History<I, O>) -> impl Fn(usize) -> u64 {
    |number| history.operations()[number].call.index
}

/// The witness, if it holds.
fn verified<I, O>(
    court: &impl Court<I, O>,
    history: &History<I, O>,
    orders: Vec<(Option<Value>, Vec<u32>)>,
) -> Verdict<I, O> {
    let index = index(history);
    let partitions = orders
        .into_iter()
        .map(|(key, order)| {
            let order = order.into_iter().map(|op| index(op as usize)).collect();
            PartitionWitness { key, order }
        })
        .collect();
    let witness = Witness { partitions };
    match court.verify(history, &witness) {
        Ok(()) => Verdict::Linearizable(witness),
        Err(problem) => Verdict::Undecided(Exhausted::because(Reason::EvidenceFailed(problem))),
    }
}

fn undecided<I, O>(history: &History<I, O>, reason: Reason) -> Decision<'_, I, O> {
    let judgement = Judgement {
        verdict: Verdict::Undecided(Exhausted::because(reason)),
        operations: history.operations().len(),
        partitions: 0,
        steps: 0,
        stored: 0,
        algorithms: Vec::new(),
    };
    Decision {
        judgement,
        conclude: None,
    }
}

/// What a decision holds until its counterexample is found; nobody sees it.
fn not_concluded(key: &Option<Value>, furthest: Option<u32>) -> Exhausted {
    let reason = Reason::EvidenceFailed("the counterexample was not looked for".to_owned());
    Exhausted {
        key: key.clone(),
        furthest: furthest.map(u64::from),
        ..Exhausted::because(reason)
    }
}
