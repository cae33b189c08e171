//! Who calls what when, and what becomes of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::{Rng, RngExt};
use testimony_history::{
    Answer, Call, Event, Function, Kind, Model, Process, RecordedHistory, Recording, Value,
};

use super::object::{Fault, Object};

/// The size and the hazards of a simulated history.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) model: Model,
    pub(crate) processes: u64,
    pub(crate) operations: usize,
    /// Keys; 0 means that operations have none.
    pub(crate) keys: u64,
    /// How many different values are written; 0 means that every value is written once.
    pub(crate) values: i64,
    /// The chance that an operation's outcome is unknown, and that it fails.
    pub(crate) unknown: f64,
    pub(crate) failed: f64,
    /// The chance that an event has the time of the one before.
    pub(crate) tie: f64,
    /// A fault, and its chance per operation.
    pub(crate) fault: Option<(Fault, f64)>,
    /// How often an operation is ended rather than another begun: more means less concurrency.
    pub(crate) haste: f64,
    /// Whether a compare-and-set that did not match tells the value, always or half the time.
    pub(crate) actual: bool,
    /// What every object starts as.
    pub(crate) initial: Value,
}

struct Pending {
    process: u64,
    call: Call,
    /// What it answered, once it has taken effect.
    answer: Option<Answer>,
    /// Whether its process has stopped waiting for it.
    abandoned: bool,
}

struct Run<'r, R> {
    schedule: &'r Schedule,
    rng: &'r mut R,
    objects: BTreeMap<u64, Object>,
    older: BTreeMap<u64, Vec<Object>>,
    pending: Vec<Pending>,
    events: Vec<Event>,
    time: u64,
    next_process: u64,
    idle: Vec<u64>,
    written: i64,
    /// Whether the planted fault has struck.
    faulty: bool,
}

/// A history, and whether a fault struck in it. A history without a fault is linearizable.
pub(crate) fn simulate(schedule: &Schedule, rng: &mut impl Rng) -> (RecordedHistory, bool) {
    let mut run = Run {
        schedule,
        rng,
        objects: BTreeMap::new(),
        older: BTreeMap::new(),
        pending: Vec::new(),
        events: Vec::new(),
        time: 0,
        next_process: schedule.processes,
        idle: (0..schedule.processes).collect(),
        written: 0,
        faulty: false,
    };
    run.run();
    let faulty = run.faulty;
    let recording = Recording::from_events(Default::default(), run.events);
    (
        recording
            .history(schedule.model)
            .expect("a simulated history is well formed")
            .0,
        faulty,
    )
}

impl<R: Rng> Run<'_, R> {
    fn run(&mut self) {
        let mut begun = 0;
        while begun < self.schedule.operations || self.pending.iter().any(|op| !op.abandoned) {
            let may_begin = begun < self.schedule.operations && !self.idle.is_empty();
            if may_begin && (self.pending.is_empty() || !self.rng.random_bool(self.schedule.haste))
            {
                self.begin();
                begun += 1;
            } else if !self.pending.is_empty() {
                self.go_on();
            }
        }
    }

    fn begin(&mut self) {
        let at = self.rng.random_range(0..self.idle.len());
        let process = self.idle.swap_remove(at);
        let call = self.call();
        self.write(process, Kind::Invoke, &call, None);
        self.pending.push(Pending {
            process,
            call,
            answer: None,
            abandoned: false,
        });
    }

    /// One pending operation takes effect, or returns.
    fn go_on(&mut self) {
        let at = self.rng.random_range(0..self.pending.len());
        let (abandoned, effected) = (
            self.pending[at].abandoned,
            self.pending[at].answer.is_some(),
        );
        if !abandoned && self.rng.random_bool(self.schedule.unknown) {
            let (process, call) = (self.pending[at].process, self.pending[at].call.clone());
            self.write(process, Kind::Info, &call, None);
            self.pending[at].abandoned = true;
            self.idle.push(self.next_process);
            self.next_process += 1;
        } else if !abandoned && !effected && self.rng.random_bool(self.schedule.failed) {
            self.end(at, Kind::Fail);
        } else if !effected {
            self.take_effect(at);
        } else if abandoned {
            self.pending.swap_remove(at);
        } else {
            self.end(at, Kind::Ok);
        }
    }

    fn take_effect(&mut self, at: usize) {
        let (process, call) = (self.pending[at].process, self.pending[at].call.clone());
        let key = key_number(&call);
        let model = self.schedule.model;
        let object = self
            .objects
            .entry(key)
            .or_insert_with(|| Object::new(model, &self.schedule.initial));
        let mut after = object.clone();
        let Some(mut answer) = after.apply(process, &call, self.rng) else {
            if self.pending[at].abandoned {
                self.pending.swap_remove(at);
            } else {
                self.end(at, Kind::Fail);
            }
            return;
        };
        if let Some((fault, chance)) = self.schedule.fault
            && self.rng.random_bool(chance)
        {
            self.faulty = true;
            match fault {
                Fault::Lost => after = object.clone(),
                Fault::Twice => {
                    after.apply(process, &call, self.rng);
                }
                Fault::Stale => {
                    let older = self.older.entry(key).or_default();
                    if !older.is_empty() {
                        let mut old = older[self.rng.random_range(0..older.len())].clone();
                        answer = old.apply(process, &call, self.rng).unwrap_or(answer);
                    }
                }
            }
        }
        let before = std::mem::replace(object, after);
        if self.schedule.actual
            && answer.swapped == Some(false)
            && let Object::Cell(value) = before.clone()
        {
            answer.actual.get_or_insert(value);
        }
        let older = self.older.entry(key).or_default();
        older.push(before);
        if older.len() > 20 {
            older.remove(0);
        }
        self.pending[at].answer = Some(answer);
    }

    fn end(&mut self, at: usize, kind: Kind) {
        let Pending {
            process,
            call,
            answer,
            ..
        } = self.pending.swap_remove(at);
        self.write(process, kind, &call, answer);
        self.idle.push(process);
    }

    fn write(&mut self, process: u64, kind: Kind, call: &Call, answer: Option<Answer>) {
        if !self.rng.random_bool(self.schedule.tie) {
            self.time += self.rng.random_range(1..2_000_000);
        }
        let Answer {
            value,
            swapped,
            actual,
            result,
        } = answer.unwrap_or_default();
        self.events.push(Event {
            index: self.events.len() as u64,
            time: Some(self.time),
            process: Process::Client(process),
            kind,
            f: call.f.clone(),
            key: call.key.clone(),
            value: if kind == Kind::Invoke {
                call.value.clone()
            } else {
                value
            },
            swapped,
            actual,
            result,
            node: None,
            error: None,
            extra: None,
        });
    }

    fn call(&mut self) -> Call {
        let key = (self.schedule.keys > 0).then(|| self.rng.random_range(0..self.schedule.keys));
        let (f, value) = self.wish(key.unwrap_or(0));
        let name = |key: u64| Value::from(format!("k{key}").as_str());
        Call {
            f,
            key: key.map(name),
            value,
        }
    }

    fn wish(&mut self, key: u64) -> (Function, Option<Value>) {
        use Function::*;
        let dice = self.rng.random_range(0..100);
        match self.schedule.model {
            Model::Register if dice < 45 => (Write, Some(self.value())),
            Model::CasRegister if dice < 25 => (Write, Some(self.value())),
            Model::CasRegister if dice < 60 => (Cas, Some(self.pair(key))),
            Model::Kv if dice < 25 => (Write, Some(self.text())),
            Model::Kv if dice < 40 => (Cas, Some(self.pair(key))),
            Model::Kv if dice < 50 => (Remove, None),
            Model::Kv if dice < 60 => (Contains, None),
            Model::Kv if dice < 70 => (Append, Some(self.suffix())),
            Model::Counter if dice < 55 => (
                Add,
                Some(Value::Int([1, 1, 1, -1, 2, 5][self.rng.random_range(0..6)])),
            ),
            Model::Set if dice < 35 => (Add, Some(self.value())),
            Model::Set if dice < 60 => (Remove, Some(self.known())),
            Model::Set if dice < 80 => (Contains, Some(self.known())),
            Model::Queue if dice < 50 => (Enqueue, Some(self.value())),
            Model::Queue => (Dequeue, None),
            Model::Mutex if dice < 55 => (Acquire, None),
            Model::Mutex => (Release, None),
            Model::Log if dice < 50 => (Append, Some(self.value())),
            Model::Log if dice < 70 => (Read, Some(Value::Int(self.rng.random_range(0..5)))),
            _ => (Read, None),
        }
    }

    fn value(&mut self) -> Value {
        self.written += 1;
        Value::Int(match self.schedule.values {
            0 => self.written,
            many => self.rng.random_range(1..=many),
        })
    }

    /// A value that may have been written.
    fn known(&mut self) -> Value {
        let most = if self.schedule.values == 0 {
            self.written
        } else {
            self.schedule.values
        };
        Value::Int(self.rng.random_range((most - 5).max(1)..=most.max(1)))
    }

    fn suffix(&mut self) -> Value {
        loop {
            if let text @ Value::Str(_) = self.text() {
                return text;
            }
        }
    }

    /// Where values are few, texts that may grow into one another; and now and then no text.
    fn text(&mut self) -> Value {
        let Value::Int(number) = self.value() else {
            unreachable!()
        };
        if self.schedule.values == 0 {
            return Value::from(format!("{number};").as_str());
        }
        match self.rng.random_range(0..10) {
            0..2 => Value::Int(number),
            2..5 => Value::from(
                "a".repeat(usize::try_from(number).expect("a small number"))
                    .as_str(),
            ),
            _ => Value::from(if number % 2 == 0 { "a" } else { "b" }),
        }
    }

    /// What to swap from and to: half the time from what is there.
    fn pair(&mut self, key: u64) -> Value {
        let erases = self.schedule.values > 0 && self.rng.random_bool(0.15);
        let new = if erases {
            Value::Null
        } else if self.schedule.model == Model::Kv {
            self.text()
        } else {
            self.value()
        };
        let there = match self.objects.get(&key) {
            Some(Object::Cell(value)) => value.clone(),
            _ => Value::Null,
        };
        let old = match self.rng.random_range(0..10) {
            0..6 => there,
            6 => Value::Null,
            _ if self.schedule.model == Model::Kv && self.schedule.values > 0 => self.text(),
            _ => self.known(),
        };
        Value::List(Arc::from([old, new]))
    }
}

fn key_number(call: &Call) -> u64 {
    match &call.key {
        Some(Value::Str(name)) => name[1..].parse().expect("keys are called k0, k1, ..."),
        _ => 0,
    }
}
