//! A read or a write under way at the node that carries it out.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Cell, Message, Round};
use crate::NodeId;
use crate::machine::store::{Response, Store};
use crate::replica::Reply;

/// One operation.
pub(super) struct Operation {
    pub(super) ticket: u64,
    pub(super) key: String,
    pub(super) phase: Phase,
    /// The tick at which the phase began.
    pub(super) begun: u64,
    /// Who has answered in it.
    by: BTreeSet<NodeId>,
}

/// Its two halves.
pub(super) enum Phase {
    /// It asks what others have.
    Asking {
        /// What is to be written; none if this is a read.
        write: Option<Value>,
        /// The latest that it was told.
        highest: Cell,
    },
    /// It tells others what to keep.
    Telling { cell: Cell, reply: Response },
}

impl Operation {
    /// An operation that begins. The node that carries it out is the first to answer.
    pub(super) fn new(ticket: u64, key: String, phase: Phase, id: NodeId, now: u64) -> Self {
        Operation {
            ticket,
            key,
            phase,
            begun: now,
            by: [id].into(),
        }
    }

    /// Begins the second half.
    pub(super) fn tell(&mut self, cell: Cell, reply: Response, id: NodeId, now: u64) {
        self.phase = Phase::Telling { cell, reply };
        self.begun = now;
        self.by = [id].into();
    }

    /// How many have answered.
    pub(super) fn answers(&self) -> usize {
        self.by.len()
    }

    pub(super) fn heard(&self, id: NodeId) -> bool {
        self.by.contains(&id)
    }

    /// Notes what a node has.
    pub(super) fn have(&mut self, from: NodeId, cell: Cell) {
        if let Phase::Asking { highest, .. } = &mut self.phase {
            self.by.insert(from);
            if highest.tag < cell.tag {
                *highest = cell;
            }
        }
    }

    /// Notes that a node keeps what it was told.
    pub(super) fn kept(&mut self, from: NodeId) {
        if let Phase::Telling { .. } = &self.phase {
            self.by.insert(from);
        }
    }

    /// What it sends to those who have not answered.
    pub(super) fn message(&self, round: Round) -> Message {
        let key = self.key.clone();
        match &self.phase {
            Phase::Asking { .. } => Message::Ask { round, key },
            Phase::Telling { cell, .. } => {
                let cell = cell.clone();
                Message::Keep { round, key, cell }
            }
        }
    }

    /// Whom to answer, and what, now that a majority has.
    pub(super) fn into_reply(self) -> (u64, Reply<Store>) {
        let reply = match self.phase {
            Phase::Asking { highest, .. } => Reply::Answer(Response::Value(highest.value)),
            Phase::Telling {
                reply: Response::Done,
                ..
            } => Reply::Applied(Response::Done),
            Phase::Telling { reply, .. } => Reply::Answer(reply),
        };
        (self.ticket, reply)
    }
}
