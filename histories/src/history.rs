//! Events paired into operations: the thing that is judged.

use crate::{Answer, Call};

/// A point in the order of a history. Positions are dense ranks of events: `a` ended before `b`
/// began exactly if `a.returned < b.called`. Where events of several processes carry the same time,
/// their calls rank before their returns, so that equal times never manufacture an order.
pub type Position = u32;

/// What became of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome<O> {
    /// It happened, with this answer.
    Completed(O),
    /// It did not happen and never will.
    Failed,
    /// It may have happened at any time after its call, or never.
    Unknown,
}

/// Where and when an event stood in its file; for people, not for judging.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The event's `index`.
    pub index: u64,
    /// The event's `time` in nanoseconds, if it had one.
    pub time: Option<u64>,
    /// The line of the file, counted from 1; 0 if there was no file.
    pub line: u32,
}

/// One call and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation<I, O> {
    /// The process that called. A process that goes on after an unknown outcome is counted as a new one.
    pub process: u64,
    /// What it asked.
    pub input: I,
    /// What it learnt.
    pub outcome: Outcome<O>,
    /// When it was called.
    pub called: Position,
    /// When it returned; `None` for an unknown outcome, which stays open to the end.
    pub returned: Option<Position>,
    /// The operation (an index into the history) that the same process made just before, where the
    /// positions alone do not put it before this one: both events carry the same time.
    pub after: Option<u32>,
    /// The call's place in the file.
    pub call: Origin,
    /// The return's place in the file, also of a failed or unknown outcome.
    pub end: Option<Origin>,
}

/// Operations in the order of their calls. Failed operations are kept for people to see; they say
/// only that they did not happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History<I, O> {
    operations: Vec<Operation<I, O>>,
}

/// A history as it was recorded, before a model gives it meaning.
pub type RecordedHistory = History<Call, Answer>;

impl<I, O> History<I, O> {
    /// The operations in the order of their calls.
    pub fn operations(&self) -> &[Operation<I, O>] {
        &self.operations
    }

    /// A history of the given operations, which must be in the order of their calls.
    pub fn from_operations(operations: Vec<Operation<I, O>>) -> Self {
        History { operations }
    }
}
