//! What a whole run came to, and the exit code that says so.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a run came to. Ordered from good to bad: of several runs, or of several reasons in one run,
/// the greatest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunOutcome {
    /// The history is linearizable, and enough happened for that to mean something.
    Pass,
    /// The harness failed, or nothing was tested.
    Broken,
    /// The checker ran out of its budget: nobody knows.
    Undecided,
    /// No order of the operations explains the history.
    Violation,
}

impl RunOutcome {
    /// The code the program exits with. 2 is kept for wrong usage and unreadable input.
    pub fn exit_code(self) -> u8 {
        match self {
            RunOutcome::Pass => 0,
            RunOutcome::Violation => 1,
            RunOutcome::Undecided => 3,
            RunOutcome::Broken => 4,
        }
    }

    /// The outcome that counts of two: a violation outranks undecided outranks broken outranks
    /// pass.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        self.max(other)
    }

    /// The word in `verdict.json`.
    pub fn name(self) -> &'static str {
        match self {
            RunOutcome::Pass => "pass",
            RunOutcome::Violation => "violation",
            RunOutcome::Undecided => "undecided",
            RunOutcome::Broken => "broken",
        }
    }
}

impl fmt::Display for RunOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::RunOutcome::{Broken, Pass, Undecided, Violation};

    #[test]
    fn a_violation_outranks_undecided_outranks_broken_outranks_pass() {
        let ranked = [Pass, Broken, Undecided, Violation];
        for (low, a) in ranked.into_iter().enumerate() {
            for (high, b) in ranked.into_iter().enumerate() {
                assert_eq!(a.worse(b), ranked[low.max(high)], "{a} and {b}");
            }
        }
    }

    #[test]
    fn exit_codes_are_the_documented_ones() {
        let codes = [Pass, Violation, Undecided, Broken].map(super::RunOutcome::exit_code);
        assert_eq!(codes, [0, 1, 3, 4]);
    }
}
