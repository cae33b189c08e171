//! What clients and operators want of a log without a leader.

use super::Paxos;
use crate::NodeId;
use crate::machine::StateMachine;
use crate::paxos::Action;
use crate::replica::{Reply, Request};

/// A request's part of the log. Who and which tell it apart from all others.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<C> {
    /// The node that was asked.
    pub node: NodeId,
    /// In which request.
    pub ticket: u64,
    /// What is to be done.
    pub action: Action<C>,
}

impl<M: StateMachine> Paxos<M> {
    pub(super) fn request(&mut self, ticket: u64, request: Request<M>) {
        let action = match request {
            Request::OpenSession => Action::OpenSession,
            Request::Apply {
                session,
                sequence,
                command,
            } => Action::Apply {
                session,
                sequence,
                command,
            },
            Request::Query(query) if self.reads_by_quorum => return self.poll(ticket, query),
            Request::Query(query) => {
                self.queries.insert(ticket, query);
                Action::Nothing
            }
            Request::AddNode(_) | Request::RemoveNode(_) => {
                return self.refuse(ticket, "the acceptors are fixed");
            }
            Request::Transfer(_) => return self.refuse(ticket, "nobody leads"),
            Request::Snapshot => return self.refuse(ticket, "the log is kept as a whole"),
        };
        let node = self.id;
        self.queue.push(Entry {
            node,
            ticket,
            action,
        });
    }

    fn refuse(&mut self, ticket: u64, why: &str) {
        self.reply(ticket, Reply::Refused(why.to_owned()));
    }
}
