//! Values of a history as text in a store that knows no other, and back.
//!
//! Whole numbers are kept as their digits, texts as they are. A value that would come back as
//! another one, such as the text `5`, is refused: a read of it would contradict what was written.

use testimony_history::Value;

/// The text that stands for the value.
///
/// # Errors
/// If reading the text would not give the same value.
pub(crate) fn encode(value: &Value) -> Result<String, String> {
    let text = match value {
        Value::Int(number) => number.to_string(),
        Value::Str(text) => text.to_string(),
        _ => return Err(format!("{value} has no place in a store of texts")),
    };
    if decode(&text) == *value {
        Ok(text)
    } else {
        Err(format!("{value} would be read back as a number"))
    }
}

/// The value that the text stands for.
pub(crate) fn decode(text: &str) -> Value {
    match text.parse::<i64>() {
        Ok(number) if number.to_string() == text => Value::Int(number),
        _ => Value::str(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_as_itself_or_is_refused() {
        for value in [Value::Int(-7), "1,2,".into(), "".into(), "007".into()] {
            assert_eq!(decode(&encode(&value).unwrap()), value);
        }
        for value in [Value::Null, "5".into(), true.into(), Value::list([])] {
            assert!(encode(&value).is_err(), "{value}");
        }
    }
}
