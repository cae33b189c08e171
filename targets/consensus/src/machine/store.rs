//! Keys with JSON values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Comparison, MalformedSnapshot, StateMachine, from_bytes, to_bytes};

/// A map from keys to values. No value is `null`: that is how an absent key compares and is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Store {
    values: BTreeMap<String, Value>,
}

/// Changes one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// Sets the key. Writing `null` removes it.
    Write {
        /// Which key.
        key: String,
        /// To what.
        value: Value,
    },
    /// Sets the key to `new` if its value is `old`.
    Cas {
        /// Which key.
        key: String,
        /// What must be there; `null`: nothing.
        old: Value,
        /// What is there then.
        new: Value,
    },
    /// Removes the key.
    Remove {
        /// Which key.
        key: String,
    },
    /// Appends to the text of the key; an absent key is an empty text.
    Append {
        /// Which key.
        key: String,
        /// What is added at the end.
        value: String,
    },
    /// Adds to the number of the key; an absent key is 0. Wraps around.
    Add {
        /// Which key.
        key: String,
        /// How much.
        amount: i64,
    },
}

/// Asks about one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Query {
    /// Its value.
    Read {
        /// Which key.
        key: String,
    },
    /// Whether it has one.
    Contains {
        /// Which key.
        key: String,
    },
}

/// What the store answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Response {
    /// To a read: the value; `null` if the key is absent.
    Value(Value),
    /// A write or an append was done.
    Done,
    /// A compare-and-set held and was done.
    Swapped,
    /// A compare-and-set failed: this is the value, `null` if the key is absent.
    Mismatch(Value),
    /// To contains and remove: whether the key was there.
    Found(bool),
    /// To add: the sum.
    Sum(i64),
    /// Nothing was done: the key holds a value of another type. The text says which.
    WrongType(String),
}

impl Command {
    /// The key that the command changes.
    pub fn key(&self) -> &str {
        match self {
            Command::Write { key, .. }
            | Command::Cas { key, .. }
            | Command::Remove { key }
            | Command::Append { key, .. }
            | Command::Add { key, .. } => key,
        }
    }
}

impl Store {
    /// The value of a key, `null` if it is absent. Logarithmic in the number of keys.
    pub fn get(&self, key: &str) -> &Value {
        self.values.get(key).unwrap_or(&Value::Null)
    }

    fn put(&mut self, key: &str, value: Value) {
        match value {
            Value::Null => drop(self.values.remove(key)),
            value => drop(self.values.insert(key.to_owned(), value)),
        }
    }

    fn append(&mut self, key: &str, text: &str) -> Response {
        let old = match self.get(key) {
            Value::Null => "",
            Value::String(old) => old,
            other => return wrong_type(key, other, "a text"),
        };
        let new = format!("{old}{text}");
        self.put(key, Value::from(new));
        Response::Done
    }

    fn add(&mut self, key: &str, amount: i64) -> Response {
        let old = match self.get(key) {
            Value::Null => Some(0),
            other => other.as_i64(),
        };
        let Some(old) = old else {
            return wrong_type(key, self.get(key), "a whole number of 64 bits");
        };
        let sum = old.wrapping_add(amount);
        self.put(key, Value::from(sum));
        Response::Sum(sum)
    }
}

impl StateMachine for Store {
    type Command = Command;
    type Query = Query;
    type Response = Response;

    fn apply(&mut self, command: &Command) -> Response {
        match self.compare(command) {
            Comparison::Fails(response) => response,
            Comparison::Holds | Comparison::None => self.set(command),
        }
    }

    fn query(&self, query: &Query) -> Response {
        match query {
            Query::Read { key } => Response::Value(self.get(key).clone()),
            Query::Contains { key } => Response::Found(self.values.contains_key(key)),
        }
    }

    fn snapshot(&self) -> Vec<u8> {
        to_bytes(&self.values)
    }

    fn restore(bytes: &[u8]) -> Result<Self, MalformedSnapshot> {
        Ok(Store {
            values: from_bytes(bytes)?,
        })
    }

    fn compare(&self, command: &Command) -> Comparison<Response> {
        match command {
            Command::Cas { key, old, .. } if self.get(key) == old => Comparison::Holds,
            Command::Cas { key, .. } => {
                Comparison::Fails(Response::Mismatch(self.get(key).clone()))
            }
            _ => Comparison::None,
        }
    }

    fn set(&mut self, command: &Command) -> Response {
        match command {
            Command::Write { key, value } => {
                self.put(key, value.clone());
                Response::Done
            }
            Command::Cas { key, new, .. } => {
                self.put(key, new.clone());
                Response::Swapped
            }
            Command::Remove { key } => Response::Found(self.values.remove(key).is_some()),
            Command::Append { key, value } => self.append(key, value),
            Command::Add { key, amount } => self.add(key, *amount),
        }
    }
}

fn wrong_type(key: &str, value: &Value, wanted: &str) -> Response {
    Response::WrongType(format!("`{key}` holds {value}, not {wanted}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key() -> String {
        "k".to_owned()
    }

    fn cas(old: Value, new: Value) -> Command {
        Command::Cas {
            key: key(),
            old,
            new,
        }
    }

    #[test]
    fn a_cas_from_null_creates_and_a_mismatch_tells_the_value() {
        let mut store = Store::default();
        assert_eq!(
            store.apply(&cas(json!(1), json!(2))),
            Response::Mismatch(json!(null))
        );
        assert_eq!(store.apply(&cas(json!(null), json!(2))), Response::Swapped);
        assert_eq!(
            store.apply(&cas(json!(null), json!(3))),
            Response::Mismatch(json!(2))
        );
        assert_eq!(store.apply(&cas(json!(2), json!(3))), Response::Swapped);
        assert_eq!(
            store.query(&Query::Read { key: key() }),
            Response::Value(json!(3))
        );
    }

    #[test]
    fn append_and_add_refuse_other_types_and_change_nothing() {
        let mut store = Store::default();
        let append = Command::Append {
            key: key(),
            value: "a".to_owned(),
        };
        let add = Command::Add {
            key: key(),
            amount: 4,
        };
        assert_eq!(store.apply(&append), Response::Done);
        assert!(matches!(store.apply(&add), Response::WrongType(_)));
        assert_eq!(store.get("k"), "a");
        assert_eq!(
            store.apply(&Command::Remove { key: key() }),
            Response::Found(true)
        );
        assert_eq!(
            store.apply(&Command::Remove { key: key() }),
            Response::Found(false)
        );
        assert_eq!(store.apply(&add), Response::Sum(4));
        assert!(matches!(store.apply(&append), Response::WrongType(_)));
        assert_eq!(store.get("k"), 4);
    }

    #[test]
    fn a_snapshot_restores_everything() {
        let mut store = Store::default();
        store.apply(&Command::Write {
            key: key(),
            value: json!({"a": [1, 2.5, "x"]}),
        });
        assert_eq!(Store::restore(&store.snapshot()), Ok(store));
        assert!(Store::restore(b"[]").is_err());
    }
}
