//! What is known of queues: how to judge one whose values are enqueued once each, without a search.
//!
//! Each value has an interval for its enqueue and one for its dequeue. A value is in the queue for
//! certain between the end of the one and the beginning of the other. There is no order exactly if
//! one value is enqueued for certain before another and dequeued for certain after it, or someone
//! found the queue empty while at every moment some value was in it for certain (Henzinger, Sezgin,
//! Vafeiadis 2013; ours to check: every order found is replayed, and every refusal is judged
//! again).

mod order;
mod sweep;

use rustc_hash::{FxHashMap, FxHashSet};
use testimony_history::Value;

use super::{Decided, Expert, Simplified, close};
use crate::models::queue::{Queue, QueueInput, QueueOutput};
use crate::partition::{Op, narrow, select};
use crate::verdict::Algorithm;

type QueueOp = Op<QueueInput, QueueOutput>;

/// Knows queues.
pub(crate) struct QueueExpert;

impl Expert<Queue> for QueueExpert {
    /// An unknown enqueue of a value that was never dequeued is left out: in an order that has it,
    /// either the value stays, and nothing behind it was dequeued, or an unknown dequeue took it,
    /// which is left out with it. One whose value was dequeued, and that nothing else enqueued,
    /// happened before.
    fn simplify(&self, model: &Queue, ops: &[QueueOp]) -> Simplified<Queue> {
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
        let linked = ops.iter().any(|op| op.after.is_some());
        if !model.starts_empty() || linked || !repeated(ops).is_empty() {
            return None;
        }
        let order = match sweep::sweep(ops)? {
            sweep::Swept::Contradiction => None,
            sweep::Swept::Consistent { values, empties } => {
                Some(order::order(ops, &values, &empties)?)
            }
        };
        Some(Decided {
            algorithm: Algorithm::QueueSweep,
            order,
            steps: ops.len() as u64,
        })
    }
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

/// The place of each call and return in the order of events; at equal positions calls come first.
fn places(ops: &[QueueOp]) -> (Vec<u32>, Vec<u32>) {
    let mut events: Vec<(u32, bool, usize)> = Vec::with_capacity(2 * ops.len());
    for (number, op) in ops.iter().enumerate() {
        events.push((op.called, false, number));
        events.extend(op.returned.map(|returned| (returned, true, number)));
    }
    events.sort_unstable();
    let (mut calls, mut returns) = (vec![0; ops.len()], vec![sweep::NEVER; ops.len()]);
    for (place, (_, is_return, number)) in events.into_iter().enumerate() {
        let places = if is_return { &mut returns } else { &mut calls };
        places[number] = narrow(place);
    }
    (calls, returns)
}
