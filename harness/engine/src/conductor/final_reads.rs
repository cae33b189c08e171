//! The last look at every key, from several nodes.
//!
//! Most keys are read. A queue is emptied, and a log whose elements are read one by one is gone
//! through: such a look takes as many calls as there are values, and one more that finds the end.

use std::time::Duration;

use testimony_history::{Call, Ending, Function, Value};

use crate::chance::Chance;
use crate::{FinalReadCounts, Nanos, NodeName, WorkloadKind, WorkloadParams};

/// How long a read that was not completed waits before it is tried again, at first and at most.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_millis(800);

/// How the keys of a run are looked at for the last time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Look {
    /// One read shows everything.
    #[default]
    Whole,
    /// A value is taken out until there is none.
    TakingOut,
    /// One element is read after the other until there is none.
    OneByOne,
}

/// One key to be read, asking one node first. A retry goes to the next node.
#[derive(Clone, Debug)]
struct FinalRead {
    key: Value,
    /// How many values it has shown.
    shown: u64,
    node: usize,
    state: State,
    pause: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting(Nanos),
    Open,
    Completed,
}

/// The reads that are still to be made.
#[derive(Clone, Debug, Default)]
pub(super) struct FinalReads {
    look: Look,
    /// How many calls were completed.
    calls: u64,
    nodes: Vec<NodeName>,
    reads: Vec<FinalRead>,
}

impl FinalReads {
    /// Every key from `times` nodes, at most as many as there are. Each node gets its share.
    pub(super) fn new(
        keys: &[Value],
        nodes: &[NodeName],
        workload: &WorkloadParams,
        chance: &mut Chance,
        now: Nanos,
    ) -> Self {
        let times = usize::try_from(workload.final_reads)
            .unwrap_or(usize::MAX)
            .min(nodes.len());
        let mut reads = Vec::new();
        for key in keys {
            let first = chance.index(nodes.len());
            reads.extend((0..times).map(|step| FinalRead {
                key: key.clone(),
                shown: 0,
                node: (first + step) % nodes.len(),
                state: State::Waiting(now),
                pause: RETRY_FIRST,
            }));
        }
        FinalReads {
            look: look(workload),
            calls: 0,
            nodes: nodes.to_vec(),
            reads,
        }
    }

    /// A read that may start at `now`: its number, what it calls, the node it asks.
    pub(super) fn next(&self, now: Nanos) -> Option<(usize, Call, &NodeName)> {
        let ready = |read: &FinalRead| matches!(read.state, State::Waiting(from) if from <= now);
        let index = self.reads.iter().position(ready)?;
        let read = &self.reads[index];
        Some((index, self.call(read), &self.nodes[read.node]))
    }

    fn call(&self, read: &FinalRead) -> Call {
        let offset = i64::try_from(read.shown).unwrap_or(i64::MAX);
        Call {
            f: match self.look {
                Look::TakingOut => Function::Dequeue,
                Look::Whole | Look::OneByOne => Function::Read,
            },
            key: Some(read.key.clone()),
            value: (self.look == Look::OneByOne).then_some(Value::Int(offset)),
        }
    }

    pub(super) fn begin(&mut self, index: usize) {
        self.reads[index].state = State::Open;
    }

    pub(super) fn end(&mut self, index: usize, ending: &Ending, now: Nanos) {
        let (nodes, look) = (self.nodes.len(), self.look);
        let Some(read) = self.reads.get_mut(index) else {
            return;
        };
        let Ending::Ok(answer) = ending else {
            read.state = State::Waiting(now + read.pause);
            read.pause = (read.pause * 2).min(RETRY_MAX);
            read.node = (read.node + 1) % nodes;
            return;
        };
        self.calls += 1;
        let shown = match look {
            Look::Whole => None,
            Look::TakingOut => answer.value.as_ref(),
            Look::OneByOne => answer.result.as_ref(),
        };
        let goes_on = shown.is_some_and(|value| *value != Value::Null);
        read.shown += u64::from(goes_on);
        read.state = match goes_on {
            true => State::Waiting(now),
            false => State::Completed,
        };
    }

    pub(super) fn all_completed(&self) -> bool {
        self.reads.iter().all(|read| read.state == State::Completed)
    }

    /// When the next read may start.
    pub(super) fn wake(&self) -> Option<Nanos> {
        let waiting = |read: &FinalRead| match read.state {
            State::Waiting(from) => Some(from),
            State::Open | State::Completed => None,
        };
        self.reads.iter().filter_map(waiting).min()
    }

    /// What was reached of reading `keys`, whether it was tried or not.
    pub(super) fn counts(&self, keys: &[Value]) -> FinalReadCounts {
        let completed = |read: &&FinalRead| read.state == State::Completed;
        let was_read = |key: &Value| self.reads.iter().filter(completed).any(|r| r.key == *key);
        let missing: Vec<String> = keys
            .iter()
            .filter(|key| !was_read(key))
            .map(plain)
            .collect();
        FinalReadCounts {
            keys: count(keys.len()),
            keys_read: count(keys.len() - missing.len()),
            completed: self.calls,
            missing,
        }
    }
}

fn look(workload: &WorkloadParams) -> Look {
    match workload.name {
        WorkloadKind::Queue => Look::TakingOut,
        WorkloadKind::Log if workload.offsets == 100 => Look::OneByOne,
        _ => Look::Whole,
    }
}

fn plain(key: &Value) -> String {
    match key {
        Value::Str(name) => name.to_string(),
        other => other.to_string(),
    }
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
