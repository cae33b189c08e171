//! The log as a [`Replica`].

use std::collections::BTreeMap;
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{LogAudit, LogDisk, LogMessage, LogRecord, Paxos};
use crate::machine::StateMachine;
use crate::paxos::state::State;
use crate::paxos::synod::Instance;
use crate::replica::{Description, Input, Output, Replica, Setup, StartError, View};

/// The mode in which a read asks a majority instead of the log.
const QUORUM_READ: &str = "quorum-read";

impl<M: StateMachine> Replica for Paxos<M> {
    type Machine = M;
    type Message = LogMessage<M>;
    type Record = LogRecord<M::Command>;
    type Disk = LogDisk<M::Command>;
    type Audit = LogAudit<M>;

    const SESSIONS: bool = true;

    fn start(setup: &Setup, disk: &Self::Disk) -> Result<Self, StartError> {
        let reads_by_quorum = match setup.mode.as_deref() {
            None => false,
            Some(QUORUM_READ) => true,
            Some(mode) => return Err(setup.refuse(format!("there is no mode `{mode}`"))),
        };
        let open = disk.open.iter();
        let open = open.map(|(position, kept)| (*position, Instance::new(kept.clone())));
        let mut node = Paxos {
            id: setup.id,
            acceptors: setup.nodes.clone(),
            reads_by_quorum,
            chance: ChaCha8Rng::seed_from_u64(setup.seed ^ setup.id.0.rotate_left(32)),
            now: 0,
            state: State::new(setup.nodes.clone()),
            applied: 0,
            chosen: disk.chosen.clone(),
            open: open.collect(),
            queue: Vec::new(),
            queries: BTreeMap::new(),
            polls: BTreeMap::new(),
            ready_at: 0,
            rounds: 0,
            learnt: Vec::new(),
            outputs: Vec::new(),
        };
        node.apply_chosen();
        Ok(node)
    }

    fn step(&mut self, _: Duration, input: Input<Self>, outputs: &mut Vec<Output<Self>>) {
        self.learnt.clear();
        match input {
            Input::Tick => self.tick(),
            Input::Message { from, message } => self.hear(from, message),
            Input::Request { ticket, request } => self.request(ticket, request),
        }
        self.propose();
        outputs.append(&mut self.outputs);
    }

    fn view(&self) -> View {
        View {
            commit: self.applied,
            applied: self.applied,
            kept: self.chosen.len() as u64,
            elections: self.rounds,
            ..View::default()
        }
    }

    fn state(&self) -> Option<(u64, &M)> {
        Some((self.applied, &self.state.machine))
    }

    fn describe(message: &Self::Message) -> Description {
        message.describe()
    }
}
