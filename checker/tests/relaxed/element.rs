//! Leaving out everything about one element of a set, a queue or a log.
//!
//! What is left happens as before, only without the element: the other elements keep their order.
//! An unknown dequeue that took the element need not have happened.

use std::collections::BTreeSet;

use rand::Rng;
use rand::seq::IndexedRandom;
use testimony_history::{Answer, Function, Model, Outcome, RecordedHistory, Value};

use super::{Op, history, kept};

pub(crate) fn without_an_element(
    model: Model,
    given: &RecordedHistory,
    rng: &mut dyn Rng,
) -> Option<RecordedHistory> {
    if !matches!(model, Model::Set | Model::Queue | Model::Log) {
        return None;
    }
    let added = |op: &Op| match op.input.f {
        Function::Add | Function::Enqueue | Function::Append => op.input.value.clone(),
        _ => None,
    };
    let elements: BTreeSet<Value> = given.operations().iter().filter_map(added).collect();
    let elements: Vec<Value> = elements.into_iter().collect();
    let element = elements.choose(rng)?;
    let left = kept(given.operations(), |op| !is_about(model, op, element));
    let mut ops = left.into_operations();
    for op in &mut ops {
        if let Outcome::Completed(answer) = &mut op.outcome {
            erase(model, &op.input.f, answer, element);
        }
    }
    Some(history(ops))
}

fn is_about(model: Model, op: &Op, element: &Value) -> bool {
    let argument = op.input.value.as_ref();
    let taken = match &op.outcome {
        Outcome::Completed(answer) => answer.value.as_ref(),
        Outcome::Failed | Outcome::Unknown => None,
    };
    match op.input.f {
        Function::Dequeue => taken == Some(element),
        // Of a log, the argument is an offset, and offsets change.
        Function::Read => model == Model::Log && argument.is_some(),
        _ => argument == Some(element),
    }
}

fn erase(model: Model, f: &Function, answer: &mut Answer, element: &Value) {
    if let (Function::Read, Some(Value::List(elements))) = (f, &answer.value) {
        let others = elements.iter().filter(|other| *other != element);
        answer.value = Some(Value::list(others.cloned()));
    }
    if model == Model::Log && *f == Function::Append {
        answer.result = None;
    }
}
