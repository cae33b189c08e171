//! How a leader brings its proposals to the acceptors: one batch under way to each at a time.

use super::message::{Accept, Accepted, Message};
use super::{Action, MultiPaxos, MultiRecord, Position, Slot};
use crate::NodeId;
use crate::bug::Bug;
use crate::machine::StateMachine;

/// A message carries so many actions at most.
const BATCH_MAX: u64 = 256;
/// What is not answered within so many heartbeats is sent again.
const PATIENCE: u64 = 2;

impl<M: StateMachine> MultiPaxos<M> {
    /// Proposes an action for the next position, and accepts it.
    pub(super) fn propose(&mut self, action: Action<M::Command>) -> Position {
        let Some(office) = self.office_mut() else {
            return self.commit;
        };
        office.last += 1;
        office.is_closed = matches!(action, Action::Members(_));
        let (position, ballot) = (office.last, office.ballot);
        self.fresh.push((position, action.clone()));
        self.slots.insert(position, Slot { ballot, action });
        position
    }

    /// What was proposed in this step is saved before it is sent, in one piece.
    pub(super) fn save_proposals(&mut self) {
        let actions = std::mem::take(&mut self.fresh);
        if actions.is_empty() {
            return;
        }
        // Whoever led only for a part of this step promised more since, and accepts nothing lower.
        if let Some(office) = self.office() {
            let ballot = office.ballot;
            self.save(MultiRecord::Accepted { ballot, actions });
        }
    }

    /// Steps down when it hears no majority any more, and speaks to everybody now and then.
    pub(super) fn tick_leader(&mut self) {
        let now = self.now;
        let patience = self.settings.election.end;
        let Some(office) = self.office() else { return };
        let heard = office.followers.values();
        let heard = heard.filter(|follower| now < follower.heard + patience);
        let is_alone = heard.count() + 1 < self.quorum(self.state.members.len());
        // The bug of a deposed leader comes with a leader that goes on until it hears of another.
        if is_alone && !self.bug(Bug::PaxosUncheckedAccept) {
            return self.step_down(None);
        }
        if now >= office.speak_at {
            self.begin_beat();
        }
    }

    /// Speaks to everybody.
    pub(super) fn begin_beat(&mut self) {
        let speak_at = self.now + self.settings.heartbeat;
        let Some(office) = self.office_mut() else {
            return;
        };
        office.speak_at = speak_at;
        office.beat += 1;
        let followers: Vec<NodeId> = office.followers.keys().copied().collect();
        followers.into_iter().for_each(|id| self.speak(id));
    }

    /// Sends proposals to those who lack some and have none under way.
    pub(super) fn replicate(&mut self) {
        let Some(office) = self.office() else { return };
        let lacking = office
            .followers
            .iter()
            .filter(|(_, follower)| follower.flight.is_none() && follower.next <= office.last);
        let lacking: Vec<NodeId> = lacking.map(|(id, _)| *id).collect();
        lacking.into_iter().for_each(|id| self.speak(id));
    }

    /// Sends what an acceptor needs next; if that is under way already, a heartbeat.
    fn speak(&mut self, id: NodeId) {
        let now = self.now;
        let Some(office) = self.office() else { return };
        let Some(follower) = office.followers.get(&id).copied() else {
            return;
        };
        let (ballot, beat) = (office.ballot, office.beat);
        let waits = |(last, sent): (Position, u64)| now < sent + self.patience(last);
        let is_waiting = follower.flight.is_some_and(waits);
        if !is_waiting
            && follower.next <= self.base
            && let Some(snapshot) = self.snapshot.clone()
        {
            self.take_off(id, snapshot.position);
            return self.send(
                id,
                Message::Install {
                    ballot,
                    snapshot,
                    beat,
                },
            );
        }
        let last = match is_waiting || follower.next <= self.base {
            true => follower.next - 1,
            false => office.last.min(follower.next - 1 + BATCH_MAX),
        };
        let slots = self.slots.range(follower.next..=last.max(follower.next));
        let slots = slots.take_while(|(position, _)| **position <= last);
        let actions: Vec<_> = slots.map(|(_, slot)| slot.action.clone()).collect();
        if !actions.is_empty() {
            self.take_off(id, last);
        }
        let accept = Accept {
            ballot,
            first: follower.next,
            actions,
            commit: self.commit,
            beat,
        };
        self.send(id, Message::Accept(accept));
    }

    fn take_off(&mut self, id: NodeId, last: Position) {
        let now = self.now;
        let follower = self.office_mut().and_then(|it| it.followers.get_mut(&id));
        if let Some(follower) = follower {
            follower.flight = Some((last, now));
        }
    }

    /// A snapshot may be long under way.
    fn patience(&self, last: Position) -> u64 {
        match last <= self.base {
            true => self.settings.election.end,
            false => PATIENCE * self.settings.heartbeat,
        }
    }

    pub(super) fn on_accepted(&mut self, from: NodeId, accepted: Accepted) {
        let now = self.now;
        let Some(office) = self.office_mut() else {
            return;
        };
        let last = office.last;
        if office.ballot != accepted.ballot {
            return;
        }
        if let Some(follower) = office.followers.get_mut(&from) {
            follower.heard = now;
            follower.beat = follower.beat.max(accepted.beat);
            follower.accept(accepted.agreed.min(last), accepted.sent);
        }
    }

    /// Everything that a majority agrees to is chosen.
    pub(super) fn advance_commit(&mut self) {
        let Some(office) = self.office() else { return };
        let agreed = office.followers.values().map(|follower| follower.matched);
        let mut agreed: Vec<Position> = agreed.chain([office.last]).collect();
        agreed.sort_unstable_by(|one, two| two.cmp(one));
        let quorum = self.quorum(self.state.members.len());
        let Some(chosen) = agreed.get(quorum - 1).copied() else {
            return;
        };
        if self.apply_up_to(chosen) {
            self.go_on_among_new_members();
        }
    }
}
