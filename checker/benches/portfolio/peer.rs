//! The same histories for the crate `porcupine-rs`, with the models that its users write.

mod cells;
mod texts;

use std::collections::BTreeMap;
use std::time::Duration;

use porcupine_rs::{CheckResult, Operation, check_operations_timeout};
use testimony_history::{Answer, Call, CompactHistory, Function, Outcome, RecordedHistory, Value};

use cells::Cells;
use texts::Texts;

/// A history that the peer can judge.
pub(crate) enum Prepared {
    Cells(Vec<Operation<Cells>>),
    Texts(Vec<Operation<Texts>>),
}

/// A call on one key, with its answer.
#[derive(Clone, Debug)]
pub(crate) struct Keyed<A> {
    key: u32,
    asked: A,
}

/// Translates a history of registers that start as `initial`. `None` if it has functions for which
/// there is no model.
pub(crate) fn prepared(history: &RecordedHistory, initial: Option<&Value>) -> Option<Prepared> {
    let appends = |op: &testimony_history::Operation<Call, Answer>| op.input.f == Function::Append;
    if history.operations().iter().any(appends) {
        let operations = translated(history, texts::asked)?;
        return (initial == Some(&Value::str(""))).then_some(Prepared::Texts(operations));
    }
    let mut values = Numbers::default();
    values.of(initial.unwrap_or(&Value::Null));
    let asked = |call: &Call, told: Option<&Answer>| cells::asked(call, told, &mut values);
    Some(Prepared::Cells(translated(history, asked)?))
}

/// The operations in the peer's form.
fn translated<M, A>(
    history: &RecordedHistory,
    mut asked: impl FnMut(&Call, Option<&Answer>) -> Option<A>,
) -> Option<Vec<Operation<M>>>
where
    M: porcupine_rs::Model<Op = Keyed<A>>,
{
    let mut keys = Numbers::default();
    let mut operations = Vec::with_capacity(history.operations().len());
    for operation in history.operations() {
        let told = match &operation.outcome {
            Outcome::Completed(answer) => Some(answer),
            Outcome::Unknown => None,
            Outcome::Failed => continue,
        };
        let key = operation.input.key.as_ref().map_or(0, |key| keys.of(key));
        let asked = asked(&operation.input, told)?;
        operations.push(Operation {
            client_id: None,
            call_time: operation.called.into(),
            return_time: operation.returned.map_or(i64::MAX, i64::from),
            op: Keyed { key, asked },
            metadata: None,
        });
    }
    Some(operations)
}

fn by_key<M, A: Clone>(history: &[Operation<M>]) -> Vec<Vec<Operation<M>>>
where
    M: porcupine_rs::Model<Op = Keyed<A>>,
{
    let mut parts: BTreeMap<u32, Vec<Operation<M>>> = BTreeMap::new();
    for operation in history {
        let part = parts.entry(operation.op.key).or_default();
        part.push(operation.clone());
    }
    parts.into_values().collect()
}

/// Numbers values and keys.
#[derive(Default)]
struct Numbers(BTreeMap<Value, u32>);

impl Numbers {
    fn of(&mut self, value: &Value) -> u32 {
        let next = u32::try_from(self.0.len()).expect("fewer than 2^32 values");
        *self.0.entry(value.clone()).or_insert(next)
    }
}

impl Prepared {
    /// Whether the history is linearizable; `None` when the time has run out.
    pub(crate) fn judge(&self, time: Duration) -> Option<bool> {
        let result = match self {
            Prepared::Cells(operations) => check_operations_timeout(operations, time),
            Prepared::Texts(operations) => check_operations_timeout(operations, time),
        };
        match result {
            CheckResult::Ok => Some(true),
            CheckResult::Illegal => Some(false),
            CheckResult::Unknown => None,
        }
    }
}

/// What the peer may be expected to keep: for each operation a set of all operations on its key.
pub(crate) fn bytes_expected(history: &CompactHistory) -> usize {
    let mut keys = history.keys().to_vec();
    keys.sort_unstable();
    let widest = keys.chunk_by(|one, other| one == other).map(<[_]>::len);
    history.len() * widest.max().unwrap_or(0) / 8
}
