//! One key in use: what it is for, what was lately seen in it, whether its updates were read.

use testimony_history::{Call, Ending, Function, Value};

use super::{WorkloadKind, WorkloadParams};
use crate::Nanos;
use crate::chance::Chance;

/// How many of the values lately seen a compare-and-set chooses from.
const SEEN_MAX: usize = 4;
/// How often, in percent, it chooses the latest of them.
const LATEST: u32 = 85;

/// The reluctance to call what would hide an update that nobody has read.
pub(super) const HIDES: u32 = 3;

/// What a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    /// A value that is replaced.
    Plain,
    /// A string that grows.
    Text,
    /// A number that is added to.
    Counter,
}

/// One key in use.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) kind: KeyKind,
    pub(super) name: Value,
    /// How many operations were called on it.
    pub(super) operations: u32,
    /// Reads that still have to look back.
    pub(super) wanted: u32,
    life: u32,
    /// Updates of unknown outcome.
    unknowns: u32,
    /// What was lately seen in it, the latest last.
    seen: Vec<Value>,
    /// Whether an update was completed that no read called later has shown.
    unread: bool,
    /// Reads under way that will show what was updated before them.
    reading: u32,
    /// Updates under way.
    updating: u32,
    /// Whether it was updated since the last look back.
    updated: bool,
    /// Until when it is not updated, since it is being read back.
    held_until: Nanos,
}

/// The kinds of the keys in use.
pub(super) fn kinds(params: &WorkloadParams) -> Vec<KeyKind> {
    let count = usize::try_from(params.keys).expect("a checked number of keys");
    let mix = &params.mix;
    let plain = mix.write > 0 || mix.cas > 0;
    let texts = match params.name {
        WorkloadKind::Counter => return vec![KeyKind::Counter; count],
        WorkloadKind::Append => count,
        _ if mix.append == 0 => 0,
        _ if plain => (count / 5).max(1),
        _ => count,
    };
    // A single key that is appended to and written would be no use: appends go to a key of their
    // own.
    let plains = (count - texts).max(usize::from(plain));
    [vec![KeyKind::Plain; plains], vec![KeyKind::Text; texts]].concat()
}

impl Key {
    pub(super) fn new(kind: KeyKind, number: u32, life: u32) -> Self {
        let letter = match kind {
            KeyKind::Plain => 'k',
            KeyKind::Text => 't',
            KeyKind::Counter => 'c',
        };
        Key {
            kind,
            name: Value::str(&format!("{letter}{number}")),
            operations: 0,
            wanted: 0,
            life,
            unknowns: 0,
            seen: Vec::new(),
            unread: false,
            reading: 0,
            updating: 0,
            updated: false,
            held_until: Nanos::ZERO,
        }
    }

    /// Whether a fresh key should take its place. Not while it is being read back.
    pub(super) fn is_worn_out(&self, params: &WorkloadParams) -> bool {
        let worn = self.operations >= self.life || self.unknowns >= params.unknowns_per_key;
        worn && self.wanted == 0
    }

    /// Whether `f` can be called on it now.
    pub(super) fn allows(&self, f: &Function, now: Nanos) -> bool {
        let fits = match f {
            Function::Write | Function::Cas => self.kind == KeyKind::Plain,
            Function::Append => self.kind == KeyKind::Text,
            Function::Add => self.kind == KeyKind::Counter,
            _ => true,
        };
        fits && !(is_update(f) && now < self.held_until)
    }

    /// How little use calling `f` now is; 0 is best. A read is to show what nobody has read. An
    /// update that replaces another is to hide nothing, and hides least where one is under way
    /// anyhow.
    pub(super) fn reluctance(&self, f: &Function) -> u32 {
        match f {
            Function::Read => u32::from(!self.unread || self.reading > 0),
            Function::Write | Function::Cas | Function::Remove if self.unread => HIDES,
            Function::Write | Function::Cas | Function::Remove if self.reading > 0 => 2,
            Function::Write | Function::Cas | Function::Remove if self.updating > 0 => 1,
            _ => 0,
        }
    }

    pub(super) fn called(&mut self, f: &Function) {
        self.operations = self.operations.saturating_add(1);
        self.updating += u32::from(is_update(f));
        if *f == Function::Read {
            self.unread = false;
            self.reading += 1;
            self.wanted = self.wanted.saturating_sub(1);
        }
    }

    pub(super) fn learnt(&mut self, call: &Call, ending: &Ending, shows: bool) {
        if shows {
            self.reading = self.reading.saturating_sub(1);
        }
        if is_update(&call.f) {
            self.updating = self.updating.saturating_sub(1);
        }
        match ending {
            Ending::Ok(answer) if call.f == Function::Read => {
                self.see(answer.value.clone().unwrap_or_default());
                self.held_until = Nanos::ZERO;
            }
            Ending::Ok(answer) if answer.swapped == Some(false) => {
                if let Some(actual) = &answer.actual {
                    self.see(actual.clone());
                }
            }
            Ending::Ok(_) if is_update(&call.f) => self.was_updated(call),
            Ending::Ok(_) | Ending::Fail(_) if shows => self.unread = true,
            Ending::Info(_) if is_update(&call.f) => {
                self.unknowns = self.unknowns.saturating_add(1);
                self.unread = true;
                self.updated = true;
            }
            Ending::Info(_) if shows => self.unread = true,
            Ending::Ok(_) | Ending::Fail(_) | Ending::Info(_) => {}
        }
    }

    /// Wants `reads` reads before the next update, if there is anything to look back at.
    pub(super) fn look_back(&mut self, reads: u32, hold_until: Nanos) {
        if self.updated && reads > 0 {
            self.updated = false;
            self.wanted = reads;
            self.held_until = hold_until;
        }
    }

    /// What a compare-and-set should expect: mostly what was seen last.
    pub(super) fn expectation(&self, chance: &mut Chance) -> Value {
        let latest = chance.percent(LATEST);
        let older = chance.index(self.seen.len());
        let chosen = if latest {
            self.seen.last()
        } else {
            self.seen.get(older)
        };
        chosen.cloned().unwrap_or_default()
    }

    fn was_updated(&mut self, call: &Call) {
        self.unread = true;
        self.updated = true;
        match (&call.f, &call.value) {
            (Function::Write, Some(value)) => self.see(value.clone()),
            (Function::Cas, Some(Value::List(pair))) if pair.len() == 2 => {
                self.see(pair[1].clone());
            }
            (Function::Remove, _) => self.see(Value::Null),
            _ => {}
        }
    }

    fn see(&mut self, value: Value) {
        if self.kind != KeyKind::Plain || self.seen.last() == Some(&value) {
            return;
        }
        if self.seen.len() == SEEN_MAX {
            self.seen.remove(0);
        }
        self.seen.push(value);
    }
}

fn is_update(f: &Function) -> bool {
    matches!(
        f,
        Function::Write | Function::Cas | Function::Remove | Function::Append | Function::Add
    )
}
