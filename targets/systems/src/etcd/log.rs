//! Append-only lists: one key that holds all elements.

use testimony_history::{Answer, Call, Function, Value};

use super::client::no_such_operation;
use super::exchange::Exchange;
use super::wire;
use crate::mishap::Mishap;

/// Carries out an operation on a log.
pub(crate) async fn carry_out(exchange: &mut Exchange<'_>, call: &Call) -> Result<Answer, Mishap> {
    let key = wire::key(call);
    match &call.f {
        Function::Append => {
            let element = call.value.clone().unwrap_or_default();
            let longer = exchange.change(&key, |old| longer(old, &element)).await?;
            let offset = elements(Some(&longer)).len() - 1;
            let offset = i64::try_from(offset).unwrap_or(i64::MAX);
            Ok(Answer {
                result: Some(offset.into()),
                ..Answer::default()
            })
        }
        Function::Read => {
            let found = exchange.read(&key).await?;
            let value = found.map(|found| found.value);
            Ok(read(elements(value.as_ref()), call.value.as_ref()))
        }
        _ => no_such_operation(call),
    }
}

/// All elements, or the one at an offset: null past the end.
fn read(elements: &[Value], offset: Option<&Value>) -> Answer {
    let Some(offset) = offset else {
        return Answer {
            value: Some(Value::list(elements.iter().cloned())),
            ..Answer::default()
        };
    };
    let index = match offset {
        Value::Int(offset) => usize::try_from(*offset).ok(),
        _ => None,
    };
    let element = index.and_then(|index| elements.get(index));
    Answer {
        result: Some(element.cloned().unwrap_or_default()),
        ..Answer::default()
    }
}

fn longer(old: Option<&Value>, element: &Value) -> Result<Value, Mishap> {
    match old {
        None | Some(Value::List(_)) => {
            let all = elements(old).iter().chain([element]);
            Ok(Value::list(all.cloned()))
        }
        Some(_) => Err(Mishap::NotApplied("the key holds no list".to_owned())),
    }
}

fn elements(value: Option<&Value>) -> &[Value] {
    match value {
        Some(Value::List(elements)) => elements,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_grows_at_its_end() {
        let one = longer(None, &Value::Int(7)).unwrap();
        let two = longer(Some(&one), &Value::Int(8)).unwrap();
        assert_eq!(two, Value::list([Value::Int(7), Value::Int(8)]));
        assert!(longer(Some(&Value::Int(1)), &Value::Int(2)).is_err());
    }

    #[test]
    fn past_the_end_there_is_nothing() {
        let elements = [Value::Int(7)];
        let at = |offset: i64| read(&elements, Some(&offset.into())).result;
        assert_eq!(at(0), Some(Value::Int(7)));
        assert_eq!((at(1), at(-1)), (Some(Value::Null), Some(Value::Null)));
        let all = Value::list([Value::Int(7)]);
        assert_eq!(read(&elements, None).value, Some(all));
    }
}
