//! A cell whose values are written once each, judged by its [zones](crate::zones).

use rustc_hash::FxHashMap;
use testimony_history::Value;

use super::{CellInput, CellOp, CellOutput};
use crate::expert::Decided;
use crate::verdict::Algorithm;
use crate::zones::{NONE, Rows, Zoned, Zones};

/// Decides a cell, if zones cover it.
pub(super) fn decide(initial: &Value, ops: &[CellOp]) -> Option<Decided> {
    let (rows, numbers) = rows(initial, ops)?;
    let source = |row: u32| ops[numbers[row as usize] as usize].source;
    let order = match Zones::default().judge(&rows) {
        Zoned::NotCovered => return None,
        Zoned::Conflict(_) => None,
        Zoned::Order(order) => Some(order.into_iter().map(source).collect()),
    };
    Some(Decided {
        algorithm: Algorithm::Zones,
        order,
        steps: ops.len() as u64,
    })
}

/// The operations as rows, and the operation of each; `None` if some operation is not covered.
fn rows(initial: &Value, ops: &[CellOp]) -> Option<(Rows, Vec<u32>)> {
    let mut ids = Ids::default();
    ids.of(Some(initial));
    let mut rows = Rows::default();
    let mut numbers = Vec::with_capacity(ops.len());
    for (number, op) in (0..).zip(ops) {
        if op.after.is_some() {
            return None;
        }
        let (saw, made) = match role(op) {
            Role::Bystander => continue,
            Role::Other => return None,
            Role::Reader(value) => (Some(value), None),
            Role::Writer(value) => (None, Some(value)),
            Role::Both(old, new) => (Some(old), Some(new)),
        };
        let returned = op.returned.unwrap_or(NONE);
        rows.push(op.called, returned, ids.of(saw), ids.of(made));
        numbers.push(number);
    }
    rows.set_values(ids.0.len());
    Some((rows, numbers))
}

/// Values by number.
#[derive(Default)]
struct Ids<'a>(FxHashMap<&'a Value, u32>);

impl<'a> Ids<'a> {
    fn of(&mut self, value: Option<&'a Value>) -> u32 {
        let next = u32::try_from(self.0.len()).expect("values are numbered in 32 bits");
        value.map_or(NONE, |value| *self.0.entry(value).or_insert(next))
    }
}

/// What an operation does in a register.
enum Role<'a> {
    /// It saw a value.
    Reader(&'a Value),
    /// It made one, or perhaps did.
    Writer(&'a Value),
    /// It saw one and replaced it by another, or perhaps did.
    Both(&'a Value, &'a Value),
    /// It says nothing.
    Bystander,
    /// It does something that cannot be said so.
    Other,
}

fn role(op: &CellOp) -> Role<'_> {
    let required = op.returned.is_some();
    match (&op.input, &op.seen) {
        (CellInput::Read | CellInput::Contains, None) if !required => Role::Bystander,
        (CellInput::Read, Some(CellOutput::Value(value))) => Role::Reader(value),
        (CellInput::Write(value), _) => Role::Writer(value),
        (CellInput::Cas(old, new), Some(CellOutput::Swapped)) => Role::Both(old, new),
        (CellInput::Cas(old, new), None) if !required => Role::Both(old, new),
        (CellInput::Cas(old, _), Some(CellOutput::NotSwapped(Some(actual)))) if actual != old => {
            Role::Reader(actual)
        }
        _ => Role::Other,
    }
}
