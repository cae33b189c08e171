//! What is replicated: state that changes by commands and nothing else.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub mod counter;
pub mod register;
pub mod store;

/// A deterministic state machine: equal commands in equal order give equal states and responses on
/// every node. Its default is the state in which every node begins.
pub trait StateMachine: Default + Debug + PartialEq {
    /// Changes the state; kept in the log.
    type Command: Clone + Eq + Debug + Serialize + DeserializeOwned;
    /// Asks about the state without changing it; never in the log.
    type Query: Clone + PartialEq + Debug;
    /// What a command or a query is answered with.
    type Response: Clone + Eq + Debug + Serialize + DeserializeOwned;

    /// Executes a command.
    fn apply(&mut self, command: &Self::Command) -> Self::Response;

    /// Answers a query.
    fn query(&self, query: &Self::Query) -> Self::Response;

    /// The whole state as bytes.
    fn snapshot(&self) -> Vec<u8>;

    /// The state that [`snapshot`](Self::snapshot) wrote.
    ///
    /// # Errors
    /// If the bytes are none of a snapshot.
    fn restore(bytes: &[u8]) -> Result<Self, MalformedSnapshot>;

    /// Where a command can be torn in two, for the planted bug
    /// [`TornCas`](crate::bug::Bug::TornCas): the comparison, here, and then
    /// [`set`](Self::set). A machine without such commands keeps this.
    fn compare(&self, _command: &Self::Command) -> Comparison<Self::Response> {
        Comparison::None
    }

    /// The second half of a torn command: what it does after a comparison that held.
    fn set(&mut self, command: &Self::Command) -> Self::Response {
        self.apply(command)
    }
}

/// What the comparison in a command comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison<R> {
    /// The command compares nothing.
    None,
    /// It holds, so the command will set.
    Holds,
    /// It fails, so this is the response.
    Fails(R),
}

/// Bytes that are no snapshot of a state machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no snapshot of this state machine: {0}")]
pub struct MalformedSnapshot(pub String);

/// A snapshot of a machine whose state is plain data.
fn to_bytes<T: Serialize>(state: &T) -> Vec<u8> {
    serde_json::to_vec(state).expect("the state has only string keys")
}

fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, MalformedSnapshot> {
    serde_json::from_slice(bytes).map_err(|error| MalformedSnapshot(error.to_string()))
}
