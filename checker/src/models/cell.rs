//! One value that may be absent: a register, a compare-and-set register, or one key of a map.

use std::sync::Arc;

use rustc_hash::FxHashSet;
use testimony_history::{Answer, Call, Function, Value};

use super::register::{Access, AsRegister};
use super::{Bundled, argument, canonical, owned_bytes, truth, unknown_word};
use crate::expert::Expert;
use crate::expert::cell::CellExpert;
use crate::model::Model;

/// A cell with a value; absent is `null`, and writing `null` makes it so.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    initial: Value,
    abstraction: Option<Arc<Abstraction>>,
}

/// What is asked of a [`Cell`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CellInput {
    /// Its value?
    Read,
    /// This value, whatever it had.
    Write(Value),
    /// The second value, if it has the first.
    Cas(Value, Value),
    /// Is there a value?
    Contains,
    /// No value.
    Remove,
    /// This text at the end of the text it has; absent counts as empty.
    Append(Arc<str>),
}

/// What a [`Cell`] answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CellOutput {
    /// Done; to a write, an append, and whatever tells nothing.
    Done,
    /// The value read.
    Value(Value),
    /// The compare-and-set matched.
    Swapped,
    /// It did not match; perhaps with the value found.
    NotSwapped(Option<Value>),
    /// Whether there was a value; to `contains`, and a remove that tells.
    Was(bool),
}

/// Values that no operation can tell apart, taken for one. It makes a search faster and changes no
/// answer; see [`crate::expert::cell`].
#[derive(Debug)]
pub(crate) struct Abstraction {
    /// Values that some operation mentions, and that must be kept apart from all others.
    pub(crate) mentioned: FxHashSet<Value>,
    /// Texts among them, sorted, where texts may grow: what begins one of them must be kept as
    /// well.
    pub(crate) texts: Vec<Arc<str>>,
    /// Stands for every text that need not.
    pub(crate) some_text: Value,
    /// Stands for everything else that need not.
    pub(crate) something: Value,
}

impl Cell {
    /// A cell that starts with a value.
    pub fn new(initial: Value) -> Self {
        Cell {
            initial,
            abstraction: None,
        }
    }

    pub(crate) fn initial(&self) -> &Value {
        &self.initial
    }

    pub(crate) fn with_abstraction(&self, abstraction: Abstraction) -> Self {
        Cell {
            initial: self.initial.clone(),
            abstraction: Some(Arc::new(abstraction)),
        }
    }

    /// Values that stand for all that no operation mentions, if some do.
    pub(crate) fn others(&self) -> Option<[Value; 2]> {
        let abstraction = self.abstraction.as_ref()?;
        Some([abstraction.some_text.clone(), abstraction.something.clone()])
    }

    fn blur(&self, value: Value) -> Value {
        match &self.abstraction {
            Some(abstraction) => abstraction.blur(value),
            None => value,
        }
    }
}

impl Abstraction {
    /// Whether a value must be kept apart from all others.
    pub(crate) fn keeps(&self, value: &Value) -> bool {
        self.mentioned.contains(value) || matches!(value, Value::Str(text) if self.begins(text))
    }

    /// Whether a text is the beginning of one that some operation mentions, where texts may grow.
    fn begins(&self, text: &str) -> bool {
        let at = self.texts.partition_point(|other| **other < *text);
        self.texts
            .get(at)
            .is_some_and(|other| other.starts_with(text))
    }

    /// Whether nothing that this text is appended to becomes a text that must be kept. Not looked
    /// at closely where there is much text.
    pub(crate) fn spoils(&self, text: &str) -> bool {
        const MOST: usize = 1 << 18;
        self.texts.iter().map(|other| other.len()).sum::<usize>() < MOST
            && !self.texts.iter().any(|other| other.contains(text))
    }

    /// What stands for a value.
    pub(crate) fn blur(&self, value: Value) -> Value {
        match value {
            Value::Null => Value::Null,
            value if self.keeps(&value) => value,
            Value::Str(_) => self.some_text.clone(),
            _ => self.something.clone(),
        }
    }
}

/// The text with more at its end; `None` where there is something that is no text.
pub(crate) fn appended(value: &Value, text: &str) -> Option<Value> {
    match value {
        Value::Null => Some(Value::str(text)),
        Value::Str(start) => Some(Value::Str(Arc::from(format!("{start}{text}")))),
        Value::Bool(_) | Value::Int(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => None,
    }
}

/// Whether a value is one already, or becomes it when texts are appended.
fn may_grow_into(state: &Value, value: &Value) -> bool {
    match (state, value) {
        (Value::Null, Value::Str(_)) => true,
        (Value::Str(start), Value::Str(text)) => text.starts_with(&**start),
        _ => state == value,
    }
}

impl Model for Cell {
    type Input = CellInput;
    type Output = CellOutput;
    type State = Value;

    fn init(&self) -> Value {
        self.blur(self.initial.clone())
    }

    fn step(&self, state: &Value, input: &CellInput, seen: Option<&CellOutput>) -> Option<Value> {
        use CellInput as In;
        use CellOutput as Out;
        let same = |legal: bool| legal.then(|| state.clone());
        let present = *state != Value::Null;
        match (input, seen) {
            (In::Read | In::Contains, None) | (In::Contains, Some(Out::Done)) => {
                Some(state.clone())
            }
            (In::Read, Some(Out::Value(value))) => same(state == value),
            (In::Contains, Some(Out::Was(was))) => same(present == *was),
            (In::Write(value), None | Some(Out::Done)) => Some(self.blur(value.clone())),
            (In::Cas(old, new), None) if state == old => Some(self.blur(new.clone())),
            (In::Cas(..), None) => Some(state.clone()),
            (In::Cas(old, new), Some(Out::Swapped)) => {
                (state == old).then(|| self.blur(new.clone()))
            }
            (In::Cas(old, _), Some(Out::NotSwapped(None))) => same(state != old),
            (In::Cas(old, _), Some(Out::NotSwapped(Some(actual)))) => {
                same(state == actual && state != old)
            }
            (In::Remove, None | Some(Out::Done)) => Some(Value::Null),
            (In::Remove, Some(Out::Was(was))) => (present == *was).then_some(Value::Null),
            (In::Append(text), None) => {
                Some(appended(state, text).map_or_else(|| state.clone(), |value| self.blur(value)))
            }
            (In::Append(text), Some(Out::Done)) => {
                appended(state, text).map(|value| self.blur(value))
            }
            (In::Read, Some(Out::Done | Out::Swapped | Out::NotSwapped(_) | Out::Was(_)))
            | (
                In::Write(_) | In::Append(_),
                Some(Out::Value(_) | Out::Swapped | Out::NotSwapped(_) | Out::Was(_)),
            )
            | (In::Cas(..), Some(Out::Done | Out::Value(_) | Out::Was(_)))
            | (In::Contains, Some(Out::Value(_) | Out::Swapped | Out::NotSwapped(_)))
            | (In::Remove, Some(Out::Value(_) | Out::Swapped | Out::NotSwapped(_))) => None,
        }
    }

    fn is_pure(&self, input: &CellInput, seen: Option<&CellOutput>) -> bool {
        match input {
            CellInput::Read | CellInput::Contains => true,
            CellInput::Cas(..) => matches!(seen, Some(CellOutput::NotSwapped(_))),
            CellInput::Remove => matches!(seen, Some(CellOutput::Was(false))),
            CellInput::Write(_) | CellInput::Append(_) => false,
        }
    }

    /// A text, or no value at all, becomes a longer text; anything else is not appended to.
    fn grows(&self, input: &CellInput, _seen: Option<&CellOutput>) -> bool {
        matches!(input, CellInput::Append(_))
    }

    fn is_lost(&self, state: &Value, input: &CellInput, seen: Option<&CellOutput>) -> bool {
        match (input, seen) {
            (CellInput::Read, Some(CellOutput::Value(value)))
            | (CellInput::Cas(..), Some(CellOutput::NotSwapped(Some(value)))) => {
                !may_grow_into(state, value)
            }
            (CellInput::Cas(old, _), Some(CellOutput::Swapped)) => !may_grow_into(state, old),
            (CellInput::Contains | CellInput::Remove, Some(CellOutput::Was(false))) => {
                *state != Value::Null
            }
            _ => false,
        }
    }

    fn tells_growth(&self, _input: &CellInput, seen: Option<&CellOutput>) -> bool {
        match seen {
            None | Some(CellOutput::Done | CellOutput::NotSwapped(None)) => false,
            Some(CellOutput::Was(was)) => !was,
            Some(CellOutput::Value(_) | CellOutput::Swapped | CellOutput::NotSwapped(Some(_))) => {
                true
            }
        }
    }

    fn state_bytes(&self, state: &Value) -> usize {
        size_of::<Value>() + owned_bytes(state)
    }
}

impl Bundled for Cell {
    fn starting_as(initial: Option<&Value>) -> Result<Self, String> {
        Ok(Cell::new(initial.map(canonical).unwrap_or_default()))
    }

    fn decode_call(_process: u64, call: &Call) -> Result<CellInput, String> {
        match &call.f {
            Function::Read => Ok(CellInput::Read),
            Function::Write => Ok(CellInput::Write(argument(call)?)),
            Function::Contains => Ok(CellInput::Contains),
            Function::Remove => Ok(CellInput::Remove),
            Function::Cas => match argument(call)? {
                Value::List(pair) if pair.len() == 2 => {
                    Ok(CellInput::Cas(pair[0].clone(), pair[1].clone()))
                }
                other => Err(format!("{other} is no pair of the old and the new value")),
            },
            Function::Append => match argument(call)? {
                Value::Str(text) => Ok(CellInput::Append(text)),
                other => Err(format!("{other} is no string")),
            },
            Function::Add
            | Function::Increment
            | Function::Decrement
            | Function::Enqueue
            | Function::Dequeue
            | Function::Acquire
            | Function::Release
            | Function::Other(_) => Err(unknown_word(call)),
        }
    }

    fn decode_answer(call: &Call, answer: &Answer) -> Result<CellOutput, String> {
        match &call.f {
            Function::Read => {
                let value = answer.value.as_ref().ok_or("it has no `value`")?;
                Ok(CellOutput::Value(canonical(value)))
            }
            Function::Cas => match answer.swapped.ok_or("it has no `swapped`")? {
                true => Ok(CellOutput::Swapped),
                false => Ok(CellOutput::NotSwapped(
                    answer.actual.as_ref().map(canonical),
                )),
            },
            Function::Contains | Function::Remove => {
                Ok(truth(answer.result.as_ref())?.map_or(CellOutput::Done, CellOutput::Was))
            }
            _ => Ok(CellOutput::Done),
        }
    }

    fn state_in_words(state: &Value) -> String {
        state.to_string()
    }

    fn as_register(&self) -> Option<AsRegister<CellInput, CellOutput>> {
        Some(AsRegister {
            initial: self.initial.clone(),
            access: |input| match input {
                CellInput::Read => Some(Access::Read),
                CellInput::Write(value) => Some(Access::Write(value)),
                CellInput::Cas(..)
                | CellInput::Contains
                | CellInput::Remove
                | CellInput::Append(_) => None,
            },
            seen: |output| match output {
                CellOutput::Value(value) => Some(value),
                CellOutput::Done
                | CellOutput::Swapped
                | CellOutput::NotSwapped(_)
                | CellOutput::Was(_) => None,
            },
            read: |value| (CellInput::Read, CellOutput::Value(value)),
            write: |value| (CellInput::Write(value), CellOutput::Done),
        })
    }

    fn expert() -> Box<dyn Expert<Self>> {
        Box::new(CellExpert)
    }
}
