//! `paxos`: a replicated log without a leader; each position is chosen by an instance of Paxos.
//!
//! A node that has commands proposes them together for the first position that it does not know to
//! be chosen. If others' commands are chosen there, it goes on with the next position; if rounds
//! collide, it tries again after a pause drawn at random. It leaves a position only when it is
//! chosen, so none of its commands is ever chosen twice, and the log has no gaps to fill. Clients
//! that repeat a command elsewhere are told apart by sessions.
//!
//! A read takes a place in the log, and is answered with the state there. The mode `quorum-read`
//! does without: it asks a majority for its answers and takes that of the node that has applied
//! most. That is not linearizable. A command is chosen, and its client told, when a majority has
//! *accepted* it, but only its proposer knows that; the others apply it when they hear so. Until
//! then a majority without the proposer answers with the state before, and of two reads one after
//! the other the second may be answered by nodes that are behind those of the first.
//!
//! A node that has nothing, or was away, asks another for what is chosen and replays the whole log,
//! which is never cut. A node outside the first members may do so too; the acceptors stay the same.

mod audit;
mod catch_up;
mod disk;
mod message;
mod quorum_read;
mod replica;
mod requests;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::state::State;
use super::synod::{Deed, Instance, Site};
use super::{Kept, Position, Synod};
use crate::NodeId;
use crate::machine::StateMachine;
use crate::replica::{Note, Output, Reply};

pub use audit::LogAudit;
pub use disk::{LogDisk, LogRecord};
pub use message::LogMessage;
pub use requests::Entry;

use message::{Batch, Said};
use quorum_read::Poll;

/// A position takes so many commands at most.
const BATCH_MAX: usize = 64;
/// Whoever lost a position waits for up to so many ticks, so that the winner does not win for ever.
const PAUSE: u64 = 4;

/// One node: proposer and acceptor of every position.
pub struct Paxos<M: StateMachine> {
    id: NodeId,
    acceptors: BTreeSet<NodeId>,
    reads_by_quorum: bool,
    chance: ChaCha8Rng,
    now: u64,
    state: State<M>,
    applied: Position,
    /// All that is known to be chosen, from the first position on, and behind gaps.
    chosen: BTreeMap<Position, Batch<M::Command>>,
    /// Positions that are not known to be chosen and of which something was heard.
    open: BTreeMap<Position, Instance<Batch<M::Command>>>,
    /// What this node has to propose, in the order of its requests.
    queue: Vec<Entry<M::Command>>,
    /// The reads among it, by ticket.
    queries: BTreeMap<u64, M::Query>,
    polls: BTreeMap<u64, Poll<M>>,
    /// When it may propose again.
    ready_at: u64,
    rounds: u64,
    /// What this step has learnt to be chosen.
    learnt: Vec<Position>,
    outputs: Vec<Output<Self>>,
}

impl<M: StateMachine> Paxos<M> {
    fn tick(&mut self) {
        self.now += 1;
        self.at(self.applied + 1, |instance, site| instance.tick(site));
        self.tick_catch_up();
        self.tick_polls();
    }

    fn hear(&mut self, from: NodeId, message: LogMessage<M>) {
        match message.0 {
            Said::Synod(position, said) => self.on_synod(from, position, said),
            Said::Log { first, batches } => self.on_log(from, first, batches),
            Said::Missing(first) => self.on_missing(from, first),
            Said::Query { ticket, query } => self.on_poll(from, ticket, &query),
            Said::Answer {
                ticket,
                applied,
                response,
            } => self.on_answer(from, ticket, applied, response),
        }
    }

    /// Whoever asks about a position that is chosen is told what is chosen from there on.
    fn on_synod(&mut self, from: NodeId, position: Position, said: Synod<Batch<M::Command>>) {
        if self.chosen.contains_key(&position) {
            if said.is_asking() && from != self.id {
                self.tell_log(from, position);
            }
            return;
        }
        let wish = match &said {
            Synod::Promise { .. } => self.wish(),
            _ => None,
        };
        self.at(position, |instance, site| {
            instance.hear(from, said, || wish, site);
        });
    }

    fn wish(&self) -> Option<Batch<M::Command>> {
        let batch: Vec<_> = self.queue.iter().take(BATCH_MAX).cloned().collect();
        (!batch.is_empty()).then_some(batch)
    }

    /// Begins a round for the first position that is not known to be chosen, if there is need.
    fn propose(&mut self) {
        if self.queue.is_empty() || self.now < self.ready_at {
            return;
        }
        self.at(self.applied + 1, |instance, site| {
            if instance.is_idle() {
                instance.begin(site);
            }
        });
    }

    /// Lets the instance of a position do something, and does what it wants done.
    fn at(
        &mut self,
        position: Position,
        act: impl FnOnce(&mut Instance<Batch<M::Command>>, &mut Site<'_, Batch<M::Command>>),
    ) {
        let new = || Instance::new(Kept::default());
        let instance = self.open.entry(position).or_insert_with(new);
        let mut site = Site {
            id: self.id,
            majority: self.acceptors.len() / 2 + 1,
            now: self.now,
            backs_off: true,
            chance: &mut self.chance,
            deeds: Vec::new(),
        };
        act(instance, &mut site);
        for deed in site.deeds {
            self.carry_out(position, deed);
        }
    }

    fn carry_out(&mut self, position: Position, deed: Deed<Batch<M::Command>>) {
        match deed {
            Deed::Save(kept) => self.save(LogRecord::Open { position, kept }),
            Deed::Tell(to, said) => self.send(to, Said::Synod(position, said)),
            Deed::TellAll(said) => {
                for to in self.acceptors.clone() {
                    self.send(to, Said::Synod(position, said.clone()));
                }
            }
            Deed::Begins(ballot) => {
                self.rounds += 1;
                let campaigns = Note::Campaigns(ballot.number());
                self.outputs.push(Output::Note(campaigns));
                let says = format!("begins round {ballot} for position {position}");
                self.outputs.push(Output::Note(Note::Says(says)));
            }
            Deed::Chosen(batch) => {
                let own = self.id;
                for to in self.acceptors.clone().into_iter().filter(|to| *to != own) {
                    let batches = vec![batch.clone()];
                    let first = position;
                    self.send(to, Said::Log { first, batches });
                }
                self.learn(position, batch);
            }
            Deed::Unclaimed { .. } => {}
        }
    }

    /// A position is chosen. What is chosen is kept in place of what was promised and accepted
    /// there, since it is the answer to everything that is asked about the position.
    fn learn(&mut self, position: Position, batch: Batch<M::Command>) {
        if self.chosen.contains_key(&position) {
            return;
        }
        self.open.remove(&position);
        self.save(LogRecord::Chosen {
            position,
            batch: batch.clone(),
        });
        let is_lost = position == self.applied + 1 && batch.iter().all(|it| it.node != self.id);
        if is_lost && !self.queue.is_empty() {
            self.ready_at = self.now + self.chance.random_range(0..PAUSE);
        }
        self.chosen.insert(position, batch);
        self.learnt.push(position);
        self.apply_chosen();
    }

    fn apply_chosen(&mut self) {
        while let Some(batch) = self.chosen.get(&(self.applied + 1)) {
            self.applied += 1;
            for entry in batch {
                let reply = self.state.apply(&entry.action);
                if entry.node != self.id {
                    continue;
                }
                let Some(place) = self.queue.iter().position(|it| it.ticket == entry.ticket) else {
                    continue;
                };
                self.queue.remove(place);
                let ticket = entry.ticket;
                let reply = match self.queries.remove(&ticket) {
                    Some(query) => Reply::Answer(self.state.machine.query(&query)),
                    None => reply,
                };
                self.outputs.push(Output::Reply { ticket, reply });
            }
        }
    }

    fn save(&mut self, record: LogRecord<M::Command>) {
        self.outputs.push(Output::Save(record));
    }

    fn send(&mut self, to: NodeId, said: Said<M>) {
        let message = LogMessage(said);
        if to == self.id {
            return self.hear(to, message);
        }
        self.outputs.push(Output::Send { to, message });
    }

    fn reply(&mut self, ticket: u64, reply: Reply<M>) {
        self.outputs.push(Output::Reply { ticket, reply });
    }
}
