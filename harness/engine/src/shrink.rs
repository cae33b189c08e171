//! From a plan that shows something to a small one that shows it too.
//!
//! Whether a plan shows it is asked of somebody who carries plans out; nothing is known here of
//! what it is. Operations and injections are left out by delta debugging; then nodes, clients and
//! keys; then time. Each makes room for the others, so all are tried again until nothing changes.

mod ddmin;
mod fewer;
mod timeline;

use std::time::Duration;

use crate::{Plan, PlannedCall, Script};

pub use ddmin::ddmin;

/// Rounds at most; nothing has taken more than four so far.
const ROUNDS_MAX: u32 = 8;
/// Gaps that are tried, the shortest first, in milliseconds.
const GAPS: [u64; 8] = [1, 5, 20, 50, 100, 200, 500, 1_000];
/// How long after the last injection everything is healed, in milliseconds: what has to wait for a
/// leader may begin late.
const ENDS: [u64; 4] = [1, 100, 500, 1_000];
/// Units that times are rounded to, the longest first, in microseconds.
const UNITS: [u64; 4] = [100_000, 10_000, 1_000, 100];

/// Carries a plan out, and says whether it shows what was found. The plan that it gives back is the
/// one that did: the same, but for its seed perhaps. Once it answers `None` always, shrinking ends.
pub type Judge<'a> = dyn FnMut(&Plan, &'static str) -> Option<Plan> + 'a;

/// Makes a plan smaller while it shows what was found.
pub struct Shrinker<'a> {
    best: Plan,
    judge: &'a mut Judge<'a>,
}

impl<'a> Shrinker<'a> {
    /// For a plan that shows it, as the judge says.
    pub fn new(plan: Plan, judge: &'a mut Judge<'a>) -> Self {
        Shrinker { best: plan, judge }
    }

    /// The smallest plan that was found. `guesses` are lists of operations, by their places in the
    /// script, that may be all that matters; the first that does is taken.
    pub fn shrink(mut self, guesses: &[Vec<usize>]) -> Plan {
        self.guess(guesses);
        for _ in 0..ROUNDS_MAX {
            let before = self.best.clone();
            self.operations();
            self.injections();
            self.nodes();
            match self.best.script {
                Some(_) => self.script(),
                None => self.workload(),
            }
            if self.best == before {
                break;
            }
        }
        self.best
    }

    fn attempt(&mut self, what: &'static str, plan: &Plan) -> bool {
        let fits = |plan: &Plan| {
            let mut kinds = plan.injections.iter().map(|injection| injection.kind);
            plan.validate().is_ok() && kinds.all(|kind| kind.nodes_min() <= plan.nodes)
        };
        if *plan == self.best || !fits(plan) {
            return false;
        }
        let found = (self.judge)(plan, what);
        found.map(|plan| self.best = plan).is_some()
    }

    fn guess(&mut self, guesses: &[Vec<usize>]) {
        let Some(script) = self.best.script.clone() else {
            return;
        };
        for guess in guesses {
            let calls = guess.iter().filter_map(|place| script.calls.get(*place));
            let plan = with_calls(&self.best, calls.cloned().collect());
            if self.attempt("operations", &plan) {
                return;
            }
        }
    }

    fn operations(&mut self) {
        if let Some(script) = self.best.script.clone() {
            ddmin(script.calls, |calls| {
                let plan = with_calls(&self.best, calls.to_vec());
                self.attempt("operations", &plan)
            });
        }
    }

    fn injections(&mut self) {
        ddmin(self.best.injections.clone(), |injections| {
            let plan = Plan {
                injections: injections.to_vec(),
                ..self.best.clone()
            };
            self.attempt("injections", &plan)
        });
    }

    fn nodes(&mut self) {
        for number in (1..=self.best.nodes).rev() {
            if let Some(plan) = fewer::without_node(&self.best, number) {
                self.attempt("nodes", &plan);
            }
        }
    }

    /// What can be made less where the operations are listed.
    fn script(&mut self) {
        for from in (0..self.best.clients).rev() {
            let others = (0..from).chain([from]);
            for to in others {
                let plan = fewer::with_client_as(&self.best, from, to);
                if plan.clients < self.best.clients && self.attempt("processes", &plan) {
                    break;
                }
            }
        }
        self.keys();
        self.time();
    }

    fn keys(&mut self) {
        for from in fewer::keys(&self.best) {
            for to in fewer::keys(&self.best) {
                let plan = fewer::with_key_as(&self.best, &from, &to);
                if to != from && self.attempt("keys", &plan) {
                    break;
                }
            }
        }
    }

    /// Shortens all gaps together as far as that goes, then one by one.
    fn time(&mut self) {
        let millis = Duration::from_millis;
        for gap in GAPS {
            if self.attempt("time", &timeline::with_gaps(&self.best, millis(gap))) {
                break;
            }
        }
        for number in 0..timeline::marks(&self.best).len() {
            for gap in GAPS {
                if self.attempt("time", &timeline::with_gap(&self.best, number, millis(gap))) {
                    break;
                }
            }
        }
        for after in ENDS {
            let plan = timeline::ending(&self.best, millis(after));
            if plan.time < self.best.time && self.attempt("time", &plan) {
                break;
            }
        }
        for unit in UNITS {
            let plan = timeline::rounded(&self.best, Duration::from_micros(unit));
            if self.attempt("time", &plan) {
                break;
            }
        }
    }

    /// What can be made less where the workload draws the operations.
    fn workload(&mut self) {
        while self.attempt(
            "time",
            &timeline::ending(&self.best, Duration::from_millis(100)),
        ) || self.halved("time", |plan| {
            plan.time /= 2;
            plan.injections.retain(|i| i.at + i.duration <= plan.time);
        }) {}
        while self.halved("processes", |plan| plan.clients /= 2) {}
        while self.halved("operations", |plan| plan.rate /= 2) {}
        while self.halved("keys", |plan| plan.workload.keys /= 2) {}
    }

    fn halved(&mut self, what: &'static str, halve: impl Fn(&mut Plan)) -> bool {
        let mut plan = self.best.clone();
        halve(&mut plan);
        self.attempt(what, &plan)
    }
}

fn with_calls(plan: &Plan, calls: Vec<PlannedCall>) -> Plan {
    let probes = plan.script.as_ref().is_some_and(|script| script.probes);
    Plan {
        script: Some(Script { probes, calls }),
        ..plan.clone()
    }
}

#[cfg(test)]
mod tests;
