//! What of a history was known at a time.

use testimony_history::{Operation, Outcome, Position};

use super::select;

/// Makes an operation's outcome unknown.
pub(super) fn open<I, O>(operation: &mut Operation<I, O>) {
    operation.outcome = Outcome::Unknown;
    operation.returned = None;
    operation.end = None;
}

/// What was known at a time: later calls left out, later returns unknown.
pub(super) fn prefix<I: Clone, O: Clone>(
    operations: &[Operation<I, O>],
    until: Position,
) -> Vec<Operation<I, O>> {
    let keep: Vec<bool> = operations.iter().map(|op| op.called <= until).collect();
    let mut prefix = select(operations, &keep);
    for operation in &mut prefix {
        if operation.returned.is_some_and(|returned| returned > until) {
            open(operation);
        }
    }
    prefix
}
