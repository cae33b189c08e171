//! One value that can be written, and compared and set.

use serde::{Deserialize, Serialize};

use super::{Comparison, MalformedSnapshot, StateMachine, from_bytes, to_bytes};

/// The value; nothing at first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Register {
    value: Option<u64>,
}

/// Changes the value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// Sets it.
    Write(u64),
    /// Sets it to `new` if it is `old`.
    Cas {
        /// What must be there; `None`: nothing yet.
        old: Option<u64>,
        /// What is there then.
        new: u64,
    },
}

/// Asks for the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query;

/// What the register answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Response {
    /// The value, to a query.
    Value(Option<u64>),
    /// The write, or the compare-and-set, was done.
    Done,
    /// The comparison failed, since this is the value.
    Mismatch(Option<u64>),
}

impl StateMachine for Register {
    type Command = Command;
    type Query = Query;
    type Response = Response;

    fn apply(&mut self, command: &Command) -> Response {
        match self.compare(command) {
            Comparison::Fails(response) => response,
            Comparison::Holds | Comparison::None => self.set(command),
        }
    }

    fn query(&self, _: &Query) -> Response {
        Response::Value(self.value)
    }

    fn snapshot(&self) -> Vec<u8> {
        to_bytes(&self.value)
    }

    fn restore(bytes: &[u8]) -> Result<Self, MalformedSnapshot> {
        Ok(Register {
            value: from_bytes(bytes)?,
        })
    }

    fn compare(&self, command: &Command) -> Comparison<Response> {
        match command {
            Command::Write(_) => Comparison::None,
            Command::Cas { old, .. } if *old == self.value => Comparison::Holds,
            Command::Cas { .. } => Comparison::Fails(Response::Mismatch(self.value)),
        }
    }

    fn set(&mut self, command: &Command) -> Response {
        let (Command::Write(new) | Command::Cas { new, .. }) = command;
        self.value = Some(*new);
        Response::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cas_sets_only_what_it_expects() {
        let mut register = Register::default();
        let cas = |old, new| Command::Cas { old, new };
        assert_eq!(register.apply(&cas(Some(1), 2)), Response::Mismatch(None));
        assert_eq!(register.apply(&cas(None, 2)), Response::Done);
        assert_eq!(register.apply(&cas(None, 3)), Response::Mismatch(Some(2)));
        assert_eq!(register.apply(&Command::Write(4)), Response::Done);
        let restored = Register::restore(&register.snapshot()).unwrap();
        assert_eq!(restored.query(&Query), Response::Value(Some(4)));
    }
}
