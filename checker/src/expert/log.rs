//! What is known of logs: elements that were read were appended, and how to judge a log without a
//! search if it is known which append made which element.

mod contents;
mod growth;

use rustc_hash::FxHashMap;
use testimony_history::{Position, Value};

use super::climb::climb;
use super::timeline::{Timeline, positions_suffice};
use super::{Decided, Expert, Judged, MOST_STATES, Simplified, Stretch, close};
use crate::budget::Budget;
use crate::models::log::{Log, LogInput, LogOutput, LogState};
use crate::partition::{Op, narrow, select};
use crate::verdict::Algorithm;
use contents::contents;
use growth::{Growth, growth, null_is_an_element};

type LogOp = Op<LogInput, LogOutput>;

/// Knows logs.
pub(crate) struct LogExpert;

impl Expert<Log> for LogExpert {
    /// An element that was read, was not there at first, and was appended once at most, was
    /// appended before it was first read.
    ///
    /// Unknown appends of elements that nobody read matter only to offsets, and there they are all
    /// alike: every read of the whole log after one would be illegal. An element at the highest
    /// offset told, or behind it, makes no difference to anybody. So of an order no more of them
    /// are needed than that offset says, and those called first can take the places of the others.
    /// The rest is left out; all of them if no offset was told.
    fn simplify(&self, model: &Log, ops: &[LogOp], _budget: &Budget) -> Simplified<Log> {
        let mut ops = ops.to_vec();
        let read = read_by(&ops);
        for (element, only) in appended_once(&ops) {
            if let Some(&by) = read.get(&element)
                && !model.starts_with(&element)
            {
                close(&mut ops[only as usize], by);
            }
        }
        // A null that is an element might be one of them.
        let mut room = if null_is_an_element(model.initial(), &ops) {
            u64::MAX
        } else {
            ops.iter().filter_map(offset_told).max().unwrap_or(0)
        };
        let keep: Vec<bool> = ops
            .iter()
            .map(|op| match &op.input {
                _ if op.returned.is_some() => true,
                LogInput::Append(element) if read.contains_key(element) => true,
                // One that must come after another cannot take everybody's place.
                LogInput::Append(_) if op.after.is_some() => room > 0,
                LogInput::Append(_) => {
                    let needed = room > 0;
                    room = room.saturating_sub(1);
                    needed
                }
                LogInput::Read | LogInput::ReadAt(_) => false,
            })
            .collect();
        Simplified::to(select(&ops, &keep))
    }

    fn decide(&self, model: &Log, ops: &[LogOp]) -> Option<Decided> {
        judge(model, ops).decided(Algorithm::LogGreedy, ops)
    }

    /// A log only grows, so it was the beginning of whatever is read of it, and lacked no more than
    /// what was appended by then.
    fn possible_states(
        &self,
        _model: &Log,
        stretch: &Stretch<'_, LogInput, LogOutput>,
    ) -> Option<Vec<LogState>> {
        let (by, read) = stretch.first(|op| match &op.seen {
            Some(LogOutput::Elements(elements)) => Some(elements),
            _ => None,
        })?;
        let is_append = |op: &&LogOp| matches!(op.input, LogInput::Append(_)) && op.called <= by;
        let appends = stretch.ops.iter().filter(is_append).count();
        let states = LogState::beginnings(read).skip(read.len().saturating_sub(appends));
        (appends < MOST_STATES).then(|| states.collect())
    }
}

fn judge(model: &Log, ops: &[LogOp]) -> Judged {
    if null_is_an_element(model.initial(), ops) {
        return Judged::NotCovered;
    }
    let Ok(contents) = contents(model, ops) else {
        return Judged::Contradiction;
    };
    match growth(&contents, model.initial().len(), ops) {
        Growth::FromNowhere => Judged::Contradiction,
        Growth::Mountain(mountain) if positions_suffice(ops) => {
            climb(&mountain, &Timeline::of(ops)).into()
        }
        Growth::Mountain(_) | Growth::Ambiguous => Judged::NotCovered,
    }
}

/// Elements that one operation appends and no other, with that operation.
fn appended_once(ops: &[LogOp]) -> impl Iterator<Item = (Value, u32)> + use<> {
    let mut appends: FxHashMap<Value, (u32, bool)> = FxHashMap::default();
    for (number, op) in ops.iter().enumerate() {
        if let LogInput::Append(element) = &op.input {
            let first = (narrow(number), true);
            appends
                .entry(element.clone())
                .and_modify(|(_, only)| *only = false)
                .or_insert(first);
        }
    }
    let once = |(element, (number, only))| if only { Some((element, number)) } else { None };
    appends.into_iter().filter_map(once)
}

/// How many elements came before one whose offset was told or asked for.
fn offset_told(op: &LogOp) -> Option<u64> {
    match (&op.input, &op.seen) {
        (_, Some(LogOutput::Offset(offset))) => Some(*offset),
        (LogInput::ReadAt(offset), Some(LogOutput::Element(element)))
            if *element != Value::Null =>
        {
            Some(*offset)
        }
        _ => None,
    }
}

/// When each element must have been there, at the latest.
fn read_by(ops: &[LogOp]) -> FxHashMap<Value, Position> {
    let mut read = FxHashMap::default();
    for op in ops {
        let Some(by) = op.returned else { continue };
        let elements = match &op.seen {
            Some(LogOutput::Elements(elements)) => &**elements,
            Some(LogOutput::Element(element)) if *element != Value::Null => {
                std::slice::from_ref(element)
            }
            Some(LogOutput::Element(_) | LogOutput::Done | LogOutput::Offset(_)) | None => continue,
        };
        for element in elements {
            let first = read.entry(element.clone()).or_insert(by);
            *first = by.min(*first);
        }
    }
    read
}
