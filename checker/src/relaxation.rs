//! Weaker forms of recorded operations, by their meaning. A weaker form is legal wherever the
//! strong one is, and leads to the same state, so an order that explains the strong one explains
//! the weak.

use testimony_history::{Answer, Call, Function, Model as Kind, Operation, Outcome, Value};

/// An operation's input and outcome, relaxed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Relaxed<I, O> {
    pub(crate) input: I,
    pub(crate) outcome: Outcome<O>,
    /// What was relaxed, for people.
    pub(crate) text: &'static str,
}

/// The weaker forms of a completed operation.
pub(crate) fn weaker(operation: &Operation<Call, Answer>) -> Vec<Relaxed<Call, Answer>> {
    let (call, Outcome::Completed(answer)) = (&operation.input, &operation.outcome) else {
        return Vec::new();
    };
    match (&call.f, answer) {
        (
            Function::Cas,
            Answer {
                swapped: Some(true),
                ..
            },
        ) => {
            let written = |input| Relaxed {
                input,
                outcome: Outcome::Completed(Answer::default()),
                text: AS_WRITE,
            };
            as_write(call).map(written).into_iter().collect()
        }
        (
            Function::Acquire,
            Answer {
                result: Some(Value::Int(_)),
                ..
            },
        ) => {
            vec![silent(call, "its fencing token is left out")]
        }
        (
            Function::Remove
            | Function::Add
            | Function::Increment
            | Function::Decrement
            | Function::Append,
            Answer {
                result: Some(result),
                ..
            },
        ) if *result != Value::Null => vec![silent(call, "its result is left out")],
        _ => Vec::new(),
    }
}

/// What is known after an operation, whatever was before.
pub(crate) enum Anchor<I, O> {
    /// The state that objects start with.
    Start,
    /// The state after this form of the operation, which is legal everywhere.
    State(Relaxed<I, O>),
}

const GIVEN: &str = "what it saw is taken as given, so that nothing before it matters";
const OVERWRITES: &str = "nothing before it matters";

/// What is known after a completed operation on an object that starts as `initial`, if anything is.
pub(crate) fn anchor(
    kind: Kind,
    initial: &Value,
    operation: &Operation<Call, Answer>,
) -> Option<Anchor<Call, Answer>> {
    let (call, Outcome::Completed(answer)) = (&operation.input, &operation.outcome) else {
        return None;
    };
    match kind {
        Kind::Register | Kind::CasRegister | Kind::Kv => {
            let (value, text) = known_after(call, answer)?;
            let anchored = if value == *initial {
                Anchor::Start
            } else {
                let outcome = Outcome::Completed(Answer::default());
                let removes = value == Value::Null && kind == Kind::Kv;
                let (f, value) = if removes {
                    (Function::Remove, None)
                } else {
                    (Function::Write, Some(value))
                };
                let input = Call {
                    f,
                    key: call.key.clone(),
                    value,
                };
                Anchor::State(Relaxed {
                    input,
                    outcome,
                    text,
                })
            };
            Some(anchored)
        }
        Kind::Mutex => (call.f == Function::Release).then_some(Anchor::Start),
        Kind::Counter => counted(initial, call, answer),
        Kind::Queue => {
            let empty = call.f == Function::Dequeue && is_empty(answer.value.as_ref());
            (empty && is_empty(Some(initial))).then_some(Anchor::Start)
        }
        Kind::Set | Kind::Log => {
            let all = call.f == Function::Read && call.value.is_none();
            let empty = is_empty(answer.value.as_ref()) && is_empty(Some(initial));
            (all && empty).then_some(Anchor::Start)
        }
    }
}

/// What a counter is after an operation that told: as much more than at the start.
fn counted(initial: &Value, call: &Call, answer: &Answer) -> Option<Anchor<Call, Answer>> {
    let told = if call.f == Function::Read {
        &answer.value
    } else {
        &answer.result
    };
    let (Some(Value::Int(told)), Value::Int(start)) = (told, or_zero(initial)) else {
        return None;
    };
    let more = told.checked_sub(start)?;
    if more == 0 {
        return Some(Anchor::Start);
    }
    let value = Some(Value::Int(more));
    let input = Call {
        f: Function::Add,
        key: call.key.clone(),
        value,
    };
    let outcome = Outcome::Completed(Answer::default());
    Some(Anchor::State(Relaxed {
        input,
        outcome,
        text: GIVEN,
    }))
}

fn or_zero(initial: &Value) -> Value {
    if *initial == Value::Null {
        Value::Int(0)
    } else {
        initial.clone()
    }
}

/// The value of a cell after an operation.
fn known_after(call: &Call, answer: &Answer) -> Option<(Value, &'static str)> {
    match (&call.f, &call.value) {
        (Function::Read, _) => Some((answer.value.clone()?, GIVEN)),
        (Function::Write, Some(value)) => Some((value.clone(), OVERWRITES)),
        (Function::Cas, Some(Value::List(pair))) if answer.swapped == Some(true) => {
            Some((pair.get(1)?.clone(), GIVEN))
        }
        (Function::Cas, _) => Some((answer.actual.clone()?, GIVEN)),
        (Function::Remove, _) => Some((Value::Null, OVERWRITES)),
        (Function::Contains, _) if answer.result == Some(Value::Bool(false)) => {
            Some((Value::Null, GIVEN))
        }
        _ => None,
    }
}

fn is_empty(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Null) => true,
        Some(Value::List(items)) => items.is_empty(),
        _ => false,
    }
}

fn silent(call: &Call, text: &'static str) -> Relaxed<Call, Answer> {
    let outcome = Outcome::Completed(Answer::default());
    Relaxed {
        input: call.clone(),
        outcome,
        text,
    }
}

/// What is said of a compare-and-set that was weakened.
pub(crate) const AS_WRITE: &str = "a compare-and-set that matched, taken as a write";

/// A compare-and-set that matched, as a write.
pub(crate) fn as_write(call: &Call) -> Option<Call> {
    let Some(Value::List(pair)) = &call.value else {
        return None;
    };
    let new = pair.get(1)?.clone();
    Some(Call {
        f: Function::Write,
        key: call.key.clone(),
        value: Some(new),
    })
}

/// The outcome without what was answered.
pub(crate) fn unanswered(outcome: &Outcome<Answer>) -> Outcome<Answer> {
    match outcome {
        Outcome::Completed(_) => Outcome::Completed(Answer::default()),
        Outcome::Failed => Outcome::Failed,
        Outcome::Unknown => Outcome::Unknown,
    }
}
