//! Multi-Paxos as a [`Replica`].

use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{MultiAudit, MultiDisk, MultiMessage, MultiPaxos, MultiRecord, Post, Settings};
use crate::machine::StateMachine;
use crate::paxos::state::State;
use crate::replica::{Description, Input, Output, Replica, Role, Setup, StartError, View};

impl<M: StateMachine> Replica for MultiPaxos<M> {
    type Machine = M;
    type Message = MultiMessage<M::Command>;
    type Record = MultiRecord<M::Command>;
    type Disk = MultiDisk<M::Command>;
    type Audit = MultiAudit<M>;

    const SESSIONS: bool = true;

    fn start(setup: &Setup, disk: &Self::Disk) -> Result<Self, StartError> {
        let settings = Settings::new(setup)?;
        let MultiDisk {
            round,
            promised,
            slots,
            snapshot,
        } = disk.clone();
        let state = match &snapshot {
            Some(snapshot) => {
                State::decode(&snapshot.data).map_err(|error| setup.refuse(error.to_string()))?
            }
            None => State::new(setup.nodes.clone()),
        };
        let commit = snapshot.as_ref().map_or(0, |snapshot| snapshot.position);
        let mut node = MultiPaxos {
            id: setup.id,
            settings,
            chance: ChaCha8Rng::seed_from_u64(setup.seed ^ setup.id.0.rotate_left(32)),
            now: 0,
            round: round.max(promised.round),
            promised,
            slots,
            base: commit,
            snapshot,
            commit,
            state,
            post: Post::Follower,
            leader: None,
            heard: None,
            deadline: 0,
            handover: None,
            elections: 0,
            learnt: Vec::new(),
            outputs: Vec::new(),
            fresh: Vec::new(),
        };
        node.wait_for_a_leader();
        Ok(node)
    }

    fn step(&mut self, _: Duration, input: Input<Self>, outputs: &mut Vec<Output<Self>>) {
        self.learnt.clear();
        match input {
            Input::Tick => self.tick(),
            Input::Message { from, message } => self.receive(from, message.0),
            Input::Request { ticket, request } => self.request(ticket, request),
        }
        self.settle();
        outputs.append(&mut self.outputs);
    }

    fn view(&self) -> View {
        let (role, ballot) = match &self.post {
            Post::Follower => (Role::Follower, self.promised),
            Post::Candidate(campaign) => (Role::Candidate, campaign.ballot),
            Post::Leader(office) => (Role::Leader, office.ballot),
        };
        View {
            role,
            term: ballot.number(),
            leader: self.leader,
            commit: self.commit,
            applied: self.commit,
            kept: self.slots.len() as u64,
            elections: self.elections,
        }
    }

    fn state(&self) -> Option<(u64, &M)> {
        Some((self.commit, &self.state.machine))
    }

    fn describe(message: &Self::Message) -> Description {
        message.describe()
    }
}
