//! Unknown operations that no other operation can notice.
//!
//! An unknown operation may be left out if whatever can follow it can also follow without it. Let
//! `j` be what the cell holds after it and `s` what it would hold else. It suffices that every
//! other operation that is legal at `j` is legal at `s`, and leaves two states that are equal or
//! related in the same way. Two cases:
//!
//! - `j` is *junk*: a value that no operation mentions, and that no append turns into one. At junk
//!   no read, no swap and no "it was v" is legal. Writes and plain removes make the two states
//!   equal; unknown compare-and-sets, and appends to texts, leave junk junk. What is legal at junk
//!   and may not be at `s`: "it is not v" where `s` is `v`; "it is present" where `s` is nothing; a
//!   completed append where `s` is no text.
//! - `j` is nothing, after an unknown remove. At nothing only answers that say so, compare-and-sets
//!   from nothing, "it is not v", and appends are legal and may not be at `s`, or lead elsewhere.
//!
//! If the only ones to notice junk are those who see that something is present, then junk is no
//! better than any other value, and an unknown operation that makes junk is worth something only
//! where there is nothing: it is taken for "create if absent", and all such are alike. (Not so if
//! an unknown compare-and-set may leave nothing: junk would be safe from it, another value not.)

use testimony_history::Value;

use super::{CellInput, CellOp, CellOutput, appends, mentioned};
use crate::models::cell::Abstraction;
use crate::partition::select;

/// Who may notice what, among the operations of a partition.
struct Witnesses {
    /// Someone was told that the value was not a certain one, and no more.
    of_difference: bool,
    /// Someone was told that there was a value, and no more.
    of_presence: bool,
    /// Someone appended, and there may be values that are no texts.
    of_texts: bool,
    /// Someone may notice that there is no value.
    of_absence: bool,
    /// Someone may have replaced a certain value by nothing.
    erasing: bool,
    /// The values that someone mentions.
    values: Abstraction,
}

/// The operations without unknown ones that nobody can notice; others may be replaced by weaker
/// ones.
pub(super) fn without_unnoticed(initial: &Value, mut ops: Vec<CellOp>) -> Vec<CellOp> {
    if ops.iter().all(|op| op.returned.is_some()) {
        return ops;
    }
    let witnesses = Witnesses::among(initial, &ops);
    let keep: Vec<bool> = ops
        .iter_mut()
        .map(|op| op.returned.is_some() || witnesses.may_notice(op))
        .collect();
    select(&ops, &keep)
}

impl Witnesses {
    fn among(initial: &Value, ops: &[CellOp]) -> Self {
        let values = super::abstraction(ops);
        let appended = ops.iter().any(|op| {
            matches!(op.input, CellInput::Append(_)) && matches!(op.seen, Some(CellOutput::Done))
        });
        Witnesses {
            of_difference: ops
                .iter()
                .any(|op| op.seen == Some(CellOutput::NotSwapped(None))),
            of_presence: ops.iter().any(|op| op.seen == Some(CellOutput::Was(true))),
            of_texts: appended && has_other_than_texts(initial, ops),
            erasing: ops
                .iter()
                .any(|op| op.seen.is_none() && matches!(op.input, CellInput::Cas(_, Value::Null))),
            of_absence: appends(ops) || ops.iter().any(notices_absence),
            values,
        }
    }

    /// Whether someone may notice an unknown operation; it may be replaced by a weaker one.
    fn may_notice(&self, op: &mut CellOp) -> bool {
        let junk = match &op.input {
            CellInput::Read | CellInput::Contains => return false,
            CellInput::Remove => return self.of_absence || self.of_difference,
            CellInput::Write(value) | CellInput::Cas(_, value) => self.is_junk(value),
            CellInput::Append(text) => self.values.spoils(text),
        };
        if !junk || self.of_difference || self.of_texts {
            return true;
        }
        if !self.of_presence {
            return false;
        }
        if self.erasing {
            return true;
        }
        let made = match &op.input {
            CellInput::Cas(old, _) if *old != Value::Null => return false,
            CellInput::Append(text) => Value::Str(text.clone()),
            CellInput::Write(value) | CellInput::Cas(_, value) => value.clone(),
            CellInput::Read | CellInput::Contains | CellInput::Remove => return false,
        };
        op.input = CellInput::Cas(Value::Null, made);
        true
    }

    fn is_junk(&self, value: &Value) -> bool {
        *value != Value::Null && !self.values.keeps(value)
    }
}

fn notices_absence(op: &CellOp) -> bool {
    match (&op.input, &op.seen) {
        (CellInput::Cas(..), Some(CellOutput::NotSwapped(Some(actual)))) => *actual == Value::Null,
        (CellInput::Cas(old, _), _) => *old == Value::Null,
        (_, Some(CellOutput::Value(value))) => *value == Value::Null,
        (_, Some(CellOutput::Was(was))) => !was,
        (_, Some(CellOutput::Done | CellOutput::Swapped | CellOutput::NotSwapped(_)) | None) => {
            false
        }
    }
}

/// Whether the cell may ever hold something that is neither a text nor nothing.
fn has_other_than_texts(initial: &Value, ops: &[CellOp]) -> bool {
    let other = |value: &Value| !matches!(value, Value::Str(_) | Value::Null);
    other(initial)
        || ops.iter().any(|op| match &op.input {
            CellInput::Write(value) | CellInput::Cas(_, value) => other(value),
            CellInput::Read | CellInput::Contains | CellInput::Remove | CellInput::Append(_) => {
                false
            }
        })
        || mentioned(ops).iter().any(other)
}
