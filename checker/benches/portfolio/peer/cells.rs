//! A register with compare-and-set. Values are numbered; 0 is the initial one.

use porcupine_rs::{Model, Operation};
use testimony_history::{Answer, Call, Function, Value};

use super::{Keyed, Numbers, by_key};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Cells;

#[derive(Clone, Debug)]
pub(crate) enum Asked {
    /// And what was read; `None` if nobody learnt it.
    Read(Option<u32>),
    Write(u32),
    /// And whether it swapped.
    Cas(u32, u32, Option<bool>),
}

impl Model for Cells {
    type State = u32;
    type Op = Keyed<Asked>;
    type Metadata = ();

    fn partition_operations(history: &[Operation<Self>]) -> Vec<Vec<Operation<Self>>> {
        by_key(history)
    }

    fn init() -> u32 {
        0
    }

    fn step(state: &u32, op: &Keyed<Asked>) -> (bool, u32) {
        match op.asked {
            Asked::Read(read) => (read.is_none_or(|read| read == *state), *state),
            Asked::Write(value) => (true, value),
            Asked::Cas(old, new, swapped) => {
                let swaps = *state == old;
                let legal = swapped.is_none_or(|swapped| swapped == swaps);
                (legal, if swaps { new } else { *state })
            }
        }
    }
}

pub(super) fn asked(call: &Call, told: Option<&Answer>, values: &mut Numbers) -> Option<Asked> {
    match (&call.f, &call.value) {
        (Function::Read, _) => {
            let read = told.and_then(|answer| answer.value.as_ref());
            Some(Asked::Read(read.map(|value| values.of(value))))
        }
        (Function::Write, Some(value)) => Some(Asked::Write(values.of(value))),
        (Function::Cas, Some(Value::List(pair))) => {
            let (old, new) = (values.of(pair.first()?), values.of(pair.get(1)?));
            let swapped = told.and_then(|answer| answer.swapped);
            Some(Asked::Cas(old, new, swapped))
        }
        _ => None,
    }
}
