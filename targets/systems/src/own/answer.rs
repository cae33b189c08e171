//! Answers of a system of the user's own as answers of a history. Pure.

use serde_json::Value as Json;
use testimony_engine::json::to_value;
use testimony_engine::own::{Heard, Meaning, Operation, Place};
use testimony_history::{Answer, Call, Function, Model, Value};

/// What an answer that is `Ok`, `NoMatch` or `Absent` says to a call.
///
/// # Errors
/// If a part of it is missing or of the wrong kind: then nobody knows.
pub(crate) fn answer(
    call: &Call,
    model: Model,
    operation: &Operation,
    meaning: Meaning,
    heard: &Heard,
) -> Result<Answer, String> {
    let told = operation.value.as_ref().map(|place| need(place, heard));
    let done = meaning == Meaning::Ok;
    let result = |result: Value| Answer {
        result: Some(result),
        ..Answer::default()
    };
    match &call.f {
        Function::Read => read(model, done, told).map(|value| Answer {
            value: Some(value),
            ..Answer::default()
        }),
        Function::Cas => Ok(compared(operation, meaning, heard)),
        Function::Contains if !done => Ok(result(false.into())),
        Function::Contains => match told {
            None => Ok(result(true.into())),
            Some(told) => truth(&told?).map(result),
        },
        Function::Remove if !done => Ok(result(false.into())),
        Function::Remove => match told {
            // That an absent key is told apart means that this one was there.
            None if operation.absent.any.is_empty() => Ok(Answer::default()),
            None => Ok(result(true.into())),
            Some(told) => truth(&told?).map(result),
        },
        Function::Add => match told.transpose()? {
            None => Ok(Answer::default()),
            Some(sum @ Value::Int(_)) => Ok(result(sum)),
            Some(other) => Err(format!("the value in the answer is {other}, no number")),
        },
        _ => Ok(Answer::default()),
    }
}

fn read(model: Model, done: bool, told: Option<Result<Value, String>>) -> Result<Value, String> {
    let value = match told {
        Some(told) if done => told?,
        _ => Value::Null,
    };
    match value {
        Value::Null if model == Model::Counter => Ok(Value::Int(0)),
        Value::Int(_) => Ok(value),
        other if model == Model::Counter => {
            Err(format!("the value in the answer is {other}, no number"))
        }
        value => Ok(value),
    }
}

fn compared(operation: &Operation, meaning: Meaning, heard: &Heard) -> Answer {
    let actual = match meaning {
        Meaning::Ok => None,
        Meaning::Absent => Some(Value::Null),
        // What it found is a help, not a promise: it may be missing.
        _ => operation
            .actual
            .as_ref()
            .and_then(|place| place.of(heard))
            .map(|json| value(&json)),
    };
    Answer {
        swapped: Some(meaning == Meaning::Ok),
        actual,
        ..Answer::default()
    }
}

fn need(place: &Place, heard: &Heard) -> Result<Value, String> {
    let found = place.of(heard).map(|json| value(&json));
    found.ok_or_else(|| match place {
        Place::Pointer(pointer) => format!("the answer has nothing at {pointer}"),
        Place::Body => "the answer has no body".to_owned(),
    })
}

/// A system that keeps text answers a number as text. What is written is either a whole number or a
/// text that is none, so this mixes nothing up.
fn value(json: &Json) -> Value {
    let number = |text: &str| text.parse().ok().filter(|n: &i64| n.to_string() == *text);
    match json {
        Json::String(text) => number(text).map_or_else(|| Value::str(text), Value::Int),
        other => to_value(other),
    }
}

fn truth(value: &Value) -> Result<Value, String> {
    match value {
        Value::Bool(truth) => Ok((*truth).into()),
        Value::Str(text) if **text == *"true" => Ok(true.into()),
        Value::Str(text) if **text == *"false" => Ok(false.into()),
        other => Err(format!(
            "the value in the answer is {other}, not true or false"
        )),
    }
}
