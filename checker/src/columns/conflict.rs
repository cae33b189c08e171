//! A few operations of a history in columns that no order explains, on their way to a
//! counterexample.

use testimony_history::compact::CompactHistory;
use testimony_history::{Answer, Call, Operation, RecordedHistory};

use crate::relaxation;
use crate::verdict::{Note, Verdict};
use crate::zones::Conflict;

/// Row `n` of a conflict is operation `n`.
impl Conflict {
    /// The operations as a history of their own.
    pub(super) fn history(&self, history: &CompactHistory) -> RecordedHistory {
        let mut operations = history.select(&self.rows).into_operations();
        for (number, operation) in self.rows.iter().zip(&mut operations) {
            if self.weakened.contains(number) {
                weaken(operation);
            }
        }
        RecordedHistory::from_operations(operations)
    }

    /// The verdict with what this took for granted: what was weakened, and of how many operations
    /// these are the rest.
    pub(super) fn note(
        &self,
        mut verdict: Verdict,
        history: &CompactHistory,
        operations: usize,
    ) -> Verdict {
        if let Verdict::Illegal(found) = &mut verdict {
            found.original_operations = operations;
            for &number in &self.weakened {
                let operation = history.index(number as usize);
                let shown = found.operations.operations().iter();
                if shown
                    .map(|op| op.call.index)
                    .any(|index| index == operation)
                {
                    let text = relaxation::AS_WRITE.to_owned();
                    found.notes.push(Note { operation, text });
                }
            }
            found.notes.sort_by_key(|note| note.operation);
            found.notes.dedup();
        }
        verdict
    }
}

/// A compare-and-set as a write of its new value, with the outcome that it has.
fn weaken(operation: &mut Operation<Call, Answer>) {
    if let Some(input) = relaxation::as_write(&operation.input) {
        operation.input = input;
        operation.outcome = relaxation::unanswered(&operation.outcome);
    }
}
