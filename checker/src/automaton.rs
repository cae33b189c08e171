//! A model seen through numbers: states and operations interned, transitions computed once.

use std::hash::BuildHasher;

use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::model::Model;
use crate::partition::Op;
use crate::table::Interner;

/// A state's number.
pub(crate) type StateId = u32;
/// The number of an operation's input and answer; operations that share it behave alike.
pub(crate) type Label = u32;

const ILLEGAL: u32 = u32::MAX;
/// A transition that nobody has asked for yet.
const UNKNOWN: u32 = u32::MAX - 1;

/// The part of a model's behaviour that a search has met.
pub(crate) struct Automaton<'m, M: Model> {
    model: &'m M,
    labels: Interner<(M::Input, Option<M::Output>)>,
    pure: Vec<bool>,
    grows: Vec<bool>,
    tells: Vec<bool>,
    /// Whether a state never grows into one that an operation's answer fits.
    lost: FxHashMap<(StateId, Label), bool>,
    states: Interner<M::State>,
    transitions: Transitions,
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
            grows: Vec::new(),
            tells: Vec::new(),
            lost: FxHashMap::default(),
            states: Interner::new(),
            transitions: Transitions::default(),
            owned: 0,
            dishonest: None,
            looked: 0,
        };
        automaton.state(model.init());
        automaton
    }

    /// The operation's label.
    pub(crate) fn label(&mut self, op: &Op<M::Input, M::Output>) -> Label {
        let hash = FxBuildHasher.hash_one((&op.input, &op.seen));
        let same =
            |(input, seen): &(M::Input, Option<M::Output>)| *input == op.input && *seen == op.seen;
        let make = || (op.input.clone(), op.seen.clone());
        let (label, new) = self.labels.intern_as(hash, same, make);
        if new {
            let seen = op.seen.as_ref();
            self.pure.push(self.model.is_pure(&op.input, seen));
            self.grows.push(self.model.grows(&op.input, seen));
            self.tells.push(self.model.tells_growth(&op.input, seen));
        }
        label
    }

    pub(crate) fn is_pure(&self, label: Label) -> bool {
        self.pure[label as usize]
    }

    /// Whether an operation lets the object grow, whatever it is.
    pub(crate) fn grows(&self, label: Label) -> bool {
        self.grows[label as usize]
    }

    /// Whether some state is lost to an operation.
    pub(crate) fn tells(&self, label: Label) -> bool {
        self.tells[label as usize]
    }

    /// Whether an operation is illegal in a state, and in all that it can grow into.
    pub(crate) fn is_lost(&mut self, state: StateId, label: Label) -> bool {
        if !self.tells[label as usize] {
            return false;
        }
        self.looked += 1;
        *self.lost.entry((state, label)).or_insert_with(|| {
            let (input, seen) = self.labels.get(label);
            self.model
                .is_lost(self.states.get(state), input, seen.as_ref())
        })
    }

    pub(crate) fn labels(&self) -> usize {
        self.pure.len()
    }

    /// How many states were met.
    pub(crate) fn states(&self) -> usize {
        self.states.len()
    }

    /// The state after an operation, or `None` where it is illegal.
    pub(crate) fn step(&mut self, state: StateId, label: Label) -> Option<StateId> {
        self.looked += 1;
        let next = match self.transitions.get(state, label) {
            UNKNOWN => self.compute(state, label),
            next => next,
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
        self.transitions.set(state, label, next, self.pure.len());
        next
    }

    /// The number of a state.
    pub(crate) fn state(&mut self, state: M::State) -> StateId {
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
        let lost = self.lost.capacity() * (size_of::<(StateId, Label, bool)>() + 1);
        self.owned + self.states.bytes() + self.transitions.bytes() + lost * 3
    }
}

/// Transitions by state and label: in a table where labels are few, hashed where they are many.
#[derive(Debug, Default)]
struct Transitions {
    /// The labels of a row; 0 before the first transition.
    stride: usize,
    /// One row for each of the first states.
    rows: Vec<u32>,
    /// The others, in several maps, so that growing one never takes long.
    others: Vec<FxHashMap<(StateId, Label), u32>>,
    /// The entries that the maps have room for, together.
    hashed_room: usize,
}

impl Transitions {
    /// The most labels that a row is made for.
    const MOST_LABELS: usize = 512;
    /// The most entries of the table.
    const MOST_ENTRIES: usize = 1 << 21;
    /// How many maps there are.
    const MAPS: usize = 64;

    fn get(&self, state: StateId, label: Label) -> u32 {
        if (label as usize) < self.stride {
            let at = state as usize * self.stride + label as usize;
            if let Some(&next) = self.rows.get(at) {
                return next;
            }
        }
        if self.others.is_empty() {
            return UNKNOWN;
        }
        let map = &self.others[Self::map_of(state, label)];
        map.get(&(state, label)).copied().unwrap_or(UNKNOWN)
    }

    fn set(&mut self, state: StateId, label: Label, next: u32, labels: usize) {
        if self.stride == 0 && labels <= Self::MOST_LABELS {
            self.stride = labels;
        }
        let entries = (state as usize + 1) * self.stride;
        if (label as usize) < self.stride && entries <= Self::MOST_ENTRIES {
            if self.rows.len() < entries {
                self.rows.resize(entries, UNKNOWN);
            }
            self.rows[state as usize * self.stride + label as usize] = next;
        } else {
            if self.others.is_empty() {
                self.others.resize_with(Self::MAPS, FxHashMap::default);
            }
            let map = &mut self.others[Self::map_of(state, label)];
            let room = map.capacity();
            map.insert((state, label), next);
            self.hashed_room += map.capacity() - room;
        }
    }

    fn map_of(state: StateId, label: Label) -> usize {
        (state.wrapping_mul(31) ^ label) as usize % Self::MAPS
    }

    fn bytes(&self) -> usize {
        let hashed = size_of::<(StateId, Label, u32)>() + 1;
        self.rows.capacity() * size_of::<u32>() + self.hashed_room * hashed * 3
    }
}
