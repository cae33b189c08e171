//! What a cell can be when some operations begin, as far as they can tell.
//!
//! An operation tells one value from another only if it was answered it or compares with it, but
//! that `contains` and `remove` tell whether there is one, and an append whether it is a text. So
//! one value that none of the operations mentions stands for all of its kind. Where texts grow, one
//! that begins a mentioned text may grow into it, so it is told from the others as well.

use std::collections::BTreeSet;

use testimony_history::Value;

use super::{CellOp, appends, mentioned};
use crate::expert::MOST_STATES;
use crate::model::Model;
use crate::models::cell::Cell;

/// The states; `None` if there are too many.
pub(super) fn possible(model: &Cell, ops: &[CellOp]) -> Option<Vec<Value>> {
    let others = model.others()?;
    let mut states: BTreeSet<Value> = mentioned(ops).into_iter().collect();
    if appends(ops) {
        let mut beginnings = BTreeSet::new();
        for value in &states {
            if let Value::Str(text) = value {
                beginnings.extend(text.char_indices().map(|(at, _)| Value::str(&text[..at])));
                if beginnings.len() > MOST_STATES {
                    return None;
                }
            }
        }
        states.extend(beginnings);
    }
    states.insert(Value::Null);
    states.insert(model.init());
    states.extend(others);
    (states.len() <= MOST_STATES).then(|| states.into_iter().collect())
}
