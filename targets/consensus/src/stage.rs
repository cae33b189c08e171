//! Nodes that a test steps by hand: their disks, what is under way between them, their replies.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::NodeId;
use crate::bug::Bug;
use crate::replica::{
    Audit, Disk, Input, Note, Output, Replica, Reply, Request, Setup, TICK, View,
};

/// So many deliveries at once are too many.
const BURST: usize = 100_000;

/// A cluster of nodes n1, n2, ...
pub(crate) struct Stage<R: Replica> {
    nodes: BTreeMap<NodeId, Node<R>>,
    audit: R::Audit,
    /// What is under way, oldest first.
    pub(crate) wire: VecDeque<Letter<R>>,
    /// What goes from the first to the second is lost.
    cut: BTreeSet<(NodeId, NodeId)>,
    /// What goes from the first to the second stays under way.
    pub(crate) slow: BTreeSet<(NodeId, NodeId)>,
    replies: BTreeMap<u64, Reply<R::Machine>>,
    pub(crate) notes: Vec<(NodeId, Note)>,
    tickets: u64,
}

struct Node<R: Replica> {
    setup: Setup,
    disk: R::Disk,
    /// None while it is down.
    core: Option<R>,
    clock: Duration,
}

/// A message under way.
pub(crate) struct Letter<R: Replica> {
    pub(crate) from: NodeId,
    pub(crate) to: NodeId,
    pub(crate) message: R::Message,
}

impl<R: Replica> Stage<R> {
    /// So many nodes, all running.
    pub(crate) fn new(nodes: u64, mode: Option<&str>) -> Self {
        Self::with_bug(nodes, mode, None)
    }

    /// As [`new`](Self::new), with a mistake.
    pub(crate) fn with_bug(nodes: u64, mode: Option<&str>, bug: Option<Bug>) -> Self {
        let mut stage = Stage {
            nodes: BTreeMap::new(),
            audit: R::Audit::default(),
            wire: VecDeque::new(),
            cut: BTreeSet::new(),
            slow: BTreeSet::new(),
            replies: BTreeMap::new(),
            notes: Vec::new(),
            tickets: 0,
        };
        for id in 1..=nodes {
            let setup = Setup {
                bug,
                ..Self::setup(id, nodes, mode)
            };
            let node = Node {
                setup,
                disk: R::Disk::default(),
                core: None,
                clock: Duration::from_secs(1),
            };
            stage.nodes.insert(NodeId(id), node);
            stage.start(id);
        }
        stage
    }

    /// What node `id` of `nodes` is told.
    pub(crate) fn setup(id: u64, nodes: u64, mode: Option<&str>) -> Setup {
        Setup {
            id: NodeId(id),
            nodes: (1..=nodes).map(NodeId).collect(),
            seed: 7,
            mode: mode.map(str::to_owned),
            settings: BTreeMap::new(),
            bug: None,
        }
    }

    /// Starts a node with what its disk has.
    pub(crate) fn start(&mut self, id: u64) {
        let node = self.nodes.get_mut(&NodeId(id)).unwrap();
        let core = R::start(&node.setup, &node.disk).unwrap();
        self.audit.started(NodeId(id), &core).unwrap();
        node.core = Some(core);
    }

    /// Kills a node.
    pub(crate) fn kill(&mut self, id: u64) {
        self.nodes.get_mut(&NodeId(id)).unwrap().core = None;
    }

    /// Kills a node and starts it again.
    pub(crate) fn crash(&mut self, id: u64) {
        self.kill(id);
        self.start(id);
    }

    /// Loses what goes from any of `from` to any of `to`.
    pub(crate) fn cut(&mut self, from: &[u64], to: &[u64]) {
        let pairs = from
            .iter()
            .flat_map(|from| to.iter().map(|to| (*from, *to)));
        self.cut
            .extend(pairs.map(|(from, to)| (NodeId(from), NodeId(to))));
    }

    /// Lets everything through again.
    pub(crate) fn heal(&mut self) {
        self.cut.clear();
        self.slow.clear();
    }

    /// Changes what a node's clock shows.
    pub(crate) fn set_clock(&mut self, id: u64, clock: Duration) {
        self.nodes.get_mut(&NodeId(id)).unwrap().clock = clock;
    }

    pub(crate) fn view(&self, id: u64) -> View {
        self.core(id).view()
    }

    pub(crate) fn core(&self, id: u64) -> &R {
        self.nodes[&NodeId(id)].core.as_ref().unwrap()
    }

    /// Hands a request to a node, and nothing else.
    pub(crate) fn send(&mut self, id: u64, request: Request<R::Machine>) -> u64 {
        self.tickets += 1;
        let ticket = self.tickets;
        self.step(NodeId(id), Input::Request { ticket, request });
        ticket
    }

    /// The reply to a request, once.
    pub(crate) fn reply(&mut self, ticket: u64) -> Option<Reply<R::Machine>> {
        self.replies.remove(&ticket)
    }

    /// Hands a request to a node, delivers everything, and takes the reply.
    pub(crate) fn ask(
        &mut self,
        id: u64,
        request: Request<R::Machine>,
    ) -> Option<Reply<R::Machine>> {
        let ticket = self.send(id, request);
        self.deliver();
        self.reply(ticket)
    }

    /// Delivers what is under way, and what follows from it, except on slow links.
    pub(crate) fn deliver(&mut self) {
        for _ in 0..BURST {
            let ready = |letter: &Letter<R>| !self.slow.contains(&(letter.from, letter.to));
            let Some(place) = self.wire.iter().position(ready) else {
                return;
            };
            let letter = self.wire.remove(place).unwrap();
            self.hand_over(letter);
        }
        panic!("messages without an end");
    }

    /// Delivers one message.
    pub(crate) fn hand_over(&mut self, letter: Letter<R>) {
        let Letter { from, to, message } = letter;
        if self.nodes[&to].core.is_some() {
            self.step(to, Input::Message { from, message });
        }
    }

    /// So many ticks of every running node, each with all that follows.
    pub(crate) fn tick(&mut self, times: usize) {
        for _ in 0..times {
            let ids: Vec<NodeId> = self.nodes.keys().copied().collect();
            for id in ids {
                self.nodes.get_mut(&id).unwrap().clock += TICK;
                if self.nodes[&id].core.is_some() {
                    self.step(id, Input::Tick);
                }
            }
            self.deliver();
        }
    }

    fn step(&mut self, id: NodeId, input: Input<R>) {
        let node = self.nodes.get_mut(&id).unwrap();
        let core = node.core.as_mut().expect("the node runs");
        let mut outputs = Vec::new();
        core.step(node.clock, input, &mut outputs);
        self.audit.stepped(id, core, &outputs).unwrap();
        for output in outputs {
            match output {
                Output::Save(record) => node.disk.save(&record),
                Output::Send { to, .. } if self.cut.contains(&(id, to)) => {}
                Output::Send { to, message } => {
                    let from = id;
                    self.wire.push_back(Letter { from, to, message });
                }
                Output::Reply { ticket, reply } => {
                    let twice = self.replies.insert(ticket, reply);
                    assert_eq!(twice, None, "a request has one reply");
                }
                Output::Note(note) => self.notes.push((id, note)),
            }
        }
    }
}
