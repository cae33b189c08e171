//! Calls as JSON requests of the Raft target, and its JSON answers as answers of a history. Pure.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use testimony_history::{Answer, Call, Function, Model, Value};

use testimony_engine::json::{from_value as to_json, to_value as from_json};

/// The key of a call that names none.
const ONLY_KEY: &str = "object";

/// Whether an operation changes nothing, so that nobody can tell whether it happened.
pub(crate) fn is_pure(f: &Function) -> bool {
    matches!(f, Function::Read | Function::Contains)
}

/// The body of a request, without session and sequence number.
///
/// # Errors
/// If the target has no such operation.
pub(crate) fn request(call: &Call) -> Result<Map<String, Json>, String> {
    let key = match &call.key {
        None => ONLY_KEY.to_owned(),
        Some(Value::Str(key)) => key.to_string(),
        Some(other) => other.to_string(),
    };
    let value = || call.value.as_ref().map_or(Json::Null, to_json);
    let (f, value) = match &call.f {
        Function::Read | Function::Contains | Function::Remove => (call.f.name(), Json::Null),
        Function::Write | Function::Cas | Function::Append | Function::Add => {
            (call.f.name(), value())
        }
        Function::Increment => ("add", json!(1)),
        Function::Decrement => ("add", json!(-1)),
        other => return Err(format!("the raft target has no operation `{other}`")),
    };
    let mut body = Map::new();
    body.insert("f".to_owned(), f.into());
    body.insert("key".to_owned(), key.into());
    if !value.is_null() {
        body.insert("value".to_owned(), value);
    }
    Ok(body)
}

/// What a 200 answers to a call. An absent key reads as 0 in a counter.
///
/// # Errors
/// If a part of the answer is missing or of the wrong type.
pub(crate) fn answer(call: &Call, model: Model, body: &Json) -> Result<Answer, String> {
    let none = Answer::default();
    let part = |name: &str| body.get(name).map(from_json);
    let need = |name: &str| part(name).ok_or_else(|| format!("an answer without `{name}`"));
    let truth = |name: &str| match need(name)? {
        Value::Bool(truth) => Ok(truth),
        other => Err(format!("`{name}` is {other}, not true or false")),
    };
    match &call.f {
        Function::Read => {
            let value = match need("value")? {
                Value::Null if model == Model::Counter => Value::Int(0),
                value => value,
            };
            Ok(Answer {
                value: Some(value),
                ..none
            })
        }
        Function::Cas => match truth("swapped")? {
            true => Ok(Answer {
                swapped: Some(true),
                ..none
            }),
            false => Ok(Answer {
                swapped: Some(false),
                actual: part("actual"),
                ..none
            }),
        },
        Function::Contains | Function::Remove => Ok(Answer {
            result: Some(truth("result")?.into()),
            ..none
        }),
        Function::Add | Function::Increment | Function::Decrement => match need("result")? {
            result @ Value::Int(_) => Ok(Answer {
                result: Some(result),
                ..none
            }),
            other => Err(format!("`result` is {other}, not a number")),
        },
        _ if body.is_object() => Ok(none),
        _ => Err(format!("the answer is {body}")),
    }
}

/// What the target tells of its inside: the log index and the term of the operation.
pub(crate) fn inside(body: &Json) -> Vec<(Arc<str>, Value)> {
    let part = |name: &str| Some((Arc::from(name), Value::from(body.get(name)?.as_u64()?)));
    ["index", "term"].into_iter().filter_map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(f: &str, value: Option<Value>) -> Call {
        Call {
            f: Function::from_name(f),
            key: Some("x".into()),
            value,
        }
    }

    fn asked(call: &Call) -> String {
        Json::Object(request(call).unwrap()).to_string()
    }

    fn answered(call: &Call, body: &str) -> Result<Answer, String> {
        answer(call, Model::Kv, &serde_json::from_str(body).unwrap())
    }

    #[test]
    fn every_operation_is_asked_as_the_target_takes_it() {
        let pair = Value::list([Value::Null, Value::Int(2)]);
        let cases = [
            (call("read", None), r#"{"f":"read","key":"x"}"#),
            (call("contains", None), r#"{"f":"contains","key":"x"}"#),
            (
                call("write", Some(5.into())),
                r#"{"f":"write","key":"x","value":5}"#,
            ),
            (
                call("cas", Some(pair)),
                r#"{"f":"cas","key":"x","value":[null,2]}"#,
            ),
            (
                call("append", Some("a,".into())),
                r#"{"f":"append","key":"x","value":"a,"}"#,
            ),
            (
                call("add", Some(3.into())),
                r#"{"f":"add","key":"x","value":3}"#,
            ),
            (
                call("decrement", None),
                r#"{"f":"add","key":"x","value":-1}"#,
            ),
        ];
        for (call, body) in cases {
            assert_eq!(asked(&call), body);
        }
        assert!(request(&call("enqueue", Some(1.into()))).is_err());
        let only = Call {
            f: Function::Read,
            key: None,
            value: None,
        };
        assert_eq!(asked(&only), r#"{"f":"read","key":"object"}"#);
    }

    #[test]
    fn a_cas_that_does_not_match_tells_what_it_found() {
        let cas = call("cas", Some(Value::list([Value::Int(1), Value::Int(2)])));
        let answer = answered(&cas, r#"{"swapped":false,"actual":7}"#).unwrap();
        assert_eq!(
            (answer.swapped, answer.actual),
            (Some(false), Some(Value::Int(7)))
        );
        let absent = answered(&cas, r#"{"swapped":false,"actual":null}"#).unwrap();
        assert_eq!(absent.actual, Some(Value::Null));
        assert_eq!(answered(&cas, r#"{"swapped":true}"#).unwrap().actual, None);
    }

    #[test]
    fn an_absent_key_reads_as_null_but_as_0_in_a_counter() {
        let read = call("read", None);
        let body = json!({"value": null});
        assert_eq!(
            answer(&read, Model::Kv, &body).unwrap().value,
            Some(Value::Null)
        );
        assert_eq!(
            answer(&read, Model::Counter, &body).unwrap().value,
            Some(Value::Int(0))
        );
    }

    #[test]
    fn an_answer_that_lacks_its_result_is_refused() {
        let cas = call("cas", None);
        for (call, body) in [
            (call("read", None), "{}"),
            (cas, r#"{"swapped":1}"#),
            (call("contains", None), r#"{"result":null}"#),
            (call("add", None), r#"{"result":"3"}"#),
            (call("write", None), "[]"),
        ] {
            assert!(answered(&call, body).is_err(), "{body}");
        }
    }

    #[test]
    fn index_and_term_are_kept_where_they_are_told() {
        let extra = inside(&json!({"value": 1, "index": 9, "term": 2}));
        assert_eq!(
            extra,
            [
                ("index".into(), Value::Int(9)),
                ("term".into(), Value::Int(2))
            ]
        );
        assert!(inside(&json!({"index": null})).is_empty());
    }
}
