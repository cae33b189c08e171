//! What the nemesis does to a simulated cluster, and how it is undone.
//!
//! What is broken here is broken from that instant on, so that most faults are in effect as soon
//! as they are asked for. A node that is to die may first do a little more, so that it dies also
//! between two things that belong together. What only the cluster itself can do (another leader,
//! a member more or less, a snapshot) is asked of it like an operator would, until it says that it
//! is done.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use testimony_consensus::NodeId;
use testimony_consensus::machine::store::Store;
use testimony_consensus::replica::{Input, Replica, Role};
use testimony_engine::{
    Action, Chance, Flaws, Happening, Link, Nanos, NodeName, Plan, Signal, Turn,
};

use super::client::Heard;
use super::network::worse;
use super::node::Clock;
use super::translation::{Reply, Request};
use super::world::{Asker, Event, World};
use crate::faults::{Seen, shape};
use crate::link::Shape;

/// A node that dies a little later has so many outputs more at most, and so much time.
const FUSE_MAX: u64 = 8;
const FUSE_TIME: Duration = Duration::from_millis(20);
/// How often, in percent, a node dies at once.
const AT_ONCE: u32 = 50;
/// A disk that fails is noticed after so long, if nothing is saved.
const DISK_NOTICED: Duration = Duration::from_secs(1);
/// How long an operator waits before trying again.
const ADMIN_PAUSE: Duration = Duration::from_millis(50);
/// How long an operator waits for an answer.
const ADMIN_PATIENCE: Duration = Duration::from_millis(500);

/// What is broken at present.
pub(super) struct Faults {
    chance: Chance,
    verify_timeout: Duration,
    pub(super) active: BTreeMap<u64, Action>,
    /// Nodes that are still to die, by injection.
    pub(super) dying: BTreeMap<u64, BTreeSet<usize>>,
    /// What an injection waits for, and at which nodes.
    pub(super) ambushes: BTreeMap<u64, (BTreeSet<usize>, Turn)>,
    /// What the cluster was asked for and has not done yet, by injection.
    errands: BTreeMap<u64, Errand>,
}

/// Something that an operator wants.
#[derive(Clone, Debug)]
struct Errand {
    /// What it is a part of.
    action: Action,
    what: What,
    /// Whether it undoes the injection.
    heals: bool,
    deadline: Nanos,
    /// The node that is asked next.
    at: usize,
    last: String,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Add(NodeId),
    Remove(NodeId),
    Transfer(NodeId),
    Snapshot,
}

impl Faults {
    pub(super) fn new(plan: &Plan) -> Self {
        Faults {
            chance: Chance::new(plan.seed, "faults"),
            verify_timeout: plan.verify_timeout,
            active: BTreeMap::new(),
            dying: BTreeMap::new(),
            ambushes: BTreeMap::new(),
            errands: BTreeMap::new(),
        }
    }

    /// What all injections together make of a link.
    fn of(&self, link: &Link) -> (Shape, Flaws) {
        let mut all = (Shape::default(), Flaws::default());
        for action in self.active.values() {
            all = (
                all.0.with(shape(action, link)),
                worse(all.1, flaws(action, link)),
            );
        }
        all
    }
}

/// What an action does to single messages of a link.
pub(crate) fn flaws(action: &Action, link: &Link) -> Flaws {
    match action {
        Action::Lossy { links, flaws } if links.contains(link) => *flaws,
        _ => Flaws::default(),
    }
}

/// The links that an action is about.
pub(crate) fn links(action: &Action) -> Option<&BTreeSet<Link>> {
    match action {
        Action::Cut { links }
        | Action::Slow { links, .. }
        | Action::Throttle { links, .. }
        | Action::Lossy { links, .. } => Some(links),
        _ => None,
    }
}

impl<R: Replica<Machine = Store>> World<R> {
    /// Breaks something.
    pub(super) fn inject(&mut self, injection: u64, action: &Action) {
        if !action.is_instant() {
            self.faults.active.insert(injection, action.clone());
        }
        if let Some(links) = links(action) {
            self.reshape(links);
            return self.injected(injection, action, Ok(None));
        }
        match action {
            Action::Skew { nodes, .. } | Action::SlowDisk { nodes, .. } | Action::Lie { nodes } => {
                self.impair(nodes, action);
                self.injected(injection, action, Ok(None));
            }
            Action::FailDisk { nodes } => self.fail_disks(injection, nodes),
            Action::Wipe { nodes } => self.wipe(injection, nodes),
            Action::Ambush { nodes, turn } => {
                let places = self.places(nodes);
                self.lie_in_ambush(injection, places, *turn);
            }
            Action::Reset { links } => {
                for link in links {
                    let (from, to) = (self.place(&link.from), self.place(&link.to));
                    self.network.reset(from, to);
                }
                self.injected(injection, action, Ok(None));
            }
            Action::Kill { nodes } => self.kill(injection, nodes),
            Action::Pause { nodes } => {
                for node in nodes {
                    self.pause(node);
                }
                self.injected(injection, action, Ok(None));
            }
            Action::Remove { node } => {
                self.send_for(injection, action, What::Remove(self.id(node)), false);
            }
            Action::Transfer { to } => {
                self.send_for(injection, action, What::Transfer(self.id(to)), false);
            }
            Action::Snapshot { node } => {
                let at = self.place(node);
                self.send_for(injection, action, What::Snapshot, false);
                if let Some(errand) = self.faults.errands.get_mut(&injection) {
                    errand.at = at;
                }
            }
            Action::Corrupt { .. }
            | Action::FillDisk { .. }
            | Action::LockDisk { .. }
            | Action::Command { .. }
            | Action::Starve { .. } => {
                let seen = Err("a simulated node has nothing to do it to".to_owned());
                self.injected(injection, action, seen);
            }
            // The links have their shape already.
            Action::Cut { .. }
            | Action::Slow { .. }
            | Action::Throttle { .. }
            | Action::Lossy { .. } => {}
        }
    }

    /// Undoes exactly what an injection did.
    pub(super) fn heal(&mut self, injection: u64) {
        self.faults.dying.remove(&injection);
        self.faults.ambushes.remove(&injection);
        self.faults.errands.remove(&injection);
        let Some(action) = self.faults.active.get(&injection).cloned() else {
            return self.healed(injection, None, Ok(None));
        };
        let seen = match &action {
            Action::Kill { nodes }
            | Action::FailDisk { nodes }
            | Action::Ambush { nodes, .. }
            | Action::Wipe { nodes } => self.restart(nodes),
            Action::Skew { nodes, .. } | Action::SlowDisk { nodes, .. } | Action::Lie { nodes } => {
                self.repair(nodes, &action);
                Ok(None)
            }
            Action::Pause { nodes } => {
                nodes.iter().for_each(|node| self.resume(node));
                Ok(None)
            }
            Action::Remove { node } => {
                return self.send_for(injection, &action, What::Add(self.id(node)), true);
            }
            _ => Ok(None),
        };
        if seen.is_ok() {
            self.faults.active.remove(&injection);
        }
        if let Some(links) = links(&action) {
            self.reshape(links);
        }
        self.healed(injection, Some(&action), seen);
    }

    fn reshape(&mut self, links: &BTreeSet<Link>) {
        for link in links {
            let (shape, flaws) = self.faults.of(link);
            let (from, to) = (self.place(&link.from), self.place(&link.to));
            self.network.shape(from, to, shape, flaws);
        }
    }

    fn kill(&mut self, injection: u64, nodes: &BTreeSet<NodeName>) {
        let places = self.places(nodes);
        self.faults.dying.insert(injection, places.clone());
        for place in places {
            let burns = !self.faults.chance.percent(AT_ONCE) && self.nodes[place].is_up();
            if !burns {
                self.crash(place);
                continue;
            }
            self.light_fuse(place, FUSE_TIME);
        }
        self.all_dead();
    }

    /// The node dies within some outputs more, or after that time.
    pub(super) fn light_fuse(&mut self, place: usize, time: Duration) {
        let fuse = self.faults.chance.below(FUSE_MAX);
        let node = &mut self.nodes[place];
        node.fuse = Some(usize::try_from(fuse).unwrap_or(0));
        let life = node.life;
        self.agenda
            .put(self.now + time, Event::Fuse { node: place, life });
    }

    /// What is wrong with a node that lives.
    fn impair(&mut self, nodes: &BTreeSet<NodeName>, action: &Action) {
        for node in nodes {
            let (now, place) = (self.now, self.place(node));
            let node = &mut self.nodes[place];
            match action {
                Action::Skew {
                    jump_ms, drift_ppm, ..
                } => {
                    let jump = jump_ms.saturating_mul(1_000_000);
                    node.clock.set(now, jump, *drift_ppm);
                }
                Action::SlowDisk { delay, .. } => node.disk_delay = *delay,
                _ => node.lies = true,
            }
        }
    }

    fn repair(&mut self, nodes: &BTreeSet<NodeName>, action: &Action) {
        for node in nodes {
            let place = self.place(node);
            let node = &mut self.nodes[place];
            match action {
                Action::Skew { .. } => node.clock = Clock::default(),
                Action::SlowDisk { .. } => node.disk_delay = Duration::ZERO,
                _ => node.lies = false,
            }
        }
    }

    /// The nodes die when they save next, or when nothing is saved for a while.
    fn fail_disks(&mut self, injection: u64, nodes: &BTreeSet<NodeName>) {
        let places = self.places(nodes);
        for place in &places {
            let node = &mut self.nodes[*place];
            node.disk_fails = true;
            let event = Event::DiskGone {
                node: *place,
                life: node.life,
            };
            self.agenda.put(self.now + DISK_NOTICED, event);
        }
        self.faults.dying.insert(injection, places);
        self.all_dead();
    }

    /// A disk that fails was not written to; the node has noticed all the same.
    pub(super) fn disk_gone(&mut self, place: usize, life: u32) {
        let node = &self.nodes[place];
        if node.life == life && node.disk_fails {
            self.crash(place);
        }
    }

    fn wipe(&mut self, injection: u64, nodes: &BTreeSet<NodeName>) {
        let places = self.places(nodes);
        self.faults.dying.insert(injection, places.clone());
        for place in places {
            self.crash(place);
            self.nodes[place].disk = R::Disk::default();
        }
        self.all_dead();
    }

    /// Says which injections have killed all that they were to kill: a node may have been the last.
    pub(super) fn all_dead(&mut self) {
        let nodes = &self.nodes;
        let is_over = |places: &BTreeSet<usize>| places.iter().all(|place| !nodes[*place].is_up());
        let over = self
            .faults
            .dying
            .iter()
            .filter(|(_, places)| is_over(places));
        let over: Vec<u64> = over.map(|(injection, _)| *injection).collect();
        for injection in over {
            self.faults.dying.remove(&injection);
            if let Some(action) = self.faults.active.get(&injection).cloned() {
                self.injected(injection, &action, Ok(None));
            }
        }
    }

    fn restart(&mut self, nodes: &BTreeSet<NodeName>) -> Seen {
        for node in nodes {
            let place = self.place(node);
            self.nodes[place].disk_fails = false;
            if self.nodes[place].is_up() {
                self.nodes[place].fuse = None;
                continue;
            }
            if let Err(error) = self.start(place) {
                self.deaths.push(error.to_string());
                return Err(error.to_string());
            }
        }
        Ok(None)
    }

    fn pause(&mut self, node: &NodeName) {
        let place = self.place(node);
        self.nodes[place].paused = true;
        self.recording.tell(self.now, || Happening::Paused {
            node: node.to_string(),
        });
    }

    fn resume(&mut self, node: &NodeName) {
        let place = self.place(node);
        self.nodes[place].paused = false;
        self.recording.tell(self.now, || Happening::Resumed {
            node: node.to_string(),
        });
        self.work(place);
    }

    pub(super) fn injected(&mut self, injection: u64, action: &Action, seen: Seen) {
        self.recording.now(self.now);
        // Writing to memory does not fail.
        let _ = self.recording.journal.injected(injection, &seen);
        if seen.is_ok() {
            self.recording.tell(self.now, || Happening::Injected {
                injection,
                action: action.to_string(),
            });
        }
        self.signals.push_back(match seen {
            Ok(_) => Signal::Injected { injection },
            Err(reason) => Signal::InjectFailed { injection, reason },
        });
    }

    fn healed(&mut self, injection: u64, action: Option<&Action>, seen: Seen) {
        self.recording.now(self.now);
        let _ = self.recording.journal.healed(injection, &seen);
        if let (Some(action), true) = (action, seen.is_ok()) {
            self.recording.tell(self.now, || Happening::Healed {
                injection,
                action: action.to_string(),
            });
        }
        self.signals.push_back(match seen {
            Ok(_) => Signal::Healed { injection },
            Err(reason) => Signal::HealFailed { injection, reason },
        });
    }

    /// Begins to ask the cluster for something.
    fn send_for(&mut self, injection: u64, action: &Action, what: What, heals: bool) {
        let errand = Errand {
            action: action.clone(),
            what,
            heals,
            deadline: self.now + self.faults.verify_timeout,
            at: self.leader_place(),
            last: "nobody was asked".to_owned(),
        };
        self.faults.errands.insert(injection, errand);
        self.agenda.put(self.now, Event::Admin { injection });
    }

    /// Asks, unless it took too long already.
    pub(super) fn try_admin(&mut self, injection: u64) {
        let Some(errand) = self.faults.errands.get(&injection).cloned() else {
            return;
        };
        if self.now >= errand.deadline {
            return self.errand_ended(injection, Err(errand.last));
        }
        let request = match errand.what {
            What::Add(id) => Request::AddNode(id),
            What::Remove(id) => Request::RemoveNode(id),
            What::Transfer(id) => Request::Transfer(id),
            What::Snapshot => Request::Snapshot,
        };
        let ticket = self.ticket(Asker::Injection(injection));
        let node = &mut self.nodes[errand.at];
        if !node.is_up() {
            return self.let_hear(ticket, Heard::Refused);
        }
        node.owed.insert(ticket);
        self.give(errand.at, Input::Request { ticket, request });
        let heard = Heard::Silence;
        self.agenda
            .put(self.now + ADMIN_PATIENCE, Event::Heard { ticket, heard });
    }

    /// Something came of what an operator asked for.
    pub(super) fn admin_heard(&mut self, injection: u64, heard: Heard) {
        let count = self.nodes.len();
        let named = match &heard {
            Heard::Reply(Reply::NotLeader { leader: Some(id) }) => self.place_of(*id),
            _ => None,
        };
        let Some(errand) = self.faults.errands.get_mut(&injection) else {
            return;
        };
        match (heard, named) {
            (Heard::Reply(Reply::Done), _) => return self.errand_ended(injection, Ok(None)),
            (_, Some(place)) => {
                errand.at = place;
                "it does not lead".clone_into(&mut errand.last);
            }
            (Heard::Reply(Reply::Refused(why)), _) => errand.last = why,
            (other, None) => {
                errand.last = format!("{other:?}");
                if !matches!(errand.what, What::Snapshot) {
                    errand.at = (errand.at + 1) % count;
                }
            }
        }
        self.agenda
            .put(self.now + ADMIN_PAUSE, Event::Admin { injection });
    }

    fn errand_ended(&mut self, injection: u64, seen: Seen) {
        let Some(errand) = self.faults.errands.remove(&injection) else {
            return;
        };
        if !errand.heals {
            return self.injected(injection, &errand.action, seen);
        }
        if seen.is_ok() {
            self.faults.active.remove(&injection);
        }
        self.healed(injection, Some(&errand.action), seen);
    }

    /// A node that takes itself for the leader; the first if none does.
    fn leader_place(&self) -> usize {
        let views = self
            .nodes
            .iter()
            .map(|node| node.core.as_ref().map(R::view));
        let leaders = views.enumerate().filter_map(|(place, view)| {
            let view = view.filter(|view| view.role == Role::Leader)?;
            Some((view.term, place))
        });
        leaders.max().map_or(0, |(_, place)| place)
    }

    fn places(&self, nodes: &BTreeSet<NodeName>) -> BTreeSet<usize> {
        nodes.iter().map(|node| self.place(node)).collect()
    }

    fn id(&self, node: &NodeName) -> NodeId {
        self.nodes[self.place(node)].setup.id
    }
}
