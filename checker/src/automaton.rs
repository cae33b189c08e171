//! A model seen through numbers: states and operations interned, transitions computed once.

use rustc_hash::FxHashMap;

use crate::model::Model;
use crate::partition::Op;
use crate::table::Interner;

/// A state's number.
pub(crate) type StateId = u32;
/// The number of an operation's input and answer; operations that share it behave alike.
pub(crate) type Label = u32;

const ILLEGAL: u32 = u32::MAX;

/// The part of a model's behaviour that a search has met.
pub(crate) struct Automaton<'m, M: Model> {
    model: &'m M,
    labels: Interner<(M::Input, Option<M::Output>)>,
    pure: Vec<bool>,
    states: Interner<M::State>,
    transitions: FxHashMap<(StateId, Label), u32>,
    /// Bytes that the states own, as the model counts them.
    owned: usize,
    dishonest: Option<Label>,
    looked: u64,
}

impl<'m, M: Model> Automaton<'m, M> {
    /// An automaton that knows only the initial state, which has number 0.
    pub(crate) fn new(model: &'m M) -> Self {
        let mut automaton = Automaton {
            model,
            labels: Interner::new(),
            pure: Vec::new(),
            states: Interner::new(),
            transitions: FxHashMap::default(),
            owned: 0,
            dishonest: None,
            looked: 0,
        };
        automaton.state(model.init());
        automaton
    }

    /// The operation's label.
    pub(crate) fn label(&mut self, op: &Op<M::Input, M::Output>) -> Label {
        let (label, new) = self.labels.intern((op.input.clone(), op.seen.clone()));
        if new {
            self.pure
                .push(self.model.is_pure(&op.input, op.seen.as_ref()));
        }
        label
    }

    pub(crate) fn is_pure(&self, label: Label) -> bool {
        self.pure[label as usize]
    }

    pub(crate) fn labels(&self) -> usize {
        self.pure.len()
    }

    /// The state after an operation, or `None` where it is illegal.
    pub(crate) fn step(&mut self, state: StateId, label: Label) -> Option<StateId> {
        self.looked += 1;
        let next = match self.transitions.get(&(state, label)) {
            Some(&next) => next,
            None => self.compute(state, label),
        };
        (next != ILLEGAL).then_some(next)
    }

    /// How often a transition was looked up.
    pub(crate) fn looked(&self) -> u64 {
        self.looked
    }

    fn compute(&mut self, state: StateId, label: Label) -> u32 {
        let (input, seen) = self.labels.get(label);
        let next = self
            .model
            .step(self.states.get(state), input, seen.as_ref());
        let next = next.map_or(ILLEGAL, |next| self.state(next));
        if self.is_pure(label) && next != ILLEGAL && next != state {
            self.dishonest = Some(label);
        }
        self.transitions.insert((state, label), next);
        next
    }

    fn state(&mut self, state: M::State) -> StateId {
        let bytes = self.model.state_bytes(&state);
        let (number, new) = self.states.intern(state);
        if new {
            self.owned += bytes;
        }
        number
    }

    /// An operation that the model calls pure and that changed a state, if one was met.
    pub(crate) fn dishonest(&self) -> Option<String> {
        let (input, seen) = self.labels.get(self.dishonest?);
        Some(self.model.describe(input, seen.as_ref()))
    }

    /// The memory in use, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let transition = size_of::<(StateId, Label, u32)>() + 1;
        self.owned + self.states.bytes() + self.transitions.capacity() * transition * 3
    }
}
