//! The error table of the bundled Raft server: what each answer says of an operation.
//!
//! | what the client meets | an update (write, cas, remove, append, add) | a read (read, contains) |
//! |---|---|---|
//! | connection refused, or not established in time | *failed*: no byte of the request was sent | failed |
//! | time-out or reset after the connection was there | *unknown*: it may be on its way | failed |
//! | 200 with the fields that the function has | completed | completed |
//! | 200 with anything else | *unknown*: something happened that we do not understand | failed |
//! | 307, or any answer with `"outcome":"failed"` | *failed*: the server vouches that it is not in its log | failed |
//! | any answer with `"outcome":"unknown"` (time-out, leadership lost after proposing) | *unknown* | failed |
//! | any other status or body | *unknown* | failed |
//!
//! A read has no effect, so one without an answer says nothing and is recorded as failed. One request may
//! be repeated under the same session and sequence number; once any of its attempts is unknown, a later
//! failure of another attempt does not make the operation failed, for the first may still take effect.

use std::sync::Arc;

use serde_json::Value as Json;
use testimony_history::{Answer, Call, Function, Model, Value};

use crate::json;

/// What one request led to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Attempt {
    /// The answer, with the server's evidence (log index, term).
    Answered(Answer, Vec<(Arc<str>, Value)>),
    /// Nothing happened here; the leader may be there.
    Redirected(Option<String>),
    /// It certainly did not happen through this request.
    Failed(Arc<str>),
    /// It may happen at any time.
    Unknown(Arc<str>),
}

/// Whether a call changes nothing, so that repeating or forgetting it is harmless.
pub(crate) fn is_read(f: &Function) -> bool {
    matches!(f, Function::Read | Function::Contains)
}

/// What a request that got no answer says.
pub(crate) fn of_error(error: &reqwest::Error) -> Attempt {
    if error.is_connect() {
        return Attempt::Failed(Arc::from("connection refused"));
    }
    let what = if error.is_timeout() { "timeout" } else { "connection lost" };
    Attempt::Unknown(Arc::from(what))
}

/// What an answer says.
pub(crate) fn of_answer(
    call: &Call,
    model: Model,
    status: u16,
    location: Option<String>,
    body: &[u8],
) -> Attempt {
    let body: Json = serde_json::from_slice(body).unwrap_or(Json::Null);
    if status == 200 {
        let answer = decode(call, model, &body);
        return answer.map_or_else(
            || Attempt::Unknown(Arc::from("an answer without the fields of its function")),
            |answer| Attempt::Answered(answer, evidence(&body)),
        );
    }
    let error: Arc<str> = match body.get("error").and_then(Json::as_str) {
        Some(error) => Arc::from(error),
        None => Arc::from(format!("status {status}")),
    };
    match body.get("outcome").and_then(Json::as_str) {
        Some("failed") if status == 307 => Attempt::Redirected(location),
        Some("failed") => Attempt::Failed(error),
        _ => Attempt::Unknown(error),
    }
}

fn decode(call: &Call, model: Model, body: &Json) -> Option<Answer> {
    let field = |name| body.get(name).map(json::to_value);
    let truth = |name| body.get(name).and_then(Json::as_bool).map(Value::Bool);
    let mut answer = Answer::default();
    match call.f {
        Function::Read => answer.value = Some(read_value(field("value")?, model)),
        Function::Cas => {
            answer.swapped = Some(body.get("swapped")?.as_bool()?);
            answer.actual = field("actual");
        }
        Function::Contains | Function::Remove => answer.result = Some(truth("result")?),
        Function::Add | Function::Increment | Function::Decrement => {
            answer.result = Some(Value::Int(body.get("result")?.as_i64()?));
        }
        _ => drop(body.as_object()?),
    }
    Some(answer)
}

/// An untouched counter is 0; any other absent key is nothing.
fn read_value(value: Value, model: Model) -> Value {
    if model == Model::Counter && value == Value::Null { Value::Int(0) } else { value }
}

fn evidence(body: &Json) -> Vec<(Arc<str>, Value)> {
    let keys = ["index", "term"].into_iter();
    keys.filter_map(|key| Some((Arc::from(key), json::to_value(body.get(key)?)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(f: Function) -> Call {
        Call { f, key: Some("k".into()), value: Some(1.into()) }
    }

    fn of(f: Function, status: u16, body: &str) -> Attempt {
        of_answer(&call(f), Model::Kv, status, None, body.as_bytes())
    }

    #[test]
    fn a_cas_that_did_not_match_is_an_answer_with_the_actual_value() {
        let answer = Answer { swapped: Some(false), actual: Some(7.into()), ..Answer::default() };
        let attempt = of(Function::Cas, 200, r#"{"swapped":false,"actual":7,"index":3}"#);
        assert_eq!(attempt, Attempt::Answered(answer, vec![("index".into(), 3.into())]));
    }

    #[test]
    fn only_the_servers_word_makes_an_operation_failed() {
        let refused = of(Function::Write, 503, r#"{"error":"no-leader","outcome":"failed"}"#);
        assert_eq!(refused, Attempt::Failed("no-leader".into()));
        for (status, body) in [
            (503, r#"{"error":"timeout","outcome":"unknown"}"#),
            (503, "Service Unavailable"),
            (307, ""),
            (500, "{}"),
            (404, r#"{"error":"what"}"#),
        ] {
            let attempt = of(Function::Write, status, body);
            assert!(matches!(attempt, Attempt::Unknown(_)), "{status} {body}: {attempt:?}");
        }
    }

    #[test]
    fn an_answer_that_lacks_its_field_is_unknown() {
        for f in [Function::Read, Function::Cas, Function::Contains, Function::Add] {
            assert!(matches!(of(f, 200, "{}"), Attempt::Unknown(_)));
        }
        assert!(matches!(of(Function::Write, 200, "[]"), Attempt::Unknown(_)));
        assert!(matches!(of(Function::Write, 200, "{}"), Attempt::Answered(..)));
    }

    #[test]
    fn an_untouched_counter_reads_as_zero() {
        let read = Call { f: Function::Read, key: None, value: None };
        let attempt = of_answer(&read, Model::Counter, 200, None, br#"{"value":null}"#);
        let answer = Answer { value: Some(0.into()), ..Answer::default() };
        assert_eq!(attempt, Attempt::Answered(answer, Vec::new()));
    }
}
