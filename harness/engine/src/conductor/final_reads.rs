//! The last look at every key, from several nodes.

use std::time::Duration;

use testimony_history::Value;

use crate::chance::Chance;
use crate::{FinalReadCounts, Nanos, NodeName};

/// How long a read that was not completed waits before it is tried again, at first and at most.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_millis(800);

/// One key to be read, asking one node first. A retry goes to the next node.
#[derive(Clone, Debug)]
struct FinalRead {
    key: Value,
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
    nodes: Vec<NodeName>,
    reads: Vec<FinalRead>,
}

impl FinalReads {
    /// Every key from `times` nodes, at most as many as there are. Each node gets its share.
    pub(super) fn new(
        keys: &[Value],
        nodes: &[NodeName],
        times: u32,
        chance: &mut Chance,
        now: Nanos,
    ) -> Self {
        let times = usize::try_from(times)
            .unwrap_or(usize::MAX)
            .min(nodes.len());
        let mut reads = Vec::new();
        for key in keys {
            let first = chance.index(nodes.len());
            reads.extend((0..times).map(|step| FinalRead {
                key: key.clone(),
                node: (first + step) % nodes.len(),
                state: State::Waiting(now),
                pause: RETRY_FIRST,
            }));
        }
        FinalReads {
            nodes: nodes.to_vec(),
            reads,
        }
    }

    /// A read that may start at `now`: its number, its key, the node it asks.
    pub(super) fn next(&self, now: Nanos) -> Option<(usize, &Value, &NodeName)> {
        let ready = |read: &FinalRead| matches!(read.state, State::Waiting(from) if from <= now);
        let index = self.reads.iter().position(ready)?;
        let read = &self.reads[index];
        Some((index, &read.key, &self.nodes[read.node]))
    }

    pub(super) fn begin(&mut self, index: usize) {
        self.reads[index].state = State::Open;
    }

    pub(super) fn end(&mut self, index: usize, completed: bool, now: Nanos) {
        let nodes = self.nodes.len();
        let Some(read) = self.reads.get_mut(index) else {
            return;
        };
        if completed {
            read.state = State::Completed;
            return;
        }
        read.state = State::Waiting(now + read.pause);
        read.pause = (read.pause * 2).min(RETRY_MAX);
        read.node = (read.node + 1) % nodes;
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
            completed: count(self.reads.iter().filter(completed).count()),
            missing,
        }
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
