//! A leader hands over on request: who is to follow, and what whoever asked is told. When the heir
//! has everything, and how it is told to campaign, is each protocol's own.

use crate::NodeId;
use crate::machine::StateMachine;
use crate::replica::Reply;

/// A hand-over under way, at the node that led when it was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handover {
    pub(crate) to: NodeId,
    pub(crate) ticket: u64,
    /// When nobody waits for it any more.
    pub(crate) deadline: u64,
    /// Whether the heir was told to campaign.
    pub(crate) told: bool,
}

impl Handover {
    /// To a node, until the deadline. The heir was not told yet.
    pub(crate) fn new(to: NodeId, ticket: u64, deadline: u64) -> Self {
        Handover {
            to,
            ticket,
            deadline,
            told: false,
        }
    }

    /// What is said when somebody leads: nobody knows what a leader other than the heir took over.
    pub(crate) fn concluded<M: StateMachine>(&self, leader: NodeId) -> Reply<M> {
        match leader == self.to {
            true => Reply::Done,
            false => Reply::Uncertain,
        }
    }

    /// What is said when the time is over, by a node that still leads or does not.
    pub(crate) fn late<M: StateMachine>(&self, leads: bool) -> Reply<M> {
        match leads && !self.told {
            true => Reply::Refused(format!("{} has not caught up in time", self.to)),
            false => Reply::Uncertain,
        }
    }
}
