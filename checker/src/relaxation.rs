//! Weaker forms of recorded operations, by their meaning. A weaker form is legal wherever the strong
//! one is, and leads to the same state, so an order that explains the strong one explains the weak.

use testimony_history::{Answer, Call, Function, Operation, Outcome, Value};

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
        ) => as_write(call).into_iter().collect(),
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

fn silent(call: &Call, text: &'static str) -> Relaxed<Call, Answer> {
    let outcome = Outcome::Completed(Answer::default());
    Relaxed {
        input: call.clone(),
        outcome,
        text,
    }
}

fn as_write(call: &Call) -> Option<Relaxed<Call, Answer>> {
    let Some(Value::List(pair)) = &call.value else {
        return None;
    };
    let new = pair.get(1)?.clone();
    Some(Relaxed {
        input: Call {
            f: Function::Write,
            key: call.key.clone(),
            value: Some(new),
        },
        outcome: Outcome::Completed(Answer::default()),
        text: "a compare-and-set that matched, taken as a write",
    })
}
