//! Whether a plan describes a run that can be made.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::{Plan, PlanError, PlannedInjection};
use testimony_history::Function;

use crate::{Fault, NodeName, Selector, WorkloadParams, span};

/// The most nodes: beyond it one machine is not the place.
const NODES_MAX: u32 = 99;
/// The most client processes at a time.
const CLIENTS_MAX: u32 = 1_000;
/// The most operations per second.
const RATE_MAX: u32 = 1_000_000;
/// The most keys in use at a time.
const KEYS_MAX: u32 = 10_000;
/// The longest of any span in a plan.
const SPAN_MAX: Duration = Duration::from_secs(7 * 24 * 3_600);

impl Plan {
    /// Checks all that can be checked without the target.
    pub(crate) fn validate(&self) -> Result<(), PlanError> {
        self.check_sizes()?;
        self.check_spans()?;
        check_workload(&self.workload)?;
        self.check_numbers()?;
        self.check_script()?;
        self.check_commands()?;
        self.injections
            .iter()
            .try_for_each(|injection| self.check_injection(injection))
    }

    fn check_sizes(&self) -> Result<(), PlanError> {
        let nodes = "a cluster has 1 to 99 nodes";
        let clients = "a run has 1 to 1000 clients";
        let rate = "a run makes 1 to 1000000 operations a second";
        size("nodes", self.nodes, 1..=NODES_MAX, nodes)?;
        size("clients", self.clients, 1..=CLIENTS_MAX, clients)?;
        size("rate", self.rate, 1..=RATE_MAX, rate)
    }

    fn check_spans(&self) -> Result<(), PlanError> {
        let positive = [
            ("time", self.time),
            ("recovery", self.recovery),
            ("final_reads", self.final_reads),
            ("call_timeout", self.call_timeout),
            ("verify_timeout", self.verify_timeout),
        ];
        for (field, value) in positive {
            if value.is_zero() {
                return Err(too_short(field));
            }
        }
        let all = positive
            .into_iter()
            .chain([("warm_up", self.warm_up), ("start_wait", self.start_wait)]);
        match all.into_iter().find(|(_, value)| *value > SPAN_MAX) {
            Some((field, value)) => Err(too_long(field, value)),
            None => Ok(()),
        }
    }

    fn check_numbers(&self) -> Result<(), PlanError> {
        let mut seen = BTreeSet::new();
        for injection in &self.injections {
            if injection.id == 0 || !seen.insert(injection.id) {
                return Err(wrong(injection, "must have a number of its own, from 1"));
            }
        }
        Ok(())
    }

    fn check_injection(&self, injection: &PlannedInjection) -> Result<(), PlanError> {
        if injection.at.saturating_add(injection.duration) > self.time {
            let time = span::format(self.time);
            let problem = format!("ends after the time of faults ({time}): make that longer");
            return Err(wrong(injection, &problem));
        }
        if injection.fault.is_instant() != injection.duration.is_zero() {
            let problem = if injection.fault.is_instant() {
                "is over at once: remove its duration"
            } else {
                "has no duration: give it one"
            };
            return Err(wrong(injection, problem));
        }
        check_fault(&injection.fault).map_err(|problem| wrong(injection, problem))?;
        self.check_selectors(injection)
    }

    fn check_selectors(&self, injection: &PlannedInjection) -> Result<(), PlanError> {
        for selector in injection.fault.selectors() {
            let known = match selector {
                Selector::Leader => true,
                Selector::Follower(number) => (1..self.nodes).contains(number),
                Selector::Node(name) => self.node_names().contains(name),
            };
            if !known {
                let last = NodeName::numbered(self.nodes);
                let problem = format!("names `{selector}`, but the nodes are n1 to {last}");
                return Err(wrong(injection, &problem));
            }
        }
        Ok(())
    }
}

fn check_workload(w: &WorkloadParams) -> Result<(), PlanError> {
    let keys = "there must be 1 to 10000 keys";
    let lives = "a key must live for at least one operation";
    let percent = "a percentage is 0 to 100";
    let burst = "a burst has 1 to 1000 operations";
    let back = "at most 100 reads look back at a key";
    let last = "each key must be read from 1 to 99 nodes";
    size("workload.keys", w.keys, 1..=KEYS_MAX, keys)?;
    size(
        "workload.operations_per_key",
        w.operations_per_key,
        1..=u32::MAX,
        lives,
    )?;
    size(
        "workload.unknowns_per_key",
        w.unknowns_per_key,
        1..=u32::MAX,
        lives,
    )?;
    size("workload.roam", w.roam, 0..=100, percent)?;
    size("workload.offsets", w.offsets, 0..=100, percent)?;
    size("workload.contention", w.contention, 0..=100, percent)?;
    size("workload.burst", w.burst, 1..=CLIENTS_MAX, burst)?;
    size("workload.read_back", w.read_back, 0..=100, back)?;
    size("workload.final_reads", w.final_reads, 1..=NODES_MAX, last)?;
    check_mix(w)
}

fn check_mix(workload: &WorkloadParams) -> Result<(), PlanError> {
    let able = workload.name.functions();
    let foreign = workload
        .mix
        .weights()
        .into_iter()
        .find(|(f, w)| *w > 0 && !able.contains(f));
    if let Some((function, _)) = foreign {
        let function = function.name().to_owned();
        return Err(PlanError::Operation {
            workload: workload.name.name(),
            function,
        });
    }
    let weight = |f: &Function| {
        let weights = workload.mix.weights();
        let found = weights.into_iter().find(|(known, _)| known == f);
        found.map_or(0, |(_, weight)| weight)
    };
    let watch = workload.name.watch();
    let watching = weight(&watch);
    if watching == 0 {
        return Err(PlanError::Size {
            field: watched_field(&watch),
            value: "0".into(),
            problem: unwatched(&watch),
        });
    }
    let watched = u64::from(watching) + u64::from(workload.mix.contains);
    if workload.mix.total() == watched {
        let problem = "nothing is ever updated: give another operation than that a weight";
        return Err(PlanError::Size {
            field: "workload.mix",
            value: format!("only {}", watch.name()),
            problem,
        });
    }
    Ok(())
}

fn watched_field(watch: &Function) -> &'static str {
    match watch {
        Function::Dequeue => "workload.mix.dequeue",
        Function::Acquire => "workload.mix.acquire",
        _ => "workload.mix.read",
    }
}

fn unwatched(watch: &Function) -> &'static str {
    match watch {
        Function::Dequeue => "what is never taken out is never missed: give dequeue a weight",
        Function::Acquire => "a lock that nobody wants is never wrong: give acquire a weight",
        _ => "without reads nothing is ever noticed: give read a weight",
    }
}

fn check_fault(fault: &Fault) -> Result<(), &'static str> {
    let named: Vec<&Selector> = fault.selectors();
    let distinct: BTreeSet<&Selector> = named.iter().copied().collect();
    if named.is_empty() {
        return Err("names no node");
    }
    if distinct.len() < named.len() {
        return Err("names a node twice");
    }
    match fault {
        Fault::Partition { groups } if groups.iter().filter(|g| !g.is_empty()).count() < 2 => {
            Err("must have at least two groups")
        }
        Fault::OneWay { from, to } if from.is_empty() || to.is_empty() => {
            Err("must have a node that is not heard and one that does not hear it")
        }
        Fault::Ring { order } if order.len() < 4 => Err("needs a ring of at least four nodes"),
        Fault::Slow { delay, jitter, .. } if jitter > delay => {
            Err("varies by more than its delay: a message cannot arrive before it was sent")
        }
        Fault::Lossy { flaws, .. }
            if flaws.lost > 100 || flaws.doubled > 100 || flaws.late > 100 =>
        {
            Err("gives a percentage above 100")
        }
        Fault::Skew { drift_ppm, .. } if *drift_ppm <= -1_000_000 => {
            Err("stops the clock: a drift is above -1000000 ppm")
        }
        Fault::Throttle {
            bytes_per_second: 0,
            ..
        } => Err("lets nothing pass: use a partition for that"),
        _ => Ok(()),
    }
}

fn size(
    field: &'static str,
    value: u32,
    range: RangeInclusive<u32>,
    problem: &'static str,
) -> Result<(), PlanError> {
    if range.contains(&value) {
        return Ok(());
    }
    let value = value.to_string();
    Err(PlanError::Size {
        field,
        value,
        problem,
    })
}

fn too_short(field: &'static str) -> PlanError {
    PlanError::Size {
        field,
        value: "0s".into(),
        problem: "give it some time, for example 1s",
    }
}

fn too_long(field: &'static str, value: Duration) -> PlanError {
    let problem = "nothing in a plan may take longer than a week";
    PlanError::Size {
        field,
        value: span::format(value),
        problem,
    }
}

fn wrong(injection: &PlannedInjection, problem: &str) -> PlanError {
    PlanError::Injection {
        id: injection.id,
        kind: injection.kind,
        problem: problem.to_owned(),
    }
}
