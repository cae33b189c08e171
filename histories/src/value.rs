//! Values that clients write and read back: JSON, with exact equality.

use std::fmt;
use std::sync::Arc;

use crate::{ReadError, jsonl};

/// A value as a history carries it. Equality is exact and total, so that a value can be interned:
/// `1` and `1.0` differ, and a float equals itself, also NaN.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Value {
    /// Nothing: an absent key, an empty queue, an unwritten register.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number that fits 64 bits.
    Int(i64),
    /// Any other number, kept as it was written, so that nothing is rounded.
    Number(Arc<str>),
    /// A string.
    Str(Arc<str>),
    /// A list.
    List(Arc<[Value]>),
    /// A map, in the order it was written.
    Map(Arc<[(Arc<str>, Value)]>),
}

/// How deep lists and maps may nest in a file. Enough for any history, and little enough for any
/// stack.
pub(crate) const DEPTH_MAX: usize = 128;

impl Value {
    /// The value that a JSON text says.
    ///
    /// # Errors
    /// Names the place of the first byte that is no JSON.
    pub fn parse(json: &str) -> Result<Self, ReadError> {
        jsonl::parse_value(json)
    }

    /// A string value.
    pub fn str(text: &str) -> Self {
        Value::Str(Arc::from(text))
    }

    /// A list value.
    pub fn list(items: impl IntoIterator<Item = Value>) -> Self {
        Value::List(items.into_iter().collect())
    }

    /// The number, if it is a whole one from 0 to 2^64 - 1.
    pub fn to_u64(&self) -> Option<u64> {
        match self {
            Value::Int(number) => u64::try_from(*number).ok(),
            Value::Number(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    /// The same value with the entries of every map in the order of their keys, so that maps with
    /// the same entries are equal.
    pub fn canonical(&self) -> Self {
        if !self.has_map() {
            return self.clone();
        }
        match self {
            Value::List(items) => Value::list(items.iter().map(Value::canonical)),
            Value::Map(entries) => {
                let canonical = |(key, value): &(Arc<str>, Value)| (key.clone(), value.canonical());
                let mut entries: Vec<_> = entries.iter().map(canonical).collect();
                entries.sort();
                Value::Map(entries.into())
            }
            plain => plain.clone(),
        }
    }

    fn has_map(&self) -> bool {
        match self {
            Value::Map(_) => true,
            Value::List(items) => items.iter().any(Value::has_map),
            _ => false,
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Int(number)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Value::Int(i64::from(number))
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        let text = || Value::Number(Arc::from(number.to_string()));
        i64::try_from(number).map_or_else(|_| text(), Value::Int)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Value::Bool(truth)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::str(text)
    }
}

/// Compact JSON.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut json = Vec::new();
        jsonl::value(&mut json, self);
        f.write_str(std::str::from_utf8(&json).map_err(|_| fmt::Error)?)
    }
}
