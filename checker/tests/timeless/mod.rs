//! Histories without real time.

use std::collections::BTreeMap;

use testimony_history::{History, Outcome, RecordedHistory};

/// The history as if all operations had been open at once, but for the order of each process.
pub(crate) fn without_times(history: &RecordedHistory) -> RecordedHistory {
    let mut operations = history.operations().to_vec();
    let total = u32::try_from(operations.len()).expect("simulated histories are small and whole");
    let mut last: BTreeMap<u64, u32> = BTreeMap::new();
    for (number, op) in (0..).zip(&mut operations) {
        op.called = number;
        op.returned = op.returned.map(|_| total + number);
        op.after = last.get(&op.process).copied();
        if op.outcome != Outcome::Failed {
            last.insert(op.process, number);
        }
    }
    History::from_operations(operations)
}
