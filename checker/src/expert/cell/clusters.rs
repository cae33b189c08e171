//! A cell whose values are written once each, judged by its [zones](crate::zones).

use rustc_hash::FxHashMap;
use testimony_history::Value;

use super::{CellInput, CellOp, CellOutput};
use crate::expert::Decided;
use crate::partition::narrow;
use crate::verdict::Algorithm;
use crate::zones::{INITIAL, NONE, Row, Times, Zones};

/// Decides a cell, if zones cover it.
pub(super) fn decide(initial: &Value, ops: &[CellOp]) -> Option<Decided> {
    let zoned = zones(initial, ops)?.judge(&Operations(ops));
    if zoned.excused[0] {
        return None;
    }
    let source = |row: u32| ops[row as usize].source;
    let order = zoned.order.into_iter().map(source).collect();
    Some(Decided {
        algorithm: Algorithm::Zones,
        order: zoned.conflicts.is_empty().then_some(order),
        steps: ops.len() as u64,
    })
}

/// Row `n` is operation `n`.
struct Operations<'a>(&'a [CellOp]);

impl Times for Operations<'_> {
    fn called(&self, row: u32) -> u32 {
        self.0[row as usize].called + 1
    }

    fn returned(&self, row: u32) -> u32 {
        let returned = self.0[row as usize].returned;
        returned.map_or(NONE, |returned| returned + 1)
    }
}

/// Zones that were told the operations; `None` if some operation is not covered.
fn zones(initial: &Value, ops: &[CellOp]) -> Option<Zones> {
    let times = Operations(ops);
    let mut values: FxHashMap<&Value, u32> = FxHashMap::default();
    // As many as the operations can name.
    let mut zones = Zones::new(1, 2 * ops.len(), ops.len());
    values.insert(initial, INITIAL);
    for (number, op) in (0..).zip(ops) {
        if op.after.is_some() {
            return None;
        }
        let (saw, made) = match role(op) {
            Role::Other => return None,
            Role::Bystander => continue,
            Role::Reader(value) => (Some(value), None),
            Role::Writer(value) => (None, Some(value)),
            Role::Both(old, new) => (Some(old), Some(new)),
        };
        let mut id = |value: Option<_>| {
            let next = narrow(values.len() - 1);
            value.map_or(NONE, |value| *values.entry(value).or_insert(next))
        };
        let row = Row {
            called: times.called(number),
            returned: times.returned(number),
            register: 0,
            saw: id(saw),
            made: id(made),
        };
        zones.tell(number, row);
    }
    Some(zones)
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
