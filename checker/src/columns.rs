//! Judging histories in columns: what the fast algorithms cover is judged where it lies, and only
//! the rest is made into operations.
//!
//! A register of ten million operations is decided in the time that it takes to look at each of
//! them a few times, so nothing here makes an object of one. What no fast algorithm covers is handed
//! to [`decide_recorded`].

mod clash;
mod parts;
mod registers;
mod replay;

use std::collections::BTreeSet;

use testimony_history::compact::ValueId;
use testimony_history::{CompactHistory, Model as Kind, RecordedHistory, Value};

use crate::budget::Budget;
use crate::check::{Decision, conclude_recorded, decide_recorded};
use crate::models::canonical;
use crate::parallel;
use crate::verdict::{Algorithm, Exhausted, Judgement, PartitionWitness, Reason, Verdict, Witness};
use clash::Clash;
use parts::{Part, Parts};
use registers::{Judged, Registers};
use replay::Replay;

/// Decides a history in columns against the model that it is of; the same verdicts as
/// [`decide_recorded`], and for registers and maps whose values are written once each, in linear
/// time and some 40 bytes an operation. Each key is an object of its own, and starts as `initial`.
pub fn decide_compact<'a>(
    initial: Option<&Value>,
    history: &'a CompactHistory,
    budget: &Budget,
) -> Decision<'a> {
    let docket = Docket {
        history,
        initial: initial.cloned(),
        budget: budget.clone(),
    };
    docket.decide()
}

/// A history to be judged.
struct Docket<'a> {
    history: &'a CompactHistory,
    initial: Option<Value>,
    budget: Budget,
}

/// What became of one part.
enum Found {
    /// An order, replayed; by the index of each invocation.
    Order(Vec<u64>),
    /// An order that did not hold when it was replayed.
    Wrong(String),
    Clash(Clash),
    /// Nothing: no fast algorithm covers it.
    Left,
}

impl<'a> Docket<'a> {
    fn decide(self) -> Decision<'a> {
        let parts = Parts::of(self.history);
        let all = parts.parts();
        let found = self.search_fast(&all);
        let clashing = (0..all.len())
            .filter(|&part| matches!(found[part], Found::Clash(_)))
            .min_by_key(|&part| all[part].ops.len());
        let judgement = self.judgement(&all, &found);
        if let Some(part) = clashing {
            return self.illegal(judgement, all[part], found.into_iter().nth(part));
        }
        if let Some(Found::Wrong(why)) = found.iter().find(|it| matches!(it, Found::Wrong(_))) {
            let reason = Reason::EvidenceFailed(why.clone());
            return Decision::without_conclusion(undecided(judgement, reason));
        }
        self.decide_rest(judgement, &all, found)
    }

    fn search_fast(&self, parts: &[Part<'_>]) -> Vec<Found> {
        let initial = self.initial.as_ref().map(canonical).unwrap_or_default();
        let initial = self.history.values().find(&initial);
        if !has_registers(self.history.model()) {
            return parts.iter().map(|_| Found::Left).collect();
        }
        let start = || {
            let judge = Registers::new(self.history, initial);
            (judge, Replay::new(self.history))
        };
        parallel::map_with(
            self.budget.threads,
            parts,
            start,
            |(judge, replay), part| {
                if self.budget.stopped() {
                    return Found::Left;
                }
                match judge.judge(*part) {
                    Judged::NotCovered => Found::Left,
                    Judged::Clash(clash) => Found::Clash(clash),
                    Judged::Order(order) => match replay.register(*part, initial, &order) {
                        Ok(()) => Found::Order(self.indices(&order)),
                        Err(why) => Found::Wrong(why),
                    },
                }
            },
        )
    }

    fn indices(&self, order: &[u32]) -> Vec<u64> {
        let index = |&op: &u32| self.history.index(op as usize);
        order.iter().map(index).collect()
    }

    /// What is known before the rest is decided.
    fn judgement(&self, parts: &[Part<'_>], found: &[Found]) -> Judgement {
        let fast = found.iter().zip(parts);
        let fast = fast.filter(|(found, _)| !matches!(found, Found::Left));
        let steps: usize = fast.map(|(_, part)| part.ops.len()).sum();
        Judgement {
            verdict: Verdict::Undecided(not_concluded(steps as u64)),
            operations: self.history.len(),
            partitions: parts.len(),
            steps: steps as u64,
            algorithms: (steps > 0)
                .then_some(Algorithm::Zones)
                .into_iter()
                .collect(),
        }
    }

    fn illegal(self, judgement: Judgement, part: Part<'_>, found: Option<Found>) -> Decision<'a> {
        let Some(Found::Clash(clash)) = found else {
            return Decision::without_conclusion(judgement);
        };
        let key = self.key(part.key);
        let operations = part.ops.len();
        let small = clash.history(self.history);
        let conclude = move || {
            let model = self.history.model();
            let verdict =
                conclude_recorded(model, self.initial.as_ref(), &small, &key, &self.budget);
            clash.note(verdict, self.history, operations)
        };
        Decision::with_conclusion(judgement, Box::new(conclude))
    }

    /// Decides what no fast algorithm covers, as operations.
    fn decide_rest(
        self,
        mut judgement: Judgement,
        parts: &[Part<'_>],
        found: Vec<Found>,
    ) -> Decision<'a> {
        if self.budget.stopped() {
            return Decision::without_conclusion(undecided(judgement, Reason::Stopped));
        }
        let rest = self.rest(parts, &found);
        let initial = self.initial.as_ref();
        let model = self.history.model();
        let decision = decide_recorded(model, initial, &rest, &self.budget);
        let key = decision.illegal_key();
        let slow = decision.into_judgement();
        judgement.steps += slow.steps;
        judgement.algorithms = both(&judgement.algorithms, &slow.algorithms);
        if let Some(key) = key {
            let conclude =
                move || conclude_recorded(model, self.initial.as_ref(), &rest, &key, &self.budget);
            return Decision::with_conclusion(judgement, Box::new(conclude));
        }
        judgement.verdict = match slow.verdict {
            Verdict::Linearizable(witness) => self.witness(parts, found, witness),
            other => other,
        };
        Decision::without_conclusion(judgement)
    }

    /// The operations of the parts that are left.
    fn rest(&self, parts: &[Part<'_>], found: &[Found]) -> RecordedHistory {
        let left = found.iter().zip(parts);
        let left = left.filter(|(found, _)| matches!(found, Found::Left));
        let mut ops: Vec<u32> = left.flat_map(|(_, part)| part.ops).copied().collect();
        ops.sort_unstable();
        self.history.select(&ops)
    }

    /// The orders of all parts, by key.
    fn witness(&self, parts: &[Part<'_>], found: Vec<Found>, slow: Witness) -> Verdict {
        let mut slow = slow.partitions.into_iter();
        let partitions = found.into_iter().zip(parts).filter_map(|(found, part)| {
            if let Found::Order(order) = found {
                let key = self.key(part.key);
                Some(PartitionWitness { key, order })
            } else {
                slow.next()
            }
        });
        Verdict::Linearizable(Witness {
            partitions: partitions.collect(),
        })
    }

    fn key(&self, key: ValueId) -> Option<Value> {
        (key != ValueId::ABSENT).then(|| self.history.values().get(key).clone())
    }
}

fn has_registers(model: Kind) -> bool {
    matches!(model, Kind::Register | Kind::CasRegister | Kind::Kv)
}

fn both(some: &[Algorithm], others: &[Algorithm]) -> Vec<Algorithm> {
    let all: BTreeSet<Algorithm> = some.iter().chain(others).copied().collect();
    all.into_iter().collect()
}

fn undecided(judgement: Judgement, reason: Reason) -> Judgement {
    let why = Exhausted {
        reason,
        ..not_concluded(judgement.steps)
    };
    Judgement {
        verdict: Verdict::Undecided(why),
        ..judgement
    }
}

/// What a judgement says until there is more to say.
fn not_concluded(steps: u64) -> Exhausted {
    Exhausted {
        reason: Reason::Stopped,
        key: None,
        partitions: 1,
        furthest: None,
        steps,
    }
}
