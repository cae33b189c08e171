//! The register as a [`Replica`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::message::Body;
use super::{Key, PaxosRegister, RegisterAudit, RegisterDisk, RegisterMessage, RegisterRecord};
use crate::machine::store::Store;
use crate::paxos::synod::Instance;
use crate::paxos::{COMMAND_BYTES, HEADER_BYTES};
use crate::replica::{Description, Input, Output, Replica, Setup, StartError, View};

/// The mode in which rounds that collide are tried again at once.
const NO_BACK_OFF: &str = "no-back-off";

impl Replica for PaxosRegister {
    type Machine = Store;
    type Message = RegisterMessage;
    type Record = RegisterRecord;
    type Disk = RegisterDisk;
    type Audit = RegisterAudit;

    const SESSIONS: bool = false;

    fn start(setup: &Setup, disk: &RegisterDisk) -> Result<Self, StartError> {
        let backs_off = match setup.mode.as_deref() {
            None => true,
            Some(NO_BACK_OFF) => false,
            Some(mode) => return Err(setup.refuse(format!("there is no mode `{mode}`"))),
        };
        let keys = disk.keys.iter().map(|(key, kept)| {
            let instance = Instance::new(kept.clone());
            (key.clone(), Key::new(instance))
        });
        Ok(PaxosRegister {
            id: setup.id,
            acceptors: setup.nodes.clone(),
            backs_off,
            chance: ChaCha8Rng::seed_from_u64(setup.seed ^ setup.id.0.rotate_left(32)),
            now: 0,
            keys: keys.collect::<BTreeMap<_, _>>(),
            active: BTreeSet::new(),
            rounds: 0,
            learnt: Vec::new(),
            outputs: Vec::new(),
        })
    }

    fn step(&mut self, _: Duration, input: Input<Self>, outputs: &mut Vec<Output<Self>>) {
        self.learnt.clear();
        match input {
            Input::Tick => self.tick(),
            Input::Message { from, message } => self.hear(from, message),
            Input::Request { ticket, request } => self.request(ticket, request),
        }
        outputs.append(&mut self.outputs);
    }

    fn view(&self) -> View {
        View {
            elections: self.rounds,
            ..View::default()
        }
    }

    fn state(&self) -> Option<(u64, &Store)> {
        None
    }

    fn describe(message: &RegisterMessage) -> Description {
        let (kind, commands) = match &message.body {
            Body::Synod(said) => said.describe(|_| 1),
            Body::Chosen(_) => ("chosen", 1),
        };
        let bytes = HEADER_BYTES + message.key.len() + commands * COMMAND_BYTES;
        Description { kind, bytes }
    }
}
