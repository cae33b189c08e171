//! What happens to a cluster, from a seed: first everything, then nothing bad any more.

use rand::seq::{IndexedRandom, IteratorRandom};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use testimony_consensus::NodeId;
use testimony_consensus::bug::Bug;
use testimony_consensus::raft::{Config, Event, Input, Reply, Request, Role};

use crate::clients::Clients;
use crate::journal::{Journal, Read, Response};
use crate::properties::Properties;
use crate::world::World;

/// So many steps of chaos; ticks of calm are as many at most.
const STEPS: usize = 30_000;
const CALM: usize = 1000;
/// The clocks wait while more messages are under way.
const CROWDED: usize = 60;
/// So many deliveries between two ticks of calm at most.
const BURST: usize = 10_000;

/// What a run is like. Each run leaves some kinds of trouble out.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) voters: u64,
    /// Nodes that are no members at first.
    pub(crate) spares: u64,
    /// How probable it is that a message is lost, or delivered twice.
    pub(crate) loss: f64,
    pub(crate) twice: f64,
    /// A message is overtaken by so many others at most.
    pub(crate) disorder: usize,
    pub(crate) clients: usize,
    /// How often something of this kind happens.
    pub(crate) crashes: u32,
    pub(crate) partitions: u32,
    pub(crate) changes: u32,
    pub(crate) transfers: u32,
    pub(crate) snapshots: u32,
    /// New leaders are cut off one after the other, after so many steps at most; 0: they are not.
    pub(crate) brief: u32,
    /// All clocks tick at once, and reads rely on that.
    pub(crate) leases: bool,
    pub(crate) config: Config,
}

impl Profile {
    /// Drawn from a seed.
    pub(crate) fn draw(seed: u64) -> Self {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let mut often = || *[0, 1, 2, 5].choose(&mut chance).unwrap();
        let [crashes, partitions, changes] = [often(), often(), often()];
        let [transfers, snapshots] = [often(), often()];
        let leases = chance.random_ratio(1, 3);
        let brief = if chance.random_ratio(1, 4) { 100 } else { 0 };
        let mut config = Config::new(NodeId(0), []);
        config.election_ticks = 10..20;
        config.heartbeat_ticks = 3;
        config.pre_vote = chance.random_bool(0.7);
        config.check_quorum = chance.random_bool(0.7) || changes > 0 || leases;
        config.lease_reads = leases;
        config.snapshot_every = *[0, 4, 10, 40].choose(&mut chance).unwrap();
        config.entries_per_message = *[1, 2, 5, 100].choose(&mut chance).unwrap();
        config.sessions_max = *[6, 100].choose(&mut chance).unwrap();
        config.seed = seed;
        Profile {
            voters: *[3, 4, 5, 5].choose(&mut chance).unwrap(),
            spares: if changes > 0 { 2 } else { 0 },
            loss: *[0.0, 0.02, 0.15].choose(&mut chance).unwrap(),
            twice: *[0.0, 0.02, 0.15].choose(&mut chance).unwrap(),
            disorder: *[1, 3, 30].choose(&mut chance).unwrap(),
            clients: 4,
            crashes,
            partitions,
            changes,
            transfers,
            snapshots,
            brief,
            leases,
            config,
        }
    }

    fn configs(&self) -> impl Iterator<Item = Config> {
        let voters: Vec<NodeId> = (1..=self.voters).map(NodeId).collect();
        (1..=self.voters + self.spares)
            .map(NodeId)
            .map(move |id| Config {
                id,
                voters: voters
                    .iter()
                    .copied()
                    .filter(|_| voters.contains(&id))
                    .collect(),
                ..self.config.clone()
            })
    }
}

/// One run.
pub(crate) struct Run {
    pub(crate) profile: Profile,
    pub(crate) world: World,
    pub(crate) clients: Clients,
    chance: ChaCha8Rng,
    /// The leader that is cut off next, and after how many steps.
    doomed: Option<(NodeId, u32)>,
}

impl Run {
    pub(crate) fn new(mut profile: Profile, bug: Option<Bug>) -> Self {
        profile.config.bug = bug;
        let properties = match bug {
            Some(_) => Properties::off(),
            None => Properties::default(),
        };
        let world = World::new(profile.configs(), properties);
        let chance = ChaCha8Rng::seed_from_u64(profile.config.seed ^ 0x5eed);
        Run {
            world,
            clients: Clients::new(profile.clients),
            chance,
            profile,
            doomed: None,
        }
    }

    /// Chaos, calm, and the question what is left. Whether the cluster came to rest.
    pub(crate) fn run(&mut self) -> bool {
        for _ in 0..STEPS {
            self.chaos();
            self.cut_brief_leaders();
        }
        let rests = self.calm();
        if let Some(list) = self.last_read() {
            self.clients.conclude(&list);
        }
        rests
    }

    fn chaos(&mut self) {
        if self.world.wire.len() > CROWDED {
            return self.deliver();
        }
        let Profile {
            crashes,
            partitions,
            changes,
            transfers,
            snapshots,
            ..
        } = self.profile;
        let weights: [(u32, fn(&mut Run)); 9] = [
            (1200, Run::deliver),
            (300, Run::tick),
            (120, Run::act),
            (crashes, Run::crash_or_start),
            (crashes.div_ceil(5), Run::crash_many),
            (partitions, Run::cut_or_heal),
            (changes, Run::change_members),
            (transfers, Run::transfer),
            (snapshots, Run::snapshot),
        ];
        let (_, action) = weights
            .choose_weighted(&mut self.chance, |(weight, _)| *weight)
            .unwrap();
        action(self);
    }

    fn deliver(&mut self) {
        let places = self.world.wire.len().min(self.profile.disorder);
        if places == 0 {
            return;
        }
        let place = self.chance.random_range(0..places);
        if self.chance.random_bool(self.profile.twice) {
            let copy = self.world.wire[place].clone();
            self.world.wire.push(copy);
        }
        if self.chance.random_bool(self.profile.loss) {
            self.world.wire.remove(place);
        } else {
            self.world.deliver(place);
        }
    }

    fn tick(&mut self) {
        let running = self.world.running();
        if self.profile.leases {
            // The others tick as often, too, but not at once.
            if self.chance.random_ratio(1, 5) {
                running.into_iter().for_each(|id| self.world.tick(id));
            }
        } else if let Some(id) = running.choose(&mut self.chance) {
            self.world.tick(*id);
        }
    }

    fn act(&mut self) {
        self.clients.act(&mut self.world, &mut self.chance);
    }

    fn crash_or_start(&mut self) {
        let down = self
            .world
            .ids()
            .into_iter()
            .filter(|id| !self.world.running().contains(id));
        let down = down.choose(&mut self.chance);
        match down {
            Some(id) if self.chance.random_bool(0.6) => self.world.start(id),
            _ => self.crash(),
        }
    }

    /// Ends a node, often the leader, often in the middle of what it does. Sometimes it is back at
    /// once.
    fn crash(&mut self) {
        let running = self.world.running();
        let leader = self.world.leader().filter(|_| self.chance.random_bool(0.4));
        let Some(id) = leader.or_else(|| running.choose(&mut self.chance).copied()) else {
            return;
        };
        let survive = Some(self.chance.random_range(0..6));
        let place = self
            .world
            .wire
            .iter()
            .position(|envelope| envelope.to == id);
        match place {
            Some(place) if self.chance.random_bool(0.8) => {
                let envelope = self.world.wire.remove(place);
                self.world
                    .step_and_crash(id, Input::Message(envelope), survive);
            }
            _ => self.world.crash(id),
        }
        if self.chance.random_bool(0.3) {
            self.world.start(id);
        }
    }

    /// Ends all nodes, or most of them, and starts them again.
    fn crash_many(&mut self) {
        for id in self.world.running() {
            if self.chance.random_bool(0.8) {
                self.world.crash(id);
                self.world.start(id);
            }
        }
    }

    fn cut_or_heal(&mut self) {
        let was_cut = !self.world.cut.is_empty();
        if self.chance.random_bool(0.9) {
            self.world.cut.clear();
        }
        if was_cut && self.chance.random_bool(0.8) {
            return;
        }
        let ids = self.world.ids();
        let is_one_way = self.chance.random_bool(0.2);
        let size = *[1, ids.len() / 2].choose(&mut self.chance).unwrap();
        let mut side: Vec<NodeId> = ids.iter().copied().sample(&mut self.chance, size);
        if let Some(leader) = self.world.leader()
            && self.chance.random_bool(0.5)
        {
            side[0] = leader;
        }
        self.cut_off(&side, is_one_way);
    }

    /// Cuts the newest leader off, some time after its election, and lets the others talk again.
    fn cut_brief_leaders(&mut self) {
        for (id, event) in std::mem::take(&mut self.world.events) {
            let is_new = matches!(event, Event::BecameLeader { .. });
            if is_new && self.profile.brief > 0 && self.chance.random_bool(0.7) {
                self.doomed = Some((id, self.chance.random_range(0..=self.profile.brief)));
            }
        }
        match &mut self.doomed {
            Some((id, 0)) => {
                let id = *id;
                self.doomed = None;
                self.world.cut.clear();
                self.cut_off(&[id], false);
            }
            Some((_, steps)) => *steps -= 1,
            None => {}
        }
    }

    /// Cuts what goes from some nodes to the others, and what comes back.
    fn cut_off(&mut self, side: &[NodeId], is_one_way: bool) {
        for &from in side {
            for to in self.world.ids().into_iter().filter(|id| !side.contains(id)) {
                self.world.cut.insert((from, to));
                if !is_one_way {
                    self.world.cut.insert((to, from));
                }
            }
        }
    }

    /// Somebody who believes to lead, not always the right one.
    fn believer(&mut self) -> Option<NodeId> {
        let running = self.world.running().into_iter();
        let leads = |id: &NodeId| self.world.status(*id).role == Role::Leader;
        running.filter(leads).choose(&mut self.chance)
    }

    fn change_members(&mut self) {
        let Some(leader) = self.believer() else {
            return;
        };
        let Some(id) = self.world.ids().choose(&mut self.chance).copied() else {
            return;
        };
        let voters = self.world.status(leader).voters;
        let request = match voters.contains(&id) {
            true if voters.len() > 3 => Request::RemoveNode(id),
            true => return,
            false => Request::AddNode(id),
        };
        self.world.request(leader, request);
    }

    fn transfer(&mut self) {
        let Some(leader) = self.believer() else {
            return;
        };
        let Some(id) = self.world.ids().choose(&mut self.chance).copied() else {
            return;
        };
        self.world.request(leader, Request::Transfer(id));
    }

    fn snapshot(&mut self) {
        if let Some(id) = self.world.running().choose(&mut self.chance) {
            self.world.request(*id, Request::Snapshot);
        }
    }

    /// Nothing bad happens any more. Whether everybody is answered and all members agree in time.
    fn calm(&mut self) -> bool {
        self.world.cut.clear();
        self.clients.is_open = false;
        for id in self.world.ids() {
            if !self.world.running().contains(&id) {
                self.world.start(id);
            }
        }
        (0..CALM).any(|_| {
            self.settle();
            self.world
                .ids()
                .into_iter()
                .for_each(|id| self.world.tick(id));
            (0..4).for_each(|_| self.act());
            self.is_at_rest()
        })
    }

    /// Delivers everything, in order.
    fn settle(&mut self) {
        for _ in 0..BURST {
            if self.world.wire.is_empty() {
                return;
            }
            self.world.deliver(0);
        }
        assert!(
            self.profile.config.bug.is_some(),
            "the nodes never stop talking"
        );
        self.world.wire.clear();
    }

    fn is_at_rest(&self) -> bool {
        let Some(leader) = self.world.leader() else {
            return false;
        };
        let leader = self.world.status(leader);
        let agrees = |id: &NodeId| {
            let status = self.world.status(*id);
            status.applied == leader.last_index && status.leader == Some(leader.id)
        };
        leader.applied == leader.last_index
            && leader.voters.iter().all(agrees)
            && self.world.unanswered.is_empty()
            && self.clients.are_idle()
    }

    /// The list, read from the leader.
    fn last_read(&mut self) -> Option<Vec<u64>> {
        let leader = self.world.leader()?;
        self.world.replies.clear();
        let ticket = self.world.request(leader, Request::Query(Read));
        self.settle();
        let reply = self
            .world
            .replies
            .iter()
            .find(|(answered, _)| *answered == ticket);
        match reply {
            Some((_, Reply::<Journal>::Answer(Response::List(list)))) => Some(list.clone()),
            _ => None,
        }
    }
}
