//! What is known after `testimony check FILE`.

use testimony_checker::examination::Examination;
use testimony_checker::{Judgement, Verdict};
use testimony_history::{Model, Recording, Value};

use crate::scene::Scene;
use crate::{RunOutcome, advice, phrase};

/// How long the parts of a check took, in seconds. Not known where nothing may depend on a clock.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Timings {
    /// Reading the file.
    pub parse: f64,
    /// From the parsed history to the verdict.
    pub check: f64,
    /// Shrinking and explaining a counterexample.
    pub explain: f64,
}

/// A file, its history, and what became of it.
#[derive(Clone, Copy, Debug)]
pub struct CheckReport<'a> {
    /// The file, as it was named.
    pub file: &'a str,
    /// The model it was judged against.
    pub model: Model,
    /// The value that each object started with.
    pub initial: Option<&'a Value>,
    /// What was read. Of the events of clients, those of the counterexample suffice.
    pub recording: &'a Recording,
    /// How many operations completed.
    pub completed: u64,
    /// What the checker says.
    pub judgement: &'a Judgement,
    /// How bad it is and what still holds, where the history is illegal and that was asked; or why
    /// that is not known.
    pub examination: Option<Result<&'a Examination, &'a str>>,
    /// What it took.
    pub timings: Option<Timings>,
    /// The command that checks it again.
    pub command: &'a str,
}

impl CheckReport<'_> {
    /// What it came to: the verdict, or broken where nothing was tested.
    pub fn outcome(&self) -> RunOutcome {
        match self.judgement.verdict {
            Verdict::Illegal(_) => RunOutcome::Violation,
            Verdict::Undecided(_) => RunOutcome::Undecided,
            Verdict::Linearizable(_) if self.completed == 0 => RunOutcome::Broken,
            Verdict::Linearizable(_) => RunOutcome::Pass,
        }
    }

    /// Why it came to that, in a sentence; empty for a pass.
    pub(crate) fn reason(&self) -> String {
        match &self.judgement.verdict {
            Verdict::Illegal(found) => phrase::headline(&found.explanation.headline),
            Verdict::Undecided(exhausted) => advice::why_undecided(exhausted),
            Verdict::Linearizable(_) if self.outcome() == RunOutcome::Broken => {
                "No operation was completed, so nothing was tested.".to_owned()
            }
            Verdict::Linearizable(_) => String::new(),
        }
    }

    /// The contradiction, if there is one.
    pub(crate) fn scene(&self) -> Option<Scene> {
        match &self.judgement.verdict {
            Verdict::Illegal(found) => Some(Scene::of(found, self.recording, &[])),
            Verdict::Linearizable(_) | Verdict::Undecided(_) => None,
        }
    }
}
