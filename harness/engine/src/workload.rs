//! Which operations the clients make: pure, from a seed and from what was answered.
//!
//! A workload has teeth if what a system loses is noticed. Three habits give it teeth:
//! - Written values are unique, and compare-and-set expects what was lately read, so it often
//!   matches.
//! - Reads seek keys whose last update nobody has read yet, and updates seek the others: a write
//!   that nobody reads before the next one hides its loss.
//! - When a fault has ended or a leader has changed, every key updated since the last time is read
//!   back from several nodes before it is updated again.
//!
//! A key is used for a few hundred operations, or until it has too many unknown updates, and then a
//! fresh one takes its place, so that each key's history stays easy to judge.

mod key;
mod params;

use std::collections::BTreeMap;
use std::time::Duration;

use testimony_history::{Call, Ending, Function, Value};

use crate::chance::Chance;
use crate::{Nanos, ProcessId};
use key::{Key, KeyKind};

pub use params::{Mix, WorkloadKind, WorkloadParams};

/// How long a key is spared from updates at most while it is read back.
const HOLD: Duration = Duration::from_millis(300);
/// How often, in percent, a read seeks an unread update, and an update a read key.
const SEEK: u32 = 90;
/// How often, in percent, a set is asked for what was never added.
const STRANGE: u32 = 5;

/// The generator of a run's operations.
#[derive(Clone, Debug)]
pub struct Workload {
    params: WorkloadParams,
    chance: Chance,
    /// The keys in use; their kinds never change from generation to generation.
    keys: Vec<Key>,
    /// Every key that was ever called, in the order of its first call.
    touched: Vec<Value>,
    /// What each process is at.
    open: BTreeMap<ProcessId, Open>,
    /// The lock that a process holds.
    held: BTreeMap<ProcessId, Value>,
    keys_made: u32,
    values_made: i64,
    /// Where in `keys` the last call went.
    last: Option<usize>,
}

/// An operation under way.
#[derive(Clone, Debug)]
struct Open {
    key: Value,
    /// Whether it will show the updates completed before it was called.
    shows: bool,
}

impl Workload {
    /// The workload of a run with that seed.
    pub fn new(seed: u64, params: &WorkloadParams) -> Self {
        let mut workload = Workload {
            params: params.clone(),
            chance: Chance::new(seed, "workload"),
            keys: Vec::new(),
            touched: Vec::new(),
            open: BTreeMap::new(),
            held: BTreeMap::new(),
            keys_made: 0,
            values_made: 0,
            last: None,
        };
        for kind in key::kinds(params) {
            // The first generation gets lives of all lengths, so that keys retire one by one.
            let key = workload.fresh_key(kind, 25);
            workload.keys.push(key);
        }
        workload
    }

    /// The next operation of `process`, which must not have one open.
    pub fn next(&mut self, process: ProcessId, now: Nanos) -> Call {
        if let Some(name) = self.held.get(&process) {
            return self.release(process, name.clone());
        }
        let (slot, f) = self.choose(now);
        if self.keys[slot].is_worn_out(&self.params) {
            self.keys[slot] = self.fresh_key(self.keys[slot].kind, 75);
        }
        let value = self.argument(slot, &f);
        let key = &mut self.keys[slot];
        if key.operations == 0 {
            self.touched.push(key.name.clone());
        }
        // A read of one offset shows nothing of the others.
        let shows = f == Function::Read && value.is_none();
        key.called(&f, shows);
        self.last = Some(slot);
        let call = Call {
            f,
            key: Some(key.name.clone()),
            value,
        };
        self.open(process, &call, shows);
        call
    }

    /// Whoever holds a lock releases it next, also one that is not used any more: only the holder
    /// can.
    fn release(&mut self, process: ProcessId, name: Value) -> Call {
        let call = Call {
            f: Function::Release,
            key: Some(name),
            value: None,
        };
        let mut keys = self.keys.iter_mut();
        if let Some(key) = keys.find(|key| Some(&key.name) == call.key.as_ref()) {
            key.called(&call.f, false);
        }
        self.open(process, &call, false);
        call
    }

    fn open(&mut self, process: ProcessId, call: &Call, shows: bool) {
        let key = call.key.clone().unwrap_or_default();
        self.open.insert(process, Open { key, shows });
    }

    /// What became of the operation that `process` had open.
    pub fn observe(&mut self, process: ProcessId, call: &Call, ending: &Ending) {
        let Some(open) = self.open.remove(&process) else {
            return;
        };
        self.watch_lock(process, &open.key, call, ending);
        if let Some(key) = self.keys.iter_mut().find(|key| key.name == open.key) {
            key.learnt(call, ending, open.shows);
        }
    }

    /// A process holds a lock from when it is granted until its release is answered. If that was
    /// refused it holds it still. Whoever does not know is retired, and nobody else may release.
    fn watch_lock(&mut self, process: ProcessId, key: &Value, call: &Call, ending: &Ending) {
        match (&call.f, ending) {
            (Function::Acquire, Ending::Ok(answer))
                if answer.result != Some(Value::Bool(false)) =>
            {
                self.held.insert(process, key.clone());
            }
            (Function::Release, Ending::Ok(_)) | (_, Ending::Info(_)) => {
                self.held.remove(&process);
            }
            _ => {}
        }
    }

    /// A fault has ended, or a leader has changed: what was updated since the last time is to be
    /// read back before it is updated again.
    pub fn look_back(&mut self, now: Nanos) {
        for key in &mut self.keys {
            key.look_back(self.params.read_back, now + HOLD);
        }
    }

    /// Every key that was ever called, in the order of its first call.
    pub fn touched(&self) -> &[Value] {
        &self.touched
    }

    /// What is called where nothing may be updated: it watches.
    fn watch(&self) -> Function {
        self.params.name.watch()
    }

    /// A key and a function. Reads that look back come first.
    fn choose(&mut self, now: Nanos) -> (usize, Function) {
        if let Some(slot) = self.keys.iter().position(|key| key.wanted > 0) {
            return (slot, Function::Read);
        }
        let f = self.function();
        let able: Vec<usize> = (0..self.keys.len())
            .filter(|&slot| self.keys[slot].allows(&f, now))
            .collect();
        let again = self.chance.percent(self.params.contention);
        let seeks = self.chance.percent(SEEK);
        match self.last.filter(|last| again && able.contains(last)) {
            Some(last) => (last, f),
            None if seeks => self.seek(&able, f),
            // If every key that could be updated is being read back, any is read.
            None => self
                .any(&able)
                .map_or_else(|| (self.any_key(), self.watch()), |slot| (slot, f)),
        }
    }

    /// The key where `f` is of most use. Where it would hide what nobody has read, that is read.
    fn seek(&mut self, able: &[usize], f: Function) -> (usize, Function) {
        let reluctance = |slot: &usize| self.keys[*slot].reluctance(&f);
        let least = able.iter().map(reluctance).min();
        let best: Vec<usize> = able
            .iter()
            .copied()
            .filter(|slot| Some(reluctance(slot)) == least)
            .collect();
        match self.any(&best) {
            Some(slot) if least < Some(key::HIDES) => (slot, f),
            Some(slot) => (slot, self.watch()),
            None => (self.any_key(), self.watch()),
        }
    }

    fn any(&mut self, slots: &[usize]) -> Option<usize> {
        let index = self.chance.index(slots.len());
        slots.get(index).copied()
    }

    fn any_key(&mut self) -> usize {
        self.chance.index(self.keys.len())
    }

    fn function(&mut self) -> Function {
        // Who holds a lock has released it before it comes here.
        if self.params.name == WorkloadKind::Lock {
            return Function::Acquire;
        }
        let weights = self.params.mix.weights();
        let indexed: Vec<(usize, u64)> = weights
            .iter()
            .enumerate()
            .map(|(index, (_, weight))| (index, u64::from(*weight)))
            .collect();
        match self.chance.weighted(&indexed) {
            Some(index) => weights[index].0.clone(),
            None => self.watch(),
        }
    }

    fn argument(&mut self, slot: usize, f: &Function) -> Option<Value> {
        match f {
            Function::Write | Function::Enqueue => Some(self.fresh_value()),
            Function::Cas if self.params.name == WorkloadKind::Propose => {
                Some(Value::list([Value::Null, self.fresh_value()]))
            }
            Function::Cas => {
                let expected = self.keys[slot].expectation(&mut self.chance);
                Some(Value::list([expected, self.fresh_value()]))
            }
            _ if self.keys[slot].kind == KeyKind::Set => self.element(slot, f),
            Function::Append if self.keys[slot].kind == KeyKind::Log => Some(self.fresh_value()),
            Function::Read if self.chance_of_offset(slot) => {
                let offset = self.keys[slot].offset(&mut self.chance);
                Some(Value::Int(i64::try_from(offset).unwrap_or(i64::MAX)))
            }
            Function::Append => {
                self.values_made += 1;
                Some(Value::str(&format!("{},", self.values_made)))
            }
            Function::Add => {
                let amount = self.chance.between(1, 100);
                Some(Value::Int(i64::try_from(amount).expect("at most 100")))
            }
            _ => None,
        }
    }

    /// Whether a read asks for one offset. Looking back, it does not.
    fn chance_of_offset(&mut self, slot: usize) -> bool {
        let key = &self.keys[slot];
        let always = self.params.offsets == 100;
        key.kind == KeyKind::Log
            && (always || key.wanted == 0)
            && self.chance.percent(self.params.offsets)
    }

    /// What an operation on a set is about: something new to add; else mostly what was lately
    /// added, now and then what never was.
    fn element(&mut self, slot: usize, f: &Function) -> Option<Value> {
        match f {
            Function::Read => None,
            Function::Add => Some(self.fresh_value()),
            _ if self.chance.percent(STRANGE) => Some(self.fresh_value()),
            _ => {
                let known = self.keys[slot].element(&mut self.chance);
                Some(known.unwrap_or_else(|| self.fresh_value()))
            }
        }
    }

    /// A number that no other operation of the run writes.
    fn fresh_value(&mut self) -> Value {
        self.values_made += 1;
        Value::Int(self.values_made)
    }

    /// A key that was never used. It lives for `shortest` to 125 percent of the usual time.
    fn fresh_key(&mut self, kind: KeyKind, shortest: u64) -> Key {
        self.keys_made += 1;
        let percent = self.chance.between(shortest, 125);
        let life = u64::from(self.params.operations_per_key) * percent / 100;
        let life = u32::try_from(life).unwrap_or(u32::MAX).max(1);
        Key::new(kind, self.keys_made, life)
    }
}
