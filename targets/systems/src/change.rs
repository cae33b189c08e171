//! What an operation makes of the value that it found, where a system can only compare and set.

use testimony_history::Value;

use crate::mishap::Mishap;

/// The text that was there, with more at its end.
///
/// # Errors
/// If one of them is no text; nothing was changed then.
pub(crate) fn joined(old: Option<&Value>, more: &Value) -> Result<Value, Mishap> {
    match (old, more) {
        (None, Value::Str(more)) => Ok(Value::str(more)),
        (Some(Value::Str(old)), Value::Str(more)) => Ok(Value::str(&format!("{old}{more}"))),
        _ => Err(wrong("only texts are appended to texts")),
    }
}

/// The number that was there, or 0, with another added.
///
/// # Errors
/// If one of them is no whole number, or the sum does not fit 64 bits; nothing was changed then.
pub(crate) fn sum(old: Option<&Value>, by: &Value) -> Result<Value, Mishap> {
    let sum = match (old.unwrap_or(&Value::Int(0)), by) {
        (Value::Int(old), Value::Int(by)) => old.checked_add(*by),
        _ => None,
    };
    let wrong = || wrong("only whole numbers are added, up to 64 bits");
    sum.map(Value::Int).ok_or_else(wrong)
}

fn wrong(reason: &str) -> Mishap {
    Mishap::NotApplied(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_counts_as_empty() {
        assert_eq!(joined(None, &"a".into()), Ok("a".into()));
        assert_eq!(sum(None, &Value::Int(-2)), Ok(Value::Int(-2)));
        assert_eq!(joined(Some(&"a".into()), &"b".into()), Ok("ab".into()));
        assert_eq!(sum(Some(&Value::Int(3)), &Value::Int(4)), Ok(Value::Int(7)));
    }

    #[test]
    fn what_does_not_fit_changes_nothing() {
        assert!(joined(Some(&Value::Int(1)), &"a".into()).is_err());
        assert!(sum(Some(&"a".into()), &Value::Int(1)).is_err());
        assert!(sum(Some(&Value::Int(i64::MAX)), &Value::Int(1)).is_err());
    }
}
