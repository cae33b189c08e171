//! A primary that hands out numbers, and backups that copy when they hear of them.
//!
//! Alsberg and Day, "A Principle for Resilient Sharing of Distributed Resources" (1976), without
//! what makes it resilient: the primary executes an update, saves and answers it, and sends copies
//! afterwards. Copies are numbered; a backup keeps those that come too early, and asks again for
//! those that are missing. If a backup does not hear the primary of its epoch for a while, it goes
//! to the next epoch, whose primary is the next node in the order of the ids.
//!
//! Without faults one node executes everything, so it is linearizable. With them:
//! - Updates that the primary acknowledged and nobody copied are lost when another one takes over.
//! - A primary that is cut off, or slow, does not know that it is deposed: there are two, and both
//!   answer.
//! - Who comes back into a later epoch takes the whole state of its primary, and forgets its own.
//!
//! Budhiraja, Marzullo, Schneider and Toueg, "The Primary-Backup Approach" (1993), show what is
//! missing: bounds on delays, or a majority that agrees on who leads.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::NodeId;
use crate::journal::{Journal, UPDATES_MAX};
use crate::ledger::{Ledger, Update, Wish};
use crate::machine::StateMachine;
use crate::replica::{
    Description, Disk, Input, NoAudit, Note, Output, Replica, Reply, Role, Setup, StartError, View,
};

mod backup;
mod message;

pub use message::Message;

/// Every so many ticks a primary says that it lives.
const BEAT: u64 = 5;
/// After so many ticks without a sign of the primary a backup goes to the next epoch.
const PATIENCE: u64 = 50;

/// One node.
pub struct PrimaryBackup<M: StateMachine> {
    id: NodeId,
    /// Everyone, in the order in which they become primary.
    nodes: Vec<NodeId>,
    epoch: u64,
    /// Whether the state is that of a primary of this epoch, or of an earlier one.
    current: bool,
    ledger: Ledger<M>,
    /// The last updates of this epoch that were executed, for those who missed them.
    recent: Vec<Update<M::Command>>,
    /// Updates that came too early, by their number.
    early: BTreeMap<u64, Update<M::Command>>,
    /// Ticks since the primary was heard; since it spoke, if this is it.
    quiet: u64,
    takeovers: u64,
}

/// What is saved in one piece.
#[derive(Clone, Debug)]
pub enum Record<C> {
    /// A later epoch, whose primary's state is to come.
    Epoch(u64),
    /// A later epoch, whose primary this node is.
    TakesOver(u64),
    /// One more update.
    Update(Update<C>),
    /// A state in place of all that was there.
    State(Vec<u8>),
}

/// What a node keeps.
#[derive(Clone, Debug)]
pub struct Kept<C> {
    epoch: u64,
    current: bool,
    journal: Journal<C>,
}

/// A new node has the state in which every node begins, and that is the first primary's too.
impl<C> Default for Kept<C> {
    fn default() -> Self {
        Kept {
            epoch: 0,
            current: true,
            journal: Journal::default(),
        }
    }
}

impl<C: Clone> Disk for Kept<C> {
    type Record = Record<C>;

    fn save(&mut self, record: &Record<C>) {
        match record {
            Record::Epoch(epoch) => (self.epoch, self.current) = (*epoch, false),
            Record::TakesOver(epoch) => (self.epoch, self.current) = (*epoch, true),
            Record::Update(update) => self.journal.push(update.clone()),
            Record::State(bytes) => {
                self.current = true;
                self.journal.replace(bytes.clone());
            }
        }
    }
}

impl<M: StateMachine> Replica for PrimaryBackup<M> {
    type Machine = M;
    type Message = Message<M::Command>;
    type Record = Record<M::Command>;
    type Disk = Kept<M::Command>;
    type Audit = NoAudit;

    const SESSIONS: bool = true;

    fn start(setup: &Setup, disk: &Self::Disk) -> Result<Self, StartError> {
        setup.no_mode()?;
        let ledger = disk.journal.replay();
        Ok(PrimaryBackup {
            id: setup.id,
            nodes: setup.nodes.iter().copied().collect(),
            epoch: disk.epoch,
            current: disk.current,
            ledger: ledger.map_err(|error| setup.refuse(error.to_string()))?,
            recent: disk.journal.updates().to_vec(),
            early: BTreeMap::new(),
            quiet: 0,
            takeovers: 0,
        })
    }

    fn step(&mut self, _: Duration, input: Input<Self>, outputs: &mut Vec<Output<Self>>) {
        match input {
            Input::Tick => self.tick(outputs),
            Input::Message { from, message } => self.receive(from, message, outputs),
            Input::Request { ticket, request } => {
                let wish = Wish::of(request, self.next_session());
                self.serve(ticket, wish, outputs);
            }
        }
    }

    fn view(&self) -> View {
        View {
            role: if self.leads() {
                Role::Leader
            } else {
                Role::Follower
            },
            term: self.epoch,
            leader: Some(self.primary()),
            commit: self.ledger.applied(),
            applied: self.ledger.applied(),
            kept: self.recent.len() as u64,
            elections: self.takeovers,
        }
    }

    /// Nodes of different epochs number different updates alike.
    fn state(&self) -> Option<(u64, &M)> {
        None
    }

    fn describe(message: &Self::Message) -> Description {
        message.description()
    }
}

impl<M: StateMachine> PrimaryBackup<M> {
    /// The node that leads this epoch, alive or not.
    fn primary(&self) -> NodeId {
        let place = self.epoch % self.nodes.len().max(1) as u64;
        let place = usize::try_from(place).expect("less than the number of nodes");
        self.nodes.get(place).copied().unwrap_or(self.id)
    }

    fn leads(&self) -> bool {
        self.primary() == self.id
    }

    fn serve(&mut self, ticket: u64, wish: Wish<M>, outputs: &mut Vec<Output<Self>>) {
        let reply = match wish {
            Wish::Snapshot => {
                self.compact(outputs);
                Reply::Done
            }
            _ if !self.leads() => Reply::NotLeader {
                leader: Some(self.primary()),
            },
            Wish::Update(update) => return self.update(ticket, update, outputs),
            Wish::Query(query) => self.ledger.query(&query),
            Wish::Reform => Reply::Refused("the next primary is the next node".to_owned()),
        };
        outputs.push(Output::Reply { ticket, reply });
    }

    /// An epoch has one primary, which never gives a number of it twice.
    fn next_session(&self) -> u64 {
        (self.epoch << 40) | (self.ledger.applied() + 1)
    }

    /// Executes, saves, answers, and only then tells the backups.
    fn update(&mut self, ticket: u64, update: Update<M::Command>, outputs: &mut Vec<Output<Self>>) {
        let reply = self.execute(update.clone(), outputs);
        outputs.push(Output::Reply { ticket, reply });
        let copy = Message::Copy {
            epoch: self.epoch,
            number: self.ledger.applied(),
            update,
        };
        self.tell_all(&copy, outputs);
    }

    fn execute(&mut self, update: Update<M::Command>, outputs: &mut Vec<Output<Self>>) -> Reply<M> {
        let reply = self.ledger.execute(&update);
        self.recent.push(update.clone());
        outputs.push(Output::Save(Record::Update(update)));
        if self.recent.len() >= UPDATES_MAX {
            self.compact(outputs);
        }
        reply
    }

    fn compact(&mut self, outputs: &mut Vec<Output<Self>>) {
        // What the disk has must not pass for a state of this epoch if it is none.
        if self.current {
            self.recent.clear();
            outputs.push(Output::Save(Record::State(self.ledger.encode())));
        }
    }

    fn tick(&mut self, outputs: &mut Vec<Output<Self>>) {
        self.quiet += 1;
        if !self.leads() && self.quiet >= PATIENCE {
            self.enter(self.epoch + 1, outputs);
        }
        if self.leads() && self.quiet >= BEAT {
            self.beat(outputs);
        }
    }

    fn beat(&mut self, outputs: &mut Vec<Output<Self>>) {
        self.quiet = 0;
        let beat = Message::Beat {
            epoch: self.epoch,
            last: self.ledger.applied(),
        };
        self.tell_all(&beat, outputs);
    }

    /// Goes to a later epoch: as its primary with the state that is there, or to wait for its
    /// primary's.
    fn enter(&mut self, epoch: u64, outputs: &mut Vec<Output<Self>>) {
        let led = self.leads();
        self.epoch = epoch;
        self.quiet = 0;
        self.early.clear();
        self.current = self.leads();
        if self.leads() {
            self.takeovers += 1;
            outputs.push(Output::Save(Record::TakesOver(epoch)));
            outputs.push(Output::Note(Note::Leads(epoch)));
            self.beat(outputs);
        } else {
            outputs.push(Output::Save(Record::Epoch(epoch)));
            if led {
                outputs.push(Output::Note(Note::StepsDown));
            }
        }
    }

    fn tell_all(&self, message: &Message<M::Command>, outputs: &mut Vec<Output<Self>>) {
        let others = self.nodes.iter().filter(|id| **id != self.id);
        outputs.extend(others.map(|to| Output::Send {
            to: *to,
            message: message.clone(),
        }));
    }
}

#[cfg(test)]
mod tests;
