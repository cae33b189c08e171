//! Asks the checker within the limits that a person gave, tells how long it took, and trusts a
//! counterexample only as it stands in a file.

use testimony_checker::examination::{self, Examination, examine};
use testimony_checker::{
    Counterexample, Exhausted, Judgement, Reason, Verdict, decide_compact, decide_recorded,
};
use testimony_history::{Model, ReadOptions, RecordedHistory, Recording, Value, read};
use testimony_report::evidence;

use crate::args::Limits;
use crate::history_file::HistoryFile;
use crate::stopwatch::Stopwatch;

/// A judgement, and what it took.
pub(crate) struct Judged {
    pub(crate) judgement: Judgement,
    /// How bad it is and what still holds, of an illegal history; or why that is not known.
    pub(crate) examination: Option<Result<Examination, String>>,
    /// From the parsed history to the verdict.
    pub(crate) check_seconds: f64,
    /// Shrinking, explaining and examining.
    pub(crate) explain_seconds: f64,
}

/// Judges a history.
pub(crate) fn judge(file: &mut HistoryFile, limits: &Limits) -> Judged {
    let watch = Stopwatch::start();
    let (mut judgement, check_seconds) = decide(file, limits);
    if let Verdict::Illegal(found) = &judgement.verdict {
        file.recall(found);
    }
    if let Verdict::Illegal(found) = &judgement.verdict
        && let Err(reason) = stands_in_a_file(found, file, limits, watch.seconds())
    {
        judgement.verdict = Verdict::Undecided(Exhausted {
            key: found.key.clone(),
            steps: judgement.steps,
            ..Exhausted::because(reason)
        });
    }
    let examination = match judgement.verdict {
        Verdict::Illegal(_) => Some(examined(file)),
        Verdict::Linearizable(_) | Verdict::Undecided(_) => None,
    };
    Judged {
        judgement,
        examination,
        check_seconds,
        explain_seconds: watch.seconds() - check_seconds,
    }
}

/// How bad it is and what still holds; or why that is not known, asked before the history is laid
/// out again.
fn examined(file: &HistoryFile) -> Result<Examination, String> {
    examination::covers(file.model(), file.history.len())?;
    examine(file.model(), file.initial.as_ref(), &file.history.expand())
}

/// What reports are told of an examination.
pub(crate) fn known(examination: &Result<Examination, String>) -> Result<&Examination, &str> {
    examination.as_ref().map_err(String::as_str)
}

/// What is said where a history was found illegal while it was written, and the full check of what
/// was written finds that it is not: one of the two is wrong.
pub(crate) fn disagrees(key: Option<Value>, found: &str) -> Verdict {
    let reason = Reason::EvidenceFailed(format!(
        "the full check finds an order, but followed it was found illegal ({found})"
    ));
    Verdict::Undecided(Exhausted {
        key,
        ..Exhausted::because(reason)
    })
}

fn decide(file: &HistoryFile, limits: &Limits) -> (Judgement, f64) {
    let (budget, _deadline) = limits.start();
    let watch = Stopwatch::start();
    let decision = decide_compact(file.initial.as_ref(), &file.history, &budget);
    let seconds = watch.seconds();
    (decision.conclude(), seconds)
}

/// What will be written as evidence, read back as anybody would, must be illegal too. It is judged
/// in what is left of the time limit.
fn stands_in_a_file(
    found: &Counterexample,
    file: &HistoryFile,
    limits: &Limits,
    seconds: f64,
) -> Result<(), Reason> {
    let (model, initial) = (file.model(), file.initial.as_ref());
    let written = written(found, file).map_err(Reason::EvidenceFailed)?;
    let (budget, _deadline) = limits.go_on(seconds);
    let judged = decide_recorded(model, initial, &written, &budget).conclude();
    match judged.verdict {
        Verdict::Illegal(_) => Ok(()),
        Verdict::Undecided(Exhausted {
            reason: reason @ Reason::Stopped,
            ..
        }) => Err(reason),
        Verdict::Linearizable(_) => Err(Reason::EvidenceFailed(
            "the counterexample is linearizable as written".to_owned(),
        )),
        Verdict::Undecided(why) => Err(Reason::EvidenceFailed(format!(
            "the counterexample as written: {}",
            why.reason
        ))),
    }
}

fn written(found: &Counterexample, file: &HistoryFile) -> Result<RecordedHistory, String> {
    let (model, initial) = (file.model(), file.initial.as_ref());
    let mut bytes = Vec::new();
    evidence::write_counterexample(found, &file.recording, model, initial, &mut bytes)
        .map_err(|error| error.to_string())?;
    reread(&bytes, model)
}

fn reread(bytes: &[u8], model: Model) -> Result<RecordedHistory, String> {
    let recording: Recording =
        read(bytes, &ReadOptions::default()).map_err(|error| error.to_string())?;
    let (history, _) = recording
        .history(model)
        .map_err(|error| error.to_string())?;
    Ok(history)
}
