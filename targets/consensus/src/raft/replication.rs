//! How a leader brings its log to the others: one batch under way to each of them at a time.

use super::follower::Rejection;
use super::leader::{Flight, Follower};
use super::{Body, Entry, Index, Leader, Payload, Position, Post, Raft, Term};
use crate::NodeId;
use crate::bug::Bug;
use crate::machine::StateMachine;

/// Entries that are not answered within so many heartbeats are sent again.
const PATIENCE: u64 = 2;

impl<M: StateMachine> Raft<M> {
    pub(super) fn office(&self) -> Option<&Leader<M>> {
        match &self.post {
            Post::Leader(office) => Some(office),
            Post::Follower | Post::Candidate(_) => None,
        }
    }

    pub(super) fn office_mut(&mut self) -> Option<&mut Leader<M>> {
        match &mut self.post {
            Post::Leader(office) => Some(office),
            Post::Follower | Post::Candidate(_) => None,
        }
    }

    fn follower_mut(&mut self, id: NodeId) -> Option<&mut Follower> {
        self.office_mut()?.followers.get_mut(&id)
    }

    pub(super) fn tick_leader(&mut self) {
        let now = self.now;
        let patience = u64::from(self.config.election_ticks.end);
        let Some(office) = self.office() else { return };
        let is_heard = |id: NodeId| {
            let heard = office.followers.get(&id).map(|follower| follower.heard);
            id == self.config.id || heard.is_some_and(|heard| now < heard + patience)
        };
        if self.checks_quorum() && !self.is_quorum(is_heard) {
            if !self.bug(Bug::UnsafeMembership) {
                return self.step_down(None);
            }
            let heard = office
                .followers
                .keys()
                .copied()
                .filter(|id| is_heard(*id))
                .collect();
            self.go_on_without_the_others(heard);
        }
        let Some(office) = self.office() else { return };
        if now >= office.speak_at {
            self.begin_round();
        }
    }

    /// The bugs of a deposed leader come with Raft as in the paper, where it goes on until it hears
    /// of a later term.
    pub(super) fn checks_quorum(&self) -> bool {
        let is_self_assured = self.bug(Bug::StaleLeaderRead) || self.bug(Bug::StaleAppendTruncates);
        self.config.check_quorum && !is_self_assured
    }

    /// Speaks to everybody: heartbeats, and entries where none are under way.
    pub(super) fn begin_round(&mut self) {
        let now = self.now;
        let heartbeat = u64::from(self.config.heartbeat_ticks);
        let Some(office) = self.office_mut() else {
            return;
        };
        office.speak_at = now + heartbeat;
        office.rounds.begin(now);
        let followers: Vec<NodeId> = office.followers.keys().copied().collect();
        followers.into_iter().for_each(|id| self.speak(id));
    }

    /// Sends entries to those who lack some and have none under way.
    pub(super) fn replicate(&mut self) {
        let last = self.log.last().index;
        let Some(office) = self.office() else { return };
        let lacks = |follower: &Follower| follower.flight.is_none() && follower.next <= last;
        let idle = office
            .followers
            .iter()
            .filter(|(_, follower)| lacks(follower));
        let idle: Vec<NodeId> = idle.map(|(id, _)| *id).collect();
        idle.into_iter().for_each(|id| self.speak(id));
    }

    /// Sends what a follower needs next; if that is under way already, a heartbeat.
    fn speak(&mut self, id: NodeId) {
        let now = self.now;
        let entries_max = self.config.entries_per_message;
        let Some(office) = self.office() else { return };
        let Some(follower) = office.followers.get(&id).copied() else {
            return;
        };
        let round = office.rounds.newest;
        if follower
            .flight
            .is_some_and(|flight| now < flight.sent + self.patience(flight))
        {
            let (previous, entries) = (Position::default(), Vec::new());
            self.send(
                id,
                Body::Append {
                    previous,
                    entries,
                    commit: 0,
                    round,
                },
            );
            return;
        }
        let (body, last) = match self.log.position(follower.next - 1) {
            Some(previous) => {
                let entries = self.log.batch(follower.next, entries_max);
                let last = entries.last().map(|entry| entry.index);
                (
                    Body::Append {
                        previous,
                        entries,
                        commit: self.commit,
                        round,
                    },
                    last,
                )
            }
            None => {
                let Some(snapshot) = self.snapshot.clone() else {
                    return;
                };
                let last = Some(snapshot.index);
                (Body::InstallSnapshot { snapshot, round }, last)
            }
        };
        self.send(id, body);
        if let Some(follower) = self.follower_mut(id) {
            follower.flight = last.map(|last| Flight { last, sent: now });
        }
    }

    /// A snapshot may be long under way.
    fn patience(&self, flight: Flight) -> u64 {
        match flight.last <= self.log.base().index {
            true => u64::from(self.config.election_ticks.end),
            false => PATIENCE * u64::from(self.config.heartbeat_ticks),
        }
    }

    pub(super) fn on_accepted(&mut self, from: NodeId, term: Term, matched: Index, round: u64) {
        if !self.keep_up(term) {
            return;
        }
        let (now, last) = (self.now, self.log.last().index);
        if let Some(follower) = self.follower_mut(from) {
            follower.heard = now;
            follower.round = follower.round.max(round);
            follower.accept(matched.min(last));
        }
    }

    pub(super) fn on_rejected(&mut self, from: NodeId, term: Term, rejection: Rejection) {
        if !self.keep_up(term) {
            return;
        }
        let Rejection {
            previous,
            hint,
            round,
        } = rejection;
        let (now, next) = (self.now, self.next_after(hint));
        if let Some(follower) = self.follower_mut(from) {
            follower.heard = now;
            follower.round = follower.round.max(round);
            if follower.next == previous + 1 {
                follower.reject(next);
            }
        }
    }

    /// Where to go on after a follower's hint. If everything that may agree is not here any more,
    /// an index whose predecessor is not here either, so that a snapshot is sent.
    fn next_after(&self, hint: Position) -> Index {
        let base = self.log.base();
        if hint.index < base.index || hint.term < base.term {
            return base.index;
        }
        self.log.agreement(hint).index + 1
    }

    /// Adds an entry of the present term.
    pub(super) fn append(&mut self, payload: Payload<M::Command>) -> Index {
        let index = self.log.last().index + 1;
        self.extend(vec![Entry {
            index,
            term: self.term,
            payload,
        }]);
        index
    }

    /// Follows a change of the members. Those who are new get the log from `next` on.
    pub(super) fn enlist(&mut self, next: Index) {
        let voters = self.members.voters().clone();
        let (own, now) = (self.config.id, self.now);
        if let Some(office) = self.office_mut() {
            office.enlist(&voters, own, next, now);
        }
    }
}
