//! The acceptor's part: it promises, and accepts.

use super::message::{Accept, Accepted, Message};
use super::{Action, Ballot, MultiPaxos, MultiRecord, Position, Post, Slot, Snapshot};
use crate::NodeId;
use crate::bug::Bug;
use crate::machine::StateMachine;
use crate::replica::Note;

impl<M: StateMachine> MultiPaxos<M> {
    /// Phase 1. Who asks again is told again: the answer may be lost.
    pub(super) fn on_prepare(
        &mut self,
        from: NodeId,
        ballot: Ballot,
        first: Position,
        forced: bool,
    ) {
        if ballot >= self.promised && !forced && self.is_loyal() {
            return;
        }
        self.round = self.round.max(ballot.round);
        if ballot < self.promised {
            return self.refuse(from, ballot);
        }
        if ballot > self.promised {
            self.promised = ballot;
            if self.is_leader() {
                self.step_down(None);
            }
            if !self.bug(Bug::PaxosForgottenPromise) {
                self.save(MultiRecord::Promise(ballot));
            }
            self.wait_for_a_leader();
        }
        let snapshot = self.snapshot.clone().filter(|_| first <= self.base);
        let first = match &snapshot {
            Some(snapshot) => snapshot.position + 1,
            None => first,
        };
        let accepted = self.slots.range(first..);
        let accepted = accepted.map(|(position, slot)| (*position, slot.clone()));
        let promise = Message::Promise {
            ballot,
            snapshot,
            accepted: accepted.collect(),
        };
        self.send(from, promise);
        self.tell(Note::Votes(ballot.number()));
    }

    /// Whether a leader was heard so recently that nobody is helped to depose it. To say nothing is
    /// always allowed. A leader steps down by itself when it has lost its majority.
    fn is_loyal(&self) -> bool {
        let patience = self.settings.election.start;
        let is_recent = |heard: u64| self.now < heard + patience;
        self.is_leader() || self.heard.is_some_and(is_recent)
    }

    /// Phase 2.
    pub(super) fn on_accept(&mut self, from: NodeId, accept: Accept<M::Command>) {
        let Accept {
            ballot,
            first,
            actions,
            commit,
            beat,
        } = accept;
        if !self.obeys(from, ballot) {
            return;
        }
        let sent = first + actions.len() as u64 - 1;
        self.accept(ballot, (first..).zip(actions));
        self.apply_up_to(commit.min(self.agreed(ballot)));
        self.confirm(from, ballot, sent, beat);
    }

    pub(super) fn on_install(
        &mut self,
        from: NodeId,
        ballot: Ballot,
        snapshot: &Snapshot,
        beat: u64,
    ) {
        if self.obeys(from, ballot) {
            self.install(snapshot);
            self.confirm(from, ballot, snapshot.position, beat);
        }
    }

    /// Whether what a leader says is to be done: nothing higher is promised. Then it is followed,
    /// and its ballot promised.
    fn obeys(&mut self, from: NodeId, ballot: Ballot) -> bool {
        self.round = self.round.max(ballot.round);
        if ballot < self.promised && !self.bug(Bug::PaxosUncheckedAccept) {
            self.refuse(from, ballot);
            return false;
        }
        if ballot > self.promised {
            self.promised = ballot;
            self.save(MultiRecord::Promise(ballot));
        }
        match self.post {
            Post::Leader(_) => self.step_down(Some(from)),
            Post::Follower | Post::Candidate(_) => self.post = Post::Follower,
        }
        self.leader = Some(from);
        self.heard = Some(self.now);
        self.wait_for_a_leader();
        self.conclude_handover(from);
        true
    }

    /// Accepts what is not known to be chosen. A ballot has one action for a position, so what was
    /// accepted in this ballot stays.
    fn accept(
        &mut self,
        ballot: Ballot,
        actions: impl Iterator<Item = (Position, Action<M::Command>)>,
    ) {
        let is_news = |position: &Position| {
            let slot = self.slots.get(position);
            *position > self.commit && slot.is_none_or(|slot| slot.ballot != ballot)
        };
        let actions: Vec<_> = actions.filter(|(position, _)| is_news(position)).collect();
        if actions.is_empty() {
            return;
        }
        for (position, action) in actions.iter().cloned() {
            self.slots.insert(position, Slot { ballot, action });
        }
        self.save(MultiRecord::Accepted { ballot, actions });
    }

    /// All positions up to this one are known to be chosen, or accepted in this ballot.
    fn agreed(&self, ballot: Ballot) -> Position {
        let behind = self.slots.range(self.commit + 1..);
        let expected = self.commit + 1..;
        let agreed = behind
            .zip(expected)
            .take_while(|((position, slot), next)| **position == *next && slot.ballot == ballot);
        self.commit + agreed.count() as u64
    }

    fn confirm(&mut self, to: NodeId, ballot: Ballot, sent: Position, beat: u64) {
        let agreed = self.agreed(ballot);
        let accepted = Accepted {
            ballot,
            agreed,
            sent,
            beat,
        };
        self.send(to, Message::Accepted(accepted));
    }

    fn refuse(&mut self, to: NodeId, ballot: Ballot) {
        let promised = self.promised;
        self.send(to, Message::Refused { ballot, promised });
    }
}
