//! A history cut into parts that do not influence one another, ready to be judged.
//!
//! Linearizability is local (Herlihy and Wing 1990, section 3.3): a history is linearizable if and
//! only if each object's part is. The cut keeps what the whole history says about order.

use std::collections::BTreeMap;

use testimony_history::{History, Operation, Outcome, Position, Value};

/// One operation that may have happened, as a judge sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Op<I, O> {
    /// Its number in the whole history.
    pub(crate) source: u32,
    /// What was asked.
    pub(crate) input: I,
    /// What was answered, if anybody learnt it.
    pub(crate) seen: Option<O>,
    /// When it was called.
    pub(crate) called: Position,
    /// When it must have happened by; `None` if it need not have happened at all.
    pub(crate) returned: Option<Position>,
    /// The operation of this partition that must come before it although positions do not say so.
    pub(crate) after: Option<u32>,
}

/// The operations on one key, in the order of their calls; failed ones are left out, since they say
/// only that they did not happen.
#[derive(Clone, Debug)]
pub(crate) struct Partition<I, O> {
    pub(crate) key: Option<Value>,
    pub(crate) ops: Vec<Op<I, O>>,
}

/// Cuts a history by key, smallest key first. `part` gives an input's key, and what is asked of the
/// object with that key.
pub(crate) fn split<I, J, O: Clone>(
    history: &History<I, O>,
    part: impl Fn(&I) -> (Option<Value>, J),
) -> Vec<Partition<J, O>> {
    let operations = history.operations();
    let (keys, mut inputs): (Vec<Option<Value>>, Vec<Option<J>>) = operations
        .iter()
        .map(|op| part(&op.input))
        .map(|(key, input)| (key, Some(input)))
        .unzip();
    let mut parts: BTreeMap<&Option<Value>, Vec<Op<J, O>>> = BTreeMap::new();
    let mut local: Vec<Option<u32>> = vec![None; operations.len()];
    let mut order: Vec<usize> = (0..operations.len()).collect();
    order.sort_by_key(|&number| operations[number].called);
    for number in order {
        let operation = &operations[number];
        if matches!(operation.outcome, Outcome::Failed) {
            continue;
        }
        let Some(input) = inputs[number].take() else {
            continue;
        };
        let part = parts.entry(&keys[number]).or_default();
        let after = predecessor(operations, &keys, number).and_then(|before| local[before]);
        local[number] = Some(narrow(part.len()));
        part.push(considered(operation, input, number, after));
    }
    parts
        .into_iter()
        .map(|(key, ops)| Partition {
            key: key.clone(),
            ops,
        })
        .collect()
}

fn considered<I, J, O: Clone>(
    operation: &Operation<I, O>,
    input: J,
    number: usize,
    after: Option<u32>,
) -> Op<J, O> {
    let (seen, returned) = match &operation.outcome {
        Outcome::Completed(output) => (Some(output.clone()), operation.returned),
        Outcome::Failed | Outcome::Unknown => (None, None),
    };
    Op {
        source: narrow(number),
        input,
        seen,
        called: operation.called,
        returned,
        after,
    }
}

/// The nearest completed operation of the same key that `after` links lead to. The links lead
/// through operations of other keys and failed ones, since order is transitive; they end at an
/// unknown one, which may take effect late.
fn predecessor<I, O>(
    operations: &[Operation<I, O>],
    keys: &[Option<Value>],
    number: usize,
) -> Option<usize> {
    let mut at = number;
    loop {
        let before = operations[at].after? as usize;
        match operations[before].outcome {
            Outcome::Completed(_) if keys[before] == keys[number] => return Some(before),
            Outcome::Completed(_) | Outcome::Failed => at = before,
            Outcome::Unknown => return None,
        }
    }
}

/// What is wrong with a history that nobody can judge, if anything is.
pub(crate) fn malformed<I, O>(history: &History<I, O>) -> Option<String> {
    let operations = history.operations();
    if operations.len() >= MOST_OPERATIONS {
        return Some(format!("more than {MOST_OPERATIONS} operations"));
    }
    operations
        .iter()
        .enumerate()
        .find_map(|(number, operation)| {
            let index = operation.call.index;
            let completed = matches!(operation.outcome, Outcome::Completed(_));
            if completed && operation.returned.is_none() {
                return Some(format!("operation {index} completed but never returned"));
            }
            if completed
                && operation
                    .returned
                    .is_some_and(|returned| returned < operation.called)
            {
                return Some(format!("operation {index} returned before it was called"));
            }
            if operation
                .after
                .is_some_and(|before| before as usize >= number)
            {
                return Some(format!("operation {index} comes after a later one"));
            }
            None
        })
}

/// Numbers of operations, and of the events they make, must fit 32 bits.
const MOST_OPERATIONS: usize = 1 << 30;

/// A number that [`malformed`] has checked to fit.
pub(crate) fn narrow(number: usize) -> u32 {
    u32::try_from(number).expect("the number of operations was checked to fit 32 bits")
}

/// The chosen operations, with `after` links renumbered. A link to one that is left out is taken
/// over from it.
pub(crate) fn select<I: Clone, O: Clone>(ops: &[Op<I, O>], keep: &[bool]) -> Vec<Op<I, O>> {
    let mut number = vec![None; ops.len()];
    let mut selected: Vec<Op<I, O>> = Vec::new();
    for (old, op) in ops.iter().enumerate().filter(|(old, _)| keep[*old]) {
        let mut after = op.after;
        while let Some(before) = after
            && !keep[before as usize]
        {
            after = ops[before as usize].after;
        }
        number[old] = Some(narrow(selected.len()));
        let after = after.and_then(|before| number[before as usize]);
        selected.push(Op {
            after,
            ..op.clone()
        });
    }
    selected
}
