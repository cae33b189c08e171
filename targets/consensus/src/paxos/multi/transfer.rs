//! Leadership handed over on request.

use super::message::Message;
use super::{Ballot, MultiPaxos};
use crate::NodeId;
use crate::handover::Handover;
use crate::machine::StateMachine;
use crate::replica::Reply;

impl<M: StateMachine> MultiPaxos<M> {
    pub(super) fn transfer(&mut self, ticket: u64, to: NodeId) {
        if to == self.id {
            return self.reply(ticket, Reply::Done);
        }
        if !self.state.members.contains(&to) {
            return self.reply(ticket, Reply::Refused(format!("{to} is no member")));
        }
        let deadline = self.now + self.settings.election.end;
        self.handover = Some(Handover::new(to, ticket, deadline));
    }

    /// Tells the heir to campaign as soon as it has everything.
    pub(super) fn advance_handover(&mut self) {
        let Some(handover) = self.handover.filter(|handover| !handover.told) else {
            return;
        };
        let Some(office) = self.office() else { return };
        let ballot = office.ballot;
        let heir = office.followers.get(&handover.to);
        if heir.is_none_or(|heir| heir.matched < office.last) {
            return;
        }
        self.handover = Some(Handover {
            told: true,
            ..handover
        });
        self.send(handover.to, Message::Campaign(ballot));
    }

    pub(super) fn on_campaign(&mut self, from: NodeId, ballot: Ballot) {
        let is_current = ballot >= self.promised && self.leader == Some(from);
        if is_current && self.is_member() && !self.is_leader() {
            self.campaign(true);
        }
    }

    /// Somebody else leads.
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
