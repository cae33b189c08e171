//! A state machine whose state tells its whole past: the list of everything that was written.

use serde::{Deserialize, Serialize};
use testimony_consensus::machine::{Comparison, MalformedSnapshot, StateMachine};

/// The list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Journal {
    pub(crate) list: Vec<u64>,
}

/// Writes a number at the end of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Push {
    /// Unique in a test.
    pub(crate) id: u64,
    /// Only if the list ends with this; 0: only if it is empty.
    pub(crate) after: Option<u64>,
}

/// Asks for the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Read;

/// What the journal answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Response {
    /// The list, to a read.
    List(Vec<u64>),
    /// The number is here in the list.
    Pushed(usize),
    /// The list ends with something else.
    Mismatch(u64),
}

impl Journal {
    fn end(&self) -> u64 {
        self.list.last().copied().unwrap_or(0)
    }
}

impl StateMachine for Journal {
    type Command = Push;
    type Query = Read;
    type Response = Response;

    fn apply(&mut self, push: &Push) -> Response {
        match self.compare(push) {
            Comparison::Fails(response) => response,
            Comparison::Holds | Comparison::None => self.set(push),
        }
    }

    fn query(&self, _: &Read) -> Response {
        Response::List(self.list.clone())
    }

    fn snapshot(&self) -> Vec<u8> {
        serde_json::to_vec(&self.list).unwrap()
    }

    fn restore(bytes: &[u8]) -> Result<Self, MalformedSnapshot> {
        let list = serde_json::from_slice(bytes);
        Ok(Journal {
            list: list.map_err(|error| MalformedSnapshot(error.to_string()))?,
        })
    }

    fn compare(&self, push: &Push) -> Comparison<Response> {
        match push.after {
            None => Comparison::None,
            Some(after) if after == self.end() => Comparison::Holds,
            Some(_) => Comparison::Fails(Response::Mismatch(self.end())),
        }
    }

    fn set(&mut self, push: &Push) -> Response {
        self.list.push(push.id);
        Response::Pushed(self.list.len() - 1)
    }
}
