//! Runs that never took place: a cluster of one map, clients with made-up latencies, faults that
//! make calls fail. Seeded, so that a page made from them is the same every time.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod run;
pub(crate) mod verdict;

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use testimony_engine::{
    Action, FaultKind, InjectionRecord, Nanos, NodeName, NodeStatus, Role, StatusSample,
};
use testimony_history::{Event, Function, Header, Kind, Model, Process, Recording, Value};

/// One second, in nanoseconds.
pub(crate) const SECOND: u64 = 1_000_000_000;

/// How the made-up run goes.
pub(crate) struct Shape {
    pub(crate) seed: u64,
    pub(crate) seconds: u64,
    pub(crate) clients: u32,
    /// Operations per second over all clients.
    pub(crate) rate: u32,
    /// Whether, near the end, one read answers with a value that was already replaced.
    pub(crate) stale_read: bool,
}

/// A made-up run.
pub(crate) struct Sample {
    pub(crate) recording: Recording,
    pub(crate) injections: Vec<InjectionRecord>,
    pub(crate) status: Vec<StatusSample>,
}

/// An operation, before it is written down.
struct Made {
    process: u64,
    f: Function,
    key: String,
    value: Option<Value>,
    called: u64,
    effect: u64,
    returned: u64,
    end: Kind,
}

/// Makes a run.
pub(crate) fn make(shape: &Shape) -> Sample {
    let mut random = ChaCha8Rng::seed_from_u64(shape.seed);
    let injections = injections(shape);
    let mut made = operations(shape, &injections, &mut random);
    made.sort_by_key(|operation| operation.effect);
    let events = events(&made, shape);
    let header = Header {
        model: Some(Model::Kv),
        seed: Some(shape.seed),
        nodes: (1..=5).map(|n| format!("n{n}").into()).collect(),
        ..Header::default()
    };
    let recording = Recording::from_events(header, events);
    Sample {
        status: status(shape, &injections),
        recording,
        injections,
    }
}

fn operations(shape: &Shape, faults: &[InjectionRecord], random: &mut ChaCha8Rng) -> Vec<Made> {
    let mut made = Vec::new();
    let mut unused = u64::from(shape.clients);
    let pause = SECOND * u64::from(shape.clients) / u64::from(shape.rate);
    let mut written = 0;
    for client in 0..u64::from(shape.clients) {
        let (mut process, mut now) = (client, random.random_range(0..pause));
        while now < shape.seconds * SECOND {
            let troubled = faults.iter().any(|fault| during(fault, now));
            let slow = if troubled && random.random_bool(0.1) {
                300
            } else {
                1
            };
            let latency = random.random_range(400_000..4_000_000) * slow;
            let end = match (troubled, random.random_range(0..100)) {
                (true, 0..=3) => Kind::Info,
                (true, 4..=11) => Kind::Fail,
                _ => Kind::Ok,
            };
            written += 1;
            made.push(Made {
                process,
                f: function(random),
                key: format!("k{}", now / (5 * SECOND) * 4 + random.random_range(0..4)),
                value: Some(Value::Int(written)),
                called: now,
                effect: now + random.random_range(1..latency),
                returned: now + latency,
                end,
            });
            if end == Kind::Info {
                process = unused;
                unused += 1;
            }
            now += latency + random.random_range(pause / 2..pause * 3 / 2);
        }
    }
    made
}

fn function(random: &mut ChaCha8Rng) -> Function {
    match random.random_range(0..10) {
        0..=4 => Function::Read,
        5..=7 => Function::Write,
        8 => Function::Cas,
        _ => Function::Contains,
    }
}

fn during(fault: &InjectionRecord, now: u64) -> bool {
    let from = fault.started_at.unwrap_or(fault.requested_at).0;
    from <= now && fault.ended_at.is_none_or(|ended| now < ended.0)
}

/// Carries the operations out in the order of their effects, and writes them down in that of time.
fn events(made: &[Made], shape: &Shape) -> Vec<Event> {
    let mut values: BTreeMap<String, (Value, Value)> = BTreeMap::new();
    let mut timed: Vec<(u64, Event)> = Vec::new();
    let reads = |operation: &&Made| operation.f == Function::Read && operation.end == Kind::Ok;
    let stale_from = shape.seconds * SECOND * 2 / 3;
    let mut stale = shape.stale_read;
    for operation in made {
        let (now, before) = values.entry(operation.key.clone()).or_default();
        let mut done = event(operation, operation.end);
        match operation.f {
            Function::Write if operation.end == Kind::Ok => {
                *before = std::mem::replace(now, operation.value.clone().unwrap_or_default());
            }
            Function::Cas if operation.end == Kind::Ok => {
                done.swapped = Some(false);
                done.actual = Some(now.clone());
            }
            Function::Contains if operation.end == Kind::Ok => {
                done.result = Some(Value::Bool(*now != Value::Null));
            }
            Function::Read if operation.end == Kind::Ok => done.value = Some(now.clone()),
            _ => {}
        }
        if stale && reads(&operation) && operation.called > stale_from && *before != Value::Null {
            done.value = Some(before.clone());
            stale = false;
        }
        timed.push((operation.called, event(operation, Kind::Invoke)));
        timed.push((operation.returned, done));
    }
    timed.sort_by_key(|(time, event)| (*time, event.kind != Kind::Invoke));
    let numbered = timed.into_iter().enumerate();
    numbered
        .map(|(n, (time, e))| Event {
            index: n as u64,
            time: Some(time),
            ..e
        })
        .collect()
}

fn event(operation: &Made, kind: Kind) -> Event {
    let value = match operation.f {
        Function::Write => operation.value.clone(),
        Function::Cas => Some(Value::list([
            Value::Int(-1),
            operation.value.clone().unwrap_or_default(),
        ])),
        _ => None,
    };
    Event {
        index: 0,
        time: None,
        process: Process::Client(operation.process),
        kind,
        f: operation.f.clone(),
        key: Some(Value::str(&operation.key)),
        value,
        swapped: None,
        actual: None,
        result: None,
        node: (kind == Kind::Invoke).then(|| format!("n{}", 1 + operation.process % 5).into()),
        error: (kind == Kind::Info).then(|| Value::str("timeout")),
        extra: None,
    }
}

fn injections(shape: &Shape) -> Vec<InjectionRecord> {
    let kinds = FaultKind::ALL;
    let mut injections = Vec::new();
    let mut at = 2 * SECOND;
    while at + 4 * SECOND < shape.seconds * SECOND {
        let number = injections.len();
        let kind = kinds[number * 5 % kinds.len()];
        let instant = kind == FaultKind::TransferLeader || kind == FaultKind::SnapshotNow;
        let length = if instant {
            2_000_000
        } else {
            SECOND + (number as u64 * 700_000_000) % (2 * SECOND)
        };
        let nodes = [NodeName::new(&format!("n{}", 1 + number % 5))];
        injections.push(InjectionRecord {
            injection: number as u64 + 1,
            kind,
            action: Action::Kill {
                nodes: nodes.into(),
            },
            requested_at: Nanos(at),
            started_at: (number != 3).then_some(Nanos(at + 20_000_000)),
            ended_at: (number != 3).then_some(Nanos(at + 20_000_000 + length)),
            verified: number != 3,
            healed: number != 3,
            note: (number == 3).then(|| "the node was already down".to_owned()),
        });
        if number == 3 {
            injections[3].ended_at = Some(Nanos(at + SECOND));
        }
        at += (length + 900_000_000).saturating_sub((number as u64 % 3) * 700_000_000);
    }
    injections
}

fn status(shape: &Shape, faults: &[InjectionRecord]) -> Vec<StatusSample> {
    let tick = SECOND / 5;
    let sample = |number: u64| {
        let now = number * tick;
        let passed = faults
            .iter()
            .filter(|fault| fault.requested_at.0 < now)
            .count() as u64;
        let node = |name: u64| {
            let down = faults
                .iter()
                .any(|fault| during(fault, now) && fault.injection % 5 == name - 1);
            let role = match (1 + passed % 5 == name, down) {
                (true, _) => Role::Leader,
                (false, true) => Role::Candidate,
                (false, false) => Role::Follower,
            };
            let alive = !(down && passed.is_multiple_of(2));
            (
                NodeName::new(&format!("n{name}")),
                NodeStatus {
                    alive,
                    role: Some(role),
                    term: Some(passed + 1),
                    ..NodeStatus::default()
                },
            )
        };
        StatusSample {
            time: Nanos(now),
            nodes: (1..=5).map(node).collect(),
        }
    };
    (0..shape.seconds * SECOND / tick).map(sample).collect()
}
