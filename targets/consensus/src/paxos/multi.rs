//! `multi-paxos`: a replicated log by a leader that Paxos chooses.
//!
//! A promise holds for all positions at once ("Paxos Made Simple", section 3; "Paxos Made
//! Moderately Complex", section 4). Whoever has the promises of a majority leads: it proposes again
//! what it was told of, highest ballot first, fills the gaps between with nothing, and from then on
//! a command takes one round trip. Positions are told and accepted in batches, one under way to
//! each acceptor; how far they are chosen rides on them. While a leader is heard nobody promises
//! anything to others, and whoever wants to lead promises its own ballot to itself last, so that a
//! node which was cut off does not depose the leader when it comes back.
//!
//! *What an acceptor says it agrees to* (`agreed`): all positions up to there are known to be
//! chosen, or accepted in the ballot of the leader that asks. A leader proposes only behind what it
//! knows to be chosen, so a majority that agrees up to a position has chosen everything up to it.
//!
//! *Members.* An action names the acceptors from the next position on, and the leader proposes
//! nothing behind it before it is chosen; then it campaigns again, among the new members. So for
//! every position both phases are carried out by majorities of one and the same set, the one that
//! the positions before say: each position is an instance of plain Paxos, whatever changes. It
//! costs a round trip for each change (a window of one: section 4.4 of Lamport, Malkhi and Zhou,
//! "Reconfiguring a State Machine", 2010, on stopping). A node that missed changes and campaigns
//! among members of old learns of the first change from them, as it must.
//!
//! *Reads* are answered by the leader when a majority has answered a message that it sent after the
//! read came: so none had promised a higher ballot before, and nothing was chosen that the leader
//! does not know of, besides what it proposed again when it began.
//!
//! *Snapshots* take the place of positions that are chosen. An acceptor that is asked for positions
//! which it does not keep any more promises with its snapshot.

mod acceptor;
mod audit;
mod campaign;
mod disk;
mod members;
mod message;
mod office;
mod reads;
mod replica;
mod replication;
mod requests;
mod settings;
mod snapshots;
#[cfg(test)]
mod tests;
mod transfer;

use std::collections::BTreeMap;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::state::State;
use super::{Action, Ballot, Position};
use crate::NodeId;
use crate::bug::Bug;
use crate::handover::Handover;
use crate::machine::StateMachine;
use crate::replica::{Note, Output, Reply};

pub use audit::MultiAudit;
pub use disk::{MultiDisk, MultiRecord, Slot};
pub use message::MultiMessage;
pub use snapshots::Snapshot;

use campaign::Campaign;
use message::Message;
use office::Office;
use settings::Settings;

/// One node.
pub struct MultiPaxos<M: StateMachine> {
    id: NodeId,
    settings: Settings,
    chance: ChaCha8Rng,
    /// Ticks since the start.
    now: u64,
    /// The highest round that is known to have begun. Its own are saved before they begin.
    round: u64,
    /// It accepts nothing of lower ballots, at any position.
    promised: Ballot,
    /// What it has accepted last, by position; chosen up to `commit`.
    slots: BTreeMap<Position, Slot<M::Command>>,
    /// Positions up to this one are not kept in `slots`, but in the snapshot.
    base: Position,
    snapshot: Option<Snapshot>,
    /// Everything up to here is chosen, and applied.
    commit: Position,
    state: State<M>,
    post: Post<M>,
    leader: Option<NodeId>,
    /// When a leader was last heard.
    heard: Option<u64>,
    /// When to campaign.
    deadline: u64,
    handover: Option<Handover>,
    elections: u64,
    /// What this step has learnt to be chosen.
    learnt: Vec<(Position, Action<M::Command>)>,
    outputs: Vec<Output<Self>>,
    /// What this step has proposed.
    fresh: Vec<(Position, Action<M::Command>)>,
}

/// What a node does at present.
enum Post<M: StateMachine> {
    Follower,
    Candidate(Campaign<M::Command>),
    Leader(Box<Office<M>>),
}

impl<M: StateMachine> MultiPaxos<M> {
    fn tick(&mut self) {
        self.now += 1;
        match &self.post {
            Post::Leader(_) => self.tick_leader(),
            Post::Follower | Post::Candidate(_) => self.tick_others(),
        }
        self.tick_handover();
    }

    fn receive(&mut self, from: NodeId, message: Message<M::Command>) {
        match message {
            Message::Prepare {
                ballot,
                first,
                forced,
            } => self.on_prepare(from, ballot, first, forced),
            Message::Promise {
                ballot,
                snapshot,
                accepted,
            } => self.on_promise(from, ballot, snapshot, accepted),
            Message::Accept(accept) => self.on_accept(from, accept),
            Message::Install {
                ballot,
                snapshot,
                beat,
            } => self.on_install(from, ballot, &snapshot, beat),
            Message::Accepted(accepted) => self.on_accepted(from, accepted),
            Message::Refused { ballot, promised } => self.on_refused(ballot, promised),
            Message::Campaign(ballot) => self.on_campaign(from, ballot),
        }
    }

    /// Lets everything follow that follows from what was just learnt.
    fn settle(&mut self) {
        self.save_proposals();
        self.advance_commit();
        self.answer_reads();
        self.advance_handover();
        self.snapshot_if_due();
        self.replicate();
    }

    /// Applies what is chosen, up to a position. Whether the members changed: then a snapshot keeps
    /// that over a restart, since those who left may be gone for ever and cannot tell it.
    fn apply_up_to(&mut self, commit: Position) -> bool {
        let mut changed = false;
        while self.commit < commit {
            let Some(slot) = self.slots.get(&(self.commit + 1)) else {
                break;
            };
            self.commit += 1;
            let reply = self.state.apply(&slot.action);
            changed |= matches!(slot.action, Action::Members(_));
            self.learnt.push((self.commit, slot.action.clone()));
            let position = self.commit;
            let office = self.office_mut();
            if let Some(ticket) = office.and_then(|office| office.waiting.remove(&position)) {
                self.reply(ticket, reply);
            }
        }
        if changed {
            self.take_snapshot();
        }
        changed
    }

    /// Leads and campaigns no more. Requests that wait are told.
    fn step_down(&mut self, leader: Option<NodeId>) {
        self.leader = leader;
        let Post::Leader(office) = std::mem::replace(&mut self.post, Post::Follower) else {
            return;
        };
        for ticket in office.waiting.into_values() {
            self.reply(ticket, Reply::Uncertain);
        }
        for read in office.reads {
            self.reply(read.ticket, Reply::NotLeader { leader });
        }
        self.wait_for_a_leader();
        self.tell(Note::StepsDown);
    }

    fn is_leader(&self) -> bool {
        matches!(self.post, Post::Leader(_))
    }

    fn is_member(&self) -> bool {
        self.state.members.contains(&self.id)
    }

    fn office(&self) -> Option<&Office<M>> {
        match &self.post {
            Post::Leader(office) => Some(office),
            Post::Follower | Post::Candidate(_) => None,
        }
    }

    fn office_mut(&mut self) -> Option<&mut Office<M>> {
        match &mut self.post {
            Post::Leader(office) => Some(office),
            Post::Follower | Post::Candidate(_) => None,
        }
    }

    /// How many of so many members make a quorum.
    fn quorum(&self, members: usize) -> usize {
        if self.bug(Bug::PaxosMinority) {
            return (members / 2).max(1);
        }
        members / 2 + 1
    }

    /// Sets the time of the next campaign.
    fn wait_for_a_leader(&mut self) {
        let timeout = self.chance.random_range(self.settings.election.clone());
        self.deadline = self.now + timeout;
    }

    fn bug(&self, bug: Bug) -> bool {
        self.settings.bug == Some(bug)
    }

    fn save(&mut self, record: MultiRecord<M::Command>) {
        self.outputs.push(Output::Save(record));
    }

    fn send(&mut self, to: NodeId, message: Message<M::Command>) {
        let message = MultiMessage(message);
        self.outputs.push(Output::Send { to, message });
    }

    fn reply(&mut self, ticket: u64, reply: Reply<M>) {
        self.outputs.push(Output::Reply { ticket, reply });
    }

    fn tell(&mut self, note: Note) {
        self.outputs.push(Output::Note(note));
    }
}
