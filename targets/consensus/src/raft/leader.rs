//! What a leader keeps besides the log. Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::entry::Index;
use crate::NodeId;
use crate::machine::StateMachine;

/// A leader's view of its term.
#[derive(Clone, Debug)]
pub(super) struct Leader<M: StateMachine> {
    pub(super) followers: BTreeMap<NodeId, Follower>,
    /// The entry that reads wait for: it began the term.
    pub(super) began: Index,
    pub(super) rounds: Rounds,
    pub(super) reads: VecDeque<Read<M>>,
    /// When everybody is to be spoken to again.
    pub(super) speak_at: u64,
    /// Whether somebody was asked to campaign at once: then no lease holds any more.
    pub(super) handed_over: bool,
}

/// What a leader knows of another member.
#[derive(Clone, Copy, Debug)]
pub(super) struct Follower {
    /// The next entry to send.
    pub(super) next: Index,
    /// Its log agrees up to here.
    pub(super) matched: Index,
    /// What was sent and not answered.
    pub(super) flight: Option<Flight>,
    /// When it was last heard.
    pub(super) heard: u64,
    /// The newest round that it answered.
    pub(super) round: u64,
}

/// Entries, or a snapshot, on their way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flight {
    /// The last entry of them.
    pub(super) last: Index,
    /// When they were sent.
    pub(super) sent: u64,
}

/// A read that waits.
#[derive(Clone, Debug)]
pub(super) struct Read<M: StateMachine> {
    pub(super) ticket: u64,
    pub(super) query: M::Query,
    /// The state must have this entry.
    pub(super) index: Index,
    /// A majority must have answered this round, which began after the read came.
    pub(super) round: u64,
}

/// Rounds of messages: a majority that answers one confirms that the leader led when it began.
#[derive(Clone, Debug, Default)]
pub(super) struct Rounds {
    /// The newest.
    pub(super) newest: u64,
    /// The newest that a majority has answered.
    pub(super) confirmed: u64,
    /// When it began.
    pub(super) confirmed_at: Option<u64>,
    /// Since when the newer ones are under way.
    begun: VecDeque<(u64, u64)>,
}

impl Rounds {
    /// Begins one.
    pub(super) fn begin(&mut self, now: u64) {
        self.newest += 1;
        self.begun.push_back((self.newest, now));
    }

    /// A majority has answered this one.
    pub(super) fn confirm(&mut self, round: u64) {
        while let Some((begun, at)) = self.begun.pop_front_if(|(begun, _)| *begun <= round) {
            self.confirmed = begun;
            self.confirmed_at = Some(at);
        }
    }
}

impl Follower {
    pub(super) fn new(next: Index, now: u64) -> Self {
        Follower {
            next,
            matched: 0,
            flight: None,
            heard: now,
            round: 0,
        }
    }

    /// Its log agrees up to `matched`.
    pub(super) fn accept(&mut self, matched: Index) {
        self.matched = self.matched.max(matched);
        if self.flight.is_some_and(|flight| flight.last <= matched) {
            self.flight = None;
        }
        if self.flight.is_none() {
            self.next = self.next.max(matched + 1);
        }
    }

    /// It lacks the entry before `next`; go on at another one.
    pub(super) fn reject(&mut self, next: Index) {
        self.next = next.max(1);
        self.flight = None;
    }
}

impl<M: StateMachine> Leader<M> {
    pub(super) fn new(began: Index, now: u64) -> Self {
        Leader {
            followers: BTreeMap::new(),
            began,
            rounds: Rounds::default(),
            reads: VecDeque::new(),
            speak_at: now,
            handed_over: false,
        }
    }

    /// Follows a change of the members.
    pub(super) fn enlist(&mut self, voters: &BTreeSet<NodeId>, own: NodeId, next: Index, now: u64) {
        self.followers.retain(|id, _| voters.contains(id));
        for id in voters.iter().filter(|id| **id != own) {
            self.followers
                .entry(*id)
                .or_insert_with(|| Follower::new(next, now));
        }
    }

    /// Nothing behind an entry is there any more, not even here. Only planted bugs need this.
    pub(super) fn forget_behind(&mut self, last: Index) {
        self.began = self.began.min(last);
        for follower in self.followers.values_mut() {
            follower.matched = follower.matched.min(last);
            follower.reject(follower.next.min(last + 1));
        }
        self.reads
            .iter_mut()
            .for_each(|read| read.index = read.index.min(last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_to_a_heartbeat_does_not_end_the_flight_of_entries() {
        let mut follower = Follower::new(5, 0);
        follower.flight = Some(Flight { last: 8, sent: 0 });
        follower.accept(0);
        assert!(follower.flight.is_some() && follower.next == 5);
        follower.accept(8);
        assert!(follower.flight.is_none() && follower.next == 9 && follower.matched == 8);
        follower.accept(6);
        assert_eq!((follower.matched, follower.next), (8, 9));
    }

    #[test]
    fn a_round_confirms_those_before_it() {
        let mut rounds = Rounds::default();
        (10..13).for_each(|now| rounds.begin(now));
        rounds.confirm(2);
        assert_eq!((rounds.confirmed, rounds.confirmed_at), (2, Some(11)));
        rounds.confirm(1);
        assert_eq!((rounds.confirmed, rounds.confirmed_at), (2, Some(11)));
        rounds.confirm(3);
        assert_eq!((rounds.confirmed, rounds.confirmed_at), (3, Some(12)));
    }
}
