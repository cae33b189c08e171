//! Everything of a simulated run, and the loop that takes it from event to event.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use testimony_consensus::NodeId;
use testimony_consensus::bug::Bug;
use testimony_consensus::machine::store::Store;
use testimony_consensus::replica::{Breach, Output, Replica, Role, Setup};
use testimony_engine::{
    Chance, ClusterStatus, Command, Conductor, Happening, Nanos, NodeName, NodeStatus, Plan,
    ProcessId, Signal, StatusSample,
};

use super::agenda::Agenda;
use super::client::{Client, Heard, Rules};
use super::faults::Faults;
use super::finding::{Costs, Finding, SimError, Simulated, Traffic as KindOfTraffic};
use super::network::{Network, Passage, Traffic};
use super::node::Node;
use super::recording::Recording;
use super::translation::Request;
use super::{SimOptions, recording};

/// How often the nodes are asked what they take themselves for.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long the nodes may take until one leads.
const START_WITHIN: Nanos = Nanos::from_secs(30);
/// So many events are more than any run has.
const EVENTS_MAX: u64 = 200_000_000;
/// How often, in looks, the states of the nodes are compared.
const COMPARE_EVERY: u64 = 10;

/// A run.
pub(super) struct World<R: Replica<Machine = Store>> {
    pub(super) now: Nanos,
    pub(super) agenda: Agenda<Event<R>>,
    pub(super) conductor: Conductor,
    pub(super) signals: VecDeque<Signal>,
    pub(super) nodes: Vec<Node<R>>,
    pub(super) names: Vec<NodeName>,
    pub(super) network: Network,
    pub(super) traffic: Traffic,
    pub(super) faults: Faults,
    pub(super) clients: BTreeMap<ProcessId, Client>,
    pub(super) rules: Rules,
    /// Who asked with each ticket, and whether an answer still counts.
    pub(super) askers: Vec<Asker>,
    pub(super) recording: Recording,
    pub(super) audit: R::Audit,
    pub(super) breach: Option<Finding>,
    pub(super) deaths: Vec<String>,
    pub(super) costs: Costs,
    pub(super) chance: Chance,
    pub(super) client_clocks: Chance,
    /// When each open call was made, and how long the completed ones took.
    pub(super) called_at: BTreeMap<ProcessId, Nanos>,
    pub(super) latencies: Vec<Nanos>,
    /// Whether nodes answer before their disks have it.
    pub(super) hasty: bool,
    looks: u64,
    started: bool,
    finished: bool,
    until_breach: bool,
}

/// Something that happens at its time.
pub(super) enum Event<R: Replica> {
    /// A message reaches the end of its way.
    Arrives {
        from: usize,
        to: usize,
        sent: Nanos,
        passage: Passage,
        message: R::Message,
    },
    /// A tick of a node's clock.
    Tick { node: usize, life: u32 },
    /// The disk has what it was given.
    Synced { node: usize, life: u32 },
    /// A request reaches a node.
    Requested {
        node: usize,
        ticket: u64,
        sent: Nanos,
        request: Request,
    },
    /// Something came of a request.
    Heard { ticket: u64, heard: Heard },
    /// A client has waited.
    Waited { process: ProcessId },
    /// A node that was to die within some outputs had none.
    Fuse { node: usize, life: u32 },
    /// An ambush has waited long enough.
    AmbushOver { injection: u64 },
    /// A node whose disk fails has noticed.
    DiskGone { node: usize, life: u32 },
    /// An operator tries again.
    Admin { injection: u64 },
    /// The conductor wanted to be woken.
    Wake,
    /// The nodes are looked at.
    Look,
}

/// Who waits for the answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    /// A client.
    Process(ProcessId),
    /// An injection that asks the cluster for something.
    Injection(u64),
    /// Nobody any more.
    Nobody,
}

impl<R: Replica<Machine = Store>> World<R> {
    pub(super) fn new(
        plan: &Plan,
        bug: Option<Bug>,
        options: SimOptions,
    ) -> Result<Self, SimError> {
        let names = plan.node_names();
        let recording = Recording::begin(plan, options.story);
        let recording = recording.map_err(|error| SimError::Recording(error.to_string()))?;
        let mut world = World {
            now: Nanos::ZERO,
            agenda: Agenda::new(),
            conductor: Conductor::new(plan),
            signals: VecDeque::new(),
            nodes: nodes(plan, bug),
            network: Network::new(plan.seed, names.len()),
            traffic: Traffic::default(),
            faults: Faults::new(plan),
            clients: BTreeMap::new(),
            rules: rules::<R>(plan),
            names,
            askers: Vec::new(),
            recording,
            audit: R::Audit::default(),
            breach: None,
            deaths: Vec::new(),
            costs: Costs::default(),
            chance: Chance::new(plan.seed, "world"),
            called_at: BTreeMap::new(),
            latencies: Vec::new(),
            client_clocks: Chance::new(plan.seed, "client clocks"),
            hasty: bug == Some(Bug::AckBeforeFsync),
            looks: 0,
            started: false,
            finished: false,
            until_breach: options.until_breach,
        };
        for node in 0..world.nodes.len() {
            world.start(node)?;
        }
        world.agenda.put(Nanos::ZERO + LOOK_EVERY, Event::Look);
        Ok(world)
    }

    /// From the first tick to the conductor's `Finish`.
    pub(super) fn perform(mut self) -> Result<Simulated, SimError> {
        while !self.is_over() {
            let Some((at, event)) = self.agenda.take() else {
                break;
            };
            self.now = at;
            self.costs.events += 1;
            if self.costs.events > EVENTS_MAX {
                return Err(SimError::Endless(EVENTS_MAX));
            }
            self.happen(event);
            self.settle();
            if !self.started && self.now > START_WITHIN {
                return Err(SimError::NotServing(START_WITHIN));
            }
        }
        self.compare_states();
        self.close()
    }

    fn is_over(&self) -> bool {
        self.finished || (self.until_breach && self.breach.is_some())
    }

    fn happen(&mut self, event: Event<R>) {
        match event {
            Event::Arrives {
                from,
                to,
                sent,
                passage,
                message,
            } => self.arrives(from, to, sent, passage, message),
            Event::Tick { node, life } => self.tick(node, life),
            Event::Synced { node, life } => self.synced(node, life),
            Event::Requested {
                node,
                ticket,
                sent,
                request,
            } => self.requested(node, ticket, sent, request),
            Event::Heard { ticket, heard } => self.heard(ticket, heard),
            Event::Waited { process } => self.waited(process),
            Event::Fuse { node, life } => self.fuse_is_over(node, life),
            Event::AmbushOver { injection } => self.ambush_over(injection),
            Event::DiskGone { node, life } => self.disk_gone(node, life),
            Event::Admin { injection } => self.try_admin(injection),
            Event::Wake => self.signals.push_back(Signal::Woke),
            Event::Look => self.look(),
        }
    }

    /// Tells the conductor what happened, and does what it wants, until nothing is left.
    fn settle(&mut self) {
        while let Some(signal) = self.signals.pop_front() {
            self.recording.now(self.now);
            for command in self.conductor.step(self.now, signal) {
                self.carry_out(command);
            }
        }
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Invoke {
                process,
                node,
                call,
            } => self.invoke(process, &node, call),
            Command::Retire { process } => drop(self.clients.remove(&process)),
            Command::WakeAt(point) => self.agenda.put(point.max(self.now), Event::Wake),
            Command::Inject {
                injection,
                kind,
                action,
            } => {
                let journal = &mut self.recording.journal;
                journal.requested(injection, kind, action.clone(), self.now);
                self.inject(injection, &action);
            }
            Command::Heal { injection } => self.heal(injection),
            Command::Finish => self.finished = true,
        }
    }

    fn look(&mut self) {
        self.looks += 1;
        let nodes = self
            .names
            .iter()
            .cloned()
            .zip(self.nodes.iter().map(status));
        let sample = StatusSample {
            time: self.now,
            nodes: nodes.collect(),
        };
        self.recording.sample(&sample);
        let status = ClusterStatus {
            nodes: sample.nodes,
        };
        self.measure(&status);
        if self.started {
            self.signals.push_back(Signal::Status(status));
        } else if self.serves(&status) {
            self.started = true;
            self.signals.push_back(Signal::Started);
            self.signals.push_back(Signal::Status(status));
        }
        if self.looks.is_multiple_of(COMPARE_EVERY) {
            self.compare_states();
        }
        self.agenda.put(self.now + LOOK_EVERY, Event::Look);
    }

    /// A node leads, or none ever will.
    fn serves(&self, status: &ClusterStatus) -> bool {
        let cores = || self.nodes.iter().filter_map(|node| node.core.as_ref());
        status.leader().is_some() || cores().all(|core| core.view().role == Role::Peer)
    }

    fn measure(&mut self, status: &ClusterStatus) {
        if self.started && status.leader().is_none() {
            self.costs.leaderless = self.costs.leaderless + LOOK_EVERY;
        }
        let kept = self.nodes.iter().filter_map(|node| node.core.as_ref());
        let kept = kept.map(|core| core.view().kept).max().unwrap_or(0);
        self.costs.log_max = self.costs.log_max.max(kept);
    }

    /// Nodes that executed equally many commands have the same state.
    fn compare_states(&mut self) {
        let mut states: BTreeMap<u64, (usize, &Store)> = BTreeMap::new();
        let mut differ = None;
        for (place, node) in self.nodes.iter().enumerate() {
            let Some((applied, store)) = node.core.as_ref().and_then(Replica::state) else {
                continue;
            };
            match states.get(&applied) {
                Some((_, known)) if *known == store => {}
                Some((other, _)) => differ = Some((*other, place, applied)),
                None => drop(states.insert(applied, (place, store))),
            }
        }
        if let Some((one, other, applied)) = differ {
            let (one, other) = (&self.names[one], &self.names[other]);
            self.breached(Breach {
                invariant: "State Machine Safety",
                what: format!("{one} and {other} have applied {applied} and differ"),
            });
        }
    }

    /// Keeps the first thing that did not hold; the run goes on, for clients may see it too.
    pub(super) fn breached(&mut self, breach: Breach) {
        if self.breach.is_some() {
            return;
        }
        let finding = Finding {
            time: self.now,
            invariant: breach.invariant.to_owned(),
            seen: breach.what,
        };
        self.recording.tell(self.now, || Happening::Broken {
            invariant: finding.invariant.clone(),
            seen: finding.seen.clone(),
        });
        self.breach = Some(finding);
    }

    fn close(mut self) -> Result<Simulated, SimError> {
        let summary = self.conductor.summary();
        self.costs.length = self.now;
        self.latencies.sort_unstable();
        self.costs.latency_median = share(&self.latencies, 50);
        self.costs.latency_p99 = share(&self.latencies, 99);
        let kind = |(kind, messages, bytes): (&str, u64, u64)| KindOfTraffic {
            kind: kind.to_owned(),
            messages,
            bytes,
        };
        self.costs.messages = self.traffic.kinds().map(kind).collect();
        let files = self.recording.finish();
        let recording::Files {
            history,
            injections,
            status,
            story,
        } = files.map_err(|error| SimError::Recording(error.to_string()))?;
        Ok(Simulated {
            summary,
            history,
            injections,
            status,
            story,
            breach: self.breach,
            deaths: self.deaths,
            costs: self.costs,
        })
    }

    /// The place of a node in the plan.
    pub(super) fn place(&self, name: &NodeName) -> usize {
        let found = self.names.iter().position(|known| known == name);
        found.unwrap_or(0)
    }

    /// The place of a node by its id, if it is one of the plan.
    pub(super) fn place_of(&self, id: NodeId) -> Option<usize> {
        let place = usize::try_from(id.0.checked_sub(1)?).ok()?;
        (place < self.nodes.len()).then_some(place)
    }

    /// Gives out a ticket.
    pub(super) fn ticket(&mut self, asker: Asker) -> u64 {
        self.askers.push(asker);
        self.askers.len() as u64 - 1
    }
}

fn nodes<R: Replica>(plan: &Plan, bug: Option<Bug>) -> Vec<Node<R>> {
    let ids: Vec<NodeId> = (1..=u64::from(plan.nodes)).map(NodeId).collect();
    let setup = |id: NodeId| Setup {
        id,
        nodes: ids.iter().copied().collect(),
        seed: plan.seed,
        mode: plan.mode.clone(),
        settings: plan.settings.clone(),
        bug,
    };
    let names = plan.node_names().into_iter();
    let nodes = names.zip(ids.iter());
    nodes
        .map(|(name, id)| Node::new(name, setup(*id)))
        .collect()
}

fn rules<R: Replica>(plan: &Plan) -> Rules {
    let attempt = plan.settings.get("attempt-timeout");
    let attempt = attempt.and_then(|text| testimony_engine::span::parse(text).ok());
    Rules {
        sessions: R::SESSIONS,
        attempt: attempt.unwrap_or(Duration::from_millis(400)),
        timeout: plan.call_timeout,
        model: plan.model(),
        nodes: plan.node_names(),
    }
}

/// What a node says of itself: nothing while it is down or stands still.
fn status<R: Replica>(node: &Node<R>) -> NodeStatus {
    let Some(core) = node.core.as_ref().filter(|_| !node.paused) else {
        return NodeStatus::default();
    };
    let view = core.view();
    let name = |id: NodeId| NodeName::numbered(u32::try_from(id.0).unwrap_or(u32::MAX));
    let role = match view.role {
        Role::Peer => None,
        Role::Leader => Some(testimony_engine::Role::Leader),
        Role::Follower => Some(testimony_engine::Role::Follower),
        Role::Candidate => Some(testimony_engine::Role::Candidate),
    };
    NodeStatus {
        alive: true,
        role,
        term: role.map(|_| view.term),
        leader: view.leader.map(name),
        commit: Some(view.commit),
        applied: Some(view.applied),
        elections: Some(view.elections),
    }
}

/// What so many in a hundred of sorted spans do not exceed; nothing of none. O(1).
fn share(sorted: &[Nanos], percent: usize) -> Nanos {
    let place = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(place).copied().unwrap_or(Nanos::ZERO)
}

/// Whether an output saves something.
pub(super) fn saves<R: Replica>(output: &Output<R>) -> bool {
    matches!(output, Output::Save(_))
}
