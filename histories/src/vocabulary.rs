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

/// What a function takes as its argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Nothing; a value that stands there all the same is passed over.
    Nothing,
    /// A value of this shape.
    Needed(Shape),
    /// A value of this shape, or null or nothing.
    Optional(Shape),
    /// Nothing, null or 1; it means this number.
    Step(i64),
}

/// What a completed function tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tells {
    /// Nothing that counts.
    Nothing,
    /// Under `value`.
    Value(Shape),
    /// Under `result`; null past the end.
    Element,
    /// Under `result`, if it tells anything.
    Result(Shape),
    /// Whether it matched, and what it found instead.
    Comparison,
}

/// What a value must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Anything.
    Any,
    /// An integer of 64 bits.
    Int,
    /// An integer from 0 on.
    Offset,
    /// A list of two.
    Pair,
    /// A list.
    List,
    /// A string.
    Text,
    /// True or false.
    Truth,
}

impl Shape {
    /// Whether a value looks like that.
    pub(crate) fn admits(self, value: &Value) -> bool {
        match self {
            Shape::Any => true,
            Shape::Int => matches!(value, Value::Int(_)),
            Shape::Offset => matches!(value, Value::Int(0..)),
            Shape::Pair => matches!(value, Value::List(items) if items.len() == 2),
            Shape::List => matches!(value, Value::List(_)),
            Shape::Text => matches!(value, Value::Str(_)),
            Shape::Truth => matches!(value, Value::Bool(_)),
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Shape::Any => "a value",
            Shape::Int => "a whole number that fits 64 bits",
            Shape::Offset => "an offset (0, 1, ...)",
            Shape::Pair => "a pair [old, new]",
            Shape::List => "a list",
            Shape::Text => "a string",
            Shape::Truth => "true or false",
        }
    }
}

/// What a function of a model takes.
pub(crate) fn takes(model: Model, f: &Function) -> Takes {
    match (model, f) {
        (Model::Log, Function::Read) => Takes::Optional(Shape::Offset),
        (_, Function::Cas) => Takes::Needed(Shape::Pair),
        (Model::Counter, Function::Add) => Takes::Needed(Shape::Int),
        (_, Function::Increment) => Takes::Step(1),
        (_, Function::Decrement) => Takes::Step(-1),
        (Model::Kv, Function::Append) => Takes::Needed(Shape::Text),
        (Model::Kv, Function::Contains | Function::Remove) => Takes::Nothing,
        (_, Function::Write | Function::Append | Function::Add | Function::Enqueue)
        | (_, Function::Contains | Function::Remove) => Takes::Needed(Shape::Any),
        (
            _,
            Function::Read
            | Function::Dequeue
            | Function::Acquire
            | Function::Release
            | Function::Other(_),
        ) => Takes::Nothing,
    }
}

/// What a function of a model tells when it was called with an argument, or without.
pub(crate) fn tells(model: Model, f: &Function, with_argument: bool) -> Tells {
    match (model, f) {
        (Model::Counter, Function::Read) => Tells::Value(Shape::Int),
        (Model::Log, Function::Read) if with_argument => Tells::Element,
        (Model::Set | Model::Log, Function::Read) => Tells::Value(Shape::List),
        (_, Function::Read | Function::Dequeue) => Tells::Value(Shape::Any),
        (_, Function::Cas) => Tells::Comparison,
        (Model::Counter, Function::Add) => Tells::Result(Shape::Int),
        (Model::Log, Function::Append) => Tells::Result(Shape::Offset),
        (Model::Kv | Model::Set, Function::Add | Function::Remove | Function::Contains) => {
            Tells::Result(Shape::Truth)
        }
        (_, Function::Acquire) => Tells::Result(Shape::Any),
        _ => Tells::Nothing,
    }
}

/// Whether the value of a completion says nothing about its invocation's argument.
pub(crate) fn is_silent(f: &Function, with_argument: bool) -> bool {
    match f {
        Function::Read | Function::Contains | Function::Remove => !with_argument,
        Function::Dequeue | Function::Acquire | Function::Release => true,
        _ => false,
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
    told(event.key.as_ref())
}

fn argument(model: Model, f: &Function, event: &Event) -> Result<Option<Value>, Complaint> {
    match takes(model, f) {
        Takes::Nothing => Ok(None),
        Takes::Needed(shape) => {
            let given = event.value.as_ref().map(Value::canonical);
            let given = given.ok_or_else(|| missing_argument(f, shape))?;
            expect(f, given, shape.expected(), |value| shape.admits(value)).map(Some)
        }
        Takes::Optional(shape) => told(event.value.as_ref())
            .map(|value| expect(f, value, shape.expected(), |value| shape.admits(value)))
            .transpose(),
        Takes::Step(by) => {
            let given = told(event.value.as_ref()).unwrap_or(Value::Int(1));
            expect(f, given, "absent (use add)", |value| {
                *value == Value::Int(1)
            })?;
            Ok(Some(Value::Int(by)))
        }
    }
}

/// The answer that an `ok` completion tells, in canonical words.
pub(crate) fn answer(model: Model, call: &Call, event: &Event) -> Result<Answer, Complaint> {
    let f = &call.f;
    match tells(model, f, call.value.is_some()) {
        Tells::Nothing => Ok(Answer::default()),
        Tells::Value(shape) => {
            let value = needed(f, "value", event.value.as_ref())?;
            if !shape.admits(&value) {
                return Err((AT_VALUE, wrong_answer(f, "value", shape, &value)));
            }
            Ok(Answer {
                value: Some(value),
                ..Answer::default()
            })
        }
        Tells::Element => Ok(Answer {
            result: Some(needed(f, "result", event.result.as_ref())?),
            ..Answer::default()
        }),
        Tells::Result(shape) => match told(event.result.as_ref()) {
            Some(told) if !shape.admits(&told) => {
                Err((AT_RESULT, wrong_answer(f, "result", shape, &told)))
            }
            result => Ok(Answer {
                result,
                ..Answer::default()
            }),
        },
        Tells::Comparison => comparison(call, event),
    }
}

/// Whether a completion repeats its invocation's argument, as far as it says anything about it.
pub(crate) fn repeats(call: &Call, event: &Event) -> bool {
    is_silent(&call.f, call.value.is_some())
        || matches!(event.f, Function::Increment | Function::Decrement)
        || told(event.value.as_ref()).is_none_or(|told| call.value == Some(told))
}

/// A value in canonical form; null is none.
fn told(value: Option<&Value>) -> Option<Value> {
    let told = value.filter(|value| **value != Value::Null);
    told.map(Value::canonical)
}

fn needed(f: &Function, field: &'static str, value: Option<&Value>) -> Result<Value, Complaint> {
    let value = value.map(Value::canonical);
    value.ok_or_else(|| missing(f, field))
}

fn comparison(call: &Call, event: &Event) -> Result<Answer, Complaint> {
    let swapped = event.swapped.ok_or_else(|| missing(&call.f, "swapped"))?;
    let expected = match &call.value {
        Some(Value::List(pair)) => pair.first(),
        _ => None,
    };
    let another = told(event.actual.as_ref()).filter(|it| Some(it) != expected);
    if let (true, Some(another)) = (swapped, another) {
        let problem = HistoryProblem::SwappedFromAnother {
            f: call.f.clone(),
            found: excerpt(&another),
        };
        return Err((AT_F, problem));
    }
    let actual = event.actual.as_ref().filter(|_| !swapped);
    let actual = actual.map(Value::canonical);
    Ok(Answer {
        swapped: Some(swapped),
        actual,
        ..Answer::default()
    })
}

fn missing_argument(f: &Function, shape: Shape) -> Complaint {
    let problem = HistoryProblem::MissingArgument {
        f: f.clone(),
        expected: shape.expected(),
    };
    (AT_F, problem)
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
    let problem = HistoryProblem::WrongArgument {
        f: f.clone(),
        expected,
        found: excerpt(&given),
    };
    Err((AT_VALUE, problem))
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

fn wrong_answer(f: &Function, field: &'static str, shape: Shape, found: &Value) -> HistoryProblem {
    HistoryProblem::WrongAnswer {
        f: f.clone(),
        field,
        expected: shape.expected(),
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
