//! Values of a history as JSON of a request, and back.

use std::sync::Arc;

use serde_json::Value as Json;
use testimony_history::Value;

/// The value as a request carries it. Numbers that fit no machine type go as their text.
pub fn from_value(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Int(number) => Json::from(*number),
        Value::Number(digits) => {
            serde_json::from_str(digits).unwrap_or_else(|_| Json::from(digits.as_ref()))
        }
        Value::Str(text) => Json::from(text.as_ref()),
        Value::List(items) => items.iter().map(from_value).collect(),
        Value::Map(entries) => {
            let pairs = entries
                .iter()
                .map(|(key, value)| (key.to_string(), from_value(value)));
            Json::Object(pairs.collect())
        }
    }
}

/// The value that an answer carries.
pub fn to_value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => number
            .as_i64()
            .map_or_else(|| Value::Number(Arc::from(number.to_string())), Value::Int),
        Json::String(text) => Value::str(text),
        Json::Array(items) => Value::list(items.iter().map(to_value)),
        Json::Object(entries) => {
            let pairs = entries.iter();
            Value::Map(
                pairs
                    .map(|(key, value)| (Arc::from(key.as_str()), to_value(value)))
                    .collect(),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_survives_the_way_there_and_back() {
        let map = Value::Map([(Arc::from("k"), Value::list([Value::Int(-3), Value::Null]))].into());
        for value in [Value::Null, true.into(), 7.into(), "text".into(), map] {
            assert_eq!(to_value(&from_value(&value)), value);
        }
        assert_eq!(
            to_value(&serde_json::json!(1.5)),
            Value::Number("1.5".into())
        );
    }
}
