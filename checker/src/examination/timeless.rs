//! Whether one order of all operations explains a key if real time is left aside: as if they had
//! all been open at once, but for the order of each process. The general search is asked, with few
//! steps.

use rustc_hash::FxHashMap;
use testimony_history::{History, Model as Kind, Outcome, RecordedHistory, Value};

use crate::budget::Budget;
use crate::check::check_recorded;
use crate::partition::narrow;
use crate::verdict::Verdict;

/// The most operations that are asked about: all are open at once.
const OPERATIONS_MAX: usize = 400;
/// The steps for all keys together, and the most bytes.
const STEPS_MAX: u64 = 400_000;
const BYTES_MAX: u64 = 256 << 20;

/// The searches, over all keys.
pub(super) struct Search {
    model: Kind,
    initial: Option<Value>,
    steps_left: u64,
}

/// What one search finds.
pub(super) enum Timeless {
    /// There is such an order.
    Explained,
    /// There is none for these operations, by number in the history.
    Broken(Vec<u32>),
    /// Nobody knows.
    Open,
}

impl Search {
    pub(super) fn new(model: Kind, initial: Option<&Value>) -> Self {
        Search {
            model,
            initial: initial.cloned(),
            steps_left: STEPS_MAX,
        }
    }

    /// Asks about the operations with these numbers, which are one key.
    pub(super) fn judge(&mut self, history: &RecordedHistory, numbers: &[u32]) -> Timeless {
        if numbers.len() > OPERATIONS_MAX || self.steps_left == 0 {
            return Timeless::Open;
        }
        let budget = Budget {
            steps: self.steps_left,
            bytes: BYTES_MAX,
            stop: None,
            threads: 1,
        };
        let timeless = without_times(history, numbers);
        let judged = check_recorded(self.model, self.initial.as_ref(), &timeless, &budget);
        self.steps_left = self.steps_left.saturating_sub(judged.steps);
        match judged.verdict {
            Verdict::Linearizable(_) => Timeless::Explained,
            Verdict::Undecided(_) => Timeless::Open,
            Verdict::Illegal(found) => {
                let places: FxHashMap<u64, u32> = numbers
                    .iter()
                    .map(|&op| (history.operations()[op as usize].call.index, op))
                    .collect();
                let shown = found.operations.operations().iter();
                Timeless::Broken(shown.map(|op| places[&op.call.index]).collect())
            }
        }
    }
}

/// The operations as if all had been open at once, but for the order of each process. A process
/// that goes on after an unknown outcome is another one from there on.
fn without_times(history: &RecordedHistory, numbers: &[u32]) -> RecordedHistory {
    let total = narrow(numbers.len());
    let mut last: FxHashMap<u64, u32> = FxHashMap::default();
    let operations = (0..).zip(numbers).map(|(place, &number)| {
        let mut operation = history.operations()[number as usize].clone();
        operation.called = place;
        operation.after = match operation.outcome {
            Outcome::Completed(_) => last.insert(operation.process, place),
            Outcome::Unknown | Outcome::Failed => last.remove(&operation.process),
        };
        operation.returned = operation.returned.map(|_| total + place);
        operation
    });
    History::from_operations(operations.collect())
}
