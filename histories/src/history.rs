//! Events paired into operations: the thing that is judged.

use crate::{Answer, Builder, Call};

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
    /// The process that called. A process that goes on after an unknown outcome is counted as a new
    /// one.
    pub process: u64,
    /// What it asked.
    pub input: I,
    /// What it learnt.
    pub outcome: Outcome<O>,
    /// When it was called.
    pub called: Position,
    /// When it returned; `None` for an unknown outcome, which stays open to the end.
    pub returned: Option<Position>,
    /// The operation (an index into the history) that the same process completed last before, where
    /// the positions alone do not put it before this one: both events carry the same time.
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
    /// A history of these operations.
    ///
    /// # Panics
    /// If they are not in the order of their calls, one returns before it is called, or `after`
    /// names no earlier operation.
    pub fn from_operations(operations: Vec<Operation<I, O>>) -> Self {
        for (index, operation) in operations.iter().enumerate() {
            let before = index == 0 || operations[index - 1].called <= operation.called;
            assert!(before, "operation {index} is not in the order of calls");
            let returns = operation
                .returned
                .is_none_or(|returned| operation.called < returned);
            assert!(returns, "operation {index} returns before it is called");
            let after = operation
                .after
                .is_none_or(|earlier| (earlier as usize) < index);
            assert!(after, "operation {index} is after a later one");
        }
        History { operations }
    }

    /// Collects a history call by call.
    pub fn builder() -> Builder<I, O> {
        Builder::default()
    }

    /// The operations in the order of their calls.
    pub fn operations(&self) -> &[Operation<I, O>] {
        &self.operations
    }

    /// The operations in the order of their calls.
    pub fn into_operations(self) -> Vec<Operation<I, O>> {
        self.operations
    }

    /// The same history in other words.
    pub fn map<J, P>(
        self,
        mut input: impl FnMut(I) -> J,
        mut output: impl FnMut(O) -> P,
    ) -> History<J, P> {
        let operations = self.operations.into_iter();
        let operations = operations
            .map(|op| op.map(&mut input, &mut output))
            .collect();
        History { operations }
    }

    /// The same history in other words, or the first error of the translation. `output` is given
    /// the operation's translated input as well.
    ///
    /// # Errors
    /// The first that `input` or `output` returns.
    pub fn try_map<J, P, E>(
        self,
        mut input: impl FnMut(I) -> Result<J, E>,
        mut output: impl FnMut(&J, O) -> Result<P, E>,
    ) -> Result<History<J, P>, E> {
        let operations = self.operations.into_iter();
        let operations = operations.map(|op| op.try_map(&mut input, &mut output));
        Ok(History {
            operations: operations.collect::<Result<_, E>>()?,
        })
    }
}

impl<I, O> Operation<I, O> {
    fn map<J, P>(self, input: impl FnOnce(I) -> J, output: impl FnOnce(O) -> P) -> Operation<J, P> {
        let translated: Result<_, std::convert::Infallible> =
            self.try_map(|given| Ok(input(given)), |_, told| Ok(output(told)));
        translated.unwrap_or_else(|never| match never {})
    }

    fn try_map<J, P, E>(
        self,
        input: impl FnOnce(I) -> Result<J, E>,
        output: impl FnOnce(&J, O) -> Result<P, E>,
    ) -> Result<Operation<J, P>, E> {
        let input = input(self.input)?;
        let outcome = match self.outcome {
            Outcome::Completed(told) => Outcome::Completed(output(&input, told)?),
            Outcome::Failed => Outcome::Failed,
            Outcome::Unknown => Outcome::Unknown,
        };
        Ok(Operation {
            process: self.process,
            input,
            outcome,
            called: self.called,
            returned: self.returned,
            after: self.after,
            call: self.call,
            end: self.end,
        })
    }
}
