//! Nodes of any protocol, their disks and the wire between them, for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::NodeId;
use crate::bug::Bug;
use crate::replica::{
    Audit, Breach, Description, Disk, Input, Output, Replica, Reply, Request, Setup, View,
};

/// The seeds of a random test; `TESTIMONY_SEEDS` sets how many.
pub(super) fn seeds(usual: u64) -> Range<u64> {
    let set = std::env::var("TESTIMONY_SEEDS").ok();
    0..set.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// A whole system in one thread.
pub(super) struct Net<R: Replica> {
    setup: Setup,
    pub(super) nodes: BTreeMap<NodeId, Option<R>>,
    pub(super) disks: BTreeMap<NodeId, R::Disk>,
    /// What is under way, oldest first: from whom, to whom, what.
    pub(super) wire: Vec<(NodeId, NodeId, R::Message)>,
    /// What goes from the first to the second is lost.
    pub(super) cut: BTreeSet<(NodeId, NodeId)>,
    pub(super) replies: BTreeMap<u64, Reply<R::Machine>>,
    pub(super) audit: R::Audit,
    pub(super) breaches: Vec<Breach>,
    /// How many messages of each kind were sent.
    pub(super) sent: BTreeMap<&'static str, usize>,
    pub(super) chance: ChaCha8Rng,
    tickets: u64,
    now: Duration,
}

impl<R: Replica> Net<R> {
    /// Nodes 1 to `nodes`, all running.
    pub(super) fn new(nodes: u64, mode: Option<&str>, bug: Option<Bug>, seed: u64) -> Self {
        let setup = Setup {
            id: NodeId(0),
            nodes: (1..=nodes).map(NodeId).collect(),
            seed,
            mode: mode.map(str::to_owned),
            settings: [("snapshot-every".to_owned(), "20".to_owned())].into(),
            bug,
        };
        let mut net = Net {
            nodes: BTreeMap::new(),
            disks: BTreeMap::new(),
            wire: Vec::new(),
            cut: BTreeSet::new(),
            replies: BTreeMap::new(),
            audit: R::Audit::default(),
            breaches: Vec::new(),
            sent: BTreeMap::new(),
            chance: ChaCha8Rng::seed_from_u64(seed),
            tickets: 0,
            now: Duration::ZERO,
            setup,
        };
        (1..=nodes).for_each(|id| net.start(id));
        net
    }

    /// Starts a node with what its disk has; a node of a new number begins with nothing.
    pub(super) fn start(&mut self, id: u64) {
        let id = NodeId(id);
        let setup = Setup {
            id,
            ..self.setup.clone()
        };
        let node = R::start(&setup, self.disks.entry(id).or_default()).unwrap();
        self.breaches.extend(self.audit.started(id, &node).err());
        self.nodes.insert(id, Some(node));
    }

    pub(super) fn crash(&mut self, id: u64) {
        self.nodes.insert(NodeId(id), None);
    }

    pub(super) fn is_up(&self, id: u64) -> bool {
        self.nodes.get(&NodeId(id)).is_some_and(Option::is_some)
    }

    pub(super) fn node(&self, id: u64) -> &R {
        self.nodes[&NodeId(id)].as_ref().expect("the node runs")
    }

    pub(super) fn view(&self, id: u64) -> View {
        self.node(id).view()
    }

    /// Cuts a node off, in both directions.
    pub(super) fn isolate(&mut self, id: u64) {
        for other in self.nodes.keys().copied() {
            self.cut.insert((NodeId(id), other));
            self.cut.insert((other, NodeId(id)));
        }
    }

    /// Hands a request to a node; its ticket.
    pub(super) fn ask(&mut self, id: u64, request: Request<R::Machine>) -> u64 {
        self.tickets += 1;
        let ticket = self.tickets;
        self.step(id, Input::Request { ticket, request }, None);
        ticket
    }

    pub(super) fn tick(&mut self, id: u64) {
        self.step(id, Input::Tick, None);
    }

    /// Steps a node; with `survive` it ends after so many outputs.
    pub(super) fn step(&mut self, id: u64, input: Input<R>, survive: Option<usize>) {
        let id = NodeId(id);
        let Some(Some(node)) = self.nodes.get_mut(&id) else {
            return;
        };
        let mut outputs = Vec::new();
        node.step(self.now, input, &mut outputs);
        self.breaches
            .extend(self.audit.stepped(id, node, &outputs).err());
        let done = survive.unwrap_or(usize::MAX);
        for output in outputs.into_iter().take(done) {
            match output {
                Output::Save(record) => {
                    self.disks.entry(id).or_default().save(&record);
                }
                Output::Send { to, message } => {
                    let Description { kind, .. } = R::describe(&message);
                    *self.sent.entry(kind).or_default() += 1;
                    self.wire.push((id, to, message));
                }
                Output::Reply { ticket, reply } => {
                    let before = self.replies.insert(ticket, reply);
                    assert!(before.is_none(), "request {ticket} is answered twice");
                }
                Output::Note(_) => {}
            }
        }
        if survive.is_some() {
            self.nodes.insert(id, None);
        }
    }

    /// Delivers the message at this place on the wire, unless its way is cut.
    pub(super) fn deliver(&mut self, place: usize) {
        let (from, to, message) = self.wire.remove(place);
        if !self.cut.contains(&(from, to)) {
            self.step(to.0, Input::Message { from, message }, None);
        }
    }

    /// Lets time pass and everything arrive, in order.
    pub(super) fn pass(&mut self, ticks: u32) {
        for _ in 0..ticks {
            let ids: Vec<NodeId> = self.nodes.keys().copied().collect();
            ids.into_iter().for_each(|id| self.tick(id.0));
            for _ in 0..self.wire.len() * 20 {
                if !self.wire.is_empty() {
                    self.deliver(0);
                }
            }
        }
    }

    /// One step of a random schedule: mostly deliveries out of order, some lost or doubled; ticks;
    /// crashes in the middle of a step, and restarts.
    pub(super) fn stir(&mut self, crashes: bool) {
        let ids: Vec<u64> = self.nodes.keys().map(|id| id.0).collect();
        let id = ids[self.chance.random_range(0..ids.len())];
        match self.chance.random_range(0..100) {
            0..60 if !self.wire.is_empty() => {
                let place = self.chance.random_range(0..self.wire.len().min(12));
                match self.chance.random_range(0..20) {
                    0 => drop(self.wire.remove(place)),
                    1 => self.wire.push(self.wire[place].clone()),
                    _ => self.deliver(place),
                }
            }
            60..62 if crashes => self.crash_in_step(id),
            62..80 if !self.is_up(id) => self.start(id),
            _ => self.tick(id),
        }
    }

    /// Ends a node after some of the outputs of its next step.
    fn crash_in_step(&mut self, id: u64) {
        let survive = self.chance.random_range(0..6);
        let to = |(_, to, _): &(NodeId, NodeId, R::Message)| to.0 == id;
        let input = match self.wire.iter().position(to) {
            Some(place) => {
                let (from, _, message) = self.wire.remove(place);
                Input::Message { from, message }
            }
            None => Input::Tick,
        };
        self.step(id, input, Some(survive));
    }

    /// Everybody runs, everything arrives.
    pub(super) fn heal(&mut self) {
        self.cut.clear();
        let down: Vec<u64> = self.nodes.keys().map(|id| id.0).collect();
        for id in down {
            if !self.is_up(id) {
                self.start(id);
            }
        }
    }
}
