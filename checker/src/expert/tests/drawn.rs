//! Random histories with a chosen mix of operations, so that a certain algorithm has to judge them.

use rand::{Rng, RngExt};
use testimony_history::{
    Answer, Call, Event, Function, History, Kind, Model, Outcome, Process, RecordedHistory,
    Recording, Value,
};

use crate::simulated::object::Object;

/// What is called, as the number of values written so far and a die from 0 to 99 decide.
pub(super) type Wish = fn(i64, u32) -> (Function, Option<Value>);

/// A kind of random history.
#[derive(Clone)]
pub(super) struct Mix {
    pub(super) model: Model,
    pub(super) initial: Value,
    pub(super) wish: Wish,
    /// The chance that an operation is told what need not be told.
    pub(super) told: f64,
    pub(super) operations: usize,
    pub(super) processes: u64,
    pub(super) unknown: f64,
    pub(super) failed: f64,
    pub(super) tie: f64,
    /// How often something open goes on rather than another operation is begun.
    pub(super) haste: f64,
    /// Whether the first operation stays open to the end.
    pub(super) spanning: bool,
    /// The chance that an operation is answered from an older state, or forgotten.
    pub(super) fault: f64,
}

struct Pending {
    process: u64,
    call: Call,
    answer: Option<Answer>,
    abandoned: bool,
    spanning: bool,
}

struct Drawing<'a, R> {
    mix: &'a Mix,
    rng: &'a mut R,
    object: Object,
    older: Vec<Object>,
    pending: Vec<Pending>,
    events: Vec<Event>,
    idle: Vec<u64>,
    next_process: u64,
    time: u64,
    written: i64,
}

/// A history of one object.
pub(super) fn draw(mix: &Mix, rng: &mut impl Rng) -> RecordedHistory {
    let mut drawing = Drawing {
        mix,
        rng,
        object: Object::new(mix.model, &mix.initial),
        older: Vec::new(),
        pending: Vec::new(),
        events: Vec::new(),
        idle: (0..mix.processes).collect(),
        next_process: mix.processes,
        time: 0,
        written: 0,
    };
    drawing.run();
    let recording = Recording::from_events(Default::default(), drawing.events);
    recording.history(mix.model).expect("it is well formed").0
}

impl<R: Rng> Drawing<'_, R> {
    fn run(&mut self) {
        let mut begun = 0;
        loop {
            let open = self
                .pending
                .iter()
                .filter(|op| !op.abandoned && !op.spanning);
            let open = open.count();
            let may_begin = begun < self.mix.operations && !self.idle.is_empty();
            if may_begin && (open == 0 || !self.rng.random_bool(self.mix.haste)) {
                self.begin(self.mix.spanning && begun == 0 && self.mix.processes > 1);
                begun += 1;
            } else if begun < self.mix.operations || open > 0 {
                self.go_on();
            } else if self.pending.iter().any(|op| op.spanning) {
                self.pending.iter_mut().for_each(|op| op.spanning = false);
            } else {
                return;
            }
        }
    }

    fn begin(&mut self, spanning: bool) {
        let at = self.rng.random_range(0..self.idle.len());
        let process = self.idle.swap_remove(at);
        let (f, value) = (self.mix.wish)(self.written, self.rng.random_range(0..100));
        self.written += 1;
        let call = Call {
            f,
            key: (self.mix.model == Model::Kv).then(|| Value::from("x")),
            value,
        };
        self.write(process, Kind::Invoke, &call, None);
        self.pending.push(Pending {
            process,
            call,
            answer: None,
            abandoned: false,
            spanning,
        });
    }

    fn go_on(&mut self) {
        let at = self.rng.random_range(0..self.pending.len());
        let op = &self.pending[at];
        let (abandoned, effected) = (op.abandoned, op.answer.is_some());
        if !effected && !self.rng.random_bool(self.mix.failed) {
            self.take_effect(at);
        } else if op.spanning {
        } else if !abandoned && self.rng.random_bool(self.mix.unknown) {
            self.end(at, Kind::Info);
        } else if !abandoned && !effected {
            self.end(at, Kind::Fail);
        } else if abandoned {
            self.pending.swap_remove(at);
        } else {
            self.end(at, Kind::Ok);
        }
    }

    fn take_effect(&mut self, at: usize) {
        let (process, call) = (self.pending[at].process, self.pending[at].call.clone());
        let mut after = self.object.clone();
        let wanted = self.rng.random_bool(self.mix.told);
        let Some(mut answer) = self.answered(&mut after, process, &call, wanted) else {
            if self.pending[at].abandoned {
                self.pending.swap_remove(at);
            } else {
                self.pending[at].spanning = false;
                self.end(at, Kind::Fail);
            }
            return;
        };
        if self.rng.random_bool(self.mix.fault) {
            if self.rng.random_bool(0.5) {
                after = self.object.clone();
            } else if !self.older.is_empty() {
                let mut old = self.older[self.rng.random_range(0..self.older.len())].clone();
                answer = self
                    .answered(&mut old, process, &call, wanted)
                    .unwrap_or(answer);
            }
        }
        self.older.push(std::mem::replace(&mut self.object, after));
        if self.older.len() > 8 {
            self.older.remove(0);
        }
        self.pending[at].answer = Some(answer);
    }

    /// Applies a call; what need not be told is told as wanted.
    fn answered(
        &mut self,
        object: &mut Object,
        process: u64,
        call: &Call,
        wanted: bool,
    ) -> Option<Answer> {
        for _ in 0..50 {
            let mut after = object.clone();
            let answer = after.apply(process, call, self.rng)?;
            let optional = matches!(call.f, Function::Add | Function::Append | Function::Acquire)
                || call.f == Function::Remove;
            if answer.swapped == Some(false) && answer.actual.is_none() {
                continue;
            }
            let refused = answer.result == Some(Value::Bool(false)) && call.f == Function::Acquire;
            if !optional || refused || answer.result.is_some() == wanted {
                *object = after;
                return Some(answer);
            }
        }
        panic!("it is told half the time")
    }

    fn end(&mut self, at: usize, kind: Kind) {
        let (process, call) = (self.pending[at].process, self.pending[at].call.clone());
        let answer = self.pending[at].answer.clone();
        self.write(process, kind, &call, answer.filter(|_| kind == Kind::Ok));
        if kind == Kind::Info {
            self.pending[at].abandoned = true;
            self.idle.push(self.next_process);
            self.next_process += 1;
        } else {
            self.pending.swap_remove(at);
            self.idle.push(process);
        }
    }

    fn write(&mut self, process: u64, kind: Kind, call: &Call, answer: Option<Answer>) {
        self.time += u64::from(!self.rng.random_bool(self.mix.tie));
        let answer = answer.unwrap_or_default();
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
                answer.value
            },
            swapped: answer.swapped,
            actual: answer.actual,
            result: answer.result,
            node: None,
            error: None,
            extra: None,
        });
    }
}

/// The history with one answer replaced by another one of the history, or by one next to it.
pub(super) fn mutate(history: &RecordedHistory, rng: &mut impl Rng) -> RecordedHistory {
    let mut operations = history.operations().to_vec();
    let at = rng.random_range(0..operations.len());
    let from = operations[rng.random_range(0..operations.len())].clone();
    if let (Outcome::Completed(answer), Outcome::Completed(other)) =
        (&mut operations[at].outcome, &from.outcome)
    {
        let nearby = rng.random_bool(0.5);
        let mut other_of = |value: Option<Value>, other: &Option<Value>| {
            value.map(|value| match value {
                Value::Int(number) if nearby => Value::Int(number + rng.random_range(-1..=1)),
                value => other.clone().unwrap_or(value),
            })
        };
        answer.value = other_of(answer.value.take(), &other.value);
        let fits = matches!(answer.result, Some(Value::Int(number)) if number > 0)
            || !matches!(answer.result, Some(Value::Int(_)));
        if fits {
            answer.result = other_of(answer.result.take(), &other.result);
        }
    }
    History::from_operations(operations)
}
