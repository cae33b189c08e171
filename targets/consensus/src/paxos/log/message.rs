//! What nodes tell each other about the log.

use std::fmt;

use super::requests::Entry;
use crate::machine::StateMachine;
use crate::paxos::{COMMAND_BYTES, HEADER_BYTES, Position, Synod};
use crate::replica::Description;

/// What is chosen for one position.
pub(super) type Batch<C> = Vec<Entry<C>>;

/// A message.
pub struct LogMessage<M: StateMachine>(pub(super) Said<M>);

pub(super) enum Said<M: StateMachine> {
    /// A step of the algorithm for a position.
    Synod(Position, Synod<Batch<M::Command>>),
    /// This is chosen, from a position on.
    Log {
        first: Position,
        batches: Vec<Batch<M::Command>>,
    },
    /// What is chosen from this position on?
    Missing(Position),
    /// What do you answer to this? Only in mode `quorum-read`.
    Query { ticket: u64, query: M::Query },
    /// This, and so many positions are in it.
    Answer {
        ticket: u64,
        applied: Position,
        response: M::Response,
    },
}

impl<M: StateMachine> LogMessage<M> {
    pub(super) fn describe(&self) -> Description {
        let (kind, commands) = match &self.0 {
            Said::Synod(_, said) => said.describe(Vec::len),
            Said::Log { batches, .. } => ("chosen", batches.iter().map(Vec::len).sum()),
            Said::Missing(_) => ("missing?", 0),
            Said::Query { .. } => ("query", 1),
            Said::Answer { .. } => ("answer", 1),
        };
        let bytes = HEADER_BYTES + commands * COMMAND_BYTES;
        Description { kind, bytes }
    }
}

// Deriving these would demand them of the machine, of which only its commands are in a message.
impl<M: StateMachine> Clone for LogMessage<M> {
    fn clone(&self) -> Self {
        LogMessage(match &self.0 {
            Said::Synod(position, said) => Said::Synod(*position, said.clone()),
            Said::Log { first, batches } => Said::Log {
                first: *first,
                batches: batches.clone(),
            },
            Said::Missing(first) => Said::Missing(*first),
            Said::Query { ticket, query } => Said::Query {
                ticket: *ticket,
                query: query.clone(),
            },
            Said::Answer {
                ticket,
                applied,
                response,
            } => Said::Answer {
                ticket: *ticket,
                applied: *applied,
                response: response.clone(),
            },
        })
    }
}

impl<M: StateMachine> fmt::Debug for LogMessage<M> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Said::Synod(position, said) => write!(out, "{said:?} at {position}"),
            Said::Log { first, batches } => write!(out, "chosen from {first} on: {batches:?}"),
            Said::Missing(first) => write!(out, "what is chosen from {first} on?"),
            Said::Query { ticket, query } => write!(out, "#{ticket}: {query:?}?"),
            Said::Answer {
                ticket,
                applied,
                response,
            } => write!(out, "#{ticket}: {response:?} as of {applied}"),
        }
    }
}
