//! A leader's lease (dissertation section 6.4.1), by scripts: who is heard when is chosen here.

use std::collections::BTreeMap;

use testimony_consensus::NodeId;
use testimony_consensus::machine::counter::{Command, Counter, Query};
use testimony_consensus::raft::{
    Body, Config, Durable, Envelope, Input, Output, Raft, Reply, Request, Role,
};

type Letter = Envelope<Command>;

/// Five nodes that read from leases. Nothing is delivered unless the script says so.
struct Script {
    nodes: BTreeMap<u64, Raft<Counter>>,
    wire: Vec<Letter>,
    replies: BTreeMap<u64, Reply<Counter>>,
    tickets: u64,
}

impl Script {
    fn new() -> Self {
        let node = |id| {
            let mut config = Config::new(NodeId(id), (1..=5).map(NodeId));
            config.election_ticks = 20..21;
            config.heartbeat_ticks = 3;
            config.lease_reads = true;
            (id, Raft::new(config, Durable::default()).unwrap())
        };
        let nodes = (1..=5).map(node).collect();
        Script {
            nodes,
            wire: Vec::new(),
            replies: BTreeMap::new(),
            tickets: 0,
        }
    }

    fn step(&mut self, id: u64, input: Input<Counter>) {
        for output in self.nodes.get_mut(&id).unwrap().step(input) {
            match output {
                Output::Send(letter) => self.wire.push(letter),
                Output::Reply { ticket, reply } => drop(self.replies.insert(ticket, reply)),
                _ => {}
            }
        }
    }

    fn tick(&mut self, ids: &[u64], times: u32) {
        for _ in 0..times {
            ids.iter().for_each(|id| self.step(*id, Input::Tick));
        }
    }

    /// Takes the letters of one link off the wire.
    fn take(&mut self, from: u64, to: u64) -> Vec<Letter> {
        let is_meant = |letter: &mut Letter| (letter.from.0, letter.to.0) == (from, to);
        self.wire.extract_if(.., is_meant).collect()
    }

    fn deliver(&mut self, letters: Vec<Letter>) {
        for letter in letters {
            self.step(letter.to.0, Input::Message(letter));
        }
    }

    /// Lets these nodes talk until they have nothing more to say; what others are told is lost.
    fn talk(&mut self, ids: &[u64]) {
        while !self.wire.is_empty() {
            let letters = std::mem::take(&mut self.wire);
            let among = |id: NodeId| ids.contains(&id.0);
            let letters = letters
                .into_iter()
                .filter(|letter| among(letter.from) && among(letter.to));
            self.deliver(letters.collect());
        }
    }

    fn request(&mut self, id: u64, request: Request<Counter>) -> u64 {
        self.tickets += 1;
        let ticket = self.tickets;
        self.step(id, Input::Request { ticket, request });
        ticket
    }

    fn add(&mut self, id: u64, session: u64, sequence: u64, among: &[u64]) -> Option<i64> {
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

    fn read(&mut self, id: u64) -> Option<i64> {
        let ticket = self.request(id, Request::Query(Query));
        match self.replies.get(&ticket) {
            Some(Reply::Answer(sum)) => Some(*sum),
            _ => None,
        }
    }

    fn role(&self, id: u64) -> Role {
        self.nodes[&id].status().role
    }

    /// Node 1 leads all; the session is its client's.
    fn led_by_1() -> (Self, u64) {
        let mut script = Script::new();
        script.tick(&[1], 20);
        script.tick(&[2, 3, 4, 5], 20);
        script.wire.retain(|letter| letter.from == NodeId(1));
        script.talk(&[1, 2, 3, 4, 5]);
        script.tick(&[1], 3);
        script.talk(&[1, 2, 3, 4, 5]);
        assert_eq!(script.role(1), Role::Leader);
        let ticket = script.request(1, Request::OpenSession);
        script.talk(&[1, 2, 3, 4, 5]);
        let Reply::Session(session) = script.replies[&ticket] else {
            panic!("no session")
        };
        (script, session)
    }
}

#[test]
fn a_leased_read_needs_no_messages_and_ends_with_the_lease() {
    let (mut script, session) = Script::led_by_1();
    assert_eq!(script.add(1, session, 1, &[1, 2, 3, 4, 5]), Some(1));
    script.tick(&[1], 3);
    script.talk(&[1, 2, 3]);
    assert_eq!(script.read(1), Some(1));
    script.tick(&[1], 20);
    assert_eq!(script.read(1), None, "the lease is over");
}

/// Node 3 wins an election of the next term with the help of node 4, which promised node 1 just now to
/// help nobody: a late answer has told node 4 of the later term. Knowing of a later term does not
/// release it from its promise.
#[test]
fn a_follower_that_learns_of_a_later_term_keeps_its_promise() {
    let (mut script, session) = Script::led_by_1();
    assert_eq!(script.add(1, session, 1, &[1, 2, 3, 4, 5]), Some(1));
    // Nodes 3, 4 and 5 hear nothing. Node 4 asks node 3 whether it would win; the question is slow.
    script.tick(&[4], 20);
    let question = script.take(4, 3);
    assert!(matches!(
        question[0].message.body,
        Body::RequestVote { pre: true, .. }
    ));
    script.wire.clear();
    // Node 3 asks, may campaign, and asks for votes, which nobody hears yet.
    script.tick(&[3, 5], 20);
    let asked = [script.take(3, 4), script.take(3, 5)].concat();
    script.deliver(asked);
    let answers = [script.take(4, 3), script.take(5, 3)].concat();
    script.deliver(answers);
    assert_eq!(script.role(3), Role::Candidate);
    script.wire.clear();
    // Node 1 is heard by nodes 2 and 4, and so holds a lease.
    script.tick(&[1], 3);
    script.talk(&[1, 2, 4]);
    assert_eq!(script.read(1), Some(1));
    // Now the question arrives, and the answer tells node 4 of the later term.
    script.deliver(question);
    let answer = script.take(3, 4);
    script.deliver(answer);
    // Node 3 asks for votes again, well within the lease.
    script.wire.clear();
    script.tick(&[1, 2, 3, 4, 5], 3);
    script.wire.retain(|letter| letter.from != NodeId(1));
    script.talk(&[3, 4, 5]);
    let elsewhere = script.add(3, session, 2, &[3, 4, 5]);
    let here = script.read(1);
    assert!(
        elsewhere.is_none() || here.is_none_or(|sum| sum == 2),
        "{elsewhere:?} {here:?}"
    );
    assert_ne!(script.role(3), Role::Leader, "within the lease of node 1");
}
