//! Requests to etcd as JSON, and its answers as what they mean. Pure.
//!
//! The gateway is JSON made from protocol buffers: bytes are base64, 64-bit numbers are strings,
//! and
//! whatever is false, zero or empty is left out of an answer.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value as Json, json};
use testimony_engine::json::{from_value, to_value};
use testimony_history::{Call, Value};

/// The key of a call that names none.
const ONLY_KEY: &str = "object";

/// A key as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its name, as requests carry it.
    pub(crate) key: String,
    /// Its value.
    pub(crate) value: Value,
    /// The revision of the store at which it was last changed.
    pub(crate) modified: i64,
}

/// What a transaction compares a key with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// It is not there.
    Absent,
    /// It has that value.
    Value(Value),
    /// It was last changed at that revision.
    Modified(i64),
}

/// The key that a call is about, as requests carry it.
pub(crate) fn key(call: &Call) -> String {
    BASE64.encode(name(call))
}

/// A key under the name that a call is about.
pub(crate) fn key_under(call: &Call, part: &str) -> String {
    BASE64.encode(format!("{}/{part}", name(call)))
}

/// The name that a call is about.
fn name(call: &Call) -> String {
    match &call.key {
        None => ONLY_KEY.to_owned(),
        Some(Value::Str(key)) => key.to_string(),
        Some(other) => other.to_string(),
    }
}

/// A read of one key: at the node itself and perhaps stale if `serializable`.
pub(crate) fn range(key: &str, serializable: bool) -> Json {
    json!({ "key": key, "serializable": serializable })
}

/// A read of all keys under the name that a call is about.
pub(crate) fn range_under(call: &Call, serializable: bool) -> Json {
    // Up to the first name that begins differently: `0` follows `/`.
    let end = BASE64.encode(format!("{}0", name(call)));
    json!({
        "key": key_under(call, ""),
        "range_end": end,
        "serializable": serializable,
    })
}

/// A read of the key that was created first among those.
pub(crate) fn oldest_under(call: &Call, serializable: bool) -> Json {
    let mut range = range_under(call, serializable);
    range["sort_target"] = "CREATE".into();
    range["sort_order"] = "ASCEND".into();
    range["limit"] = 1.into();
    range
}

/// A write of one key.
pub(crate) fn put(key: &str, value: &Value) -> Json {
    json!({ "key": key, "value": BASE64.encode(from_value(value).to_string()) })
}

/// A removal of one key.
pub(crate) fn delete(key: &str) -> Json {
    json!({ "key": key })
}

/// A transaction: the new value if the key is as expected, else a read of it.
pub(crate) fn put_if(key: &str, expected: &Expected, new: &Value) -> Json {
    let mut compare = json!({ "key": key, "result": "EQUAL" });
    let (target, field, with) = match expected {
        // A key that is absent has no value, and compares as unequal to every one.
        Expected::Value(value) => {
            let value = BASE64.encode(from_value(value).to_string());
            ("VALUE", "value", value)
        }
        Expected::Absent => ("CREATE", "createRevision", "0".to_owned()),
        Expected::Modified(revision) => ("MOD", "modRevision", revision.to_string()),
    };
    compare["target"] = target.into();
    compare[field] = with.into();
    json!({
        "compare": [compare],
        "success": [{ "requestPut": put(key, new) }],
        "failure": [{ "requestRange": { "key": key } }],
    })
}

/// A transaction that removes the key if it was last changed at that revision.
pub(crate) fn delete_if(key: &str, modified: i64) -> Json {
    json!({
        "compare": [{
            "key": key, "result": "EQUAL",
            "target": "MOD", "modRevision": modified.to_string(),
        }],
        "success": [{ "requestDeleteRange": { "key": key } }],
    })
}

/// The first key of a range.
///
/// # Errors
/// If it holds what we never wrote.
pub(crate) fn first(range: &Json) -> Result<Option<Found>, String> {
    Ok(all(range)?.into_iter().next())
}

/// The keys of a range, in its order.
///
/// # Errors
/// If one holds what we never wrote.
pub(crate) fn all(range: &Json) -> Result<Vec<Found>, String> {
    let entries = range.get("kvs").and_then(Json::as_array);
    entries.into_iter().flatten().map(found).collect()
}

fn found(entry: &Json) -> Result<Found, String> {
    let key = entry.get("key").and_then(Json::as_str).unwrap_or("");
    let modified = number(entry, "mod_revision")?;
    let text = entry.get("value").and_then(Json::as_str).unwrap_or("");
    let bytes = BASE64.decode(text).map_err(|error| error.to_string())?;
    let value: Json = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    Ok(Found {
        key: key.to_owned(),
        value: to_value(&value),
        modified,
    })
}

/// Whether a transaction's comparison held, and if not, what was found instead.
///
/// # Errors
/// If the key holds what we never wrote.
pub(crate) fn outcome(answer: &Json) -> Result<Result<(), Option<Found>>, String> {
    if matched(answer) {
        return Ok(Ok(()));
    }
    let range = answer.pointer("/responses/0/response_range");
    let range = range.ok_or("a failed comparison without what was found")?;
    Ok(Err(first(range)?))
}

/// Whether a transaction's comparison held.
pub(crate) fn matched(answer: &Json) -> bool {
    answer.get("succeeded").and_then(Json::as_bool) == Some(true)
}

/// Whether a removal removed anything.
///
/// # Errors
/// If the number of removed keys is none.
pub(crate) fn removed(answer: &Json) -> Result<bool, String> {
    match answer.get("deleted") {
        None => Ok(false),
        Some(_) => Ok(number(answer, "deleted")? > 0),
    }
}

/// What etcd tells of its inside: the member that answered, its term and the store's revision.
pub(crate) fn inside(answer: &Json) -> Vec<(Arc<str>, Value)> {
    let part = |field: &str| id(answer.get("header")?, field);
    let member = part("member_id").map(|id| ("member", Value::str(&format!("{id:x}"))));
    let term = part("raft_term").map(|term| ("term", term.into()));
    let revision = part("revision").map(|revision| ("revision", revision.into()));
    let parts = [member, term, revision].into_iter().flatten();
    parts
        .map(|(name, value)| (Arc::from(name), value))
        .collect()
}

/// A number without a sign; absent means that it is zero, or was not told.
pub(crate) fn id(part: &Json, field: &str) -> Option<u64> {
    part.get(field)?.as_str()?.parse().ok()
}

/// A text that an answer must have.
///
/// # Errors
/// If it has none.
pub(crate) fn text(part: &Json, field: &str) -> Result<String, String> {
    let text = part.get(field).and_then(Json::as_str);
    let none = || format!("an answer without `{field}`");
    text.map(ToOwned::to_owned).ok_or_else(none)
}

fn number(part: &Json, field: &str) -> Result<i64, String> {
    let text = part.get(field).and_then(Json::as_str);
    let number = text.and_then(|text| text.parse().ok());
    number.ok_or_else(|| format!("an answer without a number `{field}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers of etcd 3.4.23, as they came.
    fn recorded(text: &str) -> Json {
        serde_json::from_str(text).unwrap()
    }

    const HEADER: &str = r#""header":{"cluster_id":"14704594945428133528",
        "member_id":"12496030220408048076","revision":"3","raft_term":"2"}"#;

    fn answer(rest: &str) -> Json {
        recorded(&format!("{{{HEADER}{rest}}}"))
    }

    #[test]
    fn a_key_is_found_with_the_revision_of_its_last_change() {
        let range = answer(
            r#","kvs":[{"key":"eA==","create_revision":"2","mod_revision":"3","version":"2",
            "value":"Ng=="}],"count":"1""#,
        );
        let found = first(&range).unwrap().unwrap();
        assert_eq!((found.value, found.modified), (Value::Int(6), 3));
    }

    #[test]
    fn an_absent_key_is_an_answer_without_keys() {
        assert_eq!(first(&answer("")), Ok(None));
    }

    #[test]
    fn what_we_never_wrote_is_no_answer() {
        let range = answer(r#","kvs":[{"key":"eA==","mod_revision":"3","value":"/w=="}]"#);
        assert!(first(&range).is_err());
    }

    #[test]
    fn a_transaction_tells_whether_it_matched_and_what_it_found() {
        let put = r#","succeeded":true,"responses":[{"response_put":{}}]"#;
        assert_eq!(outcome(&answer(put)), Ok(Ok(())));
        let other = r#","responses":[{"response_range":{"header":{"revision":"3"},"kvs":[{
            "key":"eA==","create_revision":"2","mod_revision":"3","version":"2",
            "value":"Ng=="}],"count":"1"}}]"#;
        let found = outcome(&answer(other)).unwrap().unwrap_err().unwrap();
        assert_eq!(found.value, Value::Int(6));
        let absent = r#","responses":[{"response_range":{"header":{"revision":"3"}}}]"#;
        assert_eq!(outcome(&answer(absent)), Ok(Err(None)));
        assert!(outcome(&answer("")).is_err());
    }

    #[test]
    fn a_removal_of_nothing_tells_no_number() {
        assert_eq!(removed(&answer("")), Ok(false));
        assert_eq!(removed(&answer(r#","deleted":"1""#)), Ok(true));
        assert!(removed(&answer(r#","deleted":"x""#)).is_err());
    }

    #[test]
    fn the_answering_member_its_term_and_the_revision_are_kept() {
        let inside = inside(&answer(""));
        let named: Vec<String> = inside
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let member = "member=\"ad6ad14755f7c9cc\"";
        assert_eq!(named, [member, "term=2", "revision=3"]);
    }

    #[test]
    fn what_is_under_a_name_ends_where_another_name_begins() {
        let call = Call {
            f: testimony_history::Function::Read,
            key: Some("s1".into()),
            value: None,
        };
        let range = range_under(&call, true);
        let text = |part: &str| {
            let bytes = BASE64.decode(range[part].as_str().unwrap()).unwrap();
            String::from_utf8(bytes).unwrap()
        };
        assert_eq!(
            (text("key"), text("range_end")),
            ("s1/".into(), "s10".into())
        );
        assert_eq!(oldest_under(&call, true)["limit"], 1);
    }

    #[test]
    fn requests_are_written_as_the_gateway_takes_them() {
        let call = Call {
            f: testimony_history::Function::Read,
            key: Some("x".into()),
            value: None,
        };
        assert_eq!(key(&call), "eA==");
        let put = put("eA==", &Value::Int(5)).to_string();
        assert_eq!(put, r#"{"key":"eA==","value":"NQ=="}"#);
        let compare = |expected| put_if("eA==", &expected, &Value::Int(6))["compare"][0].clone();
        assert_eq!(
            compare(Expected::Value(Value::Int(5))),
            json!({"key": "eA==", "target": "VALUE", "result": "EQUAL", "value": "NQ=="})
        );
        assert_eq!(
            compare(Expected::Absent),
            json!({"key": "eA==", "target": "CREATE", "result": "EQUAL", "createRevision": "0"})
        );
        assert_eq!(
            compare(Expected::Modified(7)),
            json!({"key": "eA==", "target": "MOD", "result": "EQUAL", "modRevision": "7"})
        );
    }
}
