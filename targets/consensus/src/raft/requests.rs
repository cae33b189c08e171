//! What clients and operators want, and who may have it.

use super::{Payload, Proposal, Raft, Reply, Request};
use crate::bug::Bug;
use crate::machine::{Comparison, StateMachine};

impl<M: StateMachine> Raft<M> {
    pub(super) fn request(&mut self, ticket: u64, request: Request<M>) {
        match request {
            Request::Query(query) => self.on_query(ticket, query),
            Request::Snapshot => {
                self.take_snapshot();
                self.reply(ticket, Reply::Done);
            }
            _ if !self.is_leader() => self.reply(
                ticket,
                Reply::NotLeader {
                    leader: self.leader,
                },
            ),
            request => self.order(ticket, request),
        }
    }

    /// A leader's part. Nothing is ordered while leadership is handed over: the heir must catch up.
    fn order(&mut self, ticket: u64, request: Request<M>) {
        if let Some(handover) = &self.handover {
            let why = format!(
                "leadership is being handed over to {}: try again",
                handover.to
            );
            return self.reply(ticket, Reply::Refused(why));
        }
        match request {
            Request::OpenSession => self.propose(ticket, Payload::OpenSession),
            Request::Apply {
                session,
                sequence,
                command,
            } => {
                let payload = self.payload(session, sequence, command);
                self.propose(ticket, payload);
            }
            Request::AddNode(id) => self.add_node(ticket, id),
            Request::RemoveNode(id) => self.remove_node(ticket, id),
            Request::Transfer(to) => self.transfer(ticket, to),
            Request::Query(_) | Request::Snapshot => {}
        }
    }

    fn payload(&self, session: u64, sequence: u64, command: M::Command) -> Payload<M::Command> {
        let compares = self.state.machine.compare(&command) != Comparison::None;
        if compares && self.bug(Bug::TornCas) {
            return Payload::Compare {
                session,
                sequence,
                command,
            };
        }
        Payload::Apply {
            session,
            sequence,
            command,
        }
    }

    /// Adds an entry; whoever waits for it is answered when it is applied, or when leadership is
    /// lost.
    pub(super) fn propose(&mut self, ticket: u64, payload: Payload<M::Command>) {
        let index = self.append(payload);
        self.proposals.insert(
            index,
            Proposal {
                term: self.term,
                ticket,
            },
        );
    }
}
