//! What clients ask, as JSON. Pure.

use serde::Deserialize;
use serde_json::Value;
use testimony_consensus::NodeId;
use testimony_consensus::machine::store::{Command, Query, Store};
use testimony_consensus::raft::Request;

/// Why a request is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(String);

/// The body of `POST /v1/operation`.
#[derive(Debug, Deserialize)]
struct Operation {
    f: String,
    key: String,
    value: Option<Value>,
    session: Option<u64>,
    sequence: Option<u64>,
}

/// The body of `POST /admin/members`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Members {
    add: Option<NodeId>,
    remove: Option<NodeId>,
}

/// The body of `POST /admin/transfer`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Transfer {
    to: NodeId,
}

/// What an operation asks of the core.
pub(crate) fn operation(body: &[u8]) -> Result<Request<Store>, Malformed> {
    let Operation {
        f,
        key,
        value,
        session,
        sequence,
    } = parse(body)?;
    let command = match f.as_str() {
        "read" => return Ok(Request::Query(Query::Read { key })),
        "contains" => return Ok(Request::Query(Query::Contains { key })),
        "write" => Command::Write {
            key,
            value: some(value)?,
        },
        "cas" => cas(key, some(value)?)?,
        "remove" => Command::Remove { key },
        "append" => append(key, &some(value)?)?,
        "add" => add(key, &some(value)?)?,
        other => return malformed(format!("no operation is called `{other}`")),
    };
    let (Some(session), Some(sequence)) = (session, sequence) else {
        return malformed("an update needs `session` and `sequence`");
    };
    Ok(Request::Apply {
        session,
        sequence,
        command,
    })
}

/// What a change of the members asks of the core, and of whom it speaks.
pub(crate) fn members(body: &[u8]) -> Result<(Request<Store>, NodeId), Malformed> {
    match parse(body)? {
        Members {
            add: Some(node),
            remove: None,
        } => Ok((Request::AddNode(node), node)),
        Members {
            add: None,
            remove: Some(node),
        } => Ok((Request::RemoveNode(node), node)),
        _ => malformed("give either `add` or `remove`"),
    }
}

/// To whom leadership is to be transferred.
pub(crate) fn transfer(body: &[u8]) -> Result<(Request<Store>, NodeId), Malformed> {
    let Transfer { to } = parse(body)?;
    Ok((Request::Transfer(to), to))
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Malformed> {
    serde_json::from_slice(body).map_err(|error| Malformed(error.to_string()))
}

/// `null` is what an absent key reads as, so nothing can be set to it.
fn some(value: Option<Value>) -> Result<Value, Malformed> {
    match value {
        None | Some(Value::Null) => malformed("`value` is missing, or null"),
        Some(value) => Ok(value),
    }
}

fn cas(key: String, value: Value) -> Result<Command, Malformed> {
    let Ok([old, new]) = serde_json::from_value::<[Value; 2]>(value) else {
        return malformed("the value of a cas is [old, new]");
    };
    Ok(Command::Cas {
        key,
        old,
        new: some(Some(new))?,
    })
}

fn append(key: String, value: &Value) -> Result<Command, Malformed> {
    match value.as_str() {
        Some(text) => Ok(Command::Append {
            key,
            value: text.to_owned(),
        }),
        None => malformed("the value of an append is a string"),
    }
}

fn add(key: String, value: &Value) -> Result<Command, Malformed> {
    match value.as_i64() {
        Some(amount) => Ok(Command::Add { key, amount }),
        None => malformed("the value of an add is a whole number"),
    }
}

fn malformed<T>(why: impl Into<String>) -> Result<T, Malformed> {
    Err(Malformed(why.into()))
}
