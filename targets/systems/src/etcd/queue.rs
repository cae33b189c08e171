//! Queues: a key for each element, in the order in which they were created.
//!
//! The head is read and then removed if it is still there. Nothing is created before what is there
//! already, so what was the head stays it until it is removed: the removal is a dequeue at its own
//! moment, and the read of no head is one of an empty queue.

use testimony_history::{Answer, Call, Function, Value};

use super::client::no_such_operation;
use super::exchange::Exchange;
use super::wire;
use crate::mishap::Mishap;

/// Carries out an operation on a queue. `ticket` is no other enqueue's.
pub(crate) async fn carry_out(
    exchange: &mut Exchange<'_>,
    call: &Call,
    ticket: &str,
) -> Result<Answer, Mishap> {
    match &call.f {
        Function::Enqueue => {
            let element = call.value.clone().unwrap_or_default();
            let key = wire::key_under(call, ticket);
            exchange.post("kv/put", &wire::put(&key, &element)).await?;
            Ok(Answer::default())
        }
        Function::Dequeue => {
            let value = Some(dequeue(exchange, call).await?);
            Ok(Answer {
                value,
                ..Answer::default()
            })
        }
        _ => no_such_operation(call),
    }
}

async fn dequeue(exchange: &mut Exchange<'_>, call: &Call) -> Result<Value, Mishap> {
    loop {
        let request = wire::oldest_under(call, exchange.serializable);
        let answer = exchange.post("kv/range", &request).await;
        let answer = answer.map_err(Mishap::before_sending)?;
        let head = wire::all(&answer).map_err(Mishap::NotApplied)?;
        let Some(head) = head.into_iter().next() else {
            return Ok(Value::Null);
        };
        let request = wire::delete_if(&head.key, head.modified);
        let answer = exchange.post("kv/txn", &request).await?;
        if wire::matched(&answer) {
            return Ok(head.value);
        }
    }
}
