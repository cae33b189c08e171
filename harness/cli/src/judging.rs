//! Asks the checker within the limits that a person gave, and tells how long it took.

use testimony_checker::{Judgement, decide_recorded};
use testimony_history::{Model, RecordedHistory, Value};

use crate::args::Limits;
use crate::stopwatch::Stopwatch;

/// A judgement, and what it took.
pub(crate) struct Judged {
    pub(crate) judgement: Judgement,
    /// From the parsed history to the verdict.
    pub(crate) check_seconds: f64,
    /// Shrinking and explaining.
    pub(crate) explain_seconds: f64,
}

/// Judges a history.
pub(crate) fn judge(
    model: Model,
    initial: Option<&Value>,
    history: &RecordedHistory,
    limits: &Limits,
) -> Judged {
    let (budget, _deadline) = limits.start();
    let watch = Stopwatch::start();
    let decision = decide_recorded(model, initial, history, &budget);
    let check_seconds = watch.seconds();
    let judgement = decision.conclude();
    Judged { judgement, check_seconds, explain_seconds: watch.seconds() - check_seconds }
}
