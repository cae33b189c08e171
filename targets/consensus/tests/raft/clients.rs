//! Clients, and what they may see: a list that everybody appends to is linearizable if all reads
//! are prefixes of one list, and the lengths respect real time.

use std::collections::{BTreeMap, BTreeSet};

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use testimony_consensus::NodeId;
use testimony_consensus::raft::{Reply, Request};

use crate::journal::{Journal, Push, Read, Response};
use crate::world::World;

/// All clients, and the history of what they saw.
pub(crate) struct Clients {
    clients: Vec<Client>,
    ids: u64,
    /// Where each acknowledged number was said to be.
    places: BTreeMap<u64, (usize, Push)>,
    /// Numbers that certainly were never written.
    never: BTreeSet<u64>,
    /// The longest list that somebody saw.
    longest: Vec<u64>,
    /// The list is at least so long, by what clients were told.
    least: usize,
    /// What no linearizable list can have shown, if something was.
    pub(crate) violation: Option<String>,
    pub(crate) reads: u64,
    pub(crate) writes: u64,
    /// Whether clients give up numbers that certainly failed, and begin new commands.
    pub(crate) is_open: bool,
}

#[derive(Default)]
struct Client {
    session: Option<u64>,
    sequence: u64,
    doing: Doing,
    /// The attempt under way: its ticket, its node, and how long it is waited for.
    attempt: Option<Attempt>,
    /// Where to go.
    node: Option<NodeId>,
}

struct Attempt {
    ticket: u64,
    patience: u32,
}

#[derive(Default)]
enum Doing {
    #[default]
    Nothing,
    Opening,
    Writing {
        push: Push,
        /// The list was at least so long when it began.
        least: usize,
        /// Whether an attempt may have taken effect.
        uncertain: bool,
    },
    Reading {
        /// The list is at least so long; and the entries committed when it was asked for.
        least: usize,
        committed: u64,
    },
}

impl Clients {
    pub(crate) fn new(count: usize) -> Self {
        Clients {
            clients: (0..count).map(|_| Client::default()).collect(),
            ids: 0,
            places: BTreeMap::new(),
            never: BTreeSet::new(),
            longest: Vec::new(),
            least: 0,
            violation: None,
            reads: 0,
            writes: 0,
            is_open: true,
        }
    }

    /// Whether nobody waits for anything.
    pub(crate) fn are_idle(&self) -> bool {
        self.clients
            .iter()
            .all(|client| matches!(client.doing, Doing::Nothing))
    }

    /// Some client does something.
    pub(crate) fn act(&mut self, world: &mut World, chance: &mut impl Rng) {
        self.take_replies(world);
        let place = chance.random_range(0..self.clients.len());
        if let Some(attempt) = &mut self.clients[place].attempt {
            attempt.patience = attempt.patience.saturating_sub(1);
            if attempt.patience > 0 {
                return;
            }
            self.lost(place);
        }
        if matches!(self.clients[place].doing, Doing::Nothing) {
            if !self.is_open {
                return;
            }
            self.begin(place, world, chance);
        }
        self.attempt(place, world, chance);
    }

    /// Decides what to do next.
    fn begin(&mut self, place: usize, world: &World, chance: &mut impl Rng) {
        let client = &mut self.clients[place];
        client.doing = if client.session.is_none() {
            Doing::Opening
        } else if chance.random_bool(0.4) {
            let committed = world.properties.committed();
            Doing::Reading {
                least: self.least,
                committed,
            }
        } else {
            self.ids += 1;
            client.sequence += 1;
            let after = self.longest.last().copied().unwrap_or(0);
            let push = Push {
                id: self.ids,
                after: chance.random_bool(0.3).then_some(after),
            };
            Doing::Writing {
                push,
                least: self.least,
                uncertain: false,
            }
        };
    }

    fn attempt(&mut self, place: usize, world: &mut World, chance: &mut impl Rng) {
        let client = &mut self.clients[place];
        let request = match (&client.doing, client.session) {
            (Doing::Nothing, _) | (Doing::Writing { .. }, None) => return,
            (Doing::Opening, _) => Request::OpenSession,
            (Doing::Writing { push, .. }, Some(session)) => Request::Apply {
                session,
                sequence: client.sequence,
                command: push.clone(),
            },
            (Doing::Reading { .. }, _) => Request::Query(Read),
        };
        let running = world.running();
        let told = client.node.filter(|node| running.contains(node));
        let Some(node) = told.or_else(|| running.choose(chance).copied()) else {
            return;
        };
        let ticket = world.request(node, request);
        let patience = chance.random_range(1..12);
        self.clients[place].node = Some(node);
        self.clients[place].attempt = Some(Attempt { ticket, patience });
        self.take_replies(world);
    }

    /// The attempt is not waited for any more.
    fn lost(&mut self, place: usize) {
        let client = &mut self.clients[place];
        client.attempt = None;
        client.node = None;
        if let Doing::Writing { uncertain, .. } = &mut client.doing {
            *uncertain = true;
        }
    }

    pub(crate) fn take_replies(&mut self, world: &mut World) {
        for (ticket, reply) in std::mem::take(&mut world.replies) {
            let waits = |client: &Client| {
                client
                    .attempt
                    .as_ref()
                    .is_some_and(|attempt| attempt.ticket == ticket)
            };
            if let Some(place) = self.clients.iter().position(waits) {
                self.clients[place].attempt = None;
                self.take(place, reply, world);
            }
        }
    }

    fn take(&mut self, place: usize, reply: Reply<Journal>, world: &World) {
        match reply {
            Reply::Session(session) => {
                let client = &mut self.clients[place];
                client.session = Some(session);
                client.sequence = 0;
                client.doing = Doing::Nothing;
            }
            Reply::Applied(response) => self.written(place, &response),
            Reply::Answer(Response::List(list)) => self.read(place, &list, world),
            Reply::NotLeader { leader } => {
                self.clients[place].node = leader;
                self.failed(place);
            }
            Reply::Refused(_) => self.failed(place),
            Reply::SessionExpired => self.expired(place),
            Reply::Uncertain => self.lost(place),
            Reply::Answer(_) | Reply::Done => unreachable!("{reply:?} answers nothing"),
        }
    }

    /// The attempt had no effect. Some give up then.
    fn failed(&mut self, place: usize) {
        let client = &mut self.clients[place];
        if let Doing::Writing {
            push,
            uncertain: false,
            ..
        } = &client.doing
            && push.id % 3 == 0
        {
            self.never.insert(push.id);
            client.doing = Doing::Nothing;
        }
    }

    /// The attempt had no effect, and there is no way to tell whether an earlier one had.
    fn expired(&mut self, place: usize) {
        let client = &mut self.clients[place];
        client.session = None;
        if let Doing::Writing {
            push,
            uncertain: false,
            ..
        } = &client.doing
        {
            self.never.insert(push.id);
        }
        client.doing = Doing::Nothing;
    }

    fn written(&mut self, place: usize, response: &Response) {
        let doing = std::mem::take(&mut self.clients[place].doing);
        let Doing::Writing { push, least, .. } = doing else {
            unreachable!("nothing was written")
        };
        match *response {
            Response::Pushed(at) => {
                self.writes += 1;
                self.least = self.least.max(at + 1);
                if at < least {
                    self.violated(format!("{} is at {at} of a list of {least}", push.id));
                }
                self.places.insert(push.id, (at, push));
            }
            Response::Mismatch(_) => drop(self.never.insert(push.id)),
            Response::List(_) => unreachable!("a write is not answered with a list"),
        }
    }

    fn read(&mut self, place: usize, list: &[u64], world: &World) {
        let doing = std::mem::take(&mut self.clients[place].doing);
        let Doing::Reading { least, committed } = doing else {
            unreachable!("nothing was read")
        };
        self.reads += 1;
        let properties = &world.properties;
        if properties.committed() > 0 {
            let possible = properties.length_at(committed)..=properties.length_at(u64::MAX);
            assert!(
                possible.contains(&list.len()),
                "{} is not in {possible:?}",
                list.len()
            );
        }
        if list.len() < least {
            self.violated(format!(
                "a list of {least} was seen, and then one of {}",
                list.len()
            ));
        }
        self.least = self.least.max(list.len());
        self.saw(list);
    }

    /// Compares a list with everything that was seen before.
    fn saw(&mut self, list: &[u64]) {
        let common = self.longest.len().min(list.len());
        if self.longest[..common] != list[..common] {
            self.violated(format!("{:?} was seen, and then {list:?}", self.longest));
        }
        if list.len() > self.longest.len() {
            self.longest = list.to_vec();
        }
    }

    /// Compares the list at the end with everything that was said.
    pub(crate) fn conclude(&mut self, list: &[u64]) {
        if list.len() < self.least {
            self.violated(format!(
                "a list of {} was seen; {list:?} is left",
                self.least
            ));
        }
        self.saw(list);
        for (id, (place, push)) in self.places.clone() {
            if list.get(place) != Some(&id) {
                self.violated(format!(
                    "{id} was acknowledged at {place}, which is lost: {list:?}"
                ));
                continue;
            }
            let before = place.checked_sub(1).map_or(0, |before| list[before]);
            if push.after.is_some_and(|after| after != before) {
                self.violated(format!("{push:?} came after {before}: {list:?}"));
            }
        }
        let mut once = BTreeSet::new();
        for id in list {
            if !once.insert(id) {
                self.violated(format!("{id} was written twice: {list:?}"));
            }
            if self.never.contains(id) {
                self.violated(format!("{id} was certainly not written, and was: {list:?}"));
            }
        }
    }

    fn violated(&mut self, what: String) {
        self.violation.get_or_insert(what);
    }
}
