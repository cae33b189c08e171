//! Registers on majorities, without consensus.
//!
//! Attiya, Bar-Noy and Dolev, "Sharing Memory Robustly in Message-Passing Systems" (1995), with
//! several writers as Lynch and Shvartsman, "Robust emulation of shared memory using dynamic
//! quorum-acknowledged broadcasts" (1997), describe them. Every node keeps for each key a value and
//! its [`Tag`]. Any node takes requests:
//! - A write asks a majority for their tags, makes a higher one, and tells it to a majority.
//! - A read asks a majority, takes the value with the highest tag, and tells *that* to a majority
//!   before it answers. Any two majorities have a node in common, so nobody reads an older value
//!   afterwards.
//!
//! In the mode `no-write-back` a read answers after its first half. While a write has reached one
//! node only, a read that asks this node sees it and a later one that does not ask it misses it.
//!
//! Values and tags are saved before they are acknowledged, and nodes come back with what they
//! saved. A node counts itself in both majorities, and adopts its own write before it tells others:
//! so it never makes the same tag twice, also over a crash. Messages may be lost; they are sent
//! again. With a majority dead or cut off nothing is answered but that nobody knows.
//!
//! Only reading and writing can be had this way. A compare-and-set solves consensus among any
//! number of nodes and a register not even among two (Herlihy, "Wait-Free Synchronization", 1991:
//! their consensus numbers are infinite and 1), and this protocol always ends when a majority
//! lives, which consensus cannot promise (Fischer, Lynch and Paterson, 1985). So every other
//! command is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use crate::NodeId;
use crate::bug::Bug;
use crate::machine::store::{Command, Query, Response, Store};
use crate::replica::{
    Description, Input, Output, Replica, Reply, Request, Setup, StartError, View,
};

mod audit;
mod cells;
mod operation;

pub use audit::OneValuePerTag;
pub use cells::{Cell, Cells, Record, Tag};

use operation::{Operation, Phase};

/// After so many ticks a node asks those again who have not answered.
const AGAIN: u64 = 5;
/// After so many ticks it gives up.
const PATIENCE: u64 = 100;

/// One node: a copy of every register, and the operations that it carries out for clients.
pub struct Quorum {
    id: NodeId,
    others: BTreeSet<NodeId>,
    majority: usize,
    write_back: bool,
    bug: Option<Bug>,
    cells: Cells,
    /// Whether the disk knows of this life.
    life_saved: bool,
    /// By their number.
    operations: BTreeMap<u64, Operation>,
    begun: u64,
    /// Ticks since the start.
    now: u64,
}

/// One half of an operation: an answer to another one does not count for it. A life is from a start
/// to a crash, so an answer to what was asked before the crash does not count either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// How often the node has started.
    pub life: u64,
    /// The operation, counted since then.
    pub operation: u64,
}

/// What nodes tell each other.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// What do you have?
    Ask {
        /// What for.
        round: Round,
        /// Which key.
        key: String,
    },
    /// This.
    Have {
        /// What was asked.
        round: Round,
        /// The value and its tag.
        cell: Cell,
    },
    /// Keep this, unless you have something later.
    Keep {
        /// What for.
        round: Round,
        /// Which key.
        key: String,
        /// The value and its tag.
        cell: Cell,
    },
    /// Kept, or something later.
    Kept {
        /// What was asked.
        round: Round,
    },
}

impl Replica for Quorum {
    type Machine = Store;
    type Message = Message;
    type Record = Record;
    type Disk = Cells;
    type Audit = OneValuePerTag;

    const SESSIONS: bool = false;

    fn start(setup: &Setup, disk: &Cells) -> Result<Self, StartError> {
        Ok(Quorum {
            id: setup.id,
            others: setup.others().collect(),
            majority: setup.majority(),
            write_back: !setup.is_mode("no-write-back")?,
            bug: setup.bug,
            cells: disk.next_life(),
            life_saved: false,
            operations: BTreeMap::new(),
            begun: 0,
            now: 0,
        })
    }

    fn step(&mut self, _: Duration, input: Input<Self>, outputs: &mut Vec<Output<Self>>) {
        match input {
            Input::Tick => self.tick(outputs),
            Input::Message { from, message } => self.receive(from, message, outputs),
            Input::Request { ticket, request } => self.serve(ticket, request, outputs),
        }
    }

    fn view(&self) -> View {
        View::default()
    }

    /// Copies differ until somebody reads.
    fn state(&self) -> Option<(u64, &Store)> {
        None
    }

    fn describe(message: &Message) -> Description {
        let (kind, payload) = match message {
            Message::Ask { key, .. } => ("ask", key.len()),
            Message::Have { cell, .. } => ("have", cell.bytes()),
            Message::Keep { key, cell, .. } => ("keep", key.len() + cell.bytes()),
            Message::Kept { .. } => ("kept", 0),
        };
        let bytes = HEADER_BYTES + payload;
        Description { kind, bytes }
    }
}

/// About how many bytes a round takes.
const HEADER_BYTES: usize = 24;

impl Quorum {
    fn serve(&mut self, ticket: u64, request: Request<Store>, outputs: &mut Vec<Output<Self>>) {
        let refuse = |text: &str| Output::Reply {
            ticket,
            reply: Reply::Refused(text.to_owned()),
        };
        match request {
            Request::Query(Query::Read { key }) => self.begin(ticket, key, None, outputs),
            Request::Apply {
                command: Command::Write { key, value },
                ..
            } => self.begin(ticket, key, Some(value), outputs),
            Request::Query(Query::Contains { .. }) | Request::Apply { .. } => {
                outputs.push(refuse(
                    "registers without consensus can be read and written",
                ));
            }
            Request::OpenSession
            | Request::AddNode(_)
            | Request::RemoveNode(_)
            | Request::Transfer(_)
            | Request::Snapshot => outputs.push(refuse("there are registers and nothing else")),
        }
    }

    /// Begins an operation: a read, or a write of `value`.
    fn begin(
        &mut self,
        ticket: u64,
        key: String,
        value: Option<Value>,
        outputs: &mut Vec<Output<Self>>,
    ) {
        if !self.life_saved {
            self.life_saved = true;
            outputs.push(Output::Save(Record::Life(self.cells.life())));
        }
        self.begun += 1;
        let highest = self.cells.get(&key);
        let phase = Phase::Asking {
            write: value,
            highest,
        };
        let operation = Operation::new(ticket, key, phase, self.id, self.now);
        self.operations.insert(self.begun, operation);
        self.ask_again(self.begun, outputs);
        self.advance(self.begun, outputs);
    }

    fn receive(&mut self, from: NodeId, message: Message, outputs: &mut Vec<Output<Self>>) {
        match message {
            Message::Ask { round, key } => {
                let cell = self.cells.get(&key);
                let message = Message::Have { round, cell };
                outputs.push(Output::Send { to: from, message });
            }
            Message::Keep { round, key, cell } => {
                self.keep(key, cell, self.bug != Some(Bug::TagNotPersisted), outputs);
                let message = Message::Kept { round };
                outputs.push(Output::Send { to: from, message });
            }
            Message::Have { round, cell } => {
                self.answered(round, outputs, |operation| operation.have(from, cell));
            }
            Message::Kept { round } => {
                self.answered(round, outputs, |operation| operation.kept(from));
            }
        }
    }

    fn keep(&mut self, key: String, cell: Cell, save: bool, outputs: &mut Vec<Output<Self>>) {
        if self.cells.adopt(&key, &cell) && save {
            outputs.push(Output::Save(Record::Cell { key, cell }));
        }
    }

    fn answered(
        &mut self,
        round: Round,
        outputs: &mut Vec<Output<Self>>,
        note: impl FnOnce(&mut Operation),
    ) {
        if round.life != self.cells.life() {
            return;
        }
        if let Some(operation) = self.operations.get_mut(&round.operation) {
            note(operation);
            self.advance(round.operation, outputs);
        }
    }

    /// Goes on with an operation that a majority has answered.
    fn advance(&mut self, number: u64, outputs: &mut Vec<Output<Self>>) {
        while let Some(mut operation) = self.operations.remove(&number) {
            if operation.answers() < self.majority {
                self.operations.insert(number, operation);
                return;
            }
            let Some((cell, reply)) = self.second_half(&operation) else {
                let (ticket, reply) = operation.into_reply();
                outputs.push(Output::Reply { ticket, reply });
                return;
            };
            self.keep(operation.key.clone(), cell.clone(), true, outputs);
            operation.tell(cell, reply, self.id, self.now);
            self.operations.insert(number, operation);
            self.ask_again(number, outputs);
        }
    }

    /// What an operation tells a majority after it has asked one, and what it answers then.
    fn second_half(&self, operation: &Operation) -> Option<(Cell, Response)> {
        let Phase::Asking { write, highest } = &operation.phase else {
            return None;
        };
        match write {
            None if !self.write_back => None,
            None => Some((highest.clone(), Response::Value(highest.value.clone()))),
            Some(value) => {
                // Another write of this node may have made a tag meanwhile.
                let own = self.cells.get(&operation.key);
                let cell = Cell {
                    tag: highest.tag.max(own.tag).next(self.id),
                    value: value.clone(),
                };
                Some((cell, Response::Done))
            }
        }
    }

    fn ask_again(&self, number: u64, outputs: &mut Vec<Output<Self>>) {
        let Some(operation) = self.operations.get(&number) else {
            return;
        };
        let round = Round {
            life: self.cells.life(),
            operation: number,
        };
        let silent = self.others.iter().filter(|id| !operation.heard(**id));
        outputs.extend(silent.map(|to| Output::Send {
            to: *to,
            message: operation.message(round),
        }));
    }

    fn tick(&mut self, outputs: &mut Vec<Output<Self>>) {
        self.now += 1;
        let open: Vec<u64> = self.operations.keys().copied().collect();
        for number in open {
            let age = self.now - self.operations[&number].begun;
            if age >= PATIENCE {
                self.give_up(number, outputs);
            } else if age.is_multiple_of(AGAIN) {
                self.ask_again(number, outputs);
            }
        }
    }

    /// What was not told to anybody will never have an effect.
    fn give_up(&mut self, number: u64, outputs: &mut Vec<Output<Self>>) {
        let Some(operation) = self.operations.remove(&number) else {
            return;
        };
        let reply = match operation.phase {
            Phase::Asking { .. } => Reply::Refused("no majority answers".to_owned()),
            Phase::Telling { .. } => Reply::Uncertain,
        };
        let ticket = operation.ticket;
        outputs.push(Output::Reply { ticket, reply });
    }
}

#[cfg(test)]
mod tests;
