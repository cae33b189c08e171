//! Who can have made a value that was seen.
//!
//! If a value was seen, is not the initial one, and only one operation can have made it, then that
//! operation happened, took effect, and did so before the value was first seen. An unknown
//! operation thereby becomes one that must have happened by then, and a completed one gets an
//! earlier deadline. What it was applied to was there before it, and so on backwards.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;
use testimony_history::{Position, Value};

use super::{CellInput, CellOp, CellOutput};
use crate::expert::close;
use crate::partition::narrow;

/// An operation (by number in the history) saw a value that nobody can have made.
pub(super) struct Nobody {
    pub(super) reader: u32,
}

/// A value that was there at some moment not later than `by`, when the reader (by number in the
/// partition) took effect.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    by: Position,
    value: Value,
    reader: u32,
}

/// Which operations can make which values.
struct Writers<'a> {
    initial: &'a Value,
    /// One operation that makes the value (nothing, for a remove), and whether there are more.
    direct: FxHashMap<Value, (u32, bool)>,
    /// The same for texts appended.
    appended: FxHashMap<String, (u32, bool)>,
    /// The lengths of the texts appended, in bytes.
    lengths: Vec<usize>,
}

#[derive(PartialEq, Eq)]
enum Writer {
    Nobody,
    One(u32),
    Several,
}

/// An operation that made a value that only it can have made, or saw such a value.
pub(super) struct Sight {
    /// By number in the partition.
    pub(super) op: u32,
    pub(super) value: Value,
}

/// Who made and saw values that were made once.
#[derive(Default)]
pub(super) struct Sights {
    pub(super) all: Vec<Sight>,
    /// The initial value, if nothing can make it again.
    pub(super) initial: Option<Value>,
}

/// Closes the only writer of each value that was seen.
pub(super) fn close_writers(initial: &Value, ops: &mut [CellOp]) -> Result<Sights, Nobody> {
    let writers = Writers::of(initial, ops);
    let mut sights = Sights::default();
    if writers.of_initial() == Writer::Nobody {
        sights.initial = Some(initial.clone());
    }
    let mut open: BinaryHeap<Reverse<Seen>> = BinaryHeap::new();
    for (number, op) in ops.iter().enumerate() {
        if let (Some(by), Some(value)) = (op.returned, needs(op)) {
            open.push(Reverse(Seen {
                by,
                value,
                reader: narrow(number),
            }));
        }
    }
    let mut made: Vec<Option<Value>> = vec![None; ops.len()];
    while let Some(Reverse(seen)) = open.pop() {
        if sights.initial.as_ref() == Some(&seen.value) {
            sights.all.push(Sight {
                op: seen.reader,
                value: seen.value,
            });
            continue;
        }
        match writers.of_value(&seen.value) {
            Writer::Nobody => {
                return Err(Nobody {
                    reader: ops[seen.reader as usize].source,
                });
            }
            Writer::Several => {}
            Writer::One(writer) => {
                let op = &mut ops[writer as usize];
                took_effect(op);
                let sooner = close(op, seen.by);
                let first = made[writer as usize].is_none();
                let other = made[writer as usize].get_or_insert_with(|| seen.value.clone());
                if *other != seen.value {
                    // It happens once, and cannot have made both.
                    return Err(Nobody {
                        reader: ops[seen.reader as usize].source,
                    });
                }
                if let (true, Some(value), Some(by)) =
                    (sooner || first, before(op, &seen.value), op.returned)
                {
                    open.push(Reverse(Seen {
                        by,
                        value,
                        reader: writer,
                    }));
                }
                sights.all.push(Sight {
                    op: seen.reader,
                    value: seen.value.clone(),
                });
                sights.all.push(Sight {
                    op: writer,
                    value: seen.value,
                });
            }
        }
    }
    Ok(sights)
}

/// The value that must be there for a completed operation to be legal.
fn needs(op: &CellOp) -> Option<Value> {
    match (&op.input, &op.seen) {
        (CellInput::Read, Some(CellOutput::Value(value))) => Some(value.clone()),
        (CellInput::Cas(old, _), Some(CellOutput::Swapped)) => Some(old.clone()),
        (CellInput::Cas(..), Some(CellOutput::NotSwapped(Some(actual)))) => Some(actual.clone()),
        (_, Some(CellOutput::Was(false))) => Some(Value::Null),
        _ => None,
    }
}

/// The value that must have been there for an operation to make another one.
fn before(op: &CellOp, made: &Value) -> Option<Value> {
    match (&op.input, made) {
        (CellInput::Cas(old, _), _) => Some(old.clone()),
        (CellInput::Append(text), Value::Str(made)) => {
            let start = made.strip_suffix(&**text)?;
            // An empty start may also be the absence of a value.
            (!start.is_empty()).then(|| Value::str(start))
        }
        _ => None,
    }
}

/// An unknown operation that must have taken effect has the answer that it gives then.
fn took_effect(op: &mut CellOp) {
    match op.input {
        CellInput::Cas(..) => op.seen = Some(CellOutput::Swapped),
        CellInput::Append(_) => op.seen = Some(CellOutput::Done),
        CellInput::Read | CellInput::Write(_) | CellInput::Contains | CellInput::Remove => {}
    }
}

impl<'a> Writers<'a> {
    fn of(initial: &'a Value, ops: &[CellOp]) -> Self {
        let (mut direct, mut appended) = (FxHashMap::default(), FxHashMap::default());
        let mut lengths = Vec::new();
        for (number, op) in ops.iter().enumerate() {
            let number = narrow(number);
            match (&op.input, &op.seen) {
                (CellInput::Cas(..), Some(CellOutput::NotSwapped(_))) => {}
                (CellInput::Write(value) | CellInput::Cas(_, value), _) => {
                    add(&mut direct, value.clone(), number);
                }
                (CellInput::Append(text), _) => {
                    add(&mut appended, text.to_string(), number);
                    lengths.push(text.len());
                }
                (CellInput::Remove, Some(CellOutput::Was(false))) => {}
                (CellInput::Remove, _) => add(&mut direct, Value::Null, number),
                (CellInput::Read | CellInput::Contains, _) => {}
            }
        }
        lengths.sort_unstable();
        lengths.dedup();
        Writers {
            initial,
            direct,
            appended,
            lengths,
        }
    }

    /// Who can have made the value; the start counts as one more.
    fn of_value(&self, value: &Value) -> Writer {
        if value == self.initial {
            Writer::Several
        } else {
            self.of_any(value)
        }
    }

    fn of_initial(&self) -> Writer {
        self.of_any(self.initial)
    }

    fn of_any(&self, value: &Value) -> Writer {
        let mut writers = self
            .direct
            .get(value)
            .copied()
            .into_iter()
            .chain(self.appenders(value));
        match (writers.next(), writers.next()) {
            (None, _) => Writer::Nobody,
            (Some((writer, false)), None) => Writer::One(writer),
            (Some(_), _) => Writer::Several,
        }
    }

    /// The appends whose text the value ends with.
    fn appenders<'v>(&'v self, value: &'v Value) -> impl Iterator<Item = (u32, bool)> + 'v {
        let text = if let Value::Str(text) = value {
            Some(&**text)
        } else {
            None
        };
        self.lengths.iter().filter_map(move |length| {
            let text = text?;
            let end = text.get(text.len().checked_sub(*length)?..)?;
            self.appended.get(end).copied()
        })
    }
}

fn add<K: std::hash::Hash + Eq>(writers: &mut FxHashMap<K, (u32, bool)>, key: K, writer: u32) {
    writers
        .entry(key)
        .and_modify(|(_, more)| *more = true)
        .or_insert((writer, false));
}
