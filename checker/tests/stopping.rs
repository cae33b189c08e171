//! Once the stop flag is raised a check ends soon, wherever it was: work is counted in copies of
//! operations and in steps, as no clock is to be trusted in a test.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use testimony_checker::{Budget, Model, Verdict, check};
use testimony_history::{History, Operation, Origin, Outcome};

/// Counts the work, and raises the stop flag at a given step.
#[derive(Debug, Default)]
struct Meter {
    stop: Arc<AtomicBool>,
    raise_at: u64,
    steps: AtomicU64,
    copies_after: AtomicU64,
}

impl Meter {
    fn step(&self) {
        if self.steps.fetch_add(1, Relaxed) + 1 == self.raise_at {
            self.stop.store(true, Relaxed);
        }
    }
}

/// A write, or a read.
#[derive(Debug)]
struct Deed {
    meter: Arc<Meter>,
    write: Option<u32>,
}

impl Clone for Deed {
    fn clone(&self) -> Self {
        if self.meter.stop.load(Relaxed) {
            self.meter.copies_after.fetch_add(1, Relaxed);
        }
        Deed {
            meter: self.meter.clone(),
            write: self.write,
        }
    }
}

impl PartialEq for Deed {
    fn eq(&self, other: &Self) -> bool {
        self.write == other.write
    }
}

impl Eq for Deed {}

impl Hash for Deed {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.write.hash(state);
    }
}

#[derive(Debug)]
struct Register;

impl Model for Register {
    type Input = Deed;
    type Output = u32;
    type State = u32;

    fn init(&self) -> u32 {
        0
    }

    fn step(&self, state: &u32, input: &Deed, seen: Option<&u32>) -> Option<u32> {
        input.meter.step();
        match (input.write, seen) {
            (Some(value), _) => Some(value),
            (None, Some(seen)) if seen != state => None,
            (None, _) => Some(*state),
        }
    }

    fn is_pure(&self, input: &Deed, _seen: Option<&u32>) -> bool {
        input.write.is_none()
    }
}

const OPERATIONS: u32 = 4_000;

/// Writes and reads by turns, each open together with its neighbours; somewhere in the middle a
/// read sees a value of long ago.
fn history(meter: &Arc<Meter>) -> History<Deed, u32> {
    let operation = |number: u32| {
        let write = number.is_multiple_of(2).then_some(number + 1);
        let stale = number == OPERATIONS / 2 + 1;
        let seen = if stale { 1 } else { number };
        Operation {
            process: u64::from(number % 4),
            input: Deed {
                meter: meter.clone(),
                write,
            },
            outcome: Outcome::Completed(seen),
            called: number * 2,
            returned: Some(number * 2 + 1),
            after: None,
            call: Origin {
                index: u64::from(number * 2),
                ..Origin::default()
            },
            end: None,
        }
    };
    History::from_operations((0..OPERATIONS).map(operation).collect())
}

/// The steps of a check whose stop flag is raised at a step, and the copies made after that.
fn checked(raise_at: u64) -> (u64, u64) {
    let meter = Arc::new(Meter {
        raise_at,
        ..Meter::default()
    });
    let history = history(&meter);
    let budget = Budget {
        stop: Some(meter.stop.clone()),
        ..Budget::for_tests()
    };
    let judgement = check(&Register, &history, &budget);
    assert!(!matches!(judgement.verdict, Verdict::Linearizable(_)));
    (meter.steps.load(Relaxed), meter.copies_after.load(Relaxed))
}

#[test]
fn shrinking_ends_soon_after_the_stop_flag_is_raised() {
    let (all, _) = checked(u64::MAX);
    assert!(all > u64::from(OPERATIONS) * 10, "only {all} steps");
    for tenth in 1..10 {
        let raise_at = all * tenth / 10;
        let (steps, copies) = checked(raise_at);
        // What is left is said, judged once more and explained; nothing else is tried.
        assert!(
            copies <= u64::from(OPERATIONS) * 4,
            "raised at {raise_at}: {copies} copies"
        );
        // A search looks at the flag every 64 turns, and asks about each optional operation in
        // each.
        let after = steps - raise_at;
        assert!(
            after <= u64::from(OPERATIONS) * 64,
            "raised at {raise_at}: {after} steps"
        );
    }
}
