//! The model seen through numbers, for histories without end: it forgets what nobody uses.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::model::Model;
use crate::table::Interner;

/// A state's number.
pub(super) type StateId = u32;
/// The number of an operation's input and answer.
pub(super) type Label = u32;

const ILLEGAL: u32 = u32::MAX;

/// Below so many bytes there is no point in forgetting.
const SMALL: usize = 4 << 20;

/// The states and operations that are in use, numbered, and the steps between them.
pub(super) struct Machine<M: Model> {
    model: Arc<M>,
    labels: Interner<(M::Input, Option<M::Output>)>,
    pure: Vec<bool>,
    states: Interner<M::State>,
    steps: FxHashMap<(StateId, Label), u32>,
    /// Bytes that the states own, as the model counts them.
    owned: usize,
    /// Bytes at which it is time to forget.
    full: usize,
}

impl<M: Model> Machine<M> {
    /// A machine that knows only the initial state, which has number 0.
    pub(super) fn new(model: M) -> Self {
        let mut machine = Machine::knowing_nothing(Arc::new(model));
        let initial = machine.model.init();
        machine.state(initial);
        machine
    }

    fn knowing_nothing(model: Arc<M>) -> Self {
        Machine {
            model,
            labels: Interner::new(),
            pure: Vec::new(),
            states: Interner::new(),
            steps: FxHashMap::default(),
            owned: 0,
            full: SMALL,
        }
    }

    pub(super) fn label(&mut self, input: &M::Input, seen: Option<&M::Output>) -> Label {
        let (label, new) = self.labels.intern((input.clone(), seen.cloned()));
        if new {
            self.pure.push(self.model.is_pure(input, seen));
        }
        label
    }

    pub(super) fn is_pure(&self, label: Label) -> bool {
        self.pure[label as usize]
    }

    /// The state after an operation, or `None` where it is illegal.
    pub(super) fn step(&mut self, state: StateId, label: Label) -> Option<StateId> {
        let next = match self.steps.get(&(state, label)) {
            Some(&next) => next,
            None => self.compute(state, label),
        };
        (next != ILLEGAL).then_some(next)
    }

    fn compute(&mut self, state: StateId, label: Label) -> u32 {
        let (input, seen) = self.labels.get(label);
        let next = self
            .model
            .step(self.states.get(state), input, seen.as_ref());
        let next = next.map_or(ILLEGAL, |next| self.state(next));
        self.steps.insert((state, label), next);
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

    /// The memory in use, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let step = size_of::<(StateId, Label, u32)>() + 1;
        let label = size_of::<(M::Input, Option<M::Output>)>();
        self.owned
            + self.states.bytes()
            + self.pure.len() * (3 * label + 1)
            + self.steps.capacity() * step
    }

    /// Bytes that a state takes, on average.
    pub(super) fn bytes_of_a_state(&self) -> usize {
        self.owned / self.states.len() + size_of::<M::State>()
    }

    /// Whether so much has piled up that it is time to move to a successor.
    pub(super) fn is_full(&self) -> bool {
        self.bytes() > self.full
    }
}

/// Moves what is in use to a machine that knows nothing else.
pub(super) struct Move<'m, M: Model> {
    from: &'m Machine<M>,
    to: Machine<M>,
    states: FxHashMap<StateId, StateId>,
    labels: FxHashMap<Label, Label>,
}

impl<'m, M: Model> Move<'m, M> {
    pub(super) fn from(from: &'m Machine<M>) -> Self {
        let mut to = Machine::knowing_nothing(Arc::clone(&from.model));
        to.state(from.states.get(0).clone());
        Move {
            from,
            to,
            states: FxHashMap::default(),
            labels: FxHashMap::default(),
        }
    }

    /// The new number of a state.
    pub(super) fn state(&mut self, old: StateId) -> StateId {
        let Move {
            from, to, states, ..
        } = self;
        *states
            .entry(old)
            .or_insert_with(|| to.state(from.states.get(old).clone()))
    }

    /// The new number of a label.
    pub(super) fn label(&mut self, old: Label) -> Label {
        let Move {
            from, to, labels, ..
        } = self;
        *labels.entry(old).or_insert_with(|| {
            let (input, seen) = from.labels.get(old);
            to.label(input, seen.as_ref())
        })
    }

    /// The machine that everything in use has been moved to. It fills up when it holds a few times
    /// as much, so that moving costs little for each event.
    pub(super) fn done(self) -> Machine<M> {
        let mut to = self.to;
        to.full = SMALL.max(to.bytes() * 4);
        to
    }
}
