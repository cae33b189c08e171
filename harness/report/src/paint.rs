//! Colour for a terminal, where it is wanted.

use crate::RunOutcome;

/// Paints, or leaves text as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    /// Whether to paint at all.
    pub(crate) on: bool,
}

impl Paint {
    /// The outcome, in capitals on its colour.
    pub(crate) fn outcome(self, outcome: RunOutcome) -> String {
        let word = outcome.name().to_uppercase();
        if !self.on {
            return word;
        }
        let code = match outcome {
            RunOutcome::Pass => "1;30;42",
            RunOutcome::Violation => "1;97;41",
            RunOutcome::Undecided | RunOutcome::Broken => "1;30;43",
        };
        format!("\u{1b}[{code}m {word} \u{1b}[0m")
    }

    /// What matters.
    pub(crate) fn strong(self, text: &str) -> String {
        self.with("1", text)
    }

    /// What contradicts.
    pub(crate) fn accuse(self, text: &str) -> String {
        self.with("1;31", text)
    }

    /// What is there for completeness.
    pub(crate) fn faint(self, text: &str) -> String {
        self.with("2", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.on {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}
