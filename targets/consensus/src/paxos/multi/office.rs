//! What a leader keeps besides the log. Pure.

use std::collections::{BTreeMap, VecDeque};

use super::{Ballot, Position};
use crate::NodeId;
use crate::machine::StateMachine;

/// A leader's view of its ballot.
pub(super) struct Office<M: StateMachine> {
    pub(super) ballot: Ballot,
    pub(super) followers: BTreeMap<NodeId, Follower>,
    /// The last position that it has proposed, and accepted itself.
    pub(super) last: Position,
    /// The last position that it proposed again when it began: reads wait for it.
    pub(super) began: Position,
    /// Whether the last position changes the members: nothing may follow.
    pub(super) is_closed: bool,
    /// Who waits for which position.
    pub(super) waiting: BTreeMap<Position, u64>,
    pub(super) reads: VecDeque<Read<M>>,
    /// Messages to everybody are numbered: this is the newest.
    pub(super) beat: u64,
    /// The newest that a majority has answered.
    pub(super) confirmed: u64,
    /// When everybody is to be spoken to again.
    pub(super) speak_at: u64,
}

/// What a leader knows of another member.
#[derive(Clone, Copy, Debug)]
pub(super) struct Follower {
    /// The next position to send.
    pub(super) next: Position,
    /// It agrees up to here.
    pub(super) matched: Position,
    /// What was sent and not answered: its last position, and when.
    pub(super) flight: Option<(Position, u64)>,
    /// When it was last heard.
    pub(super) heard: u64,
    /// The newest message to everybody that it answered.
    pub(super) beat: u64,
}

/// A read that waits.
pub(super) struct Read<M: StateMachine> {
    pub(super) ticket: u64,
    pub(super) query: M::Query,
    /// The state must have this position.
    pub(super) position: Position,
    /// A majority must have answered this message, which was sent after the read came.
    pub(super) beat: u64,
}

impl<M: StateMachine> Office<M> {
    /// Of a leader that knows everything up to `commit` to be chosen.
    pub(super) fn new(
        ballot: Ballot,
        commit: Position,
        others: impl Iterator<Item = NodeId>,
        now: u64,
    ) -> Self {
        let mut office = Office {
            ballot,
            followers: BTreeMap::new(),
            last: commit,
            began: commit,
            is_closed: false,
            waiting: BTreeMap::new(),
            reads: VecDeque::new(),
            beat: 0,
            confirmed: 0,
            speak_at: now,
        };
        office.enlist(others, commit, now);
        office
    }

    fn enlist(&mut self, others: impl Iterator<Item = NodeId>, commit: Position, now: u64) {
        for id in others {
            let follower = Follower {
                next: commit + 1,
                matched: 0,
                flight: None,
                heard: now,
                beat: 0,
            };
            self.followers.insert(id, follower);
        }
    }
}

impl Follower {
    /// It agrees up to a position, in answer to a message whose last position was `sent`. That may
    /// be less than before: what it knew to be chosen it does not know after a restart.
    pub(super) fn accept(&mut self, agreed: Position, sent: Position) {
        self.matched = self.matched.max(agreed);
        let is_answered = |(last, _): (Position, u64)| last <= agreed || last == sent;
        if self.flight.is_some_and(is_answered) {
            self.flight = None;
        }
        if self.flight.is_none() {
            self.next = agreed + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_sent_again_when_the_answer_says_so() {
        let mut follower = Follower {
            next: 8,
            matched: 0,
            flight: Some((9, 0)),
            heard: 0,
            beat: 0,
        };
        follower.accept(4, 7);
        assert_eq!((follower.flight, follower.next), (Some((9, 0)), 8));
        follower.accept(4, 9);
        assert_eq!((follower.flight, follower.next), (None, 5));
        follower.accept(9, 9);
        follower.accept(6, 6);
        assert_eq!((follower.matched, follower.next), (9, 7));
    }
}
