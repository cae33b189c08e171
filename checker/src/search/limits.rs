//! How far a search may go.

use crate::budget::Budget;
use crate::verdict::Reason;

/// How often memory is looked at, in turns.
const TURNS_PER_LOOK: u64 = 64;

/// What a search may spend.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits<'a> {
    pub(crate) steps: u64,
    pub(crate) bytes: u64,
    pub(crate) budget: &'a Budget,
}

impl Limits<'_> {
    /// What has run out after so many steps, if anything has. In most turns `bytes` is not asked.
    pub(super) fn exhausted(
        &self,
        steps: u64,
        turns: u64,
        bytes: impl FnOnce() -> u64,
    ) -> Option<Reason> {
        if steps >= self.steps {
            return Some(Reason::Steps);
        }
        if self.budget.stopped() {
            return Some(Reason::Stopped);
        }
        let looks = turns % TURNS_PER_LOOK == 1;
        (looks && bytes() > self.bytes).then_some(Reason::Bytes)
    }
}
