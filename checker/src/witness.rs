//! The verifier of witnesses: replays an order and believes nothing.
//!
//! It shares no code with the search. An order respects real time if and only if no operation in it
//! returned before the latest call among those placed earlier, so one pass with one maximum
//! suffices.

use rustc_hash::FxHashMap;
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
/// ones never, in an order that real time allows and the model accepts. Linear time.
pub fn verify_witness<M: Model>(
    model: &M,
    history: &History<M::Input, M::Output>,
    witness: &Witness,
) -> Result<(), WitnessError> {
    replay_witness(&AsGiven(model), history, witness)
}

/// What the operations of a history mean, to the verifier.
pub(crate) trait Meaning<I, O> {
    /// What the object is between two operations.
    type State;
    /// The object before the first operation.
    fn init(&self) -> Self::State;
    /// Whether an operation is on this key.
    fn is_on(&self, operation: &Operation<I, O>, key: &Option<Value>) -> bool;
    /// Lets an operation happen to the object, with its answer. Whether that is legal.
    fn advance(&self, state: &mut Self::State, operation: &Operation<I, O>) -> bool;
    /// An operation in words.
    fn describe(&self, operation: &Operation<I, O>) -> String;
}

/// A model takes typed operations as they are.
struct AsGiven<'m, M>(&'m M);

impl<M: Model> Meaning<M::Input, M::Output> for AsGiven<'_, M> {
    type State = M::State;

    fn init(&self) -> M::State {
        self.0.init()
    }

    fn is_on(&self, operation: &Operation<M::Input, M::Output>, key: &Option<Value>) -> bool {
        self.0.key(&operation.input) == *key
    }

    fn advance(&self, state: &mut M::State, operation: &Operation<M::Input, M::Output>) -> bool {
        self.0.advance(state, &operation.input, seen(operation))
    }

    fn describe(&self, operation: &Operation<M::Input, M::Output>) -> String {
        self.0.describe(&operation.input, seen(operation))
    }
}

fn seen<I, O>(operation: &Operation<I, O>) -> Option<&O> {
    match &operation.outcome {
        Outcome::Completed(output) => Some(output),
        Outcome::Failed | Outcome::Unknown => None,
    }
}

/// Replays a witness of operations whose meaning is found on the way.
pub(crate) fn replay_witness<I, O>(
    meaning: &impl Meaning<I, O>,
    history: &History<I, O>,
    witness: &Witness,
) -> Result<(), WitnessError> {
    let operations = history.operations();
    let mut replay = Replay {
        meaning,
        operations,
        numbers: Numbers::of(operations)?,
        placed: vec![false; operations.len()],
    };
    for part in &witness.partitions {
        replay.partition(part)?;
    }
    let missing = operations
        .iter()
        .zip(&replay.placed)
        .find(|(op, placed)| matches!(op.outcome, Outcome::Completed(_)) && !**placed);
    missing.map_or(Ok(()), |(operation, _)| {
        Err(WitnessError::Missing(operation.call.index))
    })
}

struct Replay<'h, I, O, W> {
    meaning: &'h W,
    operations: &'h [Operation<I, O>],
    numbers: Numbers,
    /// Operations that some order has had.
    placed: Vec<bool>,
}

impl<I, O, W: Meaning<I, O>> Replay<'_, I, O, W> {
    fn partition(&mut self, part: &PartitionWitness) -> Result<(), WitnessError> {
        let mut state = self.meaning.init();
        let mut latest_call: Option<Position> = None;
        for &index in &part.order {
            let number = self.numbers.get(index);
            let number = number.ok_or(WitnessError::NoSuchOperation(index))?;
            let operation = &self.operations[number];
            if matches!(operation.outcome, Outcome::Failed) {
                return Err(WitnessError::NoSuchOperation(index));
            }
            if !self.meaning.is_on(operation, &part.key) {
                return Err(WitnessError::WrongKey(index));
            }
            let completed = matches!(operation.outcome, Outcome::Completed(_));
            let ended = operation.returned.filter(|_| completed).zip(latest_call);
            if ended.is_some_and(|(end, call)| end < call) {
                return Err(WitnessError::RealTime(index));
            }
            latest_call = latest_call.max(Some(operation.called));
            if self.waits(number, &part.key) {
                return Err(WitnessError::ProcessOrder(index));
            }
            if std::mem::replace(&mut self.placed[number], true) {
                return Err(WitnessError::Twice(index));
            }
            if !self.meaning.advance(&mut state, operation) {
                let operation = self.meaning.describe(operation);
                return Err(WitnessError::Illegal { index, operation });
            }
        }
        Ok(())
    }

    /// Whether an earlier completed operation of the same process and key, linked to this one by
    /// `after` alone, has not been placed. An unknown one may take effect late and links nothing.
    fn waits(&self, number: usize, key: &Option<Value>) -> bool {
        let mut link = self.operations[number].after;
        while let Some(before) = link {
            let operation = &self.operations[before as usize];
            match operation.outcome {
                Outcome::Unknown => return false,
                Outcome::Completed(_) if self.meaning.is_on(operation, key) => {
                    return !self.placed[before as usize];
                }
                Outcome::Completed(_) | Outcome::Failed => link = operation.after,
            }
        }
        false
    }
}

/// The operation with each invocation index.
enum Numbers {
    /// Indices close together, as files have them: the operation with the first index, and so on.
    Dense {
        first: u64,
        numbers: Vec<u32>,
    },
    Sparse(FxHashMap<u64, usize>),
}

impl Numbers {
    const NOBODY: u32 = u32::MAX;

    fn of<I, O>(operations: &[Operation<I, O>]) -> Result<Self, WitnessError> {
        let indices = || operations.iter().map(|op| op.call.index);
        let (first, last) = (indices().min().unwrap_or(0), indices().max().unwrap_or(0));
        let room = usize::try_from(last - first).unwrap_or(usize::MAX);
        if room / 4 > operations.len() + 16 || operations.len() >= Self::NOBODY as usize {
            return Self::sparse(indices());
        }
        let mut numbers = vec![Self::NOBODY; room + 1];
        for (number, index) in (0_u32..).zip(indices()) {
            let place = usize::try_from(index - first).expect("indices span no more than the room");
            if std::mem::replace(&mut numbers[place], number) != Self::NOBODY {
                return Err(WitnessError::RepeatedIndex(index));
            }
        }
        Ok(Numbers::Dense { first, numbers })
    }

    fn sparse(indices: impl Iterator<Item = u64>) -> Result<Self, WitnessError> {
        let mut numbers = FxHashMap::default();
        for (number, index) in indices.enumerate() {
            if numbers.insert(index, number).is_some() {
                return Err(WitnessError::RepeatedIndex(index));
            }
        }
        Ok(Numbers::Sparse(numbers))
    }

    fn get(&self, index: u64) -> Option<usize> {
        match self {
            Numbers::Dense { first, numbers } => {
                let place = usize::try_from(index.checked_sub(*first)?).ok()?;
                let number = *numbers.get(place)?;
                (number != Self::NOBODY).then_some(number as usize)
            }
            Numbers::Sparse(numbers) => numbers.get(&index).copied(),
        }
    }
}
