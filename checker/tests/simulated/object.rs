//! The objects, written the way a program would keep them.

use std::collections::{BTreeSet, VecDeque};

use rand::{Rng, RngExt};
use testimony_history::{Answer, Call, Function, Model, Value};

/// An object that keeps its state in place.
#[derive(Clone, Debug)]
pub(crate) enum Object {
    Cell(Value),
    Counter(i64),
    Set(BTreeSet<Value>),
    Queue(VecDeque<Value>),
    Mutex { holder: Option<u64>, token: i64 },
    Log(Vec<Value>),
}

/// What a faulty object does now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Answers from an older state.
    Stale,
    /// Acknowledges an update and forgets it.
    Lost,
    /// Applies an update twice.
    Twice,
}

impl Object {
    /// An object that starts as `initial`; null is empty.
    pub(crate) fn new(model: Model, initial: &Value) -> Self {
        let elements: Vec<Value> = match initial {
            Value::List(elements) => elements.to_vec(),
            _ => Vec::new(),
        };
        match model {
            Model::Register | Model::CasRegister | Model::Kv => Object::Cell(initial.clone()),
            Model::Counter => match initial {
                Value::Int(number) => Object::Counter(*number),
                _ => Object::Counter(0),
            },
            Model::Set => Object::Set(elements.into_iter().collect()),
            Model::Queue => Object::Queue(elements.into()),
            Model::Mutex => Object::Mutex {
                holder: None,
                token: 0,
            },
            Model::Log => Object::Log(elements),
        }
    }

    /// Applies a call. `None` if the object refuses it; nothing has changed then. Answers that need
    /// not be told are told half the time.
    pub(crate) fn apply(
        &mut self,
        process: u64,
        call: &Call,
        rng: &mut impl Rng,
    ) -> Option<Answer> {
        let told = rng.random_bool(0.5);
        let argument = call.value.clone().unwrap_or_default();
        let mut answer = Answer::default();
        match self {
            Object::Cell(value) => cell(value, call, told, &mut answer)?,
            Object::Counter(value) => match (&call.f, &argument) {
                (Function::Add, Value::Int(amount)) => {
                    *value += amount;
                    answer.result = told.then_some(Value::Int(*value));
                }
                _ => answer.value = Some(Value::Int(*value)),
            },
            Object::Set(elements) => {
                let was = match call.f {
                    Function::Add => elements.insert(argument),
                    Function::Remove => elements.remove(&argument),
                    Function::Contains => elements.contains(&argument),
                    _ => {
                        answer.value = Some(Value::list(elements.iter().rev().cloned()));
                        return Some(answer);
                    }
                };
                answer.result = (told || call.f == Function::Contains).then_some(Value::Bool(was));
            }
            Object::Queue(values) => match call.f {
                Function::Enqueue => values.push_back(argument),
                _ => answer.value = Some(values.pop_front().unwrap_or_default()),
            },
            Object::Mutex { holder, token } => match call.f {
                Function::Acquire if holder.is_none() => {
                    (*holder, *token) = (Some(process), *token + 1);
                    answer.result = told.then_some(Value::Int(*token));
                }
                Function::Acquire => answer.result = Some(Value::Bool(false)),
                _ if *holder == Some(process) => *holder = None,
                _ => return None,
            },
            Object::Log(elements) => match (&call.f, &call.value) {
                (Function::Append, _) => {
                    let offset = i64::try_from(elements.len()).expect("a short log");
                    answer.result = told.then_some(Value::Int(offset));
                    elements.push(argument);
                }
                (_, Some(Value::Int(offset))) => {
                    let offset = usize::try_from(*offset).expect("an offset of a short log");
                    answer.result = Some(elements.get(offset).cloned().unwrap_or_default());
                }
                _ => answer.value = Some(Value::list(elements.iter().cloned())),
            },
        }
        Some(answer)
    }
}

fn cell(value: &mut Value, call: &Call, told: bool, answer: &mut Answer) -> Option<()> {
    let argument = call.value.clone().unwrap_or_default();
    let present = *value != Value::Null;
    match (&call.f, argument) {
        (Function::Write, argument) => *value = argument,
        (Function::Cas, Value::List(pair)) => {
            let swapped = *value == pair[0];
            answer.swapped = Some(swapped);
            answer.actual = (told && !swapped).then(|| value.clone());
            if swapped {
                *value = pair[1].clone();
            }
        }
        (Function::Contains, _) => answer.result = Some(Value::Bool(present)),
        (Function::Remove, _) => {
            answer.result = told.then_some(Value::Bool(present));
            *value = Value::Null;
        }
        (Function::Append, Value::Str(text)) => {
            let start = match value {
                Value::Null => String::new(),
                Value::Str(start) => start.to_string(),
                _ => return None,
            };
            *value = Value::from(format!("{start}{text}").as_str());
        }
        _ => answer.value = Some(value.clone()),
    }
    Some(())
}
