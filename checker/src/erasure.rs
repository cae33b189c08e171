//! Leaving out elements: a set, a queue or a log without some of its elements.
//!
//! What is done to one element of a set, a queue or a log takes no notice of the others, but for
//! their order. Take an order of a history and drop from it every operation on some elements, and
//! these elements from all that was read: a set stays right element by element, a queue still gives
//! what it was given in that order, a log that was read is still the log. So whatever explains a
//! history explains it without these elements. An unknown dequeue that took one is dropped with it.
//! Offsets in a log count without the elements that are gone: where one stands that is gone, if an
//! answer tells, it stands there in every order. Where no answer tells, offsets are left out. What
//! is there from the start cannot be left out.

use rustc_hash::{FxHashMap, FxHashSet};
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
    if kind == Kind::Log {
        // Together, those that can be left out while offsets are kept.
        let placed: FxHashSet<Value> = operations.iter().flat_map(told).map(|it| it.0).collect();
        elements.sort_by_key(|element| !placed.contains(element));
    }
    elements
}

/// A log without its first elements, as many as stand before every offset told. If all that
/// completed tell an offset, only unknown appends can have made these elements. Whatever explains
/// the history explains it without them, and the unknown appends are left as they are, since they
/// need not happen.
pub(crate) fn shifted(
    kind: Kind,
    initial: &Value,
    operations: &[Operation<Call, Answer>],
) -> Option<Vec<Operation<Call, Answer>>> {
    let from_start = if let Value::List(elements) = initial {
        elements.len() as u64
    } else {
        0
    };
    let mut completed = operations
        .iter()
        .filter(|op| op.returned.is_some())
        .map(|op| appended_at(op).filter(|&offset| offset > from_start));
    let first = completed.clone().min()??;
    if kind != Kind::Log || completed.any(|offset| offset.is_none()) {
        return None;
    }
    let mut left = operations.to_vec();
    for operation in &mut left {
        let offset = appended_at(operation);
        if let (Some(offset), Outcome::Completed(answer)) = (offset, &mut operation.outcome) {
            answer.result = value(offset - first + from_start);
        }
    }
    Some(left)
}

/// The offset that an append told.
fn appended_at(operation: &Operation<Call, Answer>) -> Option<u64> {
    match &operation.outcome {
        Outcome::Completed(answer) if operation.input.f == Function::Append => {
            answer.result.as_ref().and_then(whole)
        }
        _ => None,
    }
}

/// The operations without those elements.
pub(crate) fn without(
    kind: Kind,
    operations: &[Operation<Call, Answer>],
    gone: &FxHashSet<Value>,
) -> (Vec<Operation<Call, Answer>>, Vec<bool>) {
    let offsets = Offsets::without(operations, gone);
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
            let Outcome::Completed(answer) = &mut operation.outcome else {
                return true;
            };
            if kind == Kind::Log && !offsets.shift(&mut operation.input, answer, is_gone) {
                return false;
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

/// The places of those elements of a log that are gone.
struct Offsets(Option<Vec<u64>>);

impl Offsets {
    /// Nothing if one of them is nowhere told.
    fn without(operations: &[Operation<Call, Answer>], gone: &FxHashSet<Value>) -> Self {
        let mut places: FxHashMap<Value, u64> = FxHashMap::default();
        let mut appended: FxHashSet<Value> = FxHashSet::default();
        for operation in operations {
            let call = &operation.input;
            if call.f == Function::Append
                && let Some(element) = &call.value
                && !appended.insert(canonical(element))
                && gone.contains(&canonical(element))
            {
                return Offsets(None);
            }
            for (element, place) in told(operation) {
                places.entry(element).or_insert(place);
            }
        }
        let places: Option<Vec<u64>> = gone.iter().map(|it| places.get(it).copied()).collect();
        Offsets(places.map(|mut places| {
            places.sort_unstable();
            places
        }))
    }

    /// The offset of an element that is left.
    fn of(&self, offset: u64) -> Option<u64> {
        let places = self.0.as_ref()?;
        let before = places.partition_point(|&place| place < offset);
        offset.checked_sub(before as u64)
    }

    /// Takes an operation to what is left. Not if it is to be left out as well.
    fn shift(&self, call: &mut Call, answer: &mut Answer, gone: impl Fn(&Value) -> bool) -> bool {
        if call.f == Function::Append {
            let offset = answer.result.as_ref().and_then(whole);
            answer.result = offset.and_then(|offset| self.of(offset)).and_then(value);
            return true;
        }
        let Some(asked) = call.value.as_ref().and_then(whole) else {
            return true;
        };
        let there = answer
            .result
            .as_ref()
            .is_some_and(|it| *it != Value::Null && !gone(it));
        call.value = self.of(asked).filter(|_| there).and_then(value);
        call.value.is_some()
    }
}

/// The elements of a log whose places an answer tells.
fn told(operation: &Operation<Call, Answer>) -> Vec<(Value, u64)> {
    let (call, Outcome::Completed(answer)) = (&operation.input, &operation.outcome) else {
        return Vec::new();
    };
    match (&call.f, &call.value, &answer.value) {
        (Function::Append, Some(element), _) => {
            let offset = answer.result.as_ref().and_then(whole);
            offset
                .map(|offset| (canonical(element), offset))
                .into_iter()
                .collect()
        }
        (Function::Read, None, Some(Value::List(read))) => {
            read.iter().map(canonical).zip(0..).collect()
        }
        _ => Vec::new(),
    }
}

fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}

fn value(offset: u64) -> Option<Value> {
    i64::try_from(offset).ok().map(Value::Int)
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

#[cfg(test)]
mod tests;
