//! Histories of one's own making: for tests that record calls in memory.

use crate::place::index32;
use crate::processes::Processes;
use crate::{History, Operation, Origin, Outcome, Position};

/// Builds a history from calls and returns in the order in which they happen. Each call of a method
/// is one event, later than all before it.
///
/// ```
/// use testimony_history::{History, Outcome};
///
/// let mut history = History::builder();
/// let write = history.invoke(0, "write 1");
/// let read = history.invoke(1, "read");
/// history.complete(read, 1);
/// history.unknown(write);
/// let history = history.finish();
/// assert_eq!(history.operations()[0].outcome, Outcome::Unknown);
/// assert_eq!(history.operations()[1].returned, Some(2));
/// ```
#[derive(Clone, Debug)]
pub struct Builder<I, O> {
    operations: Vec<Operation<I, O>>,
    /// Who called each operation, by the code of its life.
    callers: Vec<u32>,
    processes: Processes,
    /// The position of the next call or return.
    next: Position,
    /// The number of the next event.
    index: u64,
}

/// An operation in a [`Builder`]: its number in the order of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OpId(u32);

impl<I, O> Default for Builder<I, O> {
    fn default() -> Self {
        Builder {
            operations: Vec::new(),
            callers: Vec::new(),
            processes: Processes::default(),
            next: 0,
            index: 0,
        }
    }
}

impl<I, O> Builder<I, O> {
    /// A process calls. One that goes on after an unknown outcome counts as a new process.
    ///
    /// # Panics
    /// If the process has an open operation: a process is sequential.
    pub fn invoke(&mut self, process: u64, input: I) -> OpId {
        let open = self.processes.state(process).open;
        assert!(
            open.is_none(),
            "process {process} calls while its call {open:?} is open"
        );
        let operation = index32(self.operations.len());
        self.callers
            .push(self.processes.call(process, operation).code);
        let called = self.step();
        let call = self.origin();
        self.operations.push(Operation {
            process,
            input,
            outcome: Outcome::Unknown,
            called,
            returned: None,
            after: None,
            call,
            end: None,
        });
        OpId(operation)
    }

    /// The operation happened, with this answer.
    ///
    /// # Panics
    /// If the operation is not open.
    pub fn complete(&mut self, op: OpId, output: O) {
        self.end(op, Outcome::Completed(output));
    }

    /// The operation did not happen and never will.
    ///
    /// # Panics
    /// If the operation is not open.
    pub fn fail(&mut self, op: OpId) {
        self.end(op, Outcome::Failed);
    }

    /// Nobody knows what became of the operation. One that is never ended is unknown as well.
    ///
    /// # Panics
    /// If the operation is not open.
    pub fn unknown(&mut self, op: OpId) {
        self.end(op, Outcome::Unknown);
    }

    /// The history so far; operations still open are unknown.
    pub fn finish(self) -> History<I, O> {
        let mut operations = self.operations;
        let numbers = self.processes.numbers();
        for (operation, caller) in operations.iter_mut().zip(self.callers) {
            operation.process = numbers[caller as usize];
        }
        History::from_operations(operations)
    }

    fn end(&mut self, op: OpId, outcome: Outcome<O>) {
        let index = op.0 as usize;
        let process = self.operations[index].process;
        let open = self.processes.state(process).open;
        assert!(
            open == Some(op.0),
            "operation {} of process {process} is not open",
            op.0
        );
        let end = Some(self.origin());
        let returned = match outcome {
            Outcome::Unknown => {
                self.processes.lose(process);
                None
            }
            Outcome::Completed(_) | Outcome::Failed => {
                self.processes
                    .end(process, matches!(outcome, Outcome::Completed(_)));
                Some(self.step())
            }
        };
        let operation = &mut self.operations[index];
        (operation.outcome, operation.returned, operation.end) = (outcome, returned, end);
    }

    fn step(&mut self) -> Position {
        let position = self.next;
        self.next = position
            .checked_add(1)
            .expect("a history holds at most 2^32 events");
        position
    }

    fn origin(&mut self) -> Origin {
        let index = self.index;
        self.index += 1;
        Origin {
            index,
            time: None,
            line: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_goes_on_after_an_unknown_outcome_is_a_new_one() {
        let mut builder = Builder::<&str, ()>::default();
        let first = builder.invoke(3, "a");
        builder.unknown(first);
        let second = builder.invoke(3, "b");
        builder.complete(second, ());
        builder.invoke(3, "c");
        builder.invoke(7, "d");
        let history = builder.finish();
        let processes: Vec<u64> = history.operations().iter().map(|op| op.process).collect();
        assert_eq!(processes, [3, 8, 8, 7]);
    }

    #[test]
    fn a_fresh_number_is_found_even_above_the_highest() {
        let mut builder = Builder::<(), ()>::default();
        let op = builder.invoke(u64::MAX, ());
        builder.unknown(op);
        builder.invoke(u64::MAX, ());
        builder.invoke(0, ());
        let history = builder.finish();
        assert_eq!(history.operations()[1].process, 1);
    }

    #[test]
    #[should_panic(expected = "process 1 calls while its call")]
    fn two_open_calls_of_a_process_are_refused() {
        let mut builder = Builder::<(), ()>::default();
        builder.invoke(1, ());
        builder.invoke(1, ());
    }

    #[test]
    #[should_panic(expected = "is not open")]
    fn an_operation_ends_once() {
        let mut builder = Builder::<(), ()>::default();
        let op = builder.invoke(1, ());
        builder.fail(op);
        builder.fail(op);
    }
}
