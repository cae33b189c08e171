//! `paxos-register`: keys that are chosen once, each by an instance of single-decree Paxos.
//!
//! `propose(v)` at a key is the command `cas [null, v]`: swapped if this very proposal was chosen,
//! else the value that was. Proposals carry the node and the ticket of their request, so that two
//! of the same value are told apart.
//!
//! A read runs a round too. If a majority promises and none of it has accepted anything, the key is
//! `null`: let the round have ballot b, and take any value that is ever chosen, in ballot c. Some
//! acceptor of the read's majority has accepted it, and had not when it promised b; so c > b, since
//! it accepts nothing lower afterwards. Then the value was chosen after this promise, hence after
//! the read was called, if the round began after that: whoever saw the value returned after the
//! read was called, and the read may be ordered first. A read that comes while a round is under
//! way therefore waits for the next one. If something was accepted, the read sees to it that it is
//! chosen and answers with that: what one node has accepted may be chosen already.
//!
//! Rounds that collide are tried again after a pause drawn at random. The mode `no-back-off` leaves
//! the pause out: two proposers may then refuse each other for ever, which their count of rounds
//! shows.

mod audit;
mod disk;
mod message;
mod replica;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use super::synod::{Deed, Instance, Site};
use crate::NodeId;
use crate::machine::store::{Command, Query, Response, Store};
use crate::replica::{Note, Output, Reply, Request};

pub use audit::RegisterAudit;
pub use disk::{RegisterDisk, RegisterRecord};
pub use message::{Proposal, RegisterMessage};

use message::Body;

/// One node: proposer and acceptor of every key.
pub struct PaxosRegister {
    id: NodeId,
    acceptors: BTreeSet<NodeId>,
    backs_off: bool,
    chance: ChaCha8Rng,
    now: u64,
    keys: BTreeMap<String, Key>,
    /// Those for which the proposer has something under way.
    active: BTreeSet<String>,
    rounds: u64,
    /// What this step has learnt to be chosen.
    learnt: Vec<(String, Proposal)>,
    outputs: Vec<Output<Self>>,
}

/// A key at this node.
struct Key {
    instance: Instance<Proposal>,
    chosen: Option<Proposal>,
    wishes: Vec<Wish>,
}

/// A request that waits.
struct Wish {
    ticket: u64,
    want: Want,
    /// The last round that had begun when it came.
    after: u64,
}

enum Want {
    Propose(Value),
    Read,
    Contains,
}

impl Key {
    fn new(instance: Instance<Proposal>) -> Self {
        Key {
            instance,
            chosen: None,
            wishes: Vec::new(),
        }
    }

    /// What the node proposes if it may: what was asked of it first.
    fn wish(wishes: &[Wish], node: NodeId) -> Option<Proposal> {
        wishes.iter().find_map(|wish| match &wish.want {
            Want::Propose(value) => Some(Proposal {
                node,
                ticket: wish.ticket,
                value: value.clone(),
            }),
            Want::Read | Want::Contains => None,
        })
    }
}

impl PaxosRegister {
    fn tick(&mut self) {
        self.now += 1;
        for key in self.active.clone() {
            self.at(&key, |state, site| state.instance.tick(site));
        }
    }

    fn request(&mut self, ticket: u64, request: Request<Store>) {
        let wanted = match request {
            Request::Apply {
                command: Command::Cas { key, old, new },
                ..
            } if old.is_null() && !new.is_null() => (key, Want::Propose(new)),
            Request::Query(Query::Read { key }) => (key, Want::Read),
            Request::Query(Query::Contains { key }) => (key, Want::Contains),
            Request::Apply { .. } => {
                return self.refuse(
                    ticket,
                    "a key is chosen once: only cas from null is offered",
                );
            }
            Request::OpenSession => {
                return self.refuse(ticket, "there are no sessions: a key is chosen once");
            }
            Request::AddNode(_) | Request::RemoveNode(_) => {
                return self.refuse(ticket, "the acceptors are fixed");
            }
            Request::Transfer(_) => return self.refuse(ticket, "nobody leads"),
            Request::Snapshot => return self.refuse(ticket, "there is no log"),
        };
        let (key, want) = wanted;
        self.want(&key, ticket, want);
    }

    fn want(&mut self, key: &str, ticket: u64, want: Want) {
        let state = self.key(key);
        let after = state.instance.round();
        state.wishes.push(Wish {
            ticket,
            want,
            after,
        });
        if state.chosen.is_some() {
            return self.answer(key);
        }
        self.at(key, |state, site| {
            if state.instance.is_idle() {
                state.instance.begin(site);
            }
        });
    }

    fn hear(&mut self, from: NodeId, message: RegisterMessage) {
        let RegisterMessage { key, body } = message;
        match body {
            Body::Chosen(proposal) => self.learn(&key, &proposal),
            Body::Synod(said) => {
                if let Some(chosen) = self.key(&key).chosen.clone() {
                    if said.is_asking() && from != self.id {
                        self.send(from, key, Body::Chosen(chosen));
                    }
                    return;
                }
                let node = self.id;
                self.at(&key, |state, site| {
                    let Key {
                        instance, wishes, ..
                    } = state;
                    instance.hear(from, said, || Key::wish(wishes, node), site);
                });
            }
        }
    }

    fn key(&mut self, key: &str) -> &mut Key {
        let new = || Key::new(Instance::new(super::Kept::default()));
        self.keys.entry(key.to_owned()).or_insert_with(new)
    }

    /// Lets the instance of a key do something, and does what it wants done.
    fn at(&mut self, key: &str, act: impl FnOnce(&mut Key, &mut Site<'_, Proposal>)) {
        self.key(key);
        let Some(state) = self.keys.get_mut(key) else {
            return;
        };
        let mut site = Site {
            id: self.id,
            majority: self.acceptors.len() / 2 + 1,
            now: self.now,
            backs_off: self.backs_off,
            chance: &mut self.chance,
            deeds: Vec::new(),
        };
        act(state, &mut site);
        let deeds = site.deeds;
        match state.instance.is_idle() {
            true => self.active.remove(key),
            false => self.active.insert(key.to_owned()),
        };
        deeds.into_iter().for_each(|deed| self.carry_out(key, deed));
    }

    fn carry_out(&mut self, key: &str, deed: Deed<Proposal>) {
        match deed {
            Deed::Save(kept) => {
                let key = key.to_owned();
                self.outputs
                    .push(Output::Save(RegisterRecord { key, kept }));
            }
            Deed::Tell(to, said) => self.send(to, key.to_owned(), Body::Synod(said)),
            Deed::TellAll(said) => {
                for to in self.acceptors.clone() {
                    self.send(to, key.to_owned(), Body::Synod(said.clone()));
                }
            }
            Deed::Begins(ballot) => {
                self.rounds += 1;
                let campaigns = Note::Campaigns(ballot.number());
                self.outputs.push(Output::Note(campaigns));
                let says = format!("begins round {ballot} for `{key}`");
                self.outputs.push(Output::Note(Note::Says(says)));
            }
            Deed::Chosen(proposal) => {
                self.learn(key, &proposal);
                let own = self.id;
                for to in self.acceptors.clone().into_iter().filter(|to| *to != own) {
                    self.send(to, key.to_owned(), Body::Chosen(proposal.clone()));
                }
            }
            Deed::Unclaimed { round } => self.unclaimed(key, round),
        }
    }

    /// Nothing was chosen when the round began: so say the reads that were there already. Whatever
    /// came later needs another round.
    fn unclaimed(&mut self, key: &str, round: u64) {
        let state = self.key(key);
        let wishes = std::mem::take(&mut state.wishes);
        let (known, waiting): (Vec<Wish>, _) =
            wishes.into_iter().partition(|wish| wish.after < round);
        let is_over = waiting.is_empty();
        state.wishes = waiting;
        for wish in known {
            let response = match wish.want {
                Want::Contains => Response::Found(false),
                Want::Read | Want::Propose(_) => Response::Value(Value::Null),
            };
            let reply = Reply::Answer(response);
            let ticket = wish.ticket;
            self.outputs.push(Output::Reply { ticket, reply });
        }
        if !is_over {
            self.at(key, |state, site| state.instance.begin(site));
        }
    }

    fn learn(&mut self, key: &str, proposal: &Proposal) {
        self.learnt.push((key.to_owned(), proposal.clone()));
        let state = self.key(key);
        if state.chosen.is_none() {
            state.chosen = Some(proposal.clone());
            self.active.remove(key);
        }
        self.answer(key);
    }

    /// Answers everything that waits for a key which is chosen.
    fn answer(&mut self, key: &str) {
        let node = self.id;
        let state = self.key(key);
        let Some(chosen) = state.chosen.clone() else {
            return;
        };
        for Wish { ticket, want, .. } in std::mem::take(&mut state.wishes) {
            let is_own = (chosen.node, chosen.ticket) == (node, ticket);
            let reply = match want {
                Want::Propose(_) if is_own => Reply::Applied(Response::Swapped),
                Want::Propose(_) => Reply::Applied(Response::Mismatch(chosen.value.clone())),
                Want::Read => Reply::Answer(Response::Value(chosen.value.clone())),
                Want::Contains => Reply::Answer(Response::Found(true)),
            };
            self.outputs.push(Output::Reply { ticket, reply });
        }
    }

    fn send(&mut self, to: NodeId, key: String, body: Body) {
        let message = RegisterMessage { key, body };
        if to == self.id {
            return self.hear(to, message);
        }
        self.outputs.push(Output::Send { to, message });
    }

    fn refuse(&mut self, ticket: u64, why: &str) {
        let reply = Reply::Refused(why.to_owned());
        self.outputs.push(Output::Reply { ticket, reply });
    }
}
