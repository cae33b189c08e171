//! What an object means: its sequential behaviour, one operation at a time.

use std::fmt::Debug;
use std::hash::Hash;

use testimony_history::Value;

/// The sequential specification of an object, as a pure function. A history is linearizable if one
/// order of its operations, consistent with real time, makes every [`step`](Model::step) legal.
///
/// # The law
///
/// `step(s, i, None)` must allow whatever `step(s, i, Some(o))` allows, for every `o`, with the
/// same successor (or one from which at least as much is possible). [`breach`] looks for a
/// violation of it among given samples; put it into a property test of your model.
pub trait Model: Sync {
    /// What a process asks for.
    type Input: Clone + Eq + Hash + Debug + Send + Sync;
    /// What it is answered.
    type Output: Clone + Eq + Hash + Debug + Send + Sync;
    /// What the object is between two operations. Equality must be exact: two states that are equal
    /// must behave the same for ever. Cloning should be cheap.
    type State: Clone + Eq + Hash + Debug + Send + Sync;

    /// The object before the first operation.
    fn init(&self) -> Self::State;

    /// The object after `input` was applied to `state`, or `None` if it cannot have answered
    /// `seen`. `seen` is `None` where nobody learnt the answer; such a step is rarely illegal.
    fn step(
        &self,
        state: &Self::State,
        input: &Self::Input,
        seen: Option<&Self::Output>,
    ) -> Option<Self::State>;

    /// [`step`](Model::step) for who keeps no more than one state, such as the verifier of
    /// witnesses: puts the next state in place of this one, and answers whether the operation was
    /// legal. If it was not, what is left of the state does not matter. Worth its own code where a
    /// state is large and a step changes little of it.
    fn advance(
        &self,
        state: &mut Self::State,
        input: &Self::Input,
        seen: Option<&Self::Output>,
    ) -> bool {
        match self.step(state, input, seen) {
            Some(next) => {
                *state = next;
                true
            }
            None => false,
        }
    }

    /// Whether the operation, with the answer that was seen, leaves every state as it is wherever
    /// it is legal: a read, a comparison that did not match. Saying `false` is always right and
    /// merely slower; saying `true` of an operation that changes a state is an error that ends a
    /// check as undecided.
    fn is_pure(&self, input: &Self::Input, seen: Option<&Self::Output>) -> bool {
        let _ = (input, seen);
        false
    }

    /// Whether the operation, with the answer that was seen, lets every state only *grow*, wherever
    /// it is legal: a log, a text that is appended to. What growth is, is for the model to say,
    /// with [`is_lost`](Model::is_lost). `false` is always right and merely slower.
    fn grows(&self, input: &Self::Input, seen: Option<&Self::Output>) -> bool {
        let _ = (input, seen);
        false
    }

    /// Whether the operation, with the answer that was seen, is illegal in a state and in every
    /// state that can be reached from it by operations that let it [grow](Model::grows) and by pure
    /// ones. A search gives such a state up at once. `false` is always right and merely slower;
    /// `true` of a state that does grow into one where the operation is legal makes a legal history
    /// illegal.
    fn is_lost(
        &self,
        state: &Self::State,
        input: &Self::Input,
        seen: Option<&Self::Output>,
    ) -> bool {
        let _ = (state, input, seen);
        false
    }

    /// Whether any state is [lost](Model::is_lost) to the operation.
    fn tells_growth(&self, input: &Self::Input, seen: Option<&Self::Output>) -> bool {
        let _ = (input, seen);
        false
    }

    /// The part of the object that the operation touches. Operations with different keys must not
    /// influence one another; each key is checked on its own.
    fn key(&self, input: &Self::Input) -> Option<Value> {
        let _ = input;
        None
    }

    /// The operation in words, for explanations.
    fn describe(&self, input: &Self::Input, seen: Option<&Self::Output>) -> String {
        match seen {
            Some(output) => format!("{input:?} -> {output:?}"),
            None => format!("{input:?} -> ?"),
        }
    }

    /// The memory that a state takes, in bytes, including what it owns. It is what
    /// [`Budget::bytes`](crate::Budget::bytes) is charged for each state kept.
    fn state_bytes(&self, state: &Self::State) -> usize {
        size_of_val(state)
    }
}

/// How a model breaks its word; see [`Model`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Breach<S, I, O> {
    /// The step is legal with this answer seen, and illegal with no answer seen.
    UnseenIsIllegal(S, I, O),
    /// The step leads elsewhere when the answer is not seen.
    UnseenLeadsElsewhere(S, I, O),
    /// The step is called pure, yet it changes the state.
    PureChangesState(S, I, Option<O>),
    /// [`Model::advance`] does not do what [`Model::step`] does.
    AdvancesElsewhere(S, I, Option<O>),
}

/// Looks for a breach of the model law, of [`Model::is_pure`] and of [`Model::advance`], among all
/// combinations of the samples. A successor counts as the same if it is equal.
pub fn breach<M: Model>(
    model: &M,
    states: &[M::State],
    inputs: &[M::Input],
    outputs: &[M::Output],
) -> Option<Breach<M::State, M::Input, M::Output>> {
    for state in states {
        for input in inputs {
            let unseen = model.step(state, input, None);
            if changes(model, state, input, None, unseen.as_ref()) {
                return Some(Breach::PureChangesState(state.clone(), input.clone(), None));
            }
            if advances_elsewhere(model, state, input, None) {
                return Some(Breach::AdvancesElsewhere(
                    state.clone(),
                    input.clone(),
                    None,
                ));
            }
            for output in outputs {
                if let Some(breach) = breach_of(model, state, input, output, unseen.as_ref()) {
                    return Some(breach);
                }
            }
        }
    }
    None
}

fn breach_of<M: Model>(
    model: &M,
    state: &M::State,
    input: &M::Input,
    output: &M::Output,
    unseen: Option<&M::State>,
) -> Option<Breach<M::State, M::Input, M::Output>> {
    let (s, i, o) = (state.clone(), input.clone(), output.clone());
    if advances_elsewhere(model, state, input, Some(output)) {
        return Some(Breach::AdvancesElsewhere(s, i, Some(o)));
    }
    let seen = model.step(state, input, Some(output))?;
    if changes(model, state, input, Some(output), Some(&seen)) {
        return Some(Breach::PureChangesState(s, i, Some(o)));
    }
    match unseen {
        None => Some(Breach::UnseenIsIllegal(s, i, o)),
        Some(unseen) if *unseen != seen => Some(Breach::UnseenLeadsElsewhere(s, i, o)),
        Some(_) => None,
    }
}

fn advances_elsewhere<M: Model>(
    model: &M,
    state: &M::State,
    input: &M::Input,
    seen: Option<&M::Output>,
) -> bool {
    let mut advanced = state.clone();
    let legal = model.advance(&mut advanced, input, seen);
    model.step(state, input, seen) != legal.then_some(advanced)
}

fn changes<M: Model>(
    model: &M,
    state: &M::State,
    input: &M::Input,
    seen: Option<&M::Output>,
    next: Option<&M::State>,
) -> bool {
    model.is_pure(input, seen) && next.is_some_and(|next| next != state)
}
