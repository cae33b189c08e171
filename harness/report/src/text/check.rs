//! `testimony check FILE` on a terminal.

use testimony_checker::{Counterexample, Judgement, Verdict};

use crate::text::blocks::{Page, contradiction};
use crate::text::consistency::consistency;
use crate::{CheckReport, RunOutcome, Timings, advice, phrase};

/// The end of a check, as a terminal shows it.
pub fn check(report: &CheckReport<'_>, colour: bool) -> String {
    let mut page = Page::new(colour);
    page.line(&headline(report, &page));
    page.gap();
    match &report.judgement.verdict {
        Verdict::Illegal(found) => illegal(&mut page, report, found),
        Verdict::Undecided(exhausted) => {
            page.sentences(&advice::why_undecided(exhausted));
            page.sentences(advice::after_undecided(&exhausted.reason));
            page.gap();
        }
        Verdict::Linearizable(_) if report.outcome() == RunOutcome::Broken => {
            page.sentences(&report.reason());
            page.gap();
        }
        Verdict::Linearizable(_) => {}
    }
    page.entry("judged", &judged(report.judgement, Some(report.model)));
    if let Some(timings) = report.timings {
        page.entry("took", &took(timings));
    }
    if report.outcome() != RunOutcome::Pass {
        page.entry("again", report.command);
    }
    page.into_text()
}

fn headline(report: &CheckReport<'_>, page: &Page) -> String {
    let file = phrase::printable(report.file);
    let outcome = page.paint.outcome(report.outcome());
    let what = match &report.judgement.verdict {
        Verdict::Linearizable(_) if report.outcome() == RunOutcome::Broken => "was not tested",
        Verdict::Linearizable(_) => "is linearizable",
        Verdict::Illegal(_) => "is not linearizable",
        Verdict::Undecided(_) => "is undecided: nobody knows whether it is linearizable",
    };
    format!("{outcome}  {file} {what}")
}

fn illegal(page: &mut Page, report: &CheckReport<'_>, found: &Counterexample) {
    let Some(scene) = report.scene() else { return };
    contradiction(page, &scene);
    page.entry("shown", &shrunk(found));
    consistency(page, report.examination);
}

/// How the counterexample relates to what it was made from.
pub(crate) fn shrunk(found: &Counterexample) -> String {
    let kept = found.operations.operations().len() as u64;
    let key = found.key.as_ref();
    let of = key
        .map(|key| format!(" on key {}", phrase::key_name(key)))
        .unwrap_or_default();
    let whole = phrase::counted(found.original_operations as u64, "operation");
    let confirmed = match found.confirmed_by {
        testimony_checker::ConfirmedBy::Oracle => "brute force over every order confirms them",
        testimony_checker::ConfirmedBy::Search => "a plain search confirms them",
        testimony_checker::ConfirmedBy::OrderedSearch => {
            "a plain search confirms them, with identical operations in order"
        }
        testimony_checker::ConfirmedBy::PrunedSearch => {
            "only the search that found them confirms them"
        }
    };
    format!("{} of {whole}{of}; {confirmed}", phrase::count(kept))
}

/// What was judged, and by what.
pub(crate) fn judged(judgement: &Judgement, model: Option<testimony_history::Model>) -> String {
    let algorithms: Vec<&str> = judgement.algorithms.iter().map(|a| a.name()).collect();
    let by = if algorithms.is_empty() {
        String::new()
    } else {
        format!(" by {}", algorithms.join(", "))
    };
    let model = model.map_or_else(String::new, |model| format!(" as {model}"));
    format!(
        "{} in {}{model}{by}, {}",
        phrase::counted(judgement.operations as u64, "operation"),
        phrase::counted(judgement.partitions as u64, "partition"),
        phrase::counted(judgement.steps, "step"),
    )
}

/// How long the parts took.
pub(crate) fn took(timings: Timings) -> String {
    let [parse, check, explain] =
        [timings.parse, timings.check, timings.explain].map(phrase::duration_of_seconds);
    format!("{parse} to read, {check} to check, {explain} to explain")
}
