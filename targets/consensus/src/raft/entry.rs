//! What the log consists of.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::NodeId;

/// Counts leaders: at most one per term.
pub type Term = u64;

/// The place of an entry in the log, from 1 on; 0 is the place before the first.
pub type Index = u64;

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry<C> {
    /// Its place.
    pub index: Index,
    /// The term of the leader that made it.
    pub term: Term,
    /// What it says.
    pub payload: Payload<C>,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Payload<C> {
    /// These are the members, from the moment the entry is in a log. A leader begins its term with
    /// one that restates the members, so every log says who takes part.
    Members(BTreeSet<NodeId>),
    /// Opens a session; its id is the index of the entry.
    OpenSession,
    /// Executes a command once, however often it is sent.
    Apply {
        /// The session of the client.
        session: u64,
        /// The command's number within the session.
        sequence: u64,
        /// What to execute.
        command: C,
    },
    /// The first half of a command that a planted bug tears in two: the comparison.
    Compare {
        /// The session of the client.
        session: u64,
        /// The command's number within the session.
        sequence: u64,
        /// The whole command.
        command: C,
    },
    /// The second half.
    Set {
        /// The session of the client.
        session: u64,
        /// The command's number within the session.
        sequence: u64,
        /// The whole command.
        command: C,
    },
}
