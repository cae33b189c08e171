//! First in, first out.

use std::collections::VecDeque;
use std::sync::Arc;

use testimony_history::{Answer, Call, Function, Value};

use super::{Bundled, argument, canonical, list_bytes, starting_elements, unknown_word};
use crate::expert::Expert;
use crate::expert::queue::QueueExpert;
use crate::model::Model;

/// A queue without bounds.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    initial: Vec<Value>,
}

/// What is asked of a [`Queue`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum QueueInput {
    /// This value at the end.
    Enqueue(Value),
    /// The value at the front.
    Dequeue,
}

/// What a [`Queue`] answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum QueueOutput {
    /// Done; to an enqueue.
    Done,
    /// The value taken.
    Value(Value),
    /// There was none.
    Empty,
}

impl Queue {
    /// A queue that starts with values, the front first.
    pub fn new(initial: impl IntoIterator<Item = Value>) -> Self {
        Queue {
            initial: initial.into_iter().collect(),
        }
    }

    pub(crate) fn starts_empty(&self) -> bool {
        self.initial.is_empty()
    }

    /// The front first.
    pub(crate) fn initial(&self) -> &[Value] {
        &self.initial
    }
}

impl Model for Queue {
    type Input = QueueInput;
    type Output = QueueOutput;
    /// The front first.
    type State = Arc<VecDeque<Value>>;

    fn init(&self) -> Self::State {
        Arc::new(self.initial.iter().cloned().collect())
    }

    fn step(
        &self,
        state: &Self::State,
        input: &QueueInput,
        seen: Option<&QueueOutput>,
    ) -> Option<Self::State> {
        let rest = || Arc::new(state.iter().skip(1).cloned().collect());
        match (input, seen) {
            (QueueInput::Enqueue(value), None | Some(QueueOutput::Done)) => {
                Some(Arc::new(state.iter().chain([value]).cloned().collect()))
            }
            (QueueInput::Dequeue, None) => Some(rest()),
            (QueueInput::Dequeue, Some(QueueOutput::Value(value))) => {
                (state.front() == Some(value)).then(rest)
            }
            (QueueInput::Dequeue, Some(QueueOutput::Empty)) => {
                state.is_empty().then(|| state.clone())
            }
            (QueueInput::Enqueue(_), Some(QueueOutput::Value(_) | QueueOutput::Empty))
            | (QueueInput::Dequeue, Some(QueueOutput::Done)) => None,
        }
    }

    /// O(1) where nobody else has the state.
    fn advance(
        &self,
        state: &mut Self::State,
        input: &QueueInput,
        seen: Option<&QueueOutput>,
    ) -> bool {
        match (input, seen) {
            (QueueInput::Enqueue(value), None | Some(QueueOutput::Done)) => {
                Arc::make_mut(state).push_back(value.clone());
                true
            }
            (QueueInput::Dequeue, None) => {
                Arc::make_mut(state).pop_front();
                true
            }
            (QueueInput::Dequeue, Some(QueueOutput::Value(value))) => {
                Arc::make_mut(state).pop_front().as_ref() == Some(value)
            }
            (QueueInput::Dequeue, Some(QueueOutput::Empty)) => state.is_empty(),
            (QueueInput::Enqueue(_), Some(QueueOutput::Value(_) | QueueOutput::Empty))
            | (QueueInput::Dequeue, Some(QueueOutput::Done)) => false,
        }
    }

    fn is_pure(&self, _input: &QueueInput, seen: Option<&QueueOutput>) -> bool {
        seen == Some(&QueueOutput::Empty)
    }

    fn state_bytes(&self, state: &Self::State) -> usize {
        size_of_val(state) + list_bytes(state.iter())
    }
}

impl Bundled for Queue {
    fn starting_as(initial: Option<&Value>) -> Result<Self, String> {
        Ok(Queue::new(starting_elements(initial)?))
    }

    fn decode_call(_process: u64, call: &Call) -> Result<QueueInput, String> {
        match &call.f {
            Function::Enqueue => match argument(call)? {
                Value::Null => Err("null stands for the empty queue".to_owned()),
                value => Ok(QueueInput::Enqueue(value)),
            },
            Function::Dequeue => Ok(QueueInput::Dequeue),
            _ => Err(unknown_word(call)),
        }
    }

    fn decode_answer(call: &Call, answer: &Answer) -> Result<QueueOutput, String> {
        match (&call.f, &answer.value) {
            (Function::Dequeue, None) => Err("it has no `value`".to_owned()),
            (Function::Dequeue, Some(Value::Null)) => Ok(QueueOutput::Empty),
            (Function::Dequeue, Some(value)) => Ok(QueueOutput::Value(canonical(value))),
            _ => Ok(QueueOutput::Done),
        }
    }

    fn state_in_words(state: &Self::State) -> String {
        Value::list(state.iter().cloned()).to_string()
    }

    fn expert() -> Box<dyn Expert<Self>> {
        Box::new(QueueExpert)
    }
}
