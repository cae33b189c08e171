//! What a search has cost.

use std::ops::AddAssign;

/// How many transitions may be looked up at the price of a step.
pub(super) const LOOKS_PER_STEP: u64 = 32;

/// Work done; the same on every machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
    /// Operations let happen, and so on; what budgets are given in.
    pub(crate) steps: u64,
    /// Configurations that were remembered, so as not to be gone on from twice.
    pub(crate) stored: u64,
}

impl Work {
    /// Steps, and nothing to remember.
    pub(crate) fn steps(steps: u64) -> Self {
        Work { steps, stored: 0 }
    }
}

impl AddAssign for Work {
    fn add_assign(&mut self, more: Work) {
        self.steps += more.steps;
        self.stored += more.stored;
    }
}
