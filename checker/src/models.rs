//! The bundled models, and how they read a recorded history.
//!
//! Each model is one object; [`Keyed`] makes a map of objects out of it. [`Bundled`] gives a
//! recorded call and answer their meaning, by the table in section 3 of the design.

pub mod cell;
pub mod counter;
pub mod keyed;
pub mod log;
pub mod mutex;
pub mod queue;
pub(crate) mod register;
pub mod set;

use std::sync::Arc;

use testimony_history::{Answer, Call, History, Operation, Outcome, RecordedHistory, Value};

use crate::expert::{Expert, Layman};
use crate::model::Model;
use crate::verdict::Witness;
use crate::witness::{Meaning, WitnessError, replay_witness};
pub use cell::Cell;
pub use counter::Counter;
pub use keyed::{Keyed, KeyedInput};
pub use log::Log;
pub use mutex::Mutex;
pub use queue::Queue;
use register::AsRegister;
pub use set::Set;

/// A model that can read recorded calls and answers.
pub(crate) trait Bundled: Model + Clone + 'static {
    /// The object that starts as `initial`; an error says why there is none.
    fn starting_as(initial: Option<&Value>) -> Result<Self, String>;
    /// What a call asks for.
    fn decode_call(process: u64, call: &Call) -> Result<Self::Input, String>;
    /// What the answer to a call says.
    fn decode_answer(call: &Call, answer: &Answer) -> Result<Self::Output, String>;
    /// A state in words, to follow "the object is ...".
    fn state_in_words(state: &Self::State) -> String;
    /// The object as a register, if reading and writing it are a register's reads and writes.
    fn as_register(&self) -> Option<AsRegister<Self::Input, Self::Output>> {
        None
    }
    /// What is known of the model beyond its steps.
    fn expert() -> Box<dyn Expert<Self>> {
        Box::new(Layman)
    }
}

/// Evaluates an expression for the bundled model of a kind, whose type has the given name in it.
macro_rules! for_bundled {
    ($kind:expr, $model:ident => $body:expr) => {
        match $kind {
            testimony_history::Model::Register
            | testimony_history::Model::CasRegister
            | testimony_history::Model::Kv => {
                type $model = $crate::models::Cell;
                $body
            }
            testimony_history::Model::Counter => {
                type $model = $crate::models::Counter;
                $body
            }
            testimony_history::Model::Set => {
                type $model = $crate::models::Set;
                $body
            }
            testimony_history::Model::Queue => {
                type $model = $crate::models::Queue;
                $body
            }
            testimony_history::Model::Mutex => {
                type $model = $crate::models::Mutex;
                $body
            }
            testimony_history::Model::Log => {
                type $model = $crate::models::Log;
                $body
            }
        }
    };
}
pub(crate) use for_bundled;

/// A recorded history in a model's own terms.
pub(crate) type Decoded<B> = History<KeyedInput<<B as Model>::Input>, <B as Model>::Output>;

/// Reads a recorded history; an error names the operation that makes no sense.
pub(crate) fn decode<B: Bundled>(history: &RecordedHistory) -> Result<Decoded<B>, String> {
    let operations: Result<Vec<_>, String> = history
        .operations()
        .iter()
        .map(decode_operation::<B>)
        .collect();
    Ok(History::from_operations(operations?))
}

fn decode_operation<B: Bundled>(
    operation: &Operation<Call, Answer>,
) -> Result<Operation<KeyedInput<B::Input>, B::Output>, String> {
    let (input, seen) = decode_one::<B>(operation)?;
    let outcome = match (&operation.outcome, seen) {
        (Outcome::Completed(_), Some(seen)) => Outcome::Completed(seen),
        (Outcome::Failed, _) => Outcome::Failed,
        (Outcome::Completed(_) | Outcome::Unknown, _) => Outcome::Unknown,
    };
    Ok(Operation {
        process: operation.process,
        input: KeyedInput {
            key: key_of(&operation.input),
            input,
        },
        outcome,
        called: operation.called,
        returned: operation.returned,
        after: operation.after,
        call: operation.call,
        end: operation.end,
    })
}

/// What one operation asks for, and what it was answered if it completed; the error names it.
pub(crate) fn decode_one<B: Bundled>(
    operation: &Operation<Call, Answer>,
) -> Result<(B::Input, Option<B::Output>), String> {
    let call = &operation.input;
    let place = |problem| format!("operation {}, {}: {problem}", operation.call.index, call.f);
    let seen = match &operation.outcome {
        Outcome::Completed(answer) => Some(B::decode_answer(call, answer).map_err(place)?),
        Outcome::Failed | Outcome::Unknown => None,
    };
    let input = B::decode_call(operation.process, call).map_err(place)?;
    Ok((input, seen))
}

/// The object that a call is made on.
pub(crate) fn key_of(call: &Call) -> Option<Value> {
    call.key.as_ref().map(canonical)
}

/// A bundled model takes recorded operations as it reads them.
struct AsRead<'m, B>(&'m B);

impl<B: Bundled> Meaning<Call, Answer> for AsRead<'_, B> {
    type State = B::State;

    fn init(&self) -> B::State {
        self.0.init()
    }

    fn is_on(&self, operation: &Operation<Call, Answer>, key: &Option<Value>) -> bool {
        key_of(&operation.input) == *key
    }

    fn advance(&self, state: &mut B::State, operation: &Operation<Call, Answer>) -> bool {
        decode_one::<B>(operation)
            .is_ok_and(|(input, seen)| self.0.advance(state, &input, seen.as_ref()))
    }

    fn describe(&self, operation: &Operation<Call, Answer>) -> String {
        match decode_one::<B>(operation) {
            Ok((input, seen)) => self.0.describe(&input, seen.as_ref()),
            Err(problem) => problem,
        }
    }
}

/// [`verify_witness`](crate::verify_witness) for a history as it was recorded.
pub(crate) fn verify_recorded_witness<B: Bundled>(
    object: &B,
    history: &RecordedHistory,
    witness: &Witness,
) -> Result<(), WitnessError> {
    replay_witness(&AsRead(object), history, witness)
}

/// The value with the entries of every map in one order: JSON objects have none.
pub(crate) fn canonical(value: &Value) -> Value {
    value.canonical()
}

/// The bytes that a value owns beyond its own size.
pub(crate) fn owned_bytes(value: &Value) -> usize {
    const HEADER: usize = 2 * size_of::<usize>();
    match value {
        Value::Null | Value::Bool(_) | Value::Int(_) => 0,
        Value::Number(text) | Value::Str(text) => HEADER + text.len(),
        Value::List(items) => HEADER + list_bytes(items.iter()),
        Value::Map(entries) => entries
            .iter()
            .map(|(name, value)| size_of::<(Arc<str>, Value)>() + name.len() + owned_bytes(value))
            .sum::<usize>(),
    }
}

/// The bytes of the items of a list.
pub(crate) fn list_bytes<'a>(items: impl IntoIterator<Item = &'a Value>) -> usize {
    items
        .into_iter()
        .map(|item| size_of::<Value>() + owned_bytes(item))
        .sum()
}

fn argument(call: &Call) -> Result<Value, String> {
    call.value
        .as_ref()
        .map(canonical)
        .ok_or_else(|| "it has no `value`".to_owned())
}

fn truth(result: Option<&Value>) -> Result<Option<bool>, String> {
    match result {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(truth)) => Ok(Some(*truth)),
        Some(other) => Err(format!("its `result` {other} is neither true nor false")),
    }
}

fn elements(value: Option<&Value>) -> Result<Vec<Value>, String> {
    match value {
        None => Err("it has no `value`".to_owned()),
        Some(Value::Null) => Ok(Vec::new()),
        Some(Value::List(items)) => Ok(items.iter().map(canonical).collect()),
        Some(other) => Err(format!("{other} is no list")),
    }
}

fn starting_elements(initial: Option<&Value>) -> Result<Vec<Value>, String> {
    elements(Some(initial.unwrap_or(&Value::Null)))
        .map_err(|problem| format!("the initial value: {problem}"))
}

fn unknown_word(call: &Call) -> String {
    format!("the model has no function `{}`", call.f)
}

#[cfg(test)]
mod tests;
