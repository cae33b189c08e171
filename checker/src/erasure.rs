//! Leaving out elements: a set, a queue or a log without some of its elements.
//!
//! What is done to one element of a set, a queue or a log takes no notice of the others, but for
//! their order. Take an order of a history and drop from it every operation on some elements, and
//! these elements from all that was read: a set stays right element by element, a queue still gives
//! what it was given in that order, a log that was read is still the log. So whatever explains a
//! history explains it without these elements. An unknown dequeue that took one is dropped with it.
//! Offsets in a log change, so they are left out. Elements that are there from the start cannot be
//! left out.

use rustc_hash::FxHashSet;
use testimony_history::{Answer, Call, Function, Model as Kind, Operation, Outcome, Value};

use crate::models::canonical;

/// The elements that can be left out, in the order in which they appear.
pub(crate) fn elements(
    kind: Kind,
    initial: &Value,
    operations: &[Operation<Call, Answer>],
) -> Vec<Value> {
    if !matches!(kind, Kind::Set | Kind::Queue | Kind::Log) {
        return Vec::new();
    }
    let from_start: &[Value] = if let Value::List(elements) = initial {
        elements
    } else {
        &[]
    };
    let mut seen: FxHashSet<Value> = from_start.iter().cloned().collect();
    let mut elements = Vec::new();
    let mut found = |element: &Value| {
        let element = canonical(element);
        if seen.insert(element.clone()) {
            elements.push(element);
        }
    };
    for operation in operations {
        if let (true, Some(element)) = (is_about_one(&operation.input.f), &operation.input.value) {
            found(element);
        }
        match read_value(operation) {
            Some(Value::List(read)) if operation.input.f == Function::Read => {
                read.iter().for_each(&mut found);
            }
            Some(element) if operation.input.f == Function::Dequeue => found(element),
            _ => {}
        }
    }
    elements.retain(|element| *element != Value::Null);
    elements
}

/// The operations without those elements.
pub(crate) fn without(
    kind: Kind,
    operations: &[Operation<Call, Answer>],
    gone: &FxHashSet<Value>,
) -> (Vec<Operation<Call, Answer>>, Vec<bool>) {
    let mut left = operations.to_vec();
    let keep = left
        .iter_mut()
        .map(|operation| {
            let call = &operation.input;
            let is_gone = |value: &Value| gone.contains(&canonical(value));
            if is_about_one(&call.f) && call.value.as_ref().is_some_and(is_gone) {
                return false;
            }
            if call.f == Function::Dequeue && read_value(operation).is_some_and(is_gone) {
                return false;
            }
            if kind == Kind::Log && call.f == Function::Read && call.value.is_some() {
                return false;
            }
            let Outcome::Completed(answer) = &mut operation.outcome else {
                return true;
            };
            if kind == Kind::Log {
                answer.result = None;
            }
            if let Some(Value::List(read)) = &answer.value {
                let rest = read.iter().filter(|element| !is_gone(element)).cloned();
                answer.value = Some(Value::list(rest));
            }
            true
        })
        .collect();
    (left, keep)
}

fn is_about_one(f: &Function) -> bool {
    matches!(
        f,
        Function::Add
            | Function::Remove
            | Function::Contains
            | Function::Enqueue
            | Function::Append
    )
}

fn read_value(operation: &Operation<Call, Answer>) -> Option<&Value> {
    match &operation.outcome {
        Outcome::Completed(answer) => answer.value.as_ref(),
        Outcome::Failed | Outcome::Unknown => None,
    }
}
