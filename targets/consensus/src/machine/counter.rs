//! A number that can be added to.

use serde::{Deserialize, Serialize};

use super::{MalformedSnapshot, StateMachine, from_bytes, to_bytes};

/// The number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    sum: i64,
}

/// Adds this much; wraps around, so that every node computes the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command(pub i64);

/// Asks for the sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query;

impl StateMachine for Counter {
    type Command = Command;
    type Query = Query;
    type Response = i64;

    fn apply(&mut self, Command(amount): &Command) -> i64 {
        self.sum = self.sum.wrapping_add(*amount);
        self.sum
    }

    fn query(&self, _: &Query) -> i64 {
        self.sum
    }

    fn snapshot(&self) -> Vec<u8> {
        to_bytes(&self.sum)
    }

    fn restore(bytes: &[u8]) -> Result<Self, MalformedSnapshot> {
        Ok(Counter {
            sum: from_bytes(bytes)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_sums_and_survives_a_snapshot() {
        let mut counter = Counter::default();
        assert_eq!(counter.apply(&Command(5)), 5);
        assert_eq!(counter.apply(&Command(-7)), -2);
        let restored = Counter::restore(&counter.snapshot()).unwrap();
        assert_eq!(restored.query(&Query), -2);
        assert!(Counter::restore(b"x").is_err());
    }
}
