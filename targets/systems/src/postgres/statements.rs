//! Calls as statements of Postgres, and its rows as answers of a history. Pure.
//!
//! An operation is one statement. Under "read committed", which is Postgres's usual level, a
//! statement that waited for another's row goes on with the row as that left it, so that what it
//! compares, writes and returns is of one moment, that of its lock. `before` is where an update
//! keeps what it found: only so it can return it.

use testimony_history::{Answer, Call, Function, Model, Value};

use super::connection::Row;
use super::protocol::literal;
use crate::mishap::{Answered, Mishap};
use crate::text;

/// What holds every object. A list is in `items`, all else in `value`.
pub(crate) const TABLE: &str = "CREATE TABLE IF NOT EXISTS objects \
     (key text PRIMARY KEY, value text, items text[], before text)";

/// The object of a call that names none.
const ONLY_KEY: &str = "object";

/// How far the log of changes goes, or is replayed, in bytes.
pub(crate) const POSITION: &str = "(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() \
     ELSE pg_current_wal_lsn() END - '0/0'::pg_lsn)::bigint";

/// The statement that makes the call. `token` says who takes a lock.
///
/// # Errors
/// If there is no such operation, or a text could not tell its value from another.
pub(crate) fn request(call: &Call, model: Model, token: &str) -> Result<String, String> {
    let key = literal(&match &call.key {
        None => ONLY_KEY.to_owned(),
        Some(Value::Str(key)) => key.to_string(),
        Some(other) => other.to_string(),
    })?;
    match model {
        Model::Set | Model::Queue | Model::Log => in_list(call, model, &key),
        Model::Mutex => lock(&call.f, &key, &literal(token)?),
        Model::Register | Model::CasRegister | Model::Kv | Model::Counter => in_text(call, &key),
    }
}

fn in_text(call: &Call, key: &str) -> Result<String, String> {
    let value = || stored(argument(call)?);
    Ok(match &call.f {
        Function::Read => read(&format!("SELECT value FROM objects WHERE key = {key}")),
        Function::Contains => {
            format!("SELECT EXISTS (SELECT 1 FROM objects WHERE key = {key})")
        }
        Function::Remove => format!("DELETE FROM objects WHERE key = {key} RETURNING key"),
        Function::Write => upsert("value", key, &value()?, "EXCLUDED.value", "NULL"),
        Function::Append => upsert(
            "value",
            key,
            &value()?,
            "objects.value || EXCLUDED.value",
            "NULL",
        ),
        Function::Cas => compare_and_set(call, key)?,
        Function::Add => add(key, &value()?),
        Function::Increment => add(key, "'1'"),
        Function::Decrement => add(key, "'-1'"),
        other => return Err(unknown(other)),
    })
}

/// A read tells where in the log of changes the server is.
fn read(select: &str) -> String {
    format!("SELECT ({select}), {POSITION}")
}

/// Makes the row, or changes it, and returns something.
fn upsert(column: &str, key: &str, first: &str, next: &str, returned: &str) -> String {
    format!(
        "INSERT INTO objects (key, {column}) VALUES ({key}, {first}) ON CONFLICT (key) DO UPDATE \
         SET {column} = {next} RETURNING {returned}"
    )
}

fn add(key: &str, amount: &str) -> String {
    let sum = "(objects.value::bigint + EXCLUDED.value::bigint)::text";
    upsert("value", key, amount, sum, "value")
}

/// Returns what was there: nothing at all, if the comparison was with nothing and the row is new.
fn compare_and_set(call: &Call, key: &str) -> Result<String, String> {
    let (old, new) = pair(call)?;
    let new = stored(new)?;
    if *old == Value::Null {
        return Ok(format!(
            "INSERT INTO objects (key, value) VALUES ({key}, {new}) ON CONFLICT (key) DO UPDATE \
             SET before = objects.value RETURNING before"
        ));
    }
    let old = stored(old)?;
    Ok(format!(
        "UPDATE objects SET before = value, value = CASE WHEN value = {old} THEN {new} ELSE value \
         END WHERE key = {key} RETURNING before"
    ))
}

fn in_list(call: &Call, model: Model, key: &str) -> Result<String, String> {
    let value = || stored(argument(call)?);
    let items = "SELECT items FROM objects WHERE";
    Ok(match (model, &call.f) {
        (Model::Log, Function::Append) | (Model::Queue, Function::Enqueue) => upsert(
            "items",
            key,
            &format!("ARRAY[{}]", value()?),
            "objects.items || EXCLUDED.items",
            "cardinality(items) - 1",
        ),
        (Model::Log, Function::Read) if call.value.is_some() => {
            let Value::Int(place) = argument(call)? else {
                return Err("a place in a log is a number".to_owned());
            };
            let place = place.checked_add(1).ok_or("no log is so long")?;
            read(&format!(
                "SELECT items[{place}] FROM objects WHERE key = {key}"
            ))
        }
        (Model::Set | Model::Log, Function::Read) => {
            let joined = "SELECT array_to_string(items, E'\\n') FROM objects WHERE";
            read(&format!("{joined} key = {key}"))
        }
        (Model::Set, Function::Contains) => {
            let found = format!("{} = ANY (({items} key = {key})::text[])", value()?);
            format!("SELECT COALESCE({found}, false)")
        }
        (Model::Set, Function::Add) => {
            let element = value()?;
            let there = format!("{element} = ANY (objects.items)");
            format!(
                "INSERT INTO objects (key, items, before) VALUES ({key}, ARRAY[{element}], 'f') \
                 ON CONFLICT (key) DO UPDATE SET before = ({there})::text, items = CASE WHEN \
                 {there} THEN objects.items ELSE objects.items || EXCLUDED.items END \
                 RETURNING before NOT IN ('t', 'true')"
            )
        }
        (Model::Set, Function::Remove) => {
            let element = value()?;
            format!(
                "UPDATE objects SET before = ({element} = ANY (items))::text, \
                 items = array_remove(items, {element}) WHERE key = {key} \
                 RETURNING before IN ('t', 'true')"
            )
        }
        (Model::Queue, Function::Dequeue) => format!(
            "UPDATE objects SET before = items[1], items = items[2:] WHERE key = {key} \
             RETURNING before"
        ),
        (_, other) => return Err(unknown(other)),
    })
}

/// A lock is held while its row is there. It does not end by itself.
fn lock(f: &Function, key: &str, token: &str) -> Result<String, String> {
    Ok(match f {
        Function::Acquire => format!(
            "INSERT INTO objects (key, value) VALUES ({key}, {token}) ON CONFLICT (key) DO \
             NOTHING RETURNING key"
        ),
        Function::Release => {
            format!("DELETE FROM objects WHERE key = {key} AND value = {token} RETURNING key")
        }
        other => return Err(unknown(other)),
    })
}

/// What the rows of its statement say to a call.
///
/// # Errors
/// If they are none of those that the call can have; see the table in `mishap`.
pub(crate) fn answer(call: &Call, model: Model, rows: &[Row]) -> Result<Answered, Mishap> {
    let first = rows.first().and_then(|row| row.first());
    let odd = || Mishap::Unknown(format!("{rows:?} is no answer to `{}`", call.f));
    let value = |value| Answer {
        value: Some(value),
        ..Answer::default()
    };
    let result = |result| Answer {
        result: Some(result),
        ..Answer::default()
    };
    let answer = match (model, &call.f, first) {
        (Model::Mutex, Function::Acquire, first) => result(first.is_some().into()),
        (Model::Mutex, Function::Release, Some(_)) => Answer::default(),
        (Model::Mutex, Function::Release, None) => {
            return Err(Mishap::NotApplied("not the holder".to_owned()));
        }
        (Model::Log, Function::Read, Some(item)) if call.value.is_some() => result(decoded(item)),
        (Model::Set | Model::Log, Function::Read, Some(items)) => value(list(items.as_deref())),
        (Model::Set, Function::Remove, None) => result(false.into()),
        (Model::Set, Function::Add | Function::Remove | Function::Contains, Some(Some(told))) => {
            result(truth(told).ok_or_else(odd)?)
        }
        (Model::Queue, Function::Dequeue, first) => value(first.map_or(Value::Null, decoded)),
        (Model::Queue, Function::Enqueue, Some(Some(_))) => Answer::default(),
        (Model::Log, Function::Append, Some(Some(place))) => result(number(place).ok_or_else(odd)?),
        (Model::Counter, Function::Read, Some(None)) => value(Value::Int(0)),
        (_, Function::Read, Some(held)) => value(decoded(held)),
        (_, Function::Contains, Some(Some(told))) => result(truth(told).ok_or_else(odd)?),
        (_, Function::Remove, first) => result(first.is_some().into()),
        (_, Function::Write | Function::Append, Some(_)) => Answer::default(),
        (_, Function::Cas, first) => comparison(call, first.map_or(Value::Null, decoded))?,
        (_, Function::Add | Function::Increment | Function::Decrement, Some(Some(sum))) => {
            result(number(sum).ok_or_else(odd)?)
        }
        _ => return Err(odd()),
    };
    Ok(Answered {
        answer,
        extra: position(call, rows),
    })
}

fn comparison(call: &Call, found: Value) -> Result<Answer, Mishap> {
    let (old, _) = pair(call).map_err(Mishap::Unknown)?;
    let swapped = *old == found;
    Ok(Answer {
        swapped: Some(swapped),
        actual: (!swapped).then_some(found),
        ..Answer::default()
    })
}

/// Where in the log of changes a read was.
fn position(call: &Call, rows: &[Row]) -> Vec<(std::sync::Arc<str>, Value)> {
    let told = match (&call.f, rows) {
        (Function::Read, [row]) => row.get(1).and_then(Option::as_deref),
        _ => None,
    };
    let told = told.and_then(number);
    told.map(|number| ("position".into(), number))
        .into_iter()
        .collect()
}

fn list(items: Option<&str>) -> Value {
    let items = items.unwrap_or_default().split('\n');
    Value::list(items.filter(|item| !item.is_empty()).map(text::decode))
}

fn decoded(column: &Option<String>) -> Value {
    column.as_deref().map_or(Value::Null, text::decode)
}

fn truth(text: &str) -> Option<Value> {
    match text {
        "t" => Some(true.into()),
        "f" => Some(false.into()),
        _ => None,
    }
}

fn number(text: &str) -> Option<Value> {
    text.parse::<i64>().ok().map(Value::Int)
}

/// A literal that is read back as the same value, also from a list of lines.
fn stored(value: &Value) -> Result<String, String> {
    let text = text::encode(value)?;
    if text.is_empty() || text.contains('\n') {
        return Err(format!(
            "{value} cannot be stored: it is empty, or has lines"
        ));
    }
    literal(&text)
}

fn pair(call: &Call) -> Result<(&Value, &Value), String> {
    match argument(call)? {
        Value::List(pair) if pair.len() == 2 => Ok((&pair[0], &pair[1])),
        other => Err(format!("{other} is no pair")),
    }
}

fn argument(call: &Call) -> Result<&Value, String> {
    let missing = || format!("`{}` needs a value", call.f);
    call.value.as_ref().ok_or_else(missing)
}

fn unknown(f: &Function) -> String {
    format!("the postgres target has no operation `{f}`")
}

#[cfg(test)]
mod tests;
