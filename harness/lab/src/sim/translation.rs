//! Calls of a history as requests to a core, and its replies as answers.

use testimony_consensus::machine::store::{Command, Query, Response, Store};
use testimony_engine::json::{from_value, to_value};
use testimony_history::{Answer, Call, Function, Model, Value};

/// The key of a call that names none.
const ONLY_KEY: &str = "object";

/// What a call asks of the replicated map.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Asked {
    /// Something that changes it.
    Command(Command),
    /// Something that does not, so that nobody can tell whether it happened.
    Query(Query),
}

/// The call as a request to a map.
///
/// # Errors
/// If a map has no such operation.
pub(super) fn asked(call: &Call) -> Result<Asked, String> {
    let key = match &call.key {
        None => ONLY_KEY.to_owned(),
        Some(Value::Str(key)) => key.to_string(),
        Some(other) => other.to_string(),
    };
    let value = call.value.clone().unwrap_or_default();
    let command = match (&call.f, &value) {
        (Function::Read, _) => return Ok(Asked::Query(Query::Read { key })),
        (Function::Contains, _) => return Ok(Asked::Query(Query::Contains { key })),
        (Function::Write, value) => Command::Write {
            key,
            value: from_value(value),
        },
        (Function::Cas, Value::List(pair)) if pair.len() == 2 => Command::Cas {
            key,
            old: from_value(&pair[0]),
            new: from_value(&pair[1]),
        },
        (Function::Remove, _) => Command::Remove { key },
        (Function::Append, Value::Str(text)) => Command::Append {
            key,
            value: text.to_string(),
        },
        (Function::Add, Value::Int(amount)) => Command::Add {
            key,
            amount: *amount,
        },
        (Function::Increment, _) => Command::Add { key, amount: 1 },
        (Function::Decrement, _) => Command::Add { key, amount: -1 },
        (f, value) => return Err(format!("a map has no operation `{f}` with value {value}")),
    };
    Ok(Asked::Command(command))
}

impl Asked {
    pub(super) fn is_pure(&self) -> bool {
        matches!(self, Asked::Query(_))
    }
}

/// Why a response is no answer to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// The map refuses the call: it has not happened.
    Refused(String),
    /// It answers another question, which only a planted bug does.
    Strange,
}

/// What a map's response says to a call. An absent key reads as 0 in a counter.
///
/// # Errors
/// If it refuses the call, or answers another question.
pub(super) fn answer(call: &Call, model: Model, response: &Response) -> Result<Answer, Wrong> {
    let fits = match response {
        Response::Value(_) => call.f == Function::Read,
        Response::Swapped | Response::Mismatch(_) => call.f == Function::Cas,
        Response::Found(_) => matches!(call.f, Function::Contains | Function::Remove),
        Response::Sum(_) => !matches!(call.f, Function::Read | Function::Cas),
        Response::Done => !matches!(call.f, Function::Read | Function::Cas | Function::Contains),
        Response::WrongType(_) => true,
    };
    if !fits {
        return Err(Wrong::Strange);
    }
    let none = Answer::default();
    Ok(match response {
        Response::Value(value) => Answer {
            value: Some(match to_value(value) {
                Value::Null if model == Model::Counter => Value::Int(0),
                value => value,
            }),
            ..none
        },
        Response::Done => none,
        Response::Swapped => Answer {
            swapped: Some(true),
            ..none
        },
        Response::Mismatch(actual) => Answer {
            swapped: Some(false),
            actual: Some(to_value(actual)),
            ..none
        },
        Response::Found(found) => Answer {
            result: Some((*found).into()),
            ..none
        },
        Response::Sum(sum) => Answer {
            result: Some(Value::Int(*sum)),
            ..none
        },
        Response::WrongType(why) => return Err(Wrong::Refused(format!("{}: {why}", call.f))),
    })
}

/// What a request names its state machine by.
pub(super) type Request = testimony_consensus::replica::Request<Store>;
/// What a reply names its state machine by.
pub(super) type Reply = testimony_consensus::replica::Reply<Store>;

#[cfg(test)]
mod tests {
    use testimony_consensus::machine::StateMachine;

    use super::*;

    fn call(f: &str, value: Value) -> Call {
        Call {
            f: Function::from_name(f),
            key: Some("x".into()),
            value: Some(value),
        }
    }

    #[test]
    fn a_map_answers_calls_in_the_words_of_a_history() {
        let mut store = Store::default();
        let mut said = |f: &str, value: Value| {
            let call = call(f, value);
            let response = match asked(&call).unwrap() {
                Asked::Command(command) => store.apply(&command),
                Asked::Query(query) => store.query(&query),
            };
            answer(&call, Model::Kv, &response).unwrap()
        };
        said("write", 3.into());
        assert_eq!(said("read", Value::Null).value, Some(3.into()));
        let pair = |old: i64, new: i64| Value::list([old.into(), new.into()]);
        assert_eq!(said("cas", pair(3, 4)).swapped, Some(true));
        assert_eq!(said("cas", pair(3, 5)).actual, Some(4.into()));
        assert_eq!(said("contains", Value::Null).result, Some(true.into()));
        assert_eq!(said("add", 2.into()).result, Some(6.into()));
        assert_eq!(said("remove", Value::Null).result, Some(true.into()));
    }

    #[test]
    fn what_a_map_lacks_is_refused() {
        assert!(asked(&call("dequeue", Value::Null)).is_err());
        assert!(asked(&call("append", 3.into())).is_err());
    }
}
