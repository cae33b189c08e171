//! Nodes whose every tick and letter is chosen by the test.

use std::collections::BTreeMap;

use testimony_consensus::NodeId;
use testimony_consensus::machine::counter::{Command, Counter, Query};
use testimony_consensus::raft::{
    Config, Durable, Envelope, Input, Output, Raft, Reply, Request, Role, Status,
};

pub(crate) type Letter = Envelope<Command>;

/// So many members, with a counter. Nothing is delivered unless the test says so.
pub(crate) struct Script {
    nodes: BTreeMap<u64, Raft<Counter>>,
    configs: BTreeMap<u64, Config>,
    disks: BTreeMap<u64, Durable<Command>>,
    /// What was sent and neither delivered nor lost.
    pub(crate) wire: Vec<Letter>,
    replies: BTreeMap<u64, Reply<Counter>>,
    tickets: u64,
}

impl Script {
    /// Nodes 1 to `count`. Each campaigns when it has heard nothing for 20 ticks.
    pub(crate) fn new(count: u64, adjust: impl Fn(&mut Config)) -> Self {
        let config = |id| {
            let mut config = Config::new(NodeId(id), (1..=count).map(NodeId));
            config.election_ticks = 20..21;
            config.heartbeat_ticks = 3;
            adjust(&mut config);
            (id, config)
        };
        let mut script = Script {
            nodes: BTreeMap::new(),
            configs: (1..=count).map(config).collect(),
            disks: (1..=count).map(|id| (id, Durable::default())).collect(),
            wire: Vec::new(),
            replies: BTreeMap::new(),
            tickets: 0,
        };
        (1..=count).for_each(|id| script.restart(id));
        script
    }

    /// Ends a node and starts it again with what is on its disk.
    pub(crate) fn restart(&mut self, id: u64) {
        let node = Raft::new(self.configs[&id].clone(), self.disks[&id].clone());
        self.nodes.insert(id, node.unwrap());
    }

    fn step(&mut self, id: u64, input: Input<Counter>) {
        let disk = self.disks.get_mut(&id).unwrap();
        for output in self.nodes.get_mut(&id).unwrap().step(input) {
            match output {
                Output::SaveHardState { term, vote } => (disk.term, disk.vote) = (term, vote),
                Output::AppendEntries { entries } => {
                    disk.entries.retain(|entry| entry.index < entries[0].index);
                    disk.entries.extend(entries);
                }
                Output::SaveSnapshot(_) => panic!("no script takes a snapshot"),
                Output::Send(letter) => self.wire.push(letter),
                Output::Reply { ticket, reply } => drop(self.replies.insert(ticket, reply)),
                Output::Event(_) => {}
            }
        }
    }

    pub(crate) fn tick(&mut self, ids: &[u64], times: u32) {
        for _ in 0..times {
            ids.iter().for_each(|id| self.step(*id, Input::Tick));
        }
    }

    /// Takes the letters of one link off the wire.
    pub(crate) fn take(&mut self, from: u64, to: u64) -> Vec<Letter> {
        let is_meant = |letter: &mut Letter| (letter.from.0, letter.to.0) == (from, to);
        self.wire.extract_if(.., is_meant).collect()
    }

    pub(crate) fn deliver(&mut self, letters: Vec<Letter>) {
        for letter in letters {
            self.step(letter.to.0, Input::Message(letter));
        }
    }

    /// Lets these nodes talk until they have nothing more to say; what others are told is lost.
    pub(crate) fn talk(&mut self, ids: &[u64]) {
        self.talk_but(ids, |_| false);
    }

    /// The same, and what is `lost` is lost.
    pub(crate) fn talk_but(&mut self, ids: &[u64], lost: impl Fn(&Letter) -> bool) {
        let passes = |letter: &Letter| {
            ids.contains(&letter.from.0) && ids.contains(&letter.to.0) && !lost(letter)
        };
        while !self.wire.is_empty() {
            let letters = std::mem::take(&mut self.wire);
            self.deliver(letters.into_iter().filter(&passes).collect());
        }
    }

    /// Lets a node campaign, with these voters, until it leads.
    pub(crate) fn elect(&mut self, id: u64, voters: &[u64]) {
        self.elect_but(id, voters, |_| false);
    }

    /// The same, and what is `lost` is lost.
    pub(crate) fn elect_but(&mut self, id: u64, voters: &[u64], lost: impl Fn(&Letter) -> bool) {
        for _ in 0..200 {
            if self.role(id) == Role::Leader {
                return;
            }
            self.tick(&[id], 1);
            self.talk_but(voters, &lost);
        }
        panic!("n{id} does not win: {:?}", self.status(id));
    }

    pub(crate) fn request(&mut self, id: u64, request: Request<Counter>) -> u64 {
        self.tickets += 1;
        let ticket = self.tickets;
        self.step(id, Input::Request { ticket, request });
        ticket
    }

    /// Opens a session with everybody's help.
    pub(crate) fn open(&mut self, leader: u64) -> u64 {
        let ticket = self.request(leader, Request::OpenSession);
        self.talk(&[1, 2, 3, 4, 5]);
        match self.replies.get(&ticket) {
            Some(Reply::Session(session)) => *session,
            other => panic!("no session: {other:?}"),
        }
    }

    /// Adds 1 with the help of these nodes. The sum, if it is told.
    pub(crate) fn add(&mut self, id: u64, at: (u64, u64), among: &[u64]) -> Option<i64> {
        let (session, sequence) = at;
        let command = Command(1);
        let ticket = self.request(
            id,
            Request::Apply {
                session,
                sequence,
                command,
            },
        );
        self.talk(among);
        match self.replies.get(&ticket) {
            Some(Reply::Applied(sum)) => Some(*sum),
            _ => None,
        }
    }

    /// Asks for the sum. The ticket.
    pub(crate) fn ask(&mut self, id: u64) -> u64 {
        self.request(id, Request::Query(Query))
    }

    /// The sum that a question was answered with, if it was.
    pub(crate) fn answer(&self, ticket: u64) -> Option<i64> {
        match self.replies.get(&ticket) {
            Some(Reply::Answer(sum)) => Some(*sum),
            _ => None,
        }
    }

    pub(crate) fn status(&self, id: u64) -> Status {
        self.nodes[&id].status()
    }

    pub(crate) fn role(&self, id: u64) -> Role {
        self.status(id).role
    }
}
