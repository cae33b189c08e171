//! Registers, maps and counters: one key each.

use testimony_history::{Answer, Call, Function, Value};

use super::client::no_such_operation;
use super::exchange::Exchange;
use super::wire::{self, Expected};
use crate::change::{joined, sum};
use crate::mishap::Mishap;

/// Carries out an operation on a key that reads as `empty` if it is absent.
pub(crate) async fn carry_out(
    exchange: &mut Exchange<'_>,
    call: &Call,
    empty: &Value,
) -> Result<Answer, Mishap> {
    let key = wire::key(call);
    let argument = call.value.clone().unwrap_or_default();
    match &call.f {
        Function::Read => {
            let found = exchange.read(&key).await?;
            let value = found.map_or_else(|| empty.clone(), |found| found.value);
            Ok(Answer {
                value: Some(value),
                ..Answer::default()
            })
        }
        Function::Contains => {
            let found = exchange.read(&key).await?;
            Ok(result(found.is_some()))
        }
        Function::Write => {
            exchange.post("kv/put", &wire::put(&key, &argument)).await?;
            Ok(Answer::default())
        }
        Function::Remove => {
            let answer = exchange.post("kv/deleterange", &wire::delete(&key)).await?;
            wire::removed(&answer).map(result).map_err(Mishap::Unknown)
        }
        Function::Cas => compare_and_set(exchange, &key, &argument).await,
        Function::Append => exchange
            .change(&key, |old| joined(old, &argument))
            .await
            .map(|_| Answer::default()),
        Function::Add => exchange
            .change(&key, |old| sum(old, &argument))
            .await
            .map(result),
        Function::Increment => add(exchange, &key, 1).await,
        Function::Decrement => add(exchange, &key, -1).await,
        _ => no_such_operation(call),
    }
}

async fn add(exchange: &mut Exchange<'_>, key: &str, by: i64) -> Result<Answer, Mishap> {
    let sum = |old: Option<&Value>| sum(old, &Value::Int(by));
    exchange.change(key, sum).await.map(result)
}

async fn compare_and_set(
    exchange: &mut Exchange<'_>,
    key: &str,
    pair: &Value,
) -> Result<Answer, Mishap> {
    let pair = match pair {
        Value::List(pair) => pair.as_ref(),
        _ => &[],
    };
    let [old, new] = pair else {
        return Err(Mishap::NotApplied("a cas takes a pair".to_owned()));
    };
    let expected = match old {
        Value::Null => Expected::Absent,
        old => Expected::Value(old.clone()),
    };
    Ok(match exchange.put_if(key, &expected, new).await? {
        Ok(()) => Answer {
            swapped: Some(true),
            ..Answer::default()
        },
        Err(found) => Answer {
            swapped: Some(false),
            actual: Some(found.map_or(Value::Null, |found| found.value)),
            ..Answer::default()
        },
    })
}

fn result(result: impl Into<Value>) -> Answer {
    Answer {
        result: Some(result.into()),
        ..Answer::default()
    }
}
