//! Sets: a key for each element, under the name of the set.

use testimony_history::{Answer, Call, Function, Value};

use super::client::no_such_operation;
use super::exchange::Exchange;
use super::wire;
use crate::mishap::Mishap;

/// Carries out an operation on a set. All elements are read at one revision.
pub(crate) async fn carry_out(exchange: &mut Exchange<'_>, call: &Call) -> Result<Answer, Mishap> {
    let element = call.value.clone().unwrap_or_default();
    let key = wire::key_under(call, &element.to_string());
    match &call.f {
        Function::Read => {
            let request = wire::range_under(call, exchange.serializable);
            let answer = exchange.post("kv/range", &request).await?;
            let found = wire::all(&answer).map_err(Mishap::Unknown)?;
            let elements = found.into_iter().map(|found| found.value);
            Ok(Answer {
                value: Some(Value::list(elements)),
                ..Answer::default()
            })
        }
        Function::Add => {
            exchange.post("kv/put", &wire::put(&key, &element)).await?;
            Ok(Answer::default())
        }
        Function::Remove => {
            let answer = exchange.post("kv/deleterange", &wire::delete(&key)).await?;
            wire::removed(&answer).map(result).map_err(Mishap::Unknown)
        }
        Function::Contains => {
            let found = exchange.read(&key).await?;
            Ok(result(found.is_some()))
        }
        _ => no_such_operation(call),
    }
}

fn result(result: bool) -> Answer {
    Answer {
        result: Some(result.into()),
        ..Answer::default()
    }
}
