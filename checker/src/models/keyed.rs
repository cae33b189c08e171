//! A map from keys to objects of one kind.

use testimony_history::Value;

use crate::model::Model;

/// Many objects of one kind, each with a key, each checked on its own.
#[derive(Clone, Debug)]
pub struct Keyed<M>(pub M);

/// An operation on the object with a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyedInput<I> {
    /// Which object; a history of one object has no keys.
    pub key: Option<Value>,
    /// What is asked of it.
    pub input: I,
}

impl<M: Model> Model for Keyed<M> {
    type Input = KeyedInput<M::Input>;
    type Output = M::Output;
    type State = M::State;

    fn init(&self) -> Self::State {
        self.0.init()
    }

    fn step(
        &self,
        state: &Self::State,
        input: &Self::Input,
        seen: Option<&Self::Output>,
    ) -> Option<Self::State> {
        self.0.step(state, &input.input, seen)
    }

    fn advance(
        &self,
        state: &mut Self::State,
        input: &Self::Input,
        seen: Option<&Self::Output>,
    ) -> bool {
        self.0.advance(state, &input.input, seen)
    }

    fn is_pure(&self, input: &Self::Input, seen: Option<&Self::Output>) -> bool {
        self.0.is_pure(&input.input, seen)
    }

    fn key(&self, input: &Self::Input) -> Option<Value> {
        input.key.clone()
    }

    fn describe(&self, input: &Self::Input, seen: Option<&Self::Output>) -> String {
        self.0.describe(&input.input, seen)
    }

    fn state_bytes(&self, state: &Self::State) -> usize {
        self.0.state_bytes(state)
    }
}
