//! One key in use: what it is for, what was lately seen in it, whether its updates were read.

use testimony_history::{Answer, Call, Ending, Function, Value};

use super::{WorkloadKind, WorkloadParams};
use crate::Nanos;
use crate::chance::Chance;

/// How many of the values lately seen a compare-and-set chooses from.
const SEEN_MAX: usize = 4;
/// How many of the elements lately added to a set are asked for and removed.
const ELEMENTS_MAX: usize = 16;
/// From how many of the last offsets of a log one is read.
const OFFSETS_BACK: u64 = 8;
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
    /// Elements that come and go.
    Set,
    /// Values that are put in and taken out.
    Queue,
    /// Elements that stay where they were appended.
    Log,
    /// Held by one process at a time.
    Lock,
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
    /// What was lately seen in it, the latest last; of a set, what was lately added.
    seen: Vec<Value>,
    /// How many elements a log is known to have.
    length: u64,
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
        WorkloadKind::Set => return vec![KeyKind::Set; count],
        WorkloadKind::Queue => return vec![KeyKind::Queue; count],
        WorkloadKind::Log => return vec![KeyKind::Log; count],
        WorkloadKind::Lock => return vec![KeyKind::Lock; count],
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
            KeyKind::Set => 's',
            KeyKind::Queue => 'q',
            KeyKind::Log => 'l',
            KeyKind::Lock => 'm',
        };
        Key {
            kind,
            name: Value::str(&format!("{letter}{number}")),
            operations: 0,
            wanted: 0,
            life,
            unknowns: 0,
            seen: Vec::new(),
            length: 0,
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
            Function::Append => matches!(self.kind, KeyKind::Text | KeyKind::Log),
            Function::Add => matches!(self.kind, KeyKind::Counter | KeyKind::Set),
            // What only one kind has, and all keys of a run are of that kind.
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

    /// An operation is called, which `shows` all that was updated before it or does not.
    pub(super) fn called(&mut self, f: &Function, shows: bool) {
        self.operations = self.operations.saturating_add(1);
        self.updating += u32::from(is_update(f));
        if shows {
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
        if let (KeyKind::Set, Function::Add, Some(element)) = (self.kind, &call.f, &call.value) {
            self.keep(element.clone(), ELEMENTS_MAX);
        }
        match ending {
            Ending::Ok(answer) if call.f == Function::Read => {
                self.has_length(call, answer);
                self.see(answer.value.clone().unwrap_or_default());
                self.held_until = Nanos::ZERO;
            }
            Ending::Ok(answer) if answer.swapped == Some(false) => {
                if let Some(actual) = &answer.actual {
                    self.see(actual.clone());
                }
            }
            Ending::Ok(answer) if is_update(&call.f) => self.was_updated(call, answer),
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
        let is_read = !matches!(self.kind, KeyKind::Queue | KeyKind::Lock);
        if self.updated && reads > 0 && is_read {
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

    /// An element that was lately added to this set, if there is one.
    pub(super) fn element(&self, chance: &mut Chance) -> Option<Value> {
        let index = chance.index(self.seen.len());
        self.seen.get(index).cloned()
    }

    /// An offset of this log: one of the last, or the first past the end.
    pub(super) fn offset(&self, chance: &mut Chance) -> u64 {
        let back = chance.below(OFFSETS_BACK.min(self.length + 1));
        self.length - back
    }

    fn was_updated(&mut self, call: &Call, answer: &Answer) {
        self.unread = true;
        self.updated = true;
        self.has_length(call, answer);
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
        if self.kind == KeyKind::Plain && self.seen.last() != Some(&value) {
            self.keep(value, SEEN_MAX);
        }
    }

    /// Keeps the last so many values.
    fn keep(&mut self, value: Value, most: usize) {
        if self.seen.len() == most {
            self.seen.remove(0);
        }
        self.seen.push(value);
    }

    /// What an answer says about the length of a log.
    fn has_length(&mut self, call: &Call, answer: &Answer) {
        if self.kind != KeyKind::Log {
            return;
        }
        let after = |offset: &Value| match offset {
            Value::Int(offset) => u64::try_from(*offset).ok().map(|offset| offset + 1),
            _ => None,
        };
        let length = match (&call.f, &call.value) {
            (Function::Append, _) => {
                let told = answer.result.as_ref().and_then(after);
                told.or(Some(self.length + 1))
            }
            (_, Some(offset)) => {
                let there = answer.result.as_ref().is_some_and(|it| *it != Value::Null);
                after(offset).filter(|_| there)
            }
            (_, None) => match &answer.value {
                Some(Value::List(elements)) => u64::try_from(elements.len()).ok(),
                _ => None,
            },
        };
        self.length = self.length.max(length.unwrap_or(0));
    }
}

fn is_update(f: &Function) -> bool {
    matches!(
        f,
        Function::Write
            | Function::Cas
            | Function::Remove
            | Function::Append
            | Function::Add
            | Function::Enqueue
            | Function::Dequeue
            | Function::Acquire
            | Function::Release
    )
}
