//! One instance of single-decree Paxos at one node: its acceptor and its proposer ("Paxos Made
//! Simple", section 2; the synod of "The Part-Time Parliament").
//!
//! Whoever owns instances carries their messages, also those to the node itself, and knows what is
//! chosen.

use std::collections::BTreeSet;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::Ballot;
use crate::NodeId;

/// A round that is not through after so many ticks is given up; twice as many after each failure.
const PATIENCE: u64 = 10;
/// How often waiting times double at most: after a partition nobody should wait for long.
const DOUBLINGS: u32 = 4;

/// What is said about an instance.
#[derive(Clone, Debug, PartialEq)]
pub enum Synod<V> {
    /// Will you accept nothing of lower ballots, and what have you accepted?
    Prepare(Ballot),
    /// I will not, and this is what I accepted last.
    Promise {
        /// The ballot asked with.
        ballot: Ballot,
        /// The value, and in which ballot.
        accepted: Option<(Ballot, V)>,
    },
    /// I have promised more than this ballot.
    Refuse {
        /// The ballot asked with.
        ballot: Ballot,
        /// What I have promised.
        promised: Ballot,
    },
    /// Accept this value.
    Accept {
        /// In this ballot.
        ballot: Ballot,
        /// Which one.
        value: V,
    },
    /// I have accepted the value of this ballot.
    Accepted(Ballot),
}

/// What a node must not forget about an instance.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept<V> {
    /// The last round that it began: a number is never used twice.
    pub round: u64,
    /// It accepts nothing of lower ballots.
    pub promised: Ballot,
    /// What it has accepted last.
    pub accepted: Option<(Ballot, V)>,
}

/// The instance.
#[derive(Clone, Debug)]
pub(super) struct Instance<V> {
    kept: Kept<V>,
    /// The highest round that anybody is known to have begun.
    seen: u64,
    attempt: Attempt<V>,
    failures: u32,
}

/// What the proposer does.
#[derive(Clone, Debug)]
enum Attempt<V> {
    Idle,
    Prepares {
        ballot: Ballot,
        promised: BTreeSet<NodeId>,
        /// Of what they have accepted, that of the highest ballot.
        best: Option<(Ballot, V)>,
        until: u64,
    },
    Proposes {
        ballot: Ballot,
        value: V,
        accepted: BTreeSet<NodeId>,
        until: u64,
    },
    BacksOff {
        until: u64,
    },
}

/// What an instance wants done, in order.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Deed<V> {
    Save(Kept<V>),
    Tell(NodeId, Synod<V>),
    /// All acceptors, this node too if it is one.
    TellAll(Synod<V>),
    /// This round begins.
    Begins(Ballot),
    /// This node has seen to it that the value is chosen.
    Chosen(V),
    /// Nothing was chosen when this round began, and the node has nothing to propose.
    Unclaimed {
        round: u64,
    },
}

/// Where an instance is, and who it is there.
pub(super) struct Site<'a, V> {
    pub(super) id: NodeId,
    /// So many acceptors make a majority.
    pub(super) majority: usize,
    pub(super) now: u64,
    pub(super) backs_off: bool,
    pub(super) chance: &'a mut ChaCha8Rng,
    pub(super) deeds: Vec<Deed<V>>,
}

impl<V> Synod<V> {
    /// Whether it comes from a proposer, who waits for an answer.
    pub(super) fn is_asking(&self) -> bool {
        matches!(self, Synod::Prepare(_) | Synod::Accept { .. })
    }

    /// Its kind, and how many commands it carries, given how many are in a value.
    pub(super) fn describe(&self, commands: impl Fn(&V) -> usize) -> (&'static str, usize) {
        match self {
            Synod::Prepare(_) => ("prepare", 0),
            Synod::Promise { accepted: None, .. } => ("promise", 0),
            Synod::Promise {
                accepted: Some((_, value)),
                ..
            } => ("promise", commands(value)),
            Synod::Refuse { .. } => ("refuse", 0),
            Synod::Accept { value, .. } => ("accept", commands(value)),
            Synod::Accepted(_) => ("accepted", 0),
        }
    }
}

impl<V> Default for Kept<V> {
    fn default() -> Self {
        Kept {
            round: 0,
            promised: Ballot::default(),
            accepted: None,
        }
    }
}

impl<V: Clone> Instance<V> {
    pub(super) fn new(kept: Kept<V>) -> Self {
        Instance {
            seen: kept.round,
            kept,
            attempt: Attempt::Idle,
            failures: 0,
        }
    }

    /// Whether the proposer has nothing under way.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.attempt, Attempt::Idle)
    }

    /// The last round that this node began.
    pub(super) fn round(&self) -> u64 {
        self.kept.round
    }

    /// Begins a round with a number that was never used.
    pub(super) fn begin(&mut self, site: &mut Site<'_, V>) {
        self.kept.round = self.kept.round.max(self.seen) + 1;
        let ballot = Ballot {
            round: self.kept.round,
            node: site.id,
        };
        site.deeds.push(Deed::Save(self.kept.clone()));
        site.deeds.push(Deed::Begins(ballot));
        self.attempt = Attempt::Prepares {
            ballot,
            promised: BTreeSet::new(),
            best: None,
            until: self.deadline(site.now),
        };
        site.deeds.push(Deed::TellAll(Synod::Prepare(ballot)));
    }

    /// Gives up what waited for too long, and goes on after a pause.
    pub(super) fn tick(&mut self, site: &mut Site<'_, V>) {
        let is_over = |until: u64| until <= site.now;
        match self.attempt {
            Attempt::Prepares { until, .. } | Attempt::Proposes { until, .. } if is_over(until) => {
                self.fail(site);
            }
            Attempt::BacksOff { until } if is_over(until) => self.begin(site),
            _ => {}
        }
    }

    /// Hears a message. `wish` is what the node proposes if it is free to.
    pub(super) fn hear(
        &mut self,
        from: NodeId,
        said: Synod<V>,
        wish: impl FnOnce() -> Option<V>,
        site: &mut Site<'_, V>,
    ) {
        match said {
            Synod::Prepare(ballot) => self.on_prepare(from, ballot, site),
            Synod::Accept { ballot, value } => self.on_accept(from, ballot, value, site),
            Synod::Promise { ballot, accepted } => {
                self.on_promise(from, ballot, accepted, wish, site);
            }
            Synod::Accepted(ballot) => self.on_accepted(from, ballot, site),
            Synod::Refuse { ballot, promised } => {
                self.seen = self.seen.max(promised.round);
                if self.ballot() == Some(ballot) {
                    self.fail(site);
                }
            }
        }
    }

    /// The acceptor's half of phase 1. Who asks again is told again: the answer may be lost.
    fn on_prepare(&mut self, from: NodeId, ballot: Ballot, site: &mut Site<'_, V>) {
        if ballot < self.kept.promised {
            return self.refuse(from, ballot, site);
        }
        if ballot > self.kept.promised {
            self.kept.promised = ballot;
            site.deeds.push(Deed::Save(self.kept.clone()));
        }
        let accepted = self.kept.accepted.clone();
        let promise = Synod::Promise { ballot, accepted };
        site.deeds.push(Deed::Tell(from, promise));
    }

    /// The acceptor's half of phase 2.
    fn on_accept(&mut self, from: NodeId, ballot: Ballot, value: V, site: &mut Site<'_, V>) {
        if ballot < self.kept.promised {
            return self.refuse(from, ballot, site);
        }
        let has_it = |(accepted, _): &(Ballot, V)| *accepted == ballot;
        if !self.kept.accepted.as_ref().is_some_and(has_it) {
            self.kept.promised = ballot;
            self.kept.accepted = Some((ballot, value));
            site.deeds.push(Deed::Save(self.kept.clone()));
        }
        site.deeds.push(Deed::Tell(from, Synod::Accepted(ballot)));
    }

    fn refuse(&mut self, from: NodeId, ballot: Ballot, site: &mut Site<'_, V>) {
        let promised = self.kept.promised;
        let refusal = Synod::Refuse { ballot, promised };
        site.deeds.push(Deed::Tell(from, refusal));
    }

    /// The proposer's half of phase 1.
    fn on_promise(
        &mut self,
        from: NodeId,
        answered: Ballot,
        accepted: Option<(Ballot, V)>,
        wish: impl FnOnce() -> Option<V>,
        site: &mut Site<'_, V>,
    ) {
        let Attempt::Prepares {
            ballot,
            promised,
            best,
            ..
        } = &mut self.attempt
        else {
            return;
        };
        if *ballot != answered {
            return;
        }
        promised.insert(from);
        let highest = best.as_ref().map(|(ballot, _)| *ballot);
        if let Some(accepted) = accepted.filter(|(ballot, _)| Some(*ballot) > highest) {
            *best = Some(accepted);
        }
        if promised.len() < site.majority {
            return;
        }
        let bound = best.take().map(|(_, value)| value);
        match bound.or_else(wish) {
            Some(value) => self.propose(answered, value, site),
            None => {
                self.attempt = Attempt::Idle;
                let round = answered.round;
                site.deeds.push(Deed::Unclaimed { round });
            }
        }
    }

    fn propose(&mut self, ballot: Ballot, value: V, site: &mut Site<'_, V>) {
        self.attempt = Attempt::Proposes {
            ballot,
            value: value.clone(),
            accepted: BTreeSet::new(),
            until: self.deadline(site.now),
        };
        let accept = Synod::Accept { ballot, value };
        site.deeds.push(Deed::TellAll(accept));
    }

    /// The proposer's half of phase 2.
    fn on_accepted(&mut self, from: NodeId, answered: Ballot, site: &mut Site<'_, V>) {
        let Attempt::Proposes {
            ballot,
            value,
            accepted,
            ..
        } = &mut self.attempt
        else {
            return;
        };
        if *ballot != answered {
            return;
        }
        accepted.insert(from);
        if accepted.len() >= site.majority {
            site.deeds.push(Deed::Chosen(value.clone()));
            self.attempt = Attempt::Idle;
            self.failures = 0;
        }
    }

    /// Another proposer was there with a higher ballot, or too few answer. Two proposers that both
    /// try again at once may go on so for ever ("Paxos Made Simple", section 2.4); chance lets one
    /// of them finish.
    fn fail(&mut self, site: &mut Site<'_, V>) {
        self.failures += 1;
        if !site.backs_off {
            return self.begin(site);
        }
        let longest = 2 << self.failures.min(DOUBLINGS);
        let pause = site.chance.random_range(1..=longest);
        self.attempt = Attempt::BacksOff {
            until: site.now + pause,
        };
    }

    fn ballot(&self) -> Option<Ballot> {
        match &self.attempt {
            Attempt::Prepares { ballot, .. } | Attempt::Proposes { ballot, .. } => Some(*ballot),
            Attempt::Idle | Attempt::BacksOff { .. } => None,
        }
    }

    /// On links that are slower than the patience no round would ever be through.
    fn deadline(&self, now: u64) -> u64 {
        now + (PATIENCE << self.failures.min(DOUBLINGS))
    }
}
