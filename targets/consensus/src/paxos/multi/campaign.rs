//! How a leader is chosen: phase 1, for all positions at once.

use std::collections::{BTreeMap, BTreeSet};

use super::message::Message;
use super::office::Office;
use super::{Action, Ballot, MultiPaxos, MultiRecord, Position, Post, Slot, Snapshot};
use crate::NodeId;
use crate::bug::Bug;
use crate::machine::StateMachine;
use crate::replica::Note;

/// A campaign under way.
#[derive(Clone, Debug)]
pub(super) struct Campaign<C> {
    pub(super) ballot: Ballot,
    /// Those who are asked: the members as of what the node knows to be chosen.
    members: BTreeSet<NodeId>,
    /// Whether the leader itself wants to be replaced.
    forced: bool,
    /// Who has promised.
    promised: BTreeSet<NodeId>,
    /// Of what they have accepted, that of the highest ballot, by position.
    best: BTreeMap<Position, Slot<C>>,
    /// When to ask those again who did not answer.
    ask_at: u64,
}

impl<C> Campaign<C> {
    fn note(&mut self, position: Position, slot: Slot<C>) {
        let known = self.best.get(&position);
        if known.is_none_or(|known| known.ballot < slot.ballot) {
            self.best.insert(position, slot);
        }
    }
}

impl<M: StateMachine> MultiPaxos<M> {
    pub(super) fn tick_others(&mut self) {
        if self.now >= self.deadline && self.is_member() {
            self.campaign(false);
        } else if matches!(&self.post, Post::Candidate(campaign) if campaign.ask_at <= self.now) {
            self.ask_for_promises();
        }
    }

    /// Asks for promises in a round that was never used, which is saved first.
    pub(super) fn campaign(&mut self, forced: bool) {
        self.wait_for_a_leader();
        self.leader = None;
        self.elections += 1;
        self.round += 1;
        let ballot = Ballot {
            round: self.round,
            node: match self.bug(Bug::PaxosReusedRound) {
                true => NodeId(0),
                false => self.id,
            },
        };
        self.save(MultiRecord::Round(self.round));
        self.post = Post::Candidate(Campaign {
            ballot,
            members: self.state.members.clone(),
            forced,
            promised: BTreeSet::new(),
            best: BTreeMap::new(),
            ask_at: self.now,
        });
        self.tell(Note::Campaigns(ballot.number()));
        self.ask_for_promises();
        self.count_promises();
    }

    fn ask_for_promises(&mut self) {
        let (own, first) = (self.id, self.commit + 1);
        let again = self.now + self.settings.heartbeat;
        let Post::Candidate(campaign) = &mut self.post else {
            return;
        };
        campaign.ask_at = again;
        let Campaign { ballot, forced, .. } = *campaign;
        let asked = campaign.members.difference(&campaign.promised);
        let asked: Vec<NodeId> = asked.copied().filter(|id| *id != own).collect();
        for to in asked {
            let prepare = Message::Prepare {
                ballot,
                first,
                forced,
            };
            self.send(to, prepare);
        }
    }

    pub(super) fn on_promise(
        &mut self,
        from: NodeId,
        answered: Ballot,
        snapshot: Option<Snapshot>,
        accepted: Vec<(Position, Slot<M::Command>)>,
    ) {
        let Post::Candidate(campaign) = &mut self.post else {
            return;
        };
        if campaign.ballot != answered {
            return;
        }
        campaign.promised.insert(from);
        for (position, slot) in accepted {
            campaign.note(position, slot);
        }
        if let Some(snapshot) = snapshot {
            self.install(&snapshot);
        }
        self.count_promises();
    }

    /// Leads if a majority has promised, this node included: it promises last, so that until then
    /// it can still follow a leader of a lower ballot.
    fn count_promises(&mut self) {
        let Post::Candidate(campaign) = &self.post else {
            return;
        };
        let Campaign {
            ballot,
            members,
            promised,
            ..
        } = campaign;
        let ballot = *ballot;
        let have = promised.intersection(members).count() + 1;
        if have < self.quorum(members.len()) {
            return;
        }
        if *members != self.state.members || self.promised > ballot {
            return self.give_up(*members != self.state.members);
        }
        if self.promised < ballot {
            self.promised = ballot;
            self.save(MultiRecord::Promise(ballot));
        }
        self.take_office();
    }

    /// Too late, or a snapshot has told of other members: then those are asked, in a new round.
    fn give_up(&mut self, at_once: bool) {
        self.step_down(None);
        if at_once {
            self.deadline = self.now;
        }
    }

    /// Proposes again what it was told of, and nothing where nobody knows of anything. Behind a
    /// change of the members others decide.
    fn take_office(&mut self) {
        let Post::Candidate(mut campaign) = std::mem::replace(&mut self.post, Post::Follower)
        else {
            return;
        };
        for (position, slot) in self.slots.range(self.commit + 1..) {
            campaign.note(*position, slot.clone());
        }
        if self.bug(Bug::PaxosOwnValue) {
            campaign.best.clear();
        }
        let Campaign { ballot, best, .. } = campaign;
        let last = best.last_key_value().map_or(0, |(position, _)| *position);
        let own = self.id;
        let others = self.state.members.iter().copied().filter(|id| *id != own);
        let office = Office::new(ballot, self.commit, others, self.now);
        self.post = Post::Leader(Box::new(office));
        for position in self.commit + 1..=last {
            let slot = best.get(&position);
            let action = slot.map_or(Action::Nothing, |slot| slot.action.clone());
            let is_end = matches!(action, Action::Members(_));
            self.propose(action);
            if is_end {
                break;
            }
        }
        if let Some(office) = self.office_mut() {
            office.began = office.last;
        }
        self.leader = Some(self.id);
        self.tell(Note::Leads(ballot.number()));
    }

    /// Somebody has promised more.
    pub(super) fn on_refused(&mut self, ballot: Ballot, promised: Ballot) {
        self.round = self.round.max(promised.round);
        let own = match &self.post {
            Post::Follower => return,
            Post::Candidate(campaign) => campaign.ballot,
            Post::Leader(office) => office.ballot,
        };
        if own == ballot && promised > own {
            self.step_down(None);
        }
    }
}
