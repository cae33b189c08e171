//! A number that is added to.

use testimony_history::{Answer, Call, Function, Value};

use super::{Bundled, unknown_word};
use crate::expert::Expert;
use crate::expert::counter::CounterExpert;
use crate::model::Model;

/// A counter.
#[derive(Clone, Debug, Default)]
pub struct Counter {
    initial: i128,
}

/// What is asked of a [`Counter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CounterInput {
    /// Its value?
    Read,
    /// This much more.
    Add(i128),
}

/// What a [`Counter`] answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CounterOutput {
    /// Done; to an add that tells nothing.
    Done,
    /// The value read, or the value after adding.
    Value(i128),
}

impl Counter {
    /// A counter that starts at a number.
    pub fn new(initial: i128) -> Self {
        Counter { initial }
    }

    pub(crate) fn initial(&self) -> i128 {
        self.initial
    }
}

impl Model for Counter {
    type Input = CounterInput;
    type Output = CounterOutput;
    type State = i128;

    fn init(&self) -> i128 {
        self.initial
    }

    fn step(
        &self,
        state: &i128,
        input: &CounterInput,
        seen: Option<&CounterOutput>,
    ) -> Option<i128> {
        let next = match input {
            CounterInput::Read => *state,
            CounterInput::Add(amount) => state.wrapping_add(*amount),
        };
        let legal = match (input, seen) {
            (_, None) | (CounterInput::Add(_), Some(CounterOutput::Done)) => true,
            (_, Some(CounterOutput::Value(value))) => *value == next,
            (CounterInput::Read, Some(CounterOutput::Done)) => false,
        };
        legal.then_some(next)
    }

    fn is_pure(&self, input: &CounterInput, _seen: Option<&CounterOutput>) -> bool {
        matches!(input, CounterInput::Read | CounterInput::Add(0))
    }
}

impl Bundled for Counter {
    fn starting_as(initial: Option<&Value>) -> Result<Self, String> {
        match initial {
            None | Some(Value::Null) => Ok(Counter::new(0)),
            Some(value) => number(value)
                .map(Counter::new)
                .map_err(|e| format!("the initial value: {e}")),
        }
    }

    fn decode_call(_process: u64, call: &Call) -> Result<CounterInput, String> {
        match &call.f {
            Function::Read => Ok(CounterInput::Read),
            Function::Increment => Ok(CounterInput::Add(1)),
            Function::Decrement => Ok(CounterInput::Add(-1)),
            Function::Add => Ok(CounterInput::Add(number(
                call.value.as_ref().ok_or("it has no `value`")?,
            )?)),
            _ => Err(unknown_word(call)),
        }
    }

    fn decode_answer(call: &Call, answer: &Answer) -> Result<CounterOutput, String> {
        let told = match &call.f {
            Function::Read => Some(answer.value.as_ref().ok_or("it has no `value`")?),
            _ => answer
                .result
                .as_ref()
                .filter(|result| **result != Value::Null),
        };
        told.map_or(Ok(CounterOutput::Done), |told| {
            number(told).map(CounterOutput::Value)
        })
    }

    fn state_in_words(state: &i128) -> String {
        state.to_string()
    }

    fn expert() -> Box<dyn Expert<Self>> {
        Box::new(CounterExpert)
    }
}

/// A whole number. Up to 2^96, so that no sum of a history's numbers leaves 128 bits.
pub(crate) fn number(value: &Value) -> Result<i128, String> {
    let number = match value {
        Value::Int(number) => Some(i128::from(*number)),
        Value::Number(digits) => digits.parse::<i128>().ok(),
        Value::Null | Value::Bool(_) | Value::Str(_) | Value::List(_) | Value::Map(_) => None,
    };
    number
        .filter(|number| number.unsigned_abs() <= 1 << 96)
        .ok_or_else(|| format!("{value} is no whole number below 2^96"))
}
