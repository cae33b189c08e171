//! Which entries are committed, and what follows from that.

use super::state::Effect;
use super::{Body, Entry, Event, Index, Post, Proposal, Raft, Reply};
use crate::bug::Bug;
use crate::machine::StateMachine;

impl<M: StateMachine> Raft<M> {
    /// A leader commits what a majority has, if it is of the leader's own term (Raft paper section
    /// 5.4.2).
    pub(super) fn advance_commit(&mut self) {
        let Some(index) = self.held_by_quorum() else {
            return;
        };
        let is_own = self.log.term_at(index) == Some(self.term);
        if index > self.commit && (is_own || self.bug(Bug::CommitEarlierTerm)) {
            self.commit = index;
        }
    }

    /// The last entry that a quorum has, if more can be known than is known already.
    fn held_by_quorum(&self) -> Option<Index> {
        let office = self.office()?;
        let last = self.log.last().index;
        if self.commit >= last {
            return None;
        }
        if self.bug(Bug::AckBeforeMajority) {
            return Some(last);
        }
        let held = self
            .members
            .voters()
            .iter()
            .map(|id| match office.followers.get(id) {
                Some(follower) => follower.matched,
                None => last,
            });
        self.reached_by_quorum(held.collect())
    }

    /// The largest number that a quorum of these, one for each member, has reached.
    pub(super) fn reached_by_quorum(&self, mut numbers: Vec<u64>) -> Option<u64> {
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        numbers.get(self.quorum() - 1).copied()
    }

    /// Applies what is committed. Tells whether entries were added meanwhile.
    pub(super) fn apply_committed(&mut self) -> bool {
        let last = self.log.last();
        while let Some((entry, effect)) = self.apply_next() {
            if let Some(proposal) = self.proposals.remove(&entry.index) {
                self.conclude(proposal, entry, effect);
            }
        }
        self.retire_if_removed();
        self.log.last() != last
    }

    fn apply_next(&mut self) -> Option<(Applied, Effect<M>)> {
        let rules = self.rules();
        let next = self.state.applied + 1;
        let entry = self.log.get(next).filter(|_| next <= self.commit)?;
        let Entry { index, term, .. } = *entry;
        Some((Applied { index, term }, self.state.apply(entry, rules)))
    }

    /// Answers whoever waits for an entry.
    fn conclude(&mut self, proposal: Proposal, entry: Applied, effect: Effect<M>) {
        let reply = match effect {
            _ if proposal.term != entry.term => Reply::Uncertain,
            Effect::Reply(reply) => reply,
            Effect::Second(payload) => {
                let index = self.append(payload);
                self.proposals.insert(
                    index,
                    Proposal {
                        term: self.term,
                        ..proposal
                    },
                );
                return;
            }
        };
        self.reply(proposal.ticket, reply);
    }

    /// A leader that is no member any more leads until that is committed (dissertation section
    /// 4.2.2). It lets the one with the longest log follow at once.
    fn retire_if_removed(&mut self) {
        if !self.is_leader() || self.is_voter() || self.members.since() > self.commit {
            return;
        }
        self.begin_round();
        let Post::Leader(office) = &self.post else {
            return;
        };
        let heir = office
            .followers
            .iter()
            .max_by_key(|(_, follower)| follower.matched);
        if let Some(heir) = heir.map(|(id, _)| *id) {
            self.send(heir, Body::TimeoutNow);
        }
        self.step_down(None);
    }

    /// Committed entries from an index on are about to be overwritten, which only a planted bug
    /// does. The node goes on as if it had been started again: with the state that its log gives.
    pub(super) fn lose_committed(&mut self, first: Index) {
        let kept = first - 1;
        if kept < self.state.applied {
            self.state = self.state_at(kept);
        }
        self.commit = kept;
        if let Some(office) = self.office_mut() {
            office.forget_behind(kept);
        }
        for proposal in self.proposals.split_off(&first).into_values() {
            self.reply(proposal.ticket, Reply::Uncertain);
        }
        self.tell(Event::CommittedLost { index: first });
    }
}

/// An entry that was applied.
#[derive(Clone, Copy)]
struct Applied {
    index: Index,
    term: super::Term,
}
