//! What a log is known to hold: its start, what was read, and what appends were told.
//!
//! A log never changes but at its end, so an element at an offset is there for good. Whatever two
//! operations say of one offset must agree, in any mix of operations.

use rustc_hash::FxHashMap;
use testimony_history::Value;

use super::LogOp;
use crate::models::log::{Log, LogInput, LogOutput};
use crate::partition::narrow;

/// What is known of each offset.
#[derive(Debug, Default)]
pub(super) struct Contents<'a> {
    /// From offset 0; `None` where nobody knows.
    pub(super) elements: Vec<Option<&'a Value>>,
    /// The append that was told an offset.
    pub(super) told: FxHashMap<u64, u32>,
}

/// Two operations that contradict each other, or one that cannot be.
#[derive(Debug)]
pub(super) struct Contradiction;

/// Collects what is known.
pub(super) fn contents<'a>(
    model: &'a Log,
    ops: &'a [LogOp],
) -> Result<Contents<'a>, Contradiction> {
    let start = model.initial();
    let appends = ops.iter().filter(|op| is_append(op)).count();
    let most = start.len() + appends;
    let mut contents = Contents {
        elements: start.iter().map(Some).collect(),
        told: FxHashMap::default(),
    };
    for (number, op) in ops.iter().enumerate() {
        match (&op.input, &op.seen) {
            (LogInput::Read, Some(LogOutput::Elements(read))) => {
                if read.len() < start.len() || read.len() > most {
                    return Err(Contradiction);
                }
                contents.is_beginning(read)?;
            }
            (LogInput::Append(element), Some(LogOutput::Offset(offset))) => {
                let offset = within(*offset, most)?;
                let taken = contents.told.insert(offset as u64, narrow(number));
                if taken.is_some() || offset < start.len() {
                    return Err(Contradiction);
                }
                contents.has(offset, element)?;
            }
            (LogInput::ReadAt(offset), Some(LogOutput::Element(element)))
                if *element != Value::Null =>
            {
                contents.has(within(*offset, most)?, element)?;
            }
            _ => {}
        }
    }
    Ok(contents)
}

pub(super) fn is_append(op: &LogOp) -> bool {
    matches!(op.input, LogInput::Append(_))
}

/// An offset that the log can have: it is no longer than its start and all appends.
fn within(offset: u64, most: usize) -> Result<usize, Contradiction> {
    usize::try_from(offset)
        .ok()
        .filter(|offset| *offset < most)
        .ok_or(Contradiction)
}

impl<'a> Contents<'a> {
    /// The log begins with these elements.
    fn is_beginning(&mut self, read: &'a [Value]) -> Result<(), Contradiction> {
        if self.elements.len() < read.len() {
            self.elements.resize(read.len(), None);
        }
        for (known, element) in self.elements.iter_mut().zip(read) {
            if *known.get_or_insert(element) != element {
                return Err(Contradiction);
            }
        }
        Ok(())
    }

    fn has(&mut self, offset: usize, element: &'a Value) -> Result<(), Contradiction> {
        if self.elements.len() <= offset {
            self.elements.resize(offset + 1, None);
        }
        if *self.elements[offset].get_or_insert(element) == element {
            Ok(())
        } else {
            Err(Contradiction)
        }
    }
}
