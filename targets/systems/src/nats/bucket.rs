//! The key-value bucket that all clients share, as JetStream has it: a stream with one message per
//! key. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value as Json, json};
use testimony_engine::json::{from_value, to_value};
use testimony_history::{Call, Value};

use super::mishap;
use super::protocol::{self, Message};

/// The stream under the bucket.
pub(crate) const STREAM: &str = "KV_testimony";
/// Marks a message that stands for a removal.
const OPERATION: &str = "KV-Operation";
/// The error for a key that was never there.
const NO_MESSAGE: u64 = 10037;
/// The status for a key that was never there.
const NOT_FOUND: u16 = 404;
/// The key of a call that names none.
const ONLY_KEY: &str = "object";

/// What a key was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its value; `None` if it was removed, or never there.
    pub(crate) value: Option<Value>,
    /// The sequence of its last message; 0 if there never was one.
    pub(crate) sequence: u64,
}

/// The subject of the call's key. Keys that no subject can have go in hexadecimal.
pub(crate) fn subject(call: &Call) -> String {
    let key = match &call.key {
        None => ONLY_KEY.to_owned(),
        Some(Value::Str(key)) => key.to_string(),
        Some(other) => other.to_string(),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let token = if !key.is_empty() && key.chars().all(plain) {
        key
    } else {
        let hex: String = key.bytes().map(|byte| format!("{byte:02x}")).collect();
        format!("={hex}")
    };
    format!("$KV.testimony.{token}")
}

/// What a message holds for a value.
pub(crate) fn payload(value: &Value) -> Vec<u8> {
    from_value(value).to_string().into_bytes()
}

/// The header of a publication that wants the key's last message to have that sequence.
pub(crate) fn expecting(sequence: u64) -> (&'static str, String) {
    ("Nats-Expected-Last-Subject-Sequence", sequence.to_string())
}

/// The header of a publication that removes.
pub(crate) fn removing() -> (&'static str, String) {
    (OPERATION, "DEL".to_owned())
}

/// The configuration of the bucket, as the usual clients make it.
pub(crate) fn configuration(replicas: usize) -> Json {
    json!({
        "name": STREAM,
        "subjects": ["$KV.testimony.>"],
        "max_msgs_per_subject": 1,
        "num_replicas": replicas,
        "storage": "file",
        "discard": "new",
        "retention": "limits",
        "allow_direct": true,
        "allow_rollup_hdrs": true,
        "deny_delete": true,
        "max_bytes": -1,
        "max_age": 0,
        "max_msgs": -1,
        "max_msg_size": -1,
        "max_consumers": -1,
    })
}

/// Where any replica answers what it has under a subject.
pub(crate) fn direct(subject: &str) -> String {
    format!("$JS.API.DIRECT.GET.{STREAM}.{subject}")
}

/// Where the leader is asked, and with what.
pub(crate) fn leader(subject: &str) -> (String, Json) {
    let body = json!({ "last_by_subj": subject });
    (format!("$JS.API.STREAM.MSG.GET.{STREAM}"), body)
}

/// What a replica answered.
///
/// # Errors
/// If it is no answer.
pub(crate) fn told_directly(answer: &Message) -> Result<Found, String> {
    match answer.status {
        Some(NOT_FOUND) => return Ok(never_there()),
        Some(503) => return Err("no responders".to_owned()),
        Some(status) => return Err(format!("status {status}")),
        None => {}
    }
    let sequence = answer.header("Nats-Sequence");
    let sequence = sequence.and_then(|text| text.parse().ok());
    let sequence = sequence.ok_or("an answer without a sequence")?;
    let removed = answer.header(OPERATION).is_some();
    found(removed, &answer.payload, sequence)
}

/// What the leader answered.
///
/// # Errors
/// If it is no answer.
pub(crate) fn told_by_leader(answer: &Message) -> Result<Found, String> {
    if answer.status == Some(503) {
        return Err("no responders".to_owned());
    }
    let body: Json = serde_json::from_slice(&answer.payload).map_err(|error| error.to_string())?;
    match body.get("error") {
        Some(error) if mishap::code(error) == Some(NO_MESSAGE) => return Ok(never_there()),
        Some(error) => return Err(mishap::words(error)),
        None => {}
    }
    let message = body.get("message").ok_or("an answer without a message")?;
    let sequence = message.get("seq").and_then(Json::as_u64);
    let sequence = sequence.ok_or("an answer without a sequence")?;
    let bytes = |name: &str| {
        let text = message.get(name).and_then(Json::as_str).unwrap_or("");
        BASE64.decode(text).map_err(|error| error.to_string())
    };
    let block = bytes("hdrs")?;
    let removed = !block.is_empty() && {
        let (_, headers) = protocol::headers(&block).map_err(|nonsense| nonsense.0)?;
        headers.iter().any(|(name, _)| name == OPERATION)
    };
    found(removed, &bytes("data")?, sequence)
}

fn found(removed: bool, payload: &[u8], sequence: u64) -> Result<Found, String> {
    if removed {
        return Ok(Found {
            value: None,
            sequence,
        });
    }
    let value: Json = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
    Ok(Found {
        value: Some(to_value(&value)),
        sequence,
    })
}

fn never_there() -> Found {
    Found {
        value: None,
        sequence: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers of nats-server 2.9.10, as they came.
    fn message(status: Option<u16>, headers: &[(&str, &str)], payload: &str) -> Message {
        let pairs = headers.iter().copied();
        Message {
            subject: "i.1".to_owned(),
            status,
            headers: pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
            payload: payload.into(),
        }
    }

    fn is(value: Option<i64>, sequence: u64) -> Result<Found, String> {
        let value = value.map(Value::Int);
        Ok(Found { value, sequence })
    }

    #[test]
    fn a_replica_tells_what_it_has() {
        let there = message(None, &[("Nats-Sequence", "17")], "5");
        assert_eq!(told_directly(&there), is(Some(5), 17));
        let headers = [("KV-Operation", "DEL"), ("Nats-Sequence", "18")];
        assert_eq!(told_directly(&message(None, &headers, "")), is(None, 18));
        assert_eq!(told_directly(&message(Some(404), &[], "")), is(None, 0));
    }

    #[test]
    fn the_leader_tells_what_it_has() {
        let there = r#"{"type":"io.nats.jetstream.api.v1.stream_msg_get_response","message":{
            "subject":"$KV.b.x","seq":1,"data":"NQ==","time":"2026-11-25T02:56:21.14Z"}}"#;
        assert_eq!(told_by_leader(&message(None, &[], there)), is(Some(5), 1));
        let removed = r#"{"message":{"subject":"$KV.b.x","seq":3,
            "hdrs":"TkFUUy8xLjANCktWLU9wZXJhdGlvbjogREVMDQoNCg=="}}"#;
        assert_eq!(told_by_leader(&message(None, &[], removed)), is(None, 3));
        let never = r#"{"error":{"code":404,"err_code":10037,"description":"no message found"}}"#;
        assert_eq!(told_by_leader(&message(None, &[], never)), is(None, 0));
    }

    #[test]
    fn what_is_no_answer_is_no_value() {
        for status in [408, 503] {
            assert!(told_directly(&message(Some(status), &[], "")).is_err());
        }
        assert!(told_directly(&message(None, &[], "5")).is_err());
        let headers = [("Nats-Sequence", "1")];
        assert!(told_directly(&message(None, &headers, "five")).is_err());
        let gone = r#"{"error":{"code":503,"err_code":10008,"description":"unavailable"}}"#;
        for payload in [gone, "{}", "", r#"{"message":{"data":"NQ=="}}"#] {
            assert!(
                told_by_leader(&message(None, &[], payload)).is_err(),
                "{payload}"
            );
        }
    }

    #[test]
    fn every_key_has_a_subject_of_its_own() {
        let subject_of = |key: &str| {
            subject(&Call {
                f: testimony_history::Function::Read,
                key: Some(key.into()),
                value: None,
            })
        };
        assert_eq!(subject_of("x-1"), "$KV.testimony.x-1");
        assert_eq!(subject_of("a.b"), "$KV.testimony.=612e62");
        assert_eq!(subject_of(""), "$KV.testimony.=");
    }
}
