//! A text that is written and appended to; it starts empty.

use porcupine_rs::{Model, Operation};
use testimony_history::{Answer, Call, Function, Value};

use super::{Keyed, by_key};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Texts;

#[derive(Clone, Debug)]
pub(crate) enum Asked {
    /// And what was read; `None` if nobody learnt it.
    Read(Option<String>),
    Write(String),
    Append(String),
}

impl Model for Texts {
    type State = String;
    type Op = Keyed<Asked>;
    type Metadata = ();

    fn partition_operations(history: &[Operation<Self>]) -> Vec<Vec<Operation<Self>>> {
        by_key(history)
    }

    fn init() -> String {
        String::new()
    }

    fn step(state: &String, op: &Keyed<Asked>) -> (bool, String) {
        match &op.asked {
            Asked::Read(read) => (
                read.as_ref().is_none_or(|read| read == state),
                state.clone(),
            ),
            Asked::Write(text) => (true, text.clone()),
            Asked::Append(text) => (true, format!("{state}{text}")),
        }
    }
}

pub(super) fn asked(call: &Call, told: Option<&Answer>) -> Option<Asked> {
    let text = |value: Option<&Value>| match value {
        Some(Value::Str(text)) => Some(text.to_string()),
        _ => None,
    };
    match call.f {
        Function::Read => match told {
            Some(answer) => Some(Asked::Read(Some(text(answer.value.as_ref())?))),
            None => Some(Asked::Read(None)),
        },
        Function::Write => Some(Asked::Write(text(call.value.as_ref())?)),
        Function::Append => Some(Asked::Append(text(call.value.as_ref())?)),
        _ => None,
    }
}
