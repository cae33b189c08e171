//! Leadership handed over on request (dissertation section 3.10).

use super::{Body, Raft, Reply, Term};
use crate::NodeId;
use crate::handover::Handover;
use crate::machine::StateMachine;

impl<M: StateMachine> Raft<M> {
    pub(super) fn transfer(&mut self, ticket: u64, to: NodeId) {
        if to == self.config.id {
            return self.reply(ticket, Reply::Done);
        }
        if !self.members.voters().contains(&to) {
            return self.reply(ticket, Reply::Refused(format!("{to} is no member")));
        }
        let deadline = self.now + u64::from(self.config.election_ticks.end);
        self.handover = Some(Handover::new(to, ticket, deadline));
    }

    /// Tells the heir to campaign as soon as it has everything.
    pub(super) fn advance_handover(&mut self) {
        let last = self.log.last().index;
        let Some(Handover {
            to, told: false, ..
        }) = self.handover
        else {
            return;
        };
        let Some(office) = self.office_mut() else {
            return;
        };
        let has_all = office
            .followers
            .get(&to)
            .is_some_and(|follower| follower.matched == last);
        if !has_all {
            return;
        }
        office.handed_over = true;
        if let Some(handover) = &mut self.handover {
            handover.told = true;
        }
        self.send(to, Body::TimeoutNow);
    }

    pub(super) fn on_timeout_now(&mut self, from: NodeId, term: Term) {
        let is_leader = self.leader.is_none_or(|leader| leader == from);
        if self.keep_up(term) && is_leader && self.is_voter() && !self.is_leader() {
            self.campaign(false, true);
        }
    }

    /// Somebody leads.
    pub(super) fn conclude_handover(&mut self, leader: NodeId) {
        let Some(handover) = self.handover.take() else {
            return;
        };
        self.reply(handover.ticket, handover.concluded(leader));
    }

    pub(super) fn tick_handover(&mut self) {
        let now = self.now;
        let Some(handover) = self.handover.take_if(|handover| handover.deadline <= now) else {
            return;
        };
        self.reply(handover.ticket, handover.late(self.is_leader()));
    }
}
