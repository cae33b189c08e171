//! What the core takes.

use super::message::Envelope;
use crate::machine::StateMachine;
use crate::replica::Request;

/// One input.
#[derive(Clone, Debug, PartialEq)]
pub enum Input<M: StateMachine> {
    /// A unit of time has passed.
    Tick,
    /// A message has arrived.
    Message(Envelope<M::Command>),
    /// Somebody wants something.
    Request {
        /// Names the request in its reply. Never given twice.
        ticket: u64,
        /// What is wanted.
        request: Request<M>,
    },
}
