//! Nodes, their disks, and the network between them.

use std::collections::{BTreeMap, BTreeSet};

use testimony_consensus::NodeId;
use testimony_consensus::raft::{
    Config, Envelope, Event, Input, Output, Raft, Reply, Request, Role, Status,
};

use crate::disk::Disk;
use crate::journal::{Journal, Push};
use crate::properties::Properties;

/// So many deliveries without a tick are too many.
const BURST: usize = 10_000;

/// A cluster.
pub(crate) struct World {
    pub(crate) nodes: BTreeMap<NodeId, Node>,
    /// What is under way, oldest first.
    pub(crate) wire: Vec<Envelope<Push>>,
    /// What goes from the first to the second is lost.
    pub(crate) cut: BTreeSet<(NodeId, NodeId)>,
    /// What must hold after every step.
    pub(crate) properties: Properties,
    /// Replies that nobody has looked at.
    pub(crate) replies: Vec<(u64, Reply<Journal>)>,
    /// Which requests are not answered, and by whom they were taken.
    pub(crate) unanswered: BTreeMap<u64, NodeId>,
    pub(crate) events: Vec<(NodeId, Event)>,
    tickets: u64,
}

/// One node. Its disk outlives it.
pub(crate) struct Node {
    pub(crate) config: Config,
    pub(crate) disk: Disk,
    /// None while it is down.
    pub(crate) raft: Option<Raft<Journal>>,
}

impl World {
    /// A cluster of these nodes, all running.
    pub(crate) fn new(configs: impl IntoIterator<Item = Config>, properties: Properties) -> Self {
        let mut world = World {
            nodes: BTreeMap::new(),
            wire: Vec::new(),
            cut: BTreeSet::new(),
            properties,
            replies: Vec::new(),
            unanswered: BTreeMap::new(),
            events: Vec::new(),
            tickets: 0,
        };
        for config in configs {
            let node = Node {
                disk: Disk::default(),
                raft: None,
                config,
            };
            let id = node.config.id;
            world.nodes.insert(id, node);
            world.start(id);
        }
        world
    }

    pub(crate) fn ids(&self) -> Vec<NodeId> {
        self.nodes.keys().copied().collect()
    }

    pub(crate) fn running(&self) -> Vec<NodeId> {
        let running = self.nodes.iter().filter(|(_, node)| node.raft.is_some());
        running.map(|(id, _)| *id).collect()
    }

    pub(crate) fn raft(&self, id: NodeId) -> &Raft<Journal> {
        self.nodes[&id].raft.as_ref().expect("the node runs")
    }

    pub(crate) fn status(&self, id: NodeId) -> Status {
        self.raft(id).status()
    }

    /// The running leader of the latest term.
    pub(crate) fn leader(&self) -> Option<NodeId> {
        let statuses = self.running().into_iter().map(|id| self.status(id));
        let leaders = statuses.filter(|status| status.role == Role::Leader);
        leaders
            .max_by_key(|status| status.term)
            .map(|status| status.id)
    }

    /// Starts a node with what its disk has.
    pub(crate) fn start(&mut self, id: NodeId) {
        let node = self.nodes.get_mut(&id).unwrap();
        assert!(node.raft.is_none());
        let raft = Raft::new(node.config.clone(), node.disk.durable.clone());
        node.raft = Some(raft.unwrap_or_else(|error| panic!("{id} does not start: {error}")));
        self.properties.restarted(id);
        self.observe(id);
    }

    /// Lets only these talk with each other.
    pub(crate) fn only(&mut self, side: &[NodeId]) {
        let ids = self.ids();
        let pairs = ids
            .iter()
            .flat_map(|from| ids.iter().map(|to| (*from, *to)));
        let is_cut = |(from, to): &(NodeId, NodeId)| !side.contains(from) || !side.contains(to);
        self.cut = pairs.filter(is_cut).collect();
    }

    /// Delivers everything, in order, until nobody says anything any more.
    pub(crate) fn settle(&mut self) {
        for _ in 0..BURST {
            if self.wire.is_empty() {
                return;
            }
            self.deliver(0);
        }
        panic!("the nodes never stop talking");
    }

    /// Lets time pass at all nodes that run.
    pub(crate) fn pass(&mut self, ticks: u32) {
        for _ in 0..ticks {
            self.running().into_iter().for_each(|id| self.tick(id));
            self.settle();
        }
    }

    /// Lets time pass at one node only, until it leads.
    pub(crate) fn elect(&mut self, id: NodeId) {
        for _ in 0..BURST {
            if self.status(id).role == Role::Leader {
                return;
            }
            self.tick(id);
            while self.status(id).role != Role::Leader && !self.wire.is_empty() {
                self.deliver(0);
            }
        }
        panic!("{id} is not elected");
    }

    /// The reply to a request, if there is one.
    pub(crate) fn reply(&self, ticket: u64) -> Option<&Reply<Journal>> {
        let reply = self
            .replies
            .iter()
            .find(|(answered, _)| *answered == ticket);
        reply.map(|(_, reply)| reply)
    }

    /// Ends a node without warning.
    pub(crate) fn crash(&mut self, id: NodeId) {
        self.nodes.get_mut(&id).unwrap().raft = None;
        self.unanswered.retain(|_, taker| *taker != id);
    }

    pub(crate) fn tick(&mut self, id: NodeId) {
        self.step(id, Input::Tick);
    }

    /// Delivers the message at this place on the wire, unless its way is cut.
    pub(crate) fn deliver(&mut self, place: usize) {
        let envelope = self.wire.remove(place);
        let is_up = self
            .nodes
            .get(&envelope.to)
            .is_some_and(|node| node.raft.is_some());
        if is_up && !self.cut.contains(&(envelope.from, envelope.to)) {
            self.step(envelope.to, Input::Message(envelope));
        }
    }

    /// Hands a request to a node; its ticket.
    pub(crate) fn request(&mut self, id: NodeId, request: Request<Journal>) -> u64 {
        self.tickets += 1;
        let ticket = self.tickets;
        self.unanswered.insert(ticket, id);
        self.step(id, Input::Request { ticket, request });
        ticket
    }

    /// Steps a node and does all that it wants done.
    pub(crate) fn step(&mut self, id: NodeId, input: Input<Journal>) {
        self.step_and_crash(id, input, None);
    }

    /// Steps a node; it ends when so many outputs are executed.
    pub(crate) fn step_and_crash(
        &mut self,
        id: NodeId,
        input: Input<Journal>,
        survive: Option<usize>,
    ) {
        let node = self.nodes.get_mut(&id).unwrap();
        let was = node.raft.as_ref().expect("the node runs").status();
        let outputs = node.raft.as_mut().unwrap().step(input);
        let executed = survive.unwrap_or(outputs.len()).min(outputs.len());
        for output in outputs.into_iter().take(executed) {
            self.execute(id, &was, output);
        }
        self.observe(id);
        if survive.is_some() {
            self.crash(id);
        }
    }

    fn execute(&mut self, id: NodeId, was: &Status, output: Output<Journal>) {
        let node = self.nodes.get_mut(&id).unwrap();
        if let Output::AppendEntries { entries } = &output {
            self.properties.appended(was, &node.disk, entries);
        }
        node.disk.execute(&output);
        match output {
            Output::Send(envelope) => {
                self.properties.said(&self.nodes[&id].disk, &envelope);
                self.wire.push(envelope);
            }
            Output::Event(event) => {
                self.properties.told(id, &event);
                self.events.push((id, event));
            }
            Output::Reply { ticket, reply } => {
                let taker = self.unanswered.remove(&ticket);
                assert_eq!(
                    taker,
                    Some(id),
                    "request {ticket} is answered twice: {reply:?}"
                );
                self.replies.push((ticket, reply));
            }
            _ => {}
        }
    }

    fn observe(&mut self, id: NodeId) {
        let node = &self.nodes[&id];
        let raft = node.raft.as_ref().expect("the node runs");
        let leaders = self.nodes.values().filter_map(|node| node.raft.as_ref());
        self.properties.observe(raft, leaders);
    }
}
