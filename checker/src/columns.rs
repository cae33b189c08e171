//! Judging histories in columns: what the fast algorithms cover is judged where it lies, and only
//! the rest is made into operations.
//!
//! A register of ten million operations is decided in the time that it takes to look at each of
//! them a few times, so nothing here makes an object of one. What no fast algorithm covers is
//! handed to [`decide_recorded`].

mod conflict;
mod keys;
mod registers;
mod replay;

use std::collections::BTreeSet;

use testimony_history::compact::{Fate, ValueId};
use testimony_history::{CompactHistory, Model as Kind, RecordedHistory, Value};

use crate::budget::Budget;
use crate::check::{Decision, conclude_recorded, decide_recorded};
use crate::models::canonical;
use crate::partition::narrow;
use crate::verdict::{Algorithm, Exhausted, Judgement, PartitionWitness, Reason, Verdict, Witness};
use crate::zones::{Conflict, Zoned};
use keys::Keys;
use registers::Columns;

/// Decides a history in columns against the model that it is of; the same verdicts as
/// [`decide_recorded`], and for registers and maps whose values are written once each, in linear
/// time and some sixty bytes an operation. Each key is an object of its own, and starts as
/// `initial`.
pub fn decide_compact<'a>(
    initial: Option<&Value>,
    history: &'a CompactHistory,
    budget: &Budget,
) -> Decision<'a> {
    let docket = Docket {
        history,
        keys: Keys::of(history),
        initial: initial.cloned(),
        budget: budget.clone(),
    };
    if has_registers(history.model()) && !budget.stopped() {
        docket.decide_registers()
    } else {
        let excused = vec![true; docket.keys.len() as usize];
        docket.decide_rest(&excused, &[])
    }
}

/// A history to be judged.
struct Docket<'a> {
    history: &'a CompactHistory,
    keys: Keys,
    initial: Option<Value>,
    budget: Budget,
}

impl<'a> Docket<'a> {
    fn decide_registers(self) -> Decision<'a> {
        let initial = self.initial.as_ref().map(canonical).unwrap_or_default();
        let initial = self.history.values().find(&initial);
        let Zoned {
            order,
            conflicts,
            excused,
        } = registers::zones(self.history, &self.keys, initial).judge(&Columns(self.history));
        let smallest = |conflict: &Conflict| {
            let key = conflict.register;
            (self.keys.operations(key), key)
        };
        if let Some(conflict) = conflicts.into_iter().min_by_key(smallest) {
            return self.illegal(&excused, conflict);
        }
        match replay::registers(self.history, &self.keys, initial, &excused, &order) {
            Ok(()) => self.decide_rest(&excused, &order),
            Err(why) => self.gave_up(&excused, Reason::EvidenceFailed(why)),
        }
    }

    /// What is known before there is a verdict.
    fn judgement(&self, excused: &[bool]) -> Judgement {
        let judged = (0..self.keys.len()).filter(|&key| !excused[key as usize]);
        let steps: usize = judged.map(|key| self.keys.operations(key)).sum();
        let by_zones = excused.contains(&false).then_some(Algorithm::Zones);
        Judgement {
            verdict: Verdict::Undecided(undecided(Reason::Stopped, steps as u64)),
            operations: self.history.len(),
            partitions: self.keys.len() as usize,
            steps: steps as u64,
            stored: 0,
            algorithms: by_zones.into_iter().collect(),
        }
    }

    fn gave_up(&self, excused: &[bool], reason: Reason) -> Decision<'a> {
        let mut judgement = self.judgement(excused);
        judgement.verdict = Verdict::Undecided(undecided(reason, judgement.steps));
        Decision::without_conclusion(judgement)
    }

    fn illegal(self, excused: &[bool], conflict: Conflict) -> Decision<'a> {
        let judgement = self.judgement(excused);
        let key = self.key(conflict.register);
        let operations = self.keys.operations(conflict.register);
        let conclude = move || {
            let (model, initial) = (self.history.model(), self.initial.as_ref());
            let small = conflict.history(self.history);
            let verdict = conclude_recorded(model, initial, &small, (&key, None), &self.budget);
            conflict.note(verdict, self.history, operations)
        };
        Decision::with_conclusion(judgement, Box::new(conclude))
    }

    /// Decides what no fast algorithm covers, as operations. `order` is that of all the others.
    fn decide_rest(self, excused: &[bool], order: &[u32]) -> Decision<'a> {
        if self.budget.stopped() {
            return self.gave_up(excused, Reason::Stopped);
        }
        let mut judgement = self.judgement(excused);
        let (model, rest) = (self.history.model(), self.rest(excused));
        let decision = decide_recorded(model, self.initial.as_ref(), &rest, &self.budget);
        let part = decision.illegal_part();
        let slow = decision.into_judgement();
        judgement.steps += slow.steps;
        judgement.stored += slow.stored;
        judgement.algorithms = both(&judgement.algorithms, &slow.algorithms);
        if let Some((key, furthest)) = part {
            let conclude = move || {
                let initial = self.initial.as_ref();
                conclude_recorded(model, initial, &rest, (&key, furthest), &self.budget)
            };
            return Decision::with_conclusion(judgement, Box::new(conclude));
        }
        judgement.verdict = match slow.verdict {
            Verdict::Linearizable(slow) => Verdict::Linearizable(self.witness(order, slow)),
            other => other,
        };
        Decision::without_conclusion(judgement)
    }

    /// The operations on excused keys.
    fn rest(&self, excused: &[bool]) -> RecordedHistory {
        let left = |&op: &u32| {
            let op = op as usize;
            let failed = self.history.fates()[op] == Fate::Failed;
            !failed && excused[self.keys.at(self.history, op) as usize]
        };
        let any = excused.contains(&true);
        let all = 0..if any { narrow(self.history.len()) } else { 0 };
        self.history.select(&all.filter(left).collect::<Vec<u32>>())
    }

    /// The orders of all keys.
    fn witness(&self, order: &[u32], slow: Witness) -> Witness {
        let keys = 0..self.keys.len();
        let mut partitions: Vec<PartitionWitness> = keys
            .map(|key| PartitionWitness {
                key: self.key(key),
                order: Vec::with_capacity(self.keys.operations(key)),
            })
            .collect();
        for &op in order {
            let key = self.keys.at(self.history, op as usize) as usize;
            partitions[key].order.push(self.history.index(op as usize));
        }
        for found in slow.partitions {
            if let Ok(at) = partitions.binary_search_by(|part| part.key.cmp(&found.key)) {
                partitions[at] = found;
            }
        }
        Witness { partitions }
    }

    fn key(&self, key: u32) -> Option<Value> {
        let id = self.keys.id(key);
        (id != ValueId::ABSENT).then(|| self.history.values().get(id))
    }
}

fn has_registers(model: Kind) -> bool {
    matches!(model, Kind::Register | Kind::CasRegister | Kind::Kv)
}

fn both(some: &[Algorithm], others: &[Algorithm]) -> Vec<Algorithm> {
    let all: BTreeSet<Algorithm> = some.iter().chain(others).copied().collect();
    all.into_iter().collect()
}

fn undecided(reason: Reason, steps: u64) -> Exhausted {
    Exhausted {
        steps,
        ..Exhausted::because(reason)
    }
}
