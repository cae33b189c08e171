//! A set of elements.

use std::sync::Arc;

use testimony_history::{Answer, Call, Function, Value};

use super::{Bundled, argument, elements, list_bytes, starting_elements, truth, unknown_word};
use crate::expert::Expert;
use crate::expert::set::SetExpert;
use crate::model::Model;

/// A set.
#[derive(Clone, Debug, Default)]
pub struct Set {
    initial: Vec<Value>,
}

/// What is asked of a [`Set`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SetInput {
    /// This element too.
    Add(Value),
    /// No longer this element.
    Remove(Value),
    /// Is this element there?
    Contains(Value),
    /// All elements?
    Read,
}

/// What a [`Set`] answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SetOutput {
    /// Done; to whatever tells nothing.
    Done,
    /// Whether the element was added, was removed, was there.
    Was(bool),
    /// All elements, sorted. A list that has one twice is no set, so no set answers it.
    Elements(Arc<[Value]>),
}

/// The elements of a [`Set`]: sorted, each once.
pub(crate) type SetState = Arc<Vec<Value>>;

impl Set {
    /// A set that starts with elements.
    pub fn new(initial: impl IntoIterator<Item = Value>) -> Self {
        let mut initial: Vec<Value> = initial.into_iter().collect();
        initial.sort();
        initial.dedup();
        Set { initial }
    }

    /// Sorted, each once.
    pub(crate) fn initial(&self) -> &[Value] {
        &self.initial
    }
}

impl Model for Set {
    type Input = SetInput;
    type Output = SetOutput;
    type State = SetState;

    fn init(&self) -> Self::State {
        Arc::new(self.initial.to_vec())
    }

    fn step(
        &self,
        state: &Self::State,
        input: &SetInput,
        seen: Option<&SetOutput>,
    ) -> Option<Self::State> {
        let mut next = state.clone();
        self.advance(&mut next, input, seen).then_some(next)
    }

    /// Moves what comes behind an element that comes or goes, where nobody else has the state.
    fn advance(&self, state: &mut Self::State, input: &SetInput, seen: Option<&SetOutput>) -> bool {
        let was = match input {
            SetInput::Add(element) => {
                let place = state.binary_search(element);
                if let Err(at) = place {
                    Arc::make_mut(state).insert(at, element.clone());
                }
                Some(place.is_err())
            }
            SetInput::Remove(element) => {
                let place = state.binary_search(element);
                if let Ok(at) = place {
                    Arc::make_mut(state).remove(at);
                }
                Some(place.is_ok())
            }
            SetInput::Contains(element) => Some(state.binary_search(element).is_ok()),
            SetInput::Read => None,
        };
        match seen {
            None => true,
            Some(SetOutput::Done) => *input != SetInput::Read,
            Some(SetOutput::Was(seen)) => was == Some(*seen),
            Some(SetOutput::Elements(seen)) => *input == SetInput::Read && seen[..] == state[..],
        }
    }

    fn is_pure(&self, input: &SetInput, seen: Option<&SetOutput>) -> bool {
        match input {
            SetInput::Add(_) | SetInput::Remove(_) => seen == Some(&SetOutput::Was(false)),
            SetInput::Contains(_) | SetInput::Read => true,
        }
    }

    fn state_bytes(&self, state: &Self::State) -> usize {
        size_of_val(state) + list_bytes(state.iter())
    }
}

impl Bundled for Set {
    fn starting_as(initial: Option<&Value>) -> Result<Self, String> {
        Ok(Set::new(starting_elements(initial)?))
    }

    fn decode_call(_process: u64, call: &Call) -> Result<SetInput, String> {
        match &call.f {
            Function::Add => Ok(SetInput::Add(argument(call)?)),
            Function::Remove => Ok(SetInput::Remove(argument(call)?)),
            Function::Contains => Ok(SetInput::Contains(argument(call)?)),
            Function::Read => Ok(SetInput::Read),
            _ => Err(unknown_word(call)),
        }
    }

    fn decode_answer(call: &Call, answer: &Answer) -> Result<SetOutput, String> {
        match &call.f {
            Function::Read => {
                let mut elements = elements(answer.value.as_ref())?;
                elements.sort();
                Ok(SetOutput::Elements(elements.into()))
            }
            _ => Ok(truth(answer.result.as_ref())?.map_or(SetOutput::Done, SetOutput::Was)),
        }
    }

    fn state_in_words(state: &Self::State) -> String {
        Value::list(state.iter().cloned()).to_string()
    }

    fn expert() -> Box<dyn Expert<Self>> {
        Box::new(SetExpert)
    }
}
