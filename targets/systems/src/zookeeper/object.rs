//! What an operation makes of what a node holds: every object is the text of one node, and changes
//! by reading it and writing it back under the version that was read. Pure.

use testimony_history::{Answer, Call, Function, Model, Value};

use crate::text;

/// Between the elements of a list.
const SEPARATOR: char = '\n';

/// What is to be done after reading.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Nothing; what was read is the answer.
    Answer(Answer),
    /// Nothing; the operation cannot be done, for this reason.
    Refuse(&'static str),
    /// Write this; then this is the answer.
    Put(String, Answer),
    /// Remove the node; then this is the answer.
    Delete(Answer),
}

/// What `call` does if the node holds that text, or is not there. `token` says who takes a lock.
///
/// # Errors
/// If there is no such operation, or the node could not hold its value.
pub(crate) fn step(
    call: &Call,
    model: Model,
    token: &str,
    held: Option<&str>,
) -> Result<Step, String> {
    match model {
        Model::Set | Model::Queue | Model::Log => in_list(call, model, held),
        Model::Mutex => lock(call, token, held),
        Model::Register | Model::CasRegister | Model::Kv | Model::Counter => {
            in_text(call, model, held)
        }
    }
}

/// The text that a write puts there, whatever there is.
///
/// # Errors
/// If there is no value, or none that a node could hold.
pub(crate) fn written(call: &Call) -> Result<String, String> {
    text::encode(argument(call)?)
}

fn in_text(call: &Call, model: Model, held: Option<&str>) -> Result<Step, String> {
    let current = held.map_or(Value::Null, text::decode);
    Ok(match &call.f {
        Function::Read => Step::Answer(value(match current {
            Value::Null if model == Model::Counter => Value::Int(0),
            current => current,
        })),
        Function::Contains => Step::Answer(result(held.is_some().into())),
        Function::Remove if held.is_none() => Step::Answer(result(false.into())),
        Function::Remove => Step::Delete(result(true.into())),
        Function::Write => Step::Put(written(call)?, Answer::default()),
        Function::Append => {
            let more = written(call)?;
            Step::Put(
                held.unwrap_or_default().to_owned() + &more,
                Answer::default(),
            )
        }
        Function::Cas => compare_and_set(call, current)?,
        Function::Add => add(argument(call)?, &current)?,
        Function::Increment => add(&Value::Int(1), &current)?,
        Function::Decrement => add(&Value::Int(-1), &current)?,
        other => return Err(unknown(other)),
    })
}

fn compare_and_set(call: &Call, current: Value) -> Result<Step, String> {
    let pair = match argument(call)? {
        Value::List(pair) => pair,
        other => return Err(format!("{other} is no pair")),
    };
    let [old, new] = &pair[..] else {
        return Err("a compare-and-set needs a pair".to_owned());
    };
    let swapped = *old == current;
    let answer = Answer {
        swapped: Some(swapped),
        actual: (!swapped).then_some(current),
        ..Answer::default()
    };
    Ok(if swapped {
        Step::Put(text::encode(new)?, answer)
    } else {
        Step::Answer(answer)
    })
}

fn add(amount: &Value, current: &Value) -> Result<Step, String> {
    let (Value::Int(amount), Value::Null | Value::Int(_)) = (amount, current) else {
        return Err(format!("{current} and {amount} cannot be added"));
    };
    let current = match current {
        Value::Int(current) => *current,
        _ => 0,
    };
    let sum = current.checked_add(*amount).ok_or("the sum is too large")?;
    Ok(Step::Put(sum.to_string(), result(sum.into())))
}

fn in_list(call: &Call, model: Model, held: Option<&str>) -> Result<Step, String> {
    let mut items = elements(held);
    let element = || argument(call).cloned();
    let none = Answer::default();
    Ok(match (model, &call.f) {
        (Model::Log, Function::Append) => {
            let place = i64::try_from(items.len()).unwrap_or(i64::MAX);
            items.push(element()?);
            Step::Put(joined(&items)?, result(place.into()))
        }
        (Model::Log, Function::Read) if call.value.is_some() => {
            let place = match element()? {
                Value::Int(place) => usize::try_from(place).ok(),
                _ => None,
            };
            let found = place.and_then(|place| items.get(place).cloned());
            Step::Answer(result(found.unwrap_or_default()))
        }
        (Model::Set | Model::Log, Function::Read) => Step::Answer(value(Value::list(items))),
        (Model::Set, Function::Contains) => {
            Step::Answer(result(items.contains(&element()?).into()))
        }
        (Model::Set, Function::Add) => {
            let element = element()?;
            if items.contains(&element) {
                return Ok(Step::Answer(result(false.into())));
            }
            items.push(element);
            Step::Put(joined(&items)?, result(true.into()))
        }
        (Model::Set, Function::Remove) => {
            let element = element()?;
            if !items.contains(&element) {
                return Ok(Step::Answer(result(false.into())));
            }
            items.retain(|item| *item != element);
            Step::Put(joined(&items)?, result(true.into()))
        }
        (Model::Queue, Function::Enqueue) => {
            items.push(element()?);
            Step::Put(joined(&items)?, none)
        }
        (Model::Queue, Function::Dequeue) if items.is_empty() => Step::Answer(value(Value::Null)),
        (Model::Queue, Function::Dequeue) => {
            let first = items.remove(0);
            Step::Put(joined(&items)?, value(first))
        }
        (_, other) => return Err(unknown(other)),
    })
}

/// A lock is held while its node is there. It does not end by itself, so a refusal means that
/// somebody took it and did not give it back.
fn lock(call: &Call, token: &str, held: Option<&str>) -> Result<Step, String> {
    Ok(match (&call.f, held) {
        (Function::Acquire, None) => Step::Put(token.to_owned(), result(true.into())),
        (Function::Acquire, Some(_)) => Step::Answer(result(false.into())),
        (Function::Release, Some(holder)) if holder == token => Step::Delete(Answer::default()),
        (Function::Release, _) => Step::Refuse("not the holder"),
        (other, _) => return Err(unknown(other)),
    })
}

/// An empty text is an empty list: an element is never empty.
fn elements(held: Option<&str>) -> Vec<Value> {
    let texts = held.unwrap_or_default().split(SEPARATOR);
    texts
        .filter(|text| !text.is_empty())
        .map(text::decode)
        .collect()
}

fn joined(items: &[Value]) -> Result<String, String> {
    let texts = items.iter().map(|item| {
        let text = text::encode(item)?;
        if text.is_empty() || text.contains(SEPARATOR) {
            return Err(format!("{item} cannot be an element of a list"));
        }
        Ok(text)
    });
    let texts: Vec<String> = texts.collect::<Result<_, _>>()?;
    Ok(texts.join("\n"))
}

fn argument(call: &Call) -> Result<&Value, String> {
    let missing = || format!("`{}` needs a value", call.f);
    call.value.as_ref().ok_or_else(missing)
}

fn value(value: Value) -> Answer {
    Answer {
        value: Some(value),
        ..Answer::default()
    }
}

fn result(result: Value) -> Answer {
    Answer {
        result: Some(result),
        ..Answer::default()
    }
}

fn unknown(f: &Function) -> String {
    format!("the zookeeper target has no operation `{f}`")
}

#[cfg(test)]
mod tests;
