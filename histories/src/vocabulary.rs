//! The words of each model: which functions it has, what they take and what they answer.
//!
//! See the table of the history format. Arguments and answers are checked for their shape only, so
//! that a recording mistake is told apart from a system that answers wrongly.

use crate::recording::Columns;
use crate::{Answer, Call, Event, Function, HistoryProblem, Model, Value};

/// What is wrong, and with which part of the event.
pub(crate) type Complaint = (fn(&Columns) -> u32, HistoryProblem);

const AT_F: fn(&Columns) -> u32 = |columns| columns.f;
const AT_VALUE: fn(&Columns) -> u32 = |columns| columns.value;
const AT_RESULT: fn(&Columns) -> u32 = |columns| columns.result;

/// The function that an event's word names in a model, synonyms resolved.
pub(crate) fn function(model: Model, f: &Function) -> Option<Function> {
    let f = match (model, f) {
        (Model::Register | Model::CasRegister | Model::Kv, Function::Other(word)) => {
            match &**word {
                "get" => Function::Read,
                "set" | "put" => Function::Write,
                "delete" => Function::Remove,
                _ => return None,
            }
        }
        _ => f.clone(),
    };
    functions(model).contains(&f).then_some(f)
}

/// What a model's clients can call.
fn functions(model: Model) -> &'static [Function] {
    use Function::*;
    match model {
        Model::Register => &[Read, Write],
        Model::CasRegister => &[Read, Write, Cas],
        Model::Kv => &[Read, Write, Cas, Contains, Remove, Append],
        Model::Counter => &[Read, Add, Increment, Decrement],
        Model::Set => &[Read, Add, Remove, Contains],
        Model::Queue => &[Enqueue, Dequeue],
        Model::Mutex => &[Acquire, Release],
        Model::Log => &[Append, Read],
    }
}

/// The call that an invocation makes, in canonical words.
pub(crate) fn call(model: Model, event: &Event) -> Result<Call, Complaint> {
    let f = function(model, &event.f).ok_or_else(|| (AT_F, unknown(model, &event.f)))?;
    let key = key(event);
    if model == Model::Kv && key.is_none() {
        return Err((AT_F, HistoryProblem::MissingKey { f }));
    }
    let value = argument(model, &f, event)?;
    let f = match f {
        Function::Increment | Function::Decrement => Function::Add,
        f => f,
    };
    Ok(Call { f, key, value })
}

/// The key that an event names; null is none.
pub(crate) fn key(event: &Event) -> Option<Value> {
    event
        .key
        .as_ref()
        .filter(|key| **key != Value::Null)
        .map(Value::canonical)
}

fn argument(model: Model, f: &Function, event: &Event) -> Result<Option<Value>, Complaint> {
    let given = event.value.as_ref().map(Value::canonical);
    match (model, f) {
        (Model::Log, Function::Read) => {
            let offset = given.filter(|value| *value != Value::Null);
            offset
                .map(|value| expect(f, value, "an offset (0, 1, ...)", is_offset))
                .transpose()
        }
        (_, Function::Cas) => some(f, given, "a pair [old, new]", is_pair),
        (Model::Counter, Function::Add) => {
            some(f, given, "a whole number that fits 64 bits", is_int)
        }
        (_, Function::Increment) => step(f, given, 1),
        (_, Function::Decrement) => step(f, given, -1),
        (Model::Kv, Function::Append) => some(f, given, "a string", is_string),
        (Model::Kv, Function::Contains | Function::Remove) => Ok(None),
        (_, Function::Write | Function::Append | Function::Add | Function::Enqueue)
        | (_, Function::Contains | Function::Remove) => some(f, given, "a value", |_| true),
        (
            _,
            Function::Read
            | Function::Dequeue
            | Function::Acquire
            | Function::Release
            | Function::Other(_),
        ) => Ok(None),
    }
}

/// The answer that an `ok` completion tells, in canonical words.
pub(crate) fn answer(model: Model, call: &Call, event: &Event) -> Result<Answer, Complaint> {
    let f = &call.f;
    match (model, f) {
        (Model::Counter, Function::Read) => {
            value(f, event, "a whole number that fits 64 bits", is_int)
        }
        (Model::Log, Function::Read) if call.value.is_some() => element(f, event),
        (Model::Set | Model::Log, Function::Read) => value(f, event, "a list", is_list),
        (_, Function::Read | Function::Dequeue) => value(f, event, "a value", |_| true),
        (_, Function::Cas) => comparison(f, event),
        (Model::Counter, Function::Add) => {
            result(f, event, "a whole number that fits 64 bits", is_int)
        }
        (Model::Log, Function::Append) => result(f, event, "an offset (0, 1, ...)", is_offset),
        (Model::Kv | Model::Set, Function::Add | Function::Remove | Function::Contains) => {
            result(f, event, "true or false", is_bool)
        }
        (_, Function::Acquire) => result(f, event, "a value", |_| true),
        _ => Ok(Answer::default()),
    }
}

/// Whether a completion repeats its invocation's argument, as far as it says anything about it.
pub(crate) fn repeats(call: &Call, event: &Event) -> bool {
    let silent = match call.f {
        Function::Read => call.value.is_none(),
        Function::Dequeue | Function::Acquire | Function::Release => true,
        Function::Contains | Function::Remove => call.value.is_none(),
        _ => matches!(event.f, Function::Increment | Function::Decrement),
    };
    let told = event.value.as_ref().filter(|value| **value != Value::Null);
    silent || told.is_none_or(|told| call.value.as_ref() == Some(&told.canonical()))
}

fn comparison(f: &Function, event: &Event) -> Result<Answer, Complaint> {
    let swapped = event.swapped.ok_or_else(|| missing(f, "swapped"))?;
    let actual = event
        .actual
        .as_ref()
        .filter(|_| !swapped)
        .map(Value::canonical);
    Ok(Answer {
        swapped: Some(swapped),
        actual,
        ..Answer::default()
    })
}

fn value(
    f: &Function,
    event: &Event,
    expected: &'static str,
    fits: impl Fn(&Value) -> bool,
) -> Result<Answer, Complaint> {
    let value = event
        .value
        .as_ref()
        .ok_or_else(|| missing(f, "value"))?
        .canonical();
    if !fits(&value) {
        return Err((AT_VALUE, wrong_answer(f, "value", expected, &value)));
    }
    Ok(Answer {
        value: Some(value),
        ..Answer::default()
    })
}

/// What an element read from a log answers: null past the end.
fn element(f: &Function, event: &Event) -> Result<Answer, Complaint> {
    let result = event
        .result
        .as_ref()
        .ok_or_else(|| missing(f, "result"))?
        .canonical();
    Ok(Answer {
        result: Some(result),
        ..Answer::default()
    })
}

fn result(
    f: &Function,
    event: &Event,
    expected: &'static str,
    fits: impl Fn(&Value) -> bool,
) -> Result<Answer, Complaint> {
    let told = event
        .result
        .as_ref()
        .filter(|value| **value != Value::Null)
        .map(Value::canonical);
    match told {
        Some(told) if !fits(&told) => Err((AT_RESULT, wrong_answer(f, "result", expected, &told))),
        result => Ok(Answer {
            result,
            ..Answer::default()
        }),
    }
}

fn some(
    f: &Function,
    given: Option<Value>,
    expected: &'static str,
    fits: impl Fn(&Value) -> bool,
) -> Result<Option<Value>, Complaint> {
    let missing = || {
        (
            AT_F,
            HistoryProblem::MissingArgument {
                f: f.clone(),
                expected,
            },
        )
    };
    expect(f, given.ok_or_else(missing)?, expected, fits).map(Some)
}

fn expect(
    f: &Function,
    given: Value,
    expected: &'static str,
    fits: impl Fn(&Value) -> bool,
) -> Result<Value, Complaint> {
    if fits(&given) {
        return Ok(given);
    }
    let found = excerpt(&given);
    Err((
        AT_VALUE,
        HistoryProblem::WrongArgument {
            f: f.clone(),
            expected,
            found,
        },
    ))
}

/// `increment` and `decrement` are `add` 1 and -1; any other number beside them is a contradiction.
fn step(f: &Function, given: Option<Value>, by: i64) -> Result<Option<Value>, Complaint> {
    let given = given
        .filter(|value| *value != Value::Null)
        .unwrap_or(Value::Int(1));
    expect(f, given, "absent (use add)", |value| {
        *value == Value::Int(1)
    })?;
    Ok(Some(Value::Int(by)))
}

fn is_int(value: &Value) -> bool {
    matches!(value, Value::Int(_))
}

fn is_offset(value: &Value) -> bool {
    matches!(value, Value::Int(0..))
}

fn is_pair(value: &Value) -> bool {
    matches!(value, Value::List(items) if items.len() == 2)
}

fn is_list(value: &Value) -> bool {
    matches!(value, Value::List(_))
}

fn is_string(value: &Value) -> bool {
    matches!(value, Value::Str(_))
}

fn is_bool(value: &Value) -> bool {
    matches!(value, Value::Bool(_))
}

fn missing(f: &Function, field: &'static str) -> Complaint {
    (
        AT_F,
        HistoryProblem::MissingAnswer {
            f: f.clone(),
            field,
        },
    )
}

fn wrong_answer(
    f: &Function,
    field: &'static str,
    expected: &'static str,
    found: &Value,
) -> HistoryProblem {
    HistoryProblem::WrongAnswer {
        f: f.clone(),
        field,
        expected,
        found: excerpt(found),
    }
}

fn unknown(model: Model, f: &Function) -> HistoryProblem {
    let known: Vec<&str> = functions(model).iter().map(Function::name).collect();
    HistoryProblem::UnknownFunction {
        f: crate::place::excerpt(f.name()),
        model,
        known: known.join(", ").into(),
    }
}

/// The beginning of a value, for a message.
fn excerpt(value: &Value) -> Box<str> {
    crate::place::excerpt(&value.to_string())
}
