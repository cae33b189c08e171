//! Calls as the requests that a scenario describes. Pure.

use std::fmt::Write as _;

use testimony_engine::json::from_value;
use testimony_engine::own::{Api, Operation};
use testimony_history::{Call, Function, Value};

/// A request, but for the node that it goes to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request<'a> {
    pub(crate) operation: &'a Operation,
    pub(crate) path: String,
    pub(crate) body: Option<String>,
    pub(crate) content_type: &'static str,
}

/// The request for a call.
///
/// # Errors
/// If the scenario describes none: then nothing is sent, and the operation has failed.
pub(crate) fn request<'a>(api: &'a Api, prefix: &str, call: &Call) -> Result<Request<'a>, String> {
    let pair = match (&call.f, &call.value) {
        (Function::Cas, Some(Value::List(pair))) => Some(pair),
        _ => None,
    };
    let old = pair.and_then(|pair| pair.first());
    // "Nothing" has no text of its own in a request: what creates a key is another request.
    let (name, operation) = match old {
        Some(Value::Null) => ("create", api.create.as_ref()),
        _ => (call.f.name(), api.operation(&call.f)),
    };
    let operation = operation.ok_or_else(|| format!("the scenario describes no `{name}`"))?;
    let key = match &call.key {
        Some(Value::Str(key)) => format!("{prefix}{key}"),
        other => format!("{prefix}{}", other.clone().unwrap_or_default()),
    };
    let key = Value::str(&key);
    let argument = |word: &str| match word {
        "key" => Some(&key),
        "old" => old,
        "new" => pair.and_then(|pair| pair.get(1)),
        _ => call.value.as_ref(),
    };
    let plain = |word: &str| argument(word).map(plain).unwrap_or_default();
    let is_json = operation.body.as_ref().is_some_and(|body| body.is_json());
    let in_body = |word: &str, quoted: bool| match is_json {
        true => as_json(argument(word), quoted),
        false => plain(word),
    };
    Ok(Request {
        operation,
        path: operation.path.filled(|word, _| encoded(&plain(word))),
        body: operation.body.as_ref().map(|body| body.filled(in_body)),
        content_type: if is_json {
            "application/json"
        } else {
            "text/plain"
        },
    })
}

/// A value as text: a string is what it says.
fn plain(value: &Value) -> String {
    match value {
        Value::Str(text) => text.to_string(),
        other => other.to_string(),
    }
}

/// A value as JSON; within quotes as what a JSON string says.
fn as_json(value: Option<&Value>, quoted: bool) -> String {
    let Some(value) = value else {
        return String::new();
    };
    if !quoted {
        return from_value(value).to_string();
    }
    let text = serde_json::Value::from(plain(value)).to_string();
    text.trim_start_matches('"')
        .strip_suffix('"')
        .unwrap_or(&text)
        .to_owned()
}

/// As it stands in a path or a query.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            // Writing to a string cannot fail.
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
    }
    encoded
}
