//! What is known of queues: how to judge one whose values are enqueued once each, without a search.
//!
//! Each value has an interval for its enqueue and one for its dequeue. A value is in the queue for
//! certain between the end of the one and the beginning of the other. There is no order exactly if
//! one value is enqueued for certain before another and dequeued for certain after it, or someone
//! found the queue empty while at every moment some value was in it for certain (Henzinger, Sezgin,
//! Vafeiadis 2013; ours to check: every order found is replayed, and every refusal is judged
//! again).

mod order;
mod spare;
mod sweep;

use rustc_hash::{FxHashMap, FxHashSet};
use testimony_history::{Position, Value};

use super::timeline::positions_suffice;
use super::{Decided, Expert, Judged, Simplified, close};
use crate::budget::Budget;
use crate::models::queue::{Queue, QueueInput, QueueOutput};
use crate::partition::{Op, select};
use crate::verdict::Algorithm;

type QueueOp = Op<QueueInput, QueueOutput>;

/// Knows queues.
pub(crate) struct QueueExpert;

impl Expert<Queue> for QueueExpert {
    /// An unknown enqueue of a value that was never dequeued is left out: in an order that has it,
    /// either the value stays, and nothing behind it was dequeued, or an unknown dequeue took it,
    /// which is left out with it. One whose value was dequeued, and that nothing else enqueued,
    /// happened before.
    fn simplify(&self, model: &Queue, ops: &[QueueOp], _budget: &Budget) -> Simplified<Queue> {
        let mut ops = ops.to_vec();
        let dequeued: FxHashMap<Value, u32> = ops
            .iter()
            .filter_map(|op| match &op.seen {
                Some(QueueOutput::Value(value)) => Some((value.clone(), op.returned?)),
                Some(QueueOutput::Done | QueueOutput::Empty) | None => None,
            })
            .collect();
        let repeated = repeated(&ops);
        let mut keep = vec![true; ops.len()];
        for (op, keep) in ops.iter_mut().zip(&mut keep) {
            let QueueInput::Enqueue(value) = &op.input else {
                continue;
            };
            match dequeued.get(value) {
                Some(&by) if !repeated.contains(value) && model.starts_empty() => {
                    close(op, by);
                }
                None if op.returned.is_none() => *keep = false,
                _ => {}
            }
        }
        Simplified::to(select(&ops, &keep))
    }

    fn decide(&self, model: &Queue, ops: &[QueueOp]) -> Option<Decided> {
        judge(model.initial(), ops).decided(Algorithm::QueueSweep, ops)
    }
}

fn judge(initial: &[Value], ops: &[QueueOp]) -> Judged {
    if from_nowhere(initial, ops) {
        return Judged::Contradiction;
    }
    if !positions_suffice(ops) || !distinct(initial, ops) {
        return Judged::NotCovered;
    }
    match sweep::sweep(initial, ops) {
        sweep::Swept::Contradiction => Judged::Contradiction,
        sweep::Swept::Consistent { values, empties } => {
            order::order(&values, &empties).map_or(Judged::NotCovered, Judged::Order)
        }
    }
}

/// Whether every value is there from the start once, or enqueued by one operation.
fn distinct(initial: &[Value], ops: &[QueueOp]) -> bool {
    let mut values = FxHashSet::default();
    let enqueued = ops.iter().filter_map(|op| match &op.input {
        QueueInput::Enqueue(value) => Some(value),
        QueueInput::Dequeue => None,
    });
    initial
        .iter()
        .chain(enqueued)
        .all(|value| values.insert(value))
}

/// Whether some value was dequeued before anyone can have enqueued it, or more often.
fn from_nowhere(initial: &[Value], ops: &[QueueOp]) -> bool {
    let mut enqueued: FxHashMap<&Value, (Position, usize)> = FxHashMap::default();
    for value in initial {
        enqueued.entry(value).or_insert((0, 0)).1 += 1;
    }
    for op in ops {
        if let QueueInput::Enqueue(value) = &op.input {
            enqueued.entry(value).or_insert((op.called, 0)).1 += 1;
        }
    }
    ops.iter().any(|op| {
        let (Some(QueueOutput::Value(value)), Some(returned)) = (&op.seen, op.returned) else {
            return false;
        };
        match enqueued.get_mut(value) {
            Some((from, left)) if *left > 0 && *from <= returned => {
                *left -= 1;
                false
            }
            _ => true,
        }
    })
}

/// Values that more than one operation enqueues.
fn repeated(ops: &[QueueOp]) -> FxHashSet<Value> {
    let (mut once, mut repeated) = (FxHashSet::default(), FxHashSet::default());
    for op in ops {
        if let QueueInput::Enqueue(value) = &op.input
            && !once.insert(value)
        {
            repeated.insert(value.clone());
        }
    }
    repeated
}
