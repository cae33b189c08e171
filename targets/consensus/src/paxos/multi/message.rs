//! What nodes tell each other.

use super::{Action, Ballot, Position, Slot, Snapshot};
use crate::paxos::{COMMAND_BYTES, HEADER_BYTES};
use crate::replica::Description;

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub struct MultiMessage<C>(pub(super) Message<C>);

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Message<C> {
    /// Will you accept nothing of lower ballots, and what have you accepted from a position on?
    Prepare {
        ballot: Ballot,
        first: Position,
        /// Whether the leader itself wants to be replaced.
        forced: bool,
    },
    /// I will not, and this is what I have accepted. The snapshot stands for what is not kept.
    Promise {
        ballot: Ballot,
        snapshot: Option<Snapshot>,
        accepted: Vec<(Position, Slot<C>)>,
    },
    /// Accept these; without any it only says that somebody leads.
    Accept(Accept<C>),
    /// This is chosen, in place of its positions.
    Install {
        ballot: Ballot,
        snapshot: Snapshot,
        beat: u64,
    },
    /// I agree up to a position.
    Accepted(Accepted),
    /// I have promised more than this ballot.
    Refused { ballot: Ballot, promised: Ballot },
    /// Campaign, without waiting.
    Campaign(Ballot),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Accept<C> {
    pub(super) ballot: Ballot,
    /// The position of the first action.
    pub(super) first: Position,
    pub(super) actions: Vec<Action<C>>,
    /// Everything up to here is chosen.
    pub(super) commit: Position,
    /// The number of the leader's newest round of messages.
    pub(super) beat: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Accepted {
    pub(super) ballot: Ballot,
    /// Up to here.
    pub(super) agreed: Position,
    /// The last position of the message that this answers.
    pub(super) sent: Position,
    pub(super) beat: u64,
}

impl<C> MultiMessage<C> {
    pub(super) fn describe(&self) -> Description {
        let (kind, payload) = match &self.0 {
            Message::Prepare { .. } => ("prepare", 0),
            Message::Promise {
                snapshot, accepted, ..
            } => {
                let snapshot = snapshot.as_ref().map_or(0, |snapshot| snapshot.data.len());
                ("promise", snapshot + accepted.len() * COMMAND_BYTES)
            }
            Message::Accept(accept) if accept.actions.is_empty() => ("heartbeat", 0),
            Message::Accept(accept) => ("accept", accept.actions.len() * COMMAND_BYTES),
            Message::Install { snapshot, .. } => ("snapshot", snapshot.data.len()),
            Message::Accepted(_) => ("accepted", 0),
            Message::Refused { .. } => ("refused", 0),
            Message::Campaign(_) => ("campaign!", 0),
        };
        let bytes = HEADER_BYTES + payload;
        Description { kind, bytes }
    }
}
