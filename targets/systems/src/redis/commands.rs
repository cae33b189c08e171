//! Calls as commands of Redis, and its answers as answers of a history. Pure.

use testimony_history::{Answer, Call, Function, Model, Value};

use super::mishap;
use super::resp::Resp;
use crate::mishap::Mishap;
use crate::text;

/// The key of a call that names none.
const ONLY_KEY: &str = "object";

/// Sets the key if it holds the first argument (or nothing, if the second says so), and tells
/// otherwise what it holds. One step for everybody else, as every script is.
const COMPARE_AND_SET: &str = "\
local held = redis.call('GET', KEYS[1]) \
local expected = ARGV[1] \
if ARGV[2] == 'absent' then expected = false end \
if held == expected then redis.call('SET', KEYS[1], ARGV[3]) return {1} end \
return {0, held}";

/// Removes the lock if it is the caller's.
const RELEASE: &str = "\
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end \
return redis.call('DEL', KEYS[1])";

/// How long a lock is granted for, in milliseconds: far longer than a client holds one.
const LEASE_MS: &str = "30000";

/// The words of the command that makes the call. `token` says who takes a lock.
///
/// # Errors
/// If Redis has no such operation, or could not tell the value from another.
pub(crate) fn request(call: &Call, model: Model, token: &str) -> Result<Vec<String>, String> {
    let key = match &call.key {
        None => ONLY_KEY.to_owned(),
        Some(Value::Str(key)) => key.to_string(),
        Some(other) => other.to_string(),
    };
    let value = || {
        let value = call.value.as_ref().ok_or("a value is missing")?;
        text::encode(value)
    };
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    let command: Vec<String> = match (model, &call.f) {
        (Model::Queue, Function::Enqueue) => words(&["LPUSH", &key, &value()?]),
        (Model::Queue, Function::Dequeue) => words(&["RPOP", &key]),
        (Model::Set, Function::Add) => words(&["SADD", &key, &value()?]),
        (Model::Set, Function::Remove) => words(&["SREM", &key, &value()?]),
        (Model::Set, Function::Contains) => words(&["SISMEMBER", &key, &value()?]),
        (Model::Set, Function::Read) => words(&["SMEMBERS", &key]),
        (Model::Log, Function::Append) => words(&["RPUSH", &key, &value()?]),
        (Model::Log, Function::Read) if call.value.is_some() => words(&["LINDEX", &key, &value()?]),
        (Model::Log, Function::Read) => words(&["LRANGE", &key, "0", "-1"]),
        (Model::Mutex, Function::Acquire) => words(&["SET", &key, token, "NX", "PX", LEASE_MS]),
        (Model::Mutex, Function::Release) => words(&["EVAL", RELEASE, "1", &key, token]),
        (_, Function::Read) => words(&["GET", &key]),
        (_, Function::Write) => words(&["SET", &key, &value()?]),
        (_, Function::Cas) => compare_and_set(&key, call)?,
        (_, Function::Contains) => words(&["EXISTS", &key]),
        (_, Function::Remove) => words(&["DEL", &key]),
        (_, Function::Append) => words(&["APPEND", &key, &value()?]),
        (_, Function::Add) => words(&["INCRBY", &key, &value()?]),
        (_, Function::Increment) => words(&["INCR", &key]),
        (_, Function::Decrement) => words(&["DECR", &key]),
        (_, other) => return Err(format!("the redis target has no operation `{other}`")),
    };
    Ok(command)
}

fn compare_and_set(key: &str, call: &Call) -> Result<Vec<String>, String> {
    let Some(Value::List(pair)) = &call.value else {
        return Err("a compare-and-set needs a pair".to_owned());
    };
    let [old, new] = &pair[..] else {
        return Err("a compare-and-set needs a pair".to_owned());
    };
    let (old, presence) = match old {
        Value::Null => (String::new(), "absent"),
        old => (text::encode(old)?, "present"),
    };
    let new = text::encode(new)?;
    let words = ["EVAL", COMPARE_AND_SET, "1", key, &old, presence, &new];
    Ok(words.map(str::to_owned).into())
}

/// What an answer says to a call.
///
/// # Errors
/// If it is an error, or none of the answers that the call can have; see the table.
pub(crate) fn answer(call: &Call, model: Model, heard: Resp) -> Result<Answer, Mishap> {
    let heard = match heard {
        Resp::Error(error) => return Err(mishap::answered(&error)),
        heard => heard,
    };
    let none = Answer::default();
    let value = |value| Answer {
        value: Some(value),
        ..Answer::default()
    };
    let result = |result| Answer {
        result: Some(result),
        ..Answer::default()
    };
    Ok(match (model, &call.f, heard) {
        (Model::Mutex, Function::Acquire, Resp::Simple(_)) => result(true.into()),
        // That it is held is told by a lease which may end without a release: it is no more than
        // an attempt that came to nothing.
        (Model::Mutex, Function::Acquire, Resp::Bulk(None)) => {
            return Err(Mishap::NotApplied("held".to_owned()));
        }
        (Model::Mutex, Function::Release, Resp::Int(1)) => none,
        (Model::Mutex, Function::Release, Resp::Int(0)) => {
            return Err(Mishap::NotApplied("not the holder".to_owned()));
        }
        (Model::Log, Function::Append, Resp::Int(length @ 1..)) => result((length - 1).into()),
        (Model::Log, Function::Read, Resp::Bulk(element)) => result(decoded(element)),
        (Model::Set | Model::Log, Function::Read, Resp::Array(Some(items))) => {
            value(Value::list(elements(items)?))
        }
        (Model::Set, Function::Add | Function::Remove, Resp::Int(changed @ 0..=1)) => {
            result((changed == 1).into())
        }
        (Model::Queue, Function::Enqueue, Resp::Int(_)) => none,
        (Model::Queue, Function::Dequeue, Resp::Bulk(element)) => value(decoded(element)),
        (Model::Counter, Function::Read, Resp::Bulk(None)) => value(Value::Int(0)),
        (_, Function::Read, Resp::Bulk(held)) => value(decoded(held)),
        (_, Function::Write, Resp::Simple(_)) | (_, Function::Append, Resp::Int(_)) => none,
        (_, Function::Cas, Resp::Array(Some(items))) => comparison(items)?,
        (_, Function::Contains | Function::Remove, Resp::Int(truth @ 0..=1)) => {
            result((truth == 1).into())
        }
        (_, Function::Add | Function::Increment | Function::Decrement, Resp::Int(sum)) => {
            result(sum.into())
        }
        (_, f, heard) => {
            let error = format!("{heard:?} is no answer to `{f}`");
            return Err(Mishap::Unknown(error));
        }
    })
}

fn comparison(items: Vec<Resp>) -> Result<Answer, Mishap> {
    let mut items = items.into_iter();
    let swapped = match (items.next(), items.next()) {
        (Some(Resp::Int(1)), None) => None,
        (Some(Resp::Int(0)), Some(Resp::Bulk(held))) => Some(decoded(held)),
        _ => return Err(Mishap::Unknown("a comparison without an end".to_owned())),
    };
    Ok(Answer {
        swapped: Some(swapped.is_none()),
        actual: swapped,
        ..Answer::default()
    })
}

fn elements(items: Vec<Resp>) -> Result<Vec<Value>, Mishap> {
    let element = |item| match item {
        Resp::Bulk(Some(text)) => Ok(text::decode(&text)),
        other => Err(Mishap::Unknown(format!("{other:?} is no element"))),
    };
    items.into_iter().map(element).collect()
}

fn decoded(held: Option<String>) -> Value {
    held.map_or(Value::Null, |text| text::decode(&text))
}

#[cfg(test)]
mod tests;
