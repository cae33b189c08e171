//! What clients and operators want, and who may have it.

use super::{Action, MultiPaxos};
use crate::machine::StateMachine;
use crate::replica::{Reply, Request};

impl<M: StateMachine> MultiPaxos<M> {
    pub(super) fn request(&mut self, ticket: u64, request: Request<M>) {
        let leader = self.leader;
        match request {
            Request::Query(query) => self.on_query(ticket, query),
            Request::Snapshot => {
                self.take_snapshot();
                self.reply(ticket, Reply::Done);
            }
            _ if !self.is_leader() => self.reply(ticket, Reply::NotLeader { leader }),
            request => self.order(ticket, request),
        }
    }

    /// A leader's part. Nothing is ordered while leadership is handed over, since the heir must
    /// catch up, nor behind a change of the members.
    fn order(&mut self, ticket: u64, request: Request<M>) {
        if let Some(handover) = &self.handover {
            let why = format!(
                "leadership is being handed over to {}: try again",
                handover.to
            );
            return self.reply(ticket, Reply::Refused(why));
        }
        if self.office().is_some_and(|office| office.is_closed) {
            let why = "the members are changing: try again".to_owned();
            return self.reply(ticket, Reply::Refused(why));
        }
        match request {
            Request::OpenSession => self.order_action(ticket, Action::OpenSession),
            Request::Apply {
                session,
                sequence,
                command,
            } => {
                let action = Action::Apply {
                    session,
                    sequence,
                    command,
                };
                self.order_action(ticket, action);
            }
            Request::AddNode(id) => self.add_node(ticket, id),
            Request::RemoveNode(id) => self.remove_node(ticket, id),
            Request::Transfer(to) => self.transfer(ticket, to),
            Request::Query(_) | Request::Snapshot => {}
        }
    }

    /// Proposes an action; whoever waits for it is answered when it is chosen, or when leadership
    /// is lost.
    pub(super) fn order_action(&mut self, ticket: u64, action: Action<M::Command>) {
        let position = self.propose(action);
        if let Some(office) = self.office_mut() {
            office.waiting.insert(position, ticket);
        }
    }
}
