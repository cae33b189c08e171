//! A history cut into parts that do not influence one another, ready to be judged.
//!
//! Linearizability is local (Herlihy and Wing 1990, section 3.3): a history is linearizable if and
//! only if each object's part is. The cut keeps what the whole history says about order.

use rustc_hash::FxHashMap;
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

/// What is asked of the object with a key, and what was answered.
pub(crate) struct Asked<J, P> {
    pub(crate) input: J,
    pub(crate) seen: Option<P>,
}

/// Cuts a history by key, smallest key first. `key_of` gives the key of an operation, `asked` what
/// it means; an error of either ends the cut.
pub(crate) fn split<I, O, J, P, E>(
    history: &History<I, O>,
    key_of: impl Fn(&I) -> Option<Value>,
    asked: impl Fn(&Operation<I, O>) -> Result<Asked<J, P>, E>,
) -> Result<Vec<Partition<J, P>>, E> {
    let operations = history.operations();
    let (mut parts, places) = parts(operations, key_of);
    let linked = operations.iter().any(|op| op.after.is_some());
    let mut local: Vec<u32> = vec![0; if linked { operations.len() } else { 0 }];
    for (number, operation) in operations.iter().enumerate() {
        let Asked { input, seen } = asked(operation)?;
        if matches!(operation.outcome, Outcome::Failed) {
            continue;
        }
        let part = &mut parts[places.part_of(number)].ops;
        let after = predecessor(operations, &places, number).map(|before| local[before]);
        if linked {
            local[number] = narrow(part.len());
        }
        let completed = matches!(operation.outcome, Outcome::Completed(_));
        part.push(Op {
            source: narrow(number),
            input,
            seen,
            called: operation.called,
            returned: operation.returned.filter(|_| completed),
            after,
        });
    }
    parts.retain(|part| !part.ops.is_empty());
    Ok(parts)
}

/// Empty partitions, smallest key first, and the place of each operation's among them.
fn parts<I, O, J, P>(
    operations: &[Operation<I, O>],
    key_of: impl Fn(&I) -> Option<Value>,
) -> (Vec<Partition<J, P>>, Places) {
    let mut places: FxHashMap<Option<Value>, u32> = FxHashMap::default();
    let mut keys: Vec<(Option<Value>, usize)> = Vec::new();
    let mut place_of: Vec<u32> = Vec::with_capacity(operations.len());
    for operation in operations {
        let key = key_of(&operation.input);
        let same = place_of
            .last()
            .filter(|&&place| keys[place as usize].0 == key);
        let place = same.copied().unwrap_or_else(|| {
            *places.entry(key).or_insert_with_key(|key| {
                keys.push((key.clone(), 0));
                narrow(keys.len() - 1)
            })
        });
        keys[place as usize].1 += 1;
        place_of.push(place);
    }
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by(|&a, &b| keys[a].0.cmp(&keys[b].0));
    let mut rank = vec![0; keys.len()];
    for (place, &key) in order.iter().enumerate() {
        rank[key] = place;
    }
    let parts = order
        .iter()
        .map(|&key| Partition {
            key: keys[key].0.clone(),
            ops: Vec::with_capacity(keys[key].1),
        })
        .collect();
    (parts, Places { rank, place_of })
}

/// Which partition each operation belongs to.
struct Places {
    /// The place of a key among the partitions, by when it was first seen.
    rank: Vec<usize>,
    /// When an operation's key was first seen, counted in keys.
    place_of: Vec<u32>,
}

impl Places {
    fn part_of(&self, number: usize) -> usize {
        self.rank[self.place_of[number] as usize]
    }
}

/// The nearest completed operation of the same key that `after` links lead to. The links lead
/// through operations of other keys and failed ones, since order is transitive; they end at an
/// unknown one, which may take effect late.
fn predecessor<I, O>(
    operations: &[Operation<I, O>],
    places: &Places,
    number: usize,
) -> Option<usize> {
    let mut at = number;
    loop {
        let before = operations[at].after? as usize;
        match operations[before].outcome {
            Outcome::Completed(_) if places.part_of(before) == places.part_of(number) => {
                return Some(before);
            }
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
