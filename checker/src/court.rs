//! Judging histories of one kind: typed ones by a model, recorded ones by a bundled model.
//! Deciding, shrinking and explaining all ask a court, so that what shrinks is what was recorded.

use std::collections::BTreeSet;
use std::convert::Infallible;

use rustc_hash::FxHashSet;
use testimony_history::{
    Answer, Call, History, Model as Kind, Operation, Outcome, RecordedHistory, Value,
};

use crate::budget::Budget;
use crate::erasure;
use crate::expert::{Expert, Layman};
use crate::explain::{self, Explanation};
use crate::model::Model;
use crate::models::{
    Bundled, Keyed, canonical, decode, decode_one, key_of, verify_recorded_witness,
};
use crate::oracle;
use crate::partition::{Asked, Partition, malformed, split};
use crate::relaxation::{self, Anchor, Relaxed};
use crate::search::{self, Found, Limits, Prunings, Work};
use crate::trial::{Finding, Trial};
use crate::verdict::{Algorithm, Exhausted, Witness};
use crate::witness::verify_witness;

/// Judges histories with inputs `I` and outputs `O`.
pub(crate) trait Court<I, O> {
    /// The part of the object that an operation touches.
    fn key(&self, input: &I) -> Option<Value>;
    /// Decides a history; an error says why nobody can.
    fn rule(&self, history: &History<I, O>, budget: &Budget) -> Result<Ruling, String>;
    /// Replays a witness.
    fn verify(&self, history: &History<I, O>, witness: &Witness) -> Result<(), String>;
    /// Whether a completed operation changes no state.
    fn is_pure(&self, operation: &Operation<I, O>) -> bool;
    /// For each operation of a history of one key, whether leaving it out could turn a history that
    /// can be explained into one that cannot.
    fn matters(&self, history: &History<I, O>, budget: &Budget) -> Vec<bool>;
    /// Weaker forms of a completed operation, by its meaning: whatever explains the history with it
    /// explains it with the weaker form.
    fn weaker(&self, operation: &Operation<I, O>) -> Vec<Relaxed<I, O>>;
    /// What is known after an operation, whatever was before.
    fn anchor(&self, operation: &Operation<I, O>) -> Option<Anchor<I, O>>;
    /// The elements that can be left out of operations of one key.
    fn elements(&self, operations: &[Operation<I, O>]) -> Vec<Value>;
    /// The operations without those elements, and which of them are left.
    fn without(
        &self,
        operations: &[Operation<I, O>],
        gone: &FxHashSet<Value>,
    ) -> (Vec<Operation<I, O>>, Vec<bool>);
    /// The operations with offsets that are as small as can be, if they can be smaller.
    fn shifted(&self, operations: &[Operation<I, O>]) -> Option<Vec<Operation<I, O>>>;
    /// Brute force; `None` if the history is too large.
    fn oracle(&self, history: &History<I, O>) -> Option<bool>;
    /// The search with few prunings, on a history of one key.
    fn search_plainly(
        &self,
        history: &History<I, O>,
        prunings: Prunings,
        limits: Limits<'_>,
    ) -> Option<Found>;
    /// For each operation of an illegal history of one key, whether it is an unknown one that an
    /// exhaustive search never lets happen; `None` if that is not found out.
    fn idle(&self, history: &History<I, O>, limits: Limits<'_>) -> Option<Vec<bool>>;
    /// Says why a small illegal history of one key cannot be explained. Operations are spoken of as
    /// they are in the original. Nothing before the anchor (an index) matters.
    fn explain(
        &self,
        history: &History<I, O>,
        original: &History<I, O>,
        anchor: Option<u64>,
    ) -> Explanation;
}

/// What a court decided.
pub(crate) struct Ruling {
    pub(crate) decision: Ruled,
    pub(crate) work: Work,
    pub(crate) algorithms: BTreeSet<Algorithm>,
    pub(crate) partitions: usize,
}

/// The decision itself; operations by number in the history.
pub(crate) enum Ruled {
    Orders(Vec<(Option<Value>, Vec<u32>)>),
    /// The partition with this key has none. The operation whose return nothing gets past, if it is
    /// known.
    Illegal(Option<Value>, Option<u32>),
    Undecided(Exhausted),
}

/// Judges typed histories.
pub(crate) struct TypedCourt<'m, M: Model> {
    pub(crate) model: &'m M,
}

/// A part of a history in the terms of a model.
pub(crate) type Part<M> = Partition<<M as Model>::Input, <M as Model>::Output>;

/// Judges recorded histories by a bundled model.
pub(crate) struct RecordedCourt<B: Bundled> {
    kind: Kind,
    initial: Value,
    object: B,
    expert: Box<dyn Expert<B>>,
}

fn rule<M: Model>(
    model: &M,
    expert: &dyn Expert<M>,
    partitions: &[Partition<M::Input, M::Output>],
    budget: &Budget,
) -> Ruling {
    let outcome = Trial {
        model,
        expert,
        partitions,
        budget,
    }
    .run();
    let key = |part: usize| partitions[part].key.clone();
    let decision = match outcome.finding {
        Finding::Orders(orders) => {
            let named = orders.into_iter().enumerate();
            Ruled::Orders(named.map(|(part, order)| (key(part), order)).collect())
        }
        Finding::Illegal(part, furthest) => Ruled::Illegal(key(part), furthest),
        Finding::Undecided(why) => Ruled::Undecided(why),
    };
    let (work, algorithms) = (outcome.work, outcome.algorithms);
    Ruling {
        decision,
        work,
        algorithms,
        partitions: partitions.len(),
    }
}

/// The operations that simplification leaves; failed ones never matter, and reads whose answer
/// nobody learnt do not either.
fn left_by<M: Model>(
    model: &M,
    expert: &dyn Expert<M>,
    partitions: &[Partition<M::Input, M::Output>],
    operations: usize,
    budget: &Budget,
) -> Vec<bool> {
    let mut matters = vec![false; operations];
    for partition in partitions {
        for op in expert.simplify(model, &partition.ops, budget).ops {
            let unseen = op.returned.is_none() && model.is_pure(&op.input, None);
            matters[op.source as usize] = !unseen;
        }
    }
    matters
}

fn plainly<M: Model>(
    model: &M,
    partitions: &[Partition<M::Input, M::Output>],
    prunings: Prunings,
    limits: Limits<'_>,
) -> Option<Found> {
    let [partition] = partitions else { return None };
    Some(search::search(model, &partition.ops, prunings, limits))
}

fn idle<M: Model>(
    model: &M,
    partitions: &[Partition<M::Input, M::Output>],
    operations: usize,
    limits: Limits<'_>,
) -> Option<Vec<bool>> {
    let [partition] = partitions else { return None };
    let mut idle = vec![false; operations];
    for op in search::idle(model, &partition.ops, limits)? {
        idle[partition.ops[op as usize].source as usize] = true;
    }
    Some(idle)
}

impl<M: Model> TypedCourt<'_, M> {
    /// The history, cut by key.
    pub(crate) fn split(
        &self,
        history: &History<M::Input, M::Output>,
    ) -> Vec<Partition<M::Input, M::Output>> {
        let asked = |operation: &Operation<M::Input, M::Output>| {
            let seen = match &operation.outcome {
                Outcome::Completed(output) => Some(output.clone()),
                Outcome::Failed | Outcome::Unknown => None,
            };
            let input = operation.input.clone();
            Ok::<_, Infallible>(Asked { input, seen })
        };
        match split(history, |input| self.model.key(input), asked) {
            Ok(parts) => parts,
            Err(never) => match never {},
        }
    }
}

impl<M: Model> Court<M::Input, M::Output> for TypedCourt<'_, M> {
    fn key(&self, input: &M::Input) -> Option<Value> {
        self.model.key(input)
    }

    fn rule(
        &self,
        history: &History<M::Input, M::Output>,
        budget: &Budget,
    ) -> Result<Ruling, String> {
        malformed(history).map_or(Ok(()), Err)?;
        Ok(rule(self.model, &Layman, &self.split(history), budget))
    }

    fn verify(
        &self,
        history: &History<M::Input, M::Output>,
        witness: &Witness,
    ) -> Result<(), String> {
        verify_witness(self.model, history, witness).map_err(|problem| problem.to_string())
    }

    fn is_pure(&self, operation: &Operation<M::Input, M::Output>) -> bool {
        match &operation.outcome {
            Outcome::Completed(output) => self.model.is_pure(&operation.input, Some(output)),
            Outcome::Failed | Outcome::Unknown => false,
        }
    }

    fn matters(&self, history: &History<M::Input, M::Output>, budget: &Budget) -> Vec<bool> {
        left_by(
            self.model,
            &Layman,
            &self.split(history),
            history.operations().len(),
            budget,
        )
    }

    fn weaker(
        &self,
        _operation: &Operation<M::Input, M::Output>,
    ) -> Vec<Relaxed<M::Input, M::Output>> {
        Vec::new()
    }

    fn anchor(
        &self,
        _operation: &Operation<M::Input, M::Output>,
    ) -> Option<Anchor<M::Input, M::Output>> {
        None
    }

    fn elements(&self, _operations: &[Operation<M::Input, M::Output>]) -> Vec<Value> {
        Vec::new()
    }

    fn without(
        &self,
        operations: &[Operation<M::Input, M::Output>],
        _gone: &FxHashSet<Value>,
    ) -> (Vec<Operation<M::Input, M::Output>>, Vec<bool>) {
        (operations.to_vec(), vec![true; operations.len()])
    }

    fn shifted(
        &self,
        _operations: &[Operation<M::Input, M::Output>],
    ) -> Option<Vec<Operation<M::Input, M::Output>>> {
        None
    }

    fn oracle(&self, history: &History<M::Input, M::Output>) -> Option<bool> {
        oracle::is_linearizable(self.model, history)
    }

    fn search_plainly(
        &self,
        history: &History<M::Input, M::Output>,
        prunings: Prunings,
        limits: Limits<'_>,
    ) -> Option<Found> {
        plainly(self.model, &self.split(history), prunings, limits)
    }

    fn idle(
        &self,
        history: &History<M::Input, M::Output>,
        limits: Limits<'_>,
    ) -> Option<Vec<bool>> {
        let operations = history.operations().len();
        idle(self.model, &self.split(history), operations, limits)
    }

    fn explain(
        &self,
        history: &History<M::Input, M::Output>,
        original: &History<M::Input, M::Output>,
        _anchor: Option<u64>,
    ) -> Explanation {
        let sentence = |op: usize| {
            let index = history.operations()[op].call.index;
            let same = |op: &&Operation<_, _>| op.call.index == index;
            let Some(operation) = original.operations().iter().find(same) else {
                return String::new();
            };
            let seen = match &operation.outcome {
                Outcome::Completed(output) => Some(output),
                Outcome::Failed | Outcome::Unknown => None,
            };
            let words = self.model.describe(&operation.input, seen);
            format!("p{} did {words} (event {index})", operation.process)
        };
        let state = |state: &M::State| format!("the state is {state:?}");
        explain::frontier::explain(self.model, history, sentence, state)
    }
}

impl<B: Bundled> RecordedCourt<B> {
    /// A court for objects that start as `initial`.
    pub(crate) fn new(kind: Kind, initial: Option<&Value>) -> Result<Self, String> {
        Ok(RecordedCourt {
            kind,
            initial: initial.map(canonical).unwrap_or_default(),
            object: B::starting_as(initial)?,
            expert: B::expert(),
        })
    }

    /// The history, cut by key and read.
    pub(crate) fn split(&self, history: &RecordedHistory) -> Result<Vec<Part<B>>, String> {
        split(history, key_of, |operation| {
            let (input, seen) = decode_one::<B>(operation)?;
            Ok(Asked { input, seen })
        })
    }
}

impl<B: Bundled> Court<Call, Answer> for RecordedCourt<B> {
    fn key(&self, input: &Call) -> Option<Value> {
        key_of(input)
    }

    fn rule(&self, history: &RecordedHistory, budget: &Budget) -> Result<Ruling, String> {
        malformed(history).map_or(Ok(()), Err)?;
        Ok(rule(
            &self.object,
            &*self.expert,
            &self.split(history)?,
            budget,
        ))
    }

    fn verify(&self, history: &RecordedHistory, witness: &Witness) -> Result<(), String> {
        verify_recorded_witness(&self.object, history, witness)
            .map_err(|problem| problem.to_string())
    }

    fn is_pure(&self, operation: &Operation<Call, Answer>) -> bool {
        let Outcome::Completed(answer) = &operation.outcome else {
            return false;
        };
        let call = &operation.input;
        B::decode_call(operation.process, call)
            .and_then(|input| Ok((input, B::decode_answer(call, answer)?)))
            .is_ok_and(|(input, output)| self.object.is_pure(&input, Some(&output)))
    }

    fn matters(&self, history: &RecordedHistory, budget: &Budget) -> Vec<bool> {
        let count = history.operations().len();
        self.split(history).map_or_else(
            |_| vec![true; count],
            |parts| left_by(&self.object, &*self.expert, &parts, count, budget),
        )
    }

    fn weaker(&self, operation: &Operation<Call, Answer>) -> Vec<Relaxed<Call, Answer>> {
        relaxation::weaker(operation)
    }

    fn anchor(&self, operation: &Operation<Call, Answer>) -> Option<Anchor<Call, Answer>> {
        relaxation::anchor(self.kind, &self.initial, operation)
    }

    fn elements(&self, operations: &[Operation<Call, Answer>]) -> Vec<Value> {
        erasure::elements(self.kind, &self.initial, operations)
    }

    fn without(
        &self,
        operations: &[Operation<Call, Answer>],
        gone: &FxHashSet<Value>,
    ) -> (Vec<Operation<Call, Answer>>, Vec<bool>) {
        erasure::without(self.kind, operations, gone)
    }

    fn shifted(
        &self,
        operations: &[Operation<Call, Answer>],
    ) -> Option<Vec<Operation<Call, Answer>>> {
        erasure::shifted(self.kind, &self.initial, operations)
    }

    fn oracle(&self, history: &RecordedHistory) -> Option<bool> {
        let decoded = decode::<B>(history).ok()?;
        oracle::is_linearizable(&Keyed(self.object.clone()), &decoded)
    }

    fn search_plainly(
        &self,
        history: &RecordedHistory,
        prunings: Prunings,
        limits: Limits<'_>,
    ) -> Option<Found> {
        plainly(&self.object, &self.split(history).ok()?, prunings, limits)
    }

    fn idle(&self, history: &RecordedHistory, limits: Limits<'_>) -> Option<Vec<bool>> {
        let operations = history.operations().len();
        idle(&self.object, &self.split(history).ok()?, operations, limits)
    }

    fn explain(
        &self,
        history: &RecordedHistory,
        original: &RecordedHistory,
        anchor: Option<u64>,
    ) -> Explanation {
        let explanation = explain::explain_recorded::<B>(
            self.kind,
            &self.initial,
            &self.object,
            history,
            original,
        );
        match anchor {
            Some(anchor) => explanation.starting_at(self.kind, original, anchor),
            None => explanation,
        }
    }
}
