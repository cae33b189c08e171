//! One node of the chain.

use std::collections::BTreeMap;
use std::time::Duration;

use testimony_consensus::machine::StateMachine;
use testimony_consensus::replica::{
    Description, Disk, Input, Output, Reply, Request, Role, Setup, StartError, View,
};
use testimony_consensus::{NodeId, Replica};

use crate::{Log, Message, OneOrder};

/// After so many ticks without news from its successor a node sends again what that lacks.
const ASK_EVERY: u64 = 5;
/// At most so many updates go into one message.
const BATCH_MAX: usize = 64;
/// About how many bytes a message takes besides its updates, and how many each of them takes.
const ENVELOPE: usize = 32;
const UPDATE: usize = 64;

/// A node: a state machine, and the log that led to its state.
pub struct Chain<M: StateMachine> {
    id: NodeId,
    /// The chain, head first: all nodes in the order of their ids.
    nodes: Vec<NodeId>,
    /// The mode `hasty`, a planted mistake: the head answers before the tail has the update.
    hasty: bool,
    /// What the log leads to.
    machine: M,
    /// What is saved, and what the outputs of this step are about to save. Nothing leaves a node
    /// before what its step saves is on the disk, so the difference does not show.
    log: Log<M::Command>,
    /// How many updates the tail is known to have saved.
    committed: u64,
    /// How many updates the successor is known to have saved.
    acknowledged: u64,
    /// Ticks since the successor told something new, or was sent something again.
    quiet: u64,
    /// At the head: the answers that wait for the tail, by the number of their update.
    waiting: BTreeMap<u64, (u64, M::Response)>,
}

impl<M: StateMachine> Replica for Chain<M> {
    type Machine = M;
    type Message = Message<M::Command>;
    type Record = M::Command;
    type Disk = Log<M::Command>;
    type Audit = OneOrder<M::Command>;

    /// An update that is sent again would be executed again, so clients must not.
    const SESSIONS: bool = false;

    /// A new node and one that comes back are the same: one has an empty disk.
    fn start(setup: &Setup, disk: &Self::Disk) -> Result<Self, StartError> {
        let mut machine = M::default();
        for command in disk.commands() {
            machine.apply(command);
        }
        Ok(Chain {
            id: setup.id,
            nodes: setup.nodes.iter().copied().collect(),
            hasty: setup.is_mode("hasty")?,
            machine,
            log: disk.clone(),
            // Nobody has said anything in this life. The answer to what is sent again says where
            // to go on.
            committed: 0,
            acknowledged: 0,
            quiet: 0,
            waiting: BTreeMap::new(),
        })
    }

    /// All that a node does is in here. It may not look at a clock, draw a number, or walk a hash
    /// map: the same inputs must give the same outputs, or a seed is not a run.
    fn step(&mut self, _: Duration, input: Input<Self>, outputs: &mut Vec<Output<Self>>) {
        match input {
            Input::Tick => self.tick(outputs),
            Input::Message { from, message } => match message {
                Message::Forward { after, commands } => {
                    self.take(from, after, &commands, outputs);
                }
                Message::Have { saved, committed } => self.hear(saved, committed, outputs),
            },
            Input::Request { ticket, request } => self.serve(ticket, request, outputs),
        }
        self.answer(outputs);
    }

    /// The lab aims faults by this, and waits at the start until somebody leads.
    fn view(&self) -> View {
        View {
            role: if self.is_head() {
                Role::Leader
            } else {
                Role::Follower
            },
            leader: self.nodes.first().copied(),
            commit: self.committed(),
            applied: self.log.len(),
            kept: self.log.len(),
            ..View::default()
        }
    }

    /// The lab compares the states of nodes with the same number. The head may have executed an
    /// update that is lost before it is saved, and another one in its place later; it is left out.
    fn state(&self) -> Option<(u64, &M)> {
        (!self.is_head()).then(|| (self.log.len(), &self.machine))
    }

    fn describe(message: &Self::Message) -> Description {
        let (kind, updates) = match message {
            Message::Forward { commands, .. } => ("forward", commands.len()),
            Message::Have { .. } => ("have", 0),
        };
        Description {
            kind,
            bytes: ENVELOPE + UPDATE * updates,
        }
    }
}

impl<M: StateMachine> Chain<M> {
    /// Whether updates begin here.
    pub fn is_head(&self) -> bool {
        self.nodes.first() == Some(&self.id)
    }

    /// Whether queries are answered here.
    pub fn is_tail(&self) -> bool {
        self.nodes.last() == Some(&self.id)
    }

    /// The updates that the node has.
    pub fn log(&self) -> &Log<M::Command> {
        &self.log
    }

    /// How many updates the tail has saved, as far as this node knows. What the tail is about to
    /// save counts there: nothing that follows from it leaves the tail before it is saved.
    fn committed(&self) -> u64 {
        if self.is_tail() {
            self.log.len()
        } else {
            self.committed
        }
    }

    /// The node before this one; none before the head.
    fn predecessor(&self) -> Option<NodeId> {
        let before = self.nodes.iter().copied().take_while(|id| *id < self.id);
        before.last()
    }

    /// The node after this one; none after the tail.
    fn successor(&self) -> Option<NodeId> {
        self.nodes.iter().copied().find(|id| *id > self.id)
    }

    /// Takes updates at the head and queries at the tail, and sends everybody else there.
    fn serve(&mut self, ticket: u64, request: Request<M>, outputs: &mut Vec<Output<Self>>) {
        let reply = match request {
            Request::Apply { command, .. } if self.is_head() => {
                return self.update(ticket, &command, outputs);
            }
            Request::Apply { .. } => Reply::NotLeader {
                leader: self.nodes.first().copied(),
            },
            Request::Query(query) if self.is_tail() => Reply::Answer(self.machine.query(&query)),
            Request::Query(_) => Reply::NotLeader {
                leader: self.nodes.last().copied(),
            },
            Request::OpenSession => Reply::Refused("there are no sessions".to_owned()),
            Request::Snapshot => Reply::Refused("the log is kept whole".to_owned()),
            Request::AddNode(_) | Request::RemoveNode(_) | Request::Transfer(_) => {
                Reply::Refused("the chain never changes".to_owned())
            }
        };
        outputs.push(Output::Reply { ticket, reply });
    }

    /// At the head: gives an update its place, and lets its client wait for the tail.
    fn update(&mut self, ticket: u64, command: &M::Command, outputs: &mut Vec<Output<Self>>) {
        let response = self.append(command, outputs);
        if self.hasty {
            let reply = Reply::Applied(response);
            outputs.push(Output::Reply { ticket, reply });
        } else {
            self.waiting.insert(self.log.len(), (ticket, response));
        }
        self.forward(self.log.len() - 1, outputs);
    }

    /// Executes an update and saves it.
    fn append(&mut self, command: &M::Command, outputs: &mut Vec<Output<Self>>) -> M::Response {
        let response = self.machine.apply(command);
        outputs.push(Output::Save(command.clone()));
        self.log.save(command);
        response
    }

    /// Takes from the predecessor what comes next, passes it on, and says how far this node is,
    /// whether or not anything was new: the predecessor's last answer may have been lost.
    fn take(
        &mut self,
        from: NodeId,
        after: u64,
        commands: &[M::Command],
        outputs: &mut Vec<Output<Self>>,
    ) {
        let before = self.log.len();
        // If some are missing in between, none can be taken; the answer says where to begin.
        if let Some(known) = before.checked_sub(after) {
            let known = usize::try_from(known).unwrap_or(usize::MAX);
            for command in commands.iter().skip(known) {
                self.append(command, outputs);
            }
        }
        if self.log.len() > before {
            self.forward(before, outputs);
        }
        self.report(from, outputs);
    }

    /// The successor says how far it is. Old news that comes late is none.
    fn hear(&mut self, saved: u64, committed: u64, outputs: &mut Vec<Output<Self>>) {
        if saved > self.acknowledged {
            self.acknowledged = saved;
            self.quiet = 0;
        }
        if committed > self.committed {
            self.committed = committed;
            if let Some(to) = self.predecessor() {
                self.report(to, outputs);
            }
        }
    }

    /// As long as the tail lacks something, as far as this node knows: also if the successor has
    /// everything, for word of it may have been lost.
    fn tick(&mut self, outputs: &mut Vec<Output<Self>>) {
        self.quiet += 1;
        if self.quiet >= ASK_EVERY && self.committed() < self.log.len() {
            self.quiet = 0;
            self.forward(self.acknowledged, outputs);
        }
    }

    /// At the head: what the tail has is acknowledged.
    fn answer(&mut self, outputs: &mut Vec<Output<Self>>) {
        let committed = self.committed();
        while let Some(first) = self.waiting.first_entry()
            && *first.key() <= committed
        {
            let (ticket, response) = first.remove();
            let reply = Reply::Applied(response);
            outputs.push(Output::Reply { ticket, reply });
        }
    }

    /// Sends the successor what comes after the first so many updates. Nothing may be left: then
    /// it is a question.
    fn forward(&self, after: u64, outputs: &mut Vec<Output<Self>>) {
        if let Some(to) = self.successor() {
            let commands = self.log.after(after, BATCH_MAX).to_vec();
            let message = Message::Forward { after, commands };
            outputs.push(Output::Send { to, message });
        }
    }

    fn report(&self, to: NodeId, outputs: &mut Vec<Output<Self>>) {
        let message = Message::Have {
            saved: self.log.len(),
            committed: self.committed(),
        };
        outputs.push(Output::Send { to, message });
    }
}
