//! The naive read of a majority, which is not linearizable: `log.rs` says why.

use std::collections::BTreeMap;

use super::Paxos;
use super::message::Said;
use crate::NodeId;
use crate::machine::StateMachine;
use crate::paxos::Position;
use crate::replica::Reply;

/// Who has not answered after so many ticks is asked again.
const PATIENCE: u64 = 10;

/// A read that waits for a majority.
pub(super) struct Poll<M: StateMachine> {
    query: M::Query,
    answers: BTreeMap<NodeId, (Position, M::Response)>,
    ask_at: u64,
}

impl<M: StateMachine> Paxos<M> {
    pub(super) fn poll(&mut self, ticket: u64, query: M::Query) {
        let poll = Poll {
            query,
            answers: BTreeMap::new(),
            ask_at: self.now,
        };
        self.polls.insert(ticket, poll);
        self.tick_polls();
    }

    pub(super) fn tick_polls(&mut self) {
        let mut asked = Vec::new();
        for (ticket, poll) in &mut self.polls {
            if poll.ask_at <= self.now {
                poll.ask_at = self.now + PATIENCE;
                asked.push((*ticket, poll.query.clone()));
            }
        }
        for (ticket, query) in asked {
            for to in self.acceptors.clone() {
                let query = query.clone();
                self.send(to, Said::Query { ticket, query });
            }
        }
    }

    pub(super) fn on_poll(&mut self, from: NodeId, ticket: u64, query: &M::Query) {
        let said = Said::Answer {
            ticket,
            applied: self.applied,
            response: self.state.machine.query(query),
        };
        self.send(from, said);
    }

    pub(super) fn on_answer(
        &mut self,
        from: NodeId,
        ticket: u64,
        applied: Position,
        response: M::Response,
    ) {
        let majority = self.acceptors.len() / 2 + 1;
        let Some(poll) = self.polls.get_mut(&ticket) else {
            return;
        };
        poll.answers.insert(from, (applied, response));
        if poll.answers.len() < majority {
            return;
        }
        let answers = self.polls.remove(&ticket).map(|poll| poll.answers);
        let newest = answers
            .into_iter()
            .flat_map(BTreeMap::into_values)
            .max_by_key(|(applied, _)| *applied);
        if let Some((_, response)) = newest {
            self.reply(ticket, Reply::Answer(response));
        }
    }
}
