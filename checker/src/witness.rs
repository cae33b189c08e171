//! The verifier of witnesses: replays an order and believes nothing.
//!
//! It shares no code with the search. An order respects real time if and only if no operation in it
//! returned before the latest call among those placed earlier, so one pass with one maximum
//! suffices.

use rustc_hash::{FxHashMap, FxHashSet};
use testimony_history::{History, Operation, Outcome, Position, Value};
use thiserror::Error;

use crate::model::Model;
use crate::verdict::{PartitionWitness, Witness};

/// Why a witness does not explain its history. Operations are named by the index of their
/// invocation.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WitnessError {
    /// Two operations of the history cannot be told apart.
    #[error("two operations of the history have the invocation index {0}")]
    RepeatedIndex(u64),
    /// The order names an operation that the history does not have, or that failed.
    #[error("the order has operation {0}, which is not in the history or failed")]
    NoSuchOperation(u64),
    /// The order names an operation of another key.
    #[error("the order for one key has operation {0} of another key")]
    WrongKey(u64),
    /// The order names an operation twice.
    #[error("the order has operation {0} twice")]
    Twice(u64),
    /// A completed operation is in no order.
    #[error("operation {0} completed, but the order lacks it")]
    Missing(u64),
    /// The order puts an operation after one that began when it had ended.
    #[error("the order puts operation {0} after one that was called when it had returned")]
    RealTime(u64),
    /// The order puts an operation before an earlier one of its process.
    #[error("the order puts operation {0} before an earlier one of its process")]
    ProcessOrder(u64),
    /// The model does not accept the operation at its place.
    #[error("the model does not accept operation {index} at its place: {operation}")]
    Illegal {
        /// The operation.
        index: u64,
        /// It in words.
        operation: String,
    },
}

/// Replays a witness: every completed operation exactly once, unknown ones at most once, failed
/// ones never, in an order that real time allows and the model accepts. Linear time, but for
/// hashing.
pub fn verify_witness<M: Model>(
    model: &M,
    history: &History<M::Input, M::Output>,
    witness: &Witness,
) -> Result<(), WitnessError> {
    let operations = history.operations();
    let mut numbers = FxHashMap::default();
    for (number, operation) in operations.iter().enumerate() {
        if numbers.insert(operation.call.index, number).is_some() {
            return Err(WitnessError::RepeatedIndex(operation.call.index));
        }
    }
    let mut placed = FxHashSet::default();
    for part in &witness.partitions {
        replay(model, operations, &numbers, part, &mut placed)?;
    }
    let missing = operations.iter().enumerate().find(|(number, operation)| {
        matches!(operation.outcome, Outcome::Completed(_)) && !placed.contains(number)
    });
    missing.map_or(Ok(()), |(_, operation)| {
        Err(WitnessError::Missing(operation.call.index))
    })
}

fn replay<M: Model>(
    model: &M,
    operations: &[Operation<M::Input, M::Output>],
    numbers: &FxHashMap<u64, usize>,
    part: &PartitionWitness,
    placed: &mut FxHashSet<usize>,
) -> Result<(), WitnessError> {
    let mut state = model.init();
    let mut latest_call: Option<Position> = None;
    for &index in &part.order {
        let number = *numbers
            .get(&index)
            .ok_or(WitnessError::NoSuchOperation(index))?;
        let operation = &operations[number];
        let seen = match &operation.outcome {
            Outcome::Completed(output) => Some(output),
            Outcome::Unknown => None,
            Outcome::Failed => return Err(WitnessError::NoSuchOperation(index)),
        };
        if model.key(&operation.input) != part.key {
            return Err(WitnessError::WrongKey(index));
        }
        let too_late = operation
            .returned
            .zip(latest_call)
            .is_some_and(|(end, call)| end < call);
        if seen.is_some() && too_late {
            return Err(WitnessError::RealTime(index));
        }
        latest_call = latest_call.max(Some(operation.called));
        if waits(model, operations, number, &part.key, placed) {
            return Err(WitnessError::ProcessOrder(index));
        }
        if !placed.insert(number) {
            return Err(WitnessError::Twice(index));
        }
        state =
            model
                .step(&state, &operation.input, seen)
                .ok_or_else(|| WitnessError::Illegal {
                    index,
                    operation: model.describe(&operation.input, seen),
                })?;
    }
    Ok(())
}

/// Whether an earlier completed operation of the same process and key, linked to this one by
/// `after` alone, has not been placed. An unknown one may take effect late and links nothing.
fn waits<M: Model>(
    model: &M,
    operations: &[Operation<M::Input, M::Output>],
    number: usize,
    key: &Option<Value>,
    placed: &FxHashSet<usize>,
) -> bool {
    let mut link = operations[number].after;
    while let Some(before) = link {
        let operation = &operations[before as usize];
        match operation.outcome {
            Outcome::Unknown => return false,
            Outcome::Completed(_) if model.key(&operation.input) == *key => {
                return !placed.contains(&(before as usize));
            }
            Outcome::Completed(_) | Outcome::Failed => link = operation.after,
        }
    }
    false
}
