//! Every update is prepared on all nodes, and then committed on all.
//!
//! Gray, "Notes on Data Base Operating Systems" (1978), section 5.8.3.3, with presumed abort as
//! Mohan, Lindsay and Obermarck, "Transaction Management in the R* Distributed Database Management
//! System" (1986). The node with the lowest id coordinates. A transaction is all updates that wait:
//! 1. The coordinator saves and sends it; each participant saves it and votes yes.
//! 2. When all have, the coordinator saves that it is committed. That decides. It executes and
//!    answers the updates, and tells the participants.
//!
//! If a vote is missing for too long, the transaction is aborted and its updates are refused. A
//! coordinator that comes back and finds a transaction without a decision has aborted it. A
//! participant that has voted and hears no decision keeps asking.
//!
//! Reads are served by the coordinator from what is committed. One node decides and answers, and
//! what it answers with is on its disk, so it is linearizable. It is as available as the least
//! available of its nodes: while any is down, no update gets through, and nobody takes the place of
//! the coordinator, since those who have voted may neither commit nor abort without it. That is
//! what consensus protocols were made for (Gray and Lamport, "Consensus on Transaction Commit",
//! 2006).

use std::collections::BTreeSet;
use std::time::Duration;

use crate::NodeId;
use crate::bug::Bug;
use crate::journal::UPDATES_MAX;
use crate::ledger::{Ledger, Update, Wish};
use crate::machine::StateMachine;
use crate::replica::{
    Description, Input, NoAudit, Output, Replica, Reply, Request, Role, Setup, StartError, View,
};

mod coordinator;
mod logs;
mod message;
mod participant;

pub use logs::{Logs, Record, Transaction};
pub use message::Message;

use coordinator::Open;

/// One node.
pub struct TwoPhaseCommit<M: StateMachine> {
    id: NodeId,
    coordinator: NodeId,
    participants: BTreeSet<NodeId>,
    bug: Option<Bug>,
    ledger: Ledger<M>,
    /// The number of the last transaction that was committed here; 0 before the first.
    committed: u64,
    /// How many updates the disk has next to its base.
    kept: usize,
    post: Post<M::Command>,
    /// Ticks since the start.
    now: u64,
}

/// What a node does.
enum Post<C> {
    Coordinator {
        /// The highest number that any transaction had.
        begun: u64,
        /// The transaction that is voted on.
        open: Option<Open<C>>,
        /// Updates for the next one, and who wants them.
        waiting: Vec<(u64, Update<C>)>,
    },
    Participant {
        /// What it has voted for without knowing the decision.
        prepared: Option<Transaction<C>>,
    },
}

impl<M: StateMachine> Replica for TwoPhaseCommit<M> {
    type Machine = M;
    type Message = Message<M::Command>;
    type Record = Record<M::Command>;
    type Disk = Logs<M::Command>;
    type Audit = NoAudit;

    const SESSIONS: bool = true;

    fn start(setup: &Setup, disk: &Self::Disk) -> Result<Self, StartError> {
        setup.no_mode()?;
        let coordinator = setup.nodes.first().copied().unwrap_or(setup.id);
        let ledger = disk.journal().replay();
        let coordinates = coordinator == setup.id;
        Ok(TwoPhaseCommit {
            id: setup.id,
            coordinator,
            participants: setup.nodes.iter().copied().skip(1).collect(),
            bug: setup.bug,
            ledger: ledger.map_err(|error| setup.refuse(error.to_string()))?,
            committed: disk.committed(),
            kept: disk.journal().updates().len(),
            post: if coordinates {
                Post::Coordinator {
                    begun: disk.begun(),
                    open: None,
                    waiting: Vec::new(),
                }
            } else {
                let prepared = disk.prepared().cloned();
                Post::Participant { prepared }
            },
            now: 0,
        })
    }

    fn step(&mut self, _: Duration, input: Input<Self>, outputs: &mut Vec<Output<Self>>) {
        match input {
            Input::Tick => {
                self.now += 1;
                self.tick_coordinator(outputs);
                self.tick_participant(outputs);
            }
            Input::Message { from, message } => self.receive(from, message, outputs),
            Input::Request { ticket, request } => self.serve(ticket, request, outputs),
        }
        self.begin(outputs);
    }

    fn view(&self) -> View {
        View {
            role: if self.coordinates() {
                Role::Leader
            } else {
                Role::Follower
            },
            leader: Some(self.coordinator),
            commit: self.ledger.applied(),
            applied: self.ledger.applied(),
            kept: self.kept as u64,
            ..View::default()
        }
    }

    /// What a coordinator loses in a crash before it is saved, nobody else has executed.
    fn state(&self) -> Option<(u64, &M)> {
        Some((self.ledger.applied(), self.ledger.machine()))
    }

    fn describe(message: &Self::Message) -> Description {
        message.description()
    }
}

impl<M: StateMachine> TwoPhaseCommit<M> {
    fn coordinates(&self) -> bool {
        self.id == self.coordinator
    }

    fn serve(&mut self, ticket: u64, request: Request<M>, outputs: &mut Vec<Output<Self>>) {
        // The session's number is chosen when its transaction begins.
        let reply = match Wish::of(request, 0) {
            Wish::Snapshot => {
                self.compact(outputs);
                Reply::Done
            }
            wish => {
                let Post::Coordinator { waiting, .. } = &mut self.post else {
                    let leader = Some(self.coordinator);
                    let reply = Reply::NotLeader { leader };
                    outputs.push(Output::Reply { ticket, reply });
                    return;
                };
                match wish {
                    Wish::Update(update) => {
                        waiting.push((ticket, update));
                        return;
                    }
                    Wish::Query(query) => self.ledger.query(&query),
                    Wish::Snapshot | Wish::Reform => {
                        Reply::Refused("all nodes vote, always the same".to_owned())
                    }
                }
            }
        };
        outputs.push(Output::Reply { ticket, reply });
    }

    fn receive(
        &mut self,
        from: NodeId,
        message: Message<M::Command>,
        outputs: &mut Vec<Output<Self>>,
    ) {
        match message {
            Message::Prepare { transaction, after } => self.prepare(transaction, after, outputs),
            Message::Prepared { number } => self.voted(from, number, outputs),
            Message::Outcome { number, commits } => self.end(number, commits, outputs),
            Message::Inquiry { number } => self.tell_outcome(from, number, outputs),
        }
    }

    /// Executes a transaction that is committed. What comes back answers its updates, in order.
    fn execute(&mut self, transaction: &Transaction<M::Command>) -> Vec<Reply<M>> {
        self.committed = transaction.number;
        self.kept += transaction.updates.len();
        let updates = transaction.updates.iter();
        updates.map(|update| self.ledger.execute(update)).collect()
    }

    fn compact_if_due(&mut self, outputs: &mut Vec<Output<Self>>) {
        if self.kept >= UPDATES_MAX {
            self.compact(outputs);
        }
    }

    fn compact(&mut self, outputs: &mut Vec<Output<Self>>) {
        self.kept = 0;
        outputs.push(Output::Save(Record::State(self.ledger.encode())));
    }
}

#[cfg(test)]
mod tests;
