//! `testimony run` on a terminal.

use testimony_checker::{Counterexample, Verdict};
use testimony_engine::RunSummary;

use crate::scene::Scene;
use crate::text::blocks::{Page, contradiction};
use crate::text::consistency::consistency;
use crate::text::{judged, shrunk, took};
use crate::{RunOutcome, RunReport, advice, phrase, table};

/// The end of a run, as a terminal shows it.
pub fn run(report: &RunReport<'_>, colour: bool) -> String {
    let mut page = Page::new(colour);
    let outcome = page.paint.outcome(report.outcome);
    page.line(&format!(
        "{outcome}  {}",
        phrase::printable(&report.title())
    ));
    page.gap();
    why(&mut page, report);
    counts(&mut page, report);
    if let Some(stopped) = report.stopped_early {
        page.entry("stopped", &phrase::printable(&stopped.to_string()));
    }
    if report.summary.interrupted && report.stopped_early.is_none() {
        let worked = testimony_engine::span::format(report.summary.worked);
        page.entry(
            "interrupted",
            &format!("by hand, after {worked} under load"),
        );
    }
    if let Some(invariant) = &report.invariant {
        page.entry("invariant", &phrase::printable(invariant));
    }
    if let Some(costs) = &report.costs {
        page.entry("costs", costs);
    }
    if let Some(judgement) = report.judgement {
        page.entry("judged", &judged(judgement, report.events.header.model));
    }
    if let Some(timings) = report.timings {
        page.entry("took", &took(timings));
    }
    page.entry("folder", &report.folder);
    if report.outcome == RunOutcome::Undecided {
        page.entry(
            "recheck",
            &format!("testimony check {}/history.jsonl", report.folder),
        );
    }
    page.entry("again", &report.command);
    page.into_text()
}

fn why(page: &mut Page, report: &RunReport<'_>) {
    let verdict = report.judgement.map(|judgement| &judgement.verdict);
    match (verdict, report.scene()) {
        (Some(Verdict::Illegal(found)), Some(scene)) => {
            illegal(page, found, &scene);
            consistency(page, report.examination);
        }
        (Some(Verdict::Undecided(exhausted)), _) => {
            page.sentences(&advice::why_undecided(exhausted));
            page.sentences(advice::after_undecided(&exhausted.reason));
            page.gap();
        }
        _ if report.outcome == RunOutcome::Violation => {
            page.sentences(&report.reason());
            page.gap();
        }
        _ => {}
    }
    let shortcomings = report.shortcomings();
    for shortcoming in &shortcomings {
        page.sentences(shortcoming);
    }
    if report.outcome == RunOutcome::Broken {
        page.sentences(advice::AFTER_BROKEN);
    }
    if !shortcomings.is_empty() || report.outcome == RunOutcome::Broken {
        page.gap();
    }
}

fn illegal(page: &mut Page, found: &Counterexample, scene: &Scene) {
    contradiction(page, scene);
    if !scene.faults.is_empty() {
        page.line("  Faults around it:");
        for fault in &scene.faults {
            page.line(&format!("    {}", phrase::printable(&fault.title)));
        }
        page.gap();
    }
    page.entry("shown", &shrunk(found));
}

fn counts(page: &mut Page, report: &RunReport<'_>) {
    if report.summary.operations.is_empty() {
        page.entry("operations", "none");
    }
    for (number, line) in table::align(&operations(report.summary)).iter().enumerate() {
        page.entry(if number == 0 { "operations" } else { "" }, line);
    }
    page.entry("faults", &report.faults_in_words());
    if let Some(beyond) = report.beyond() {
        page.entry("beyond", &beyond);
    }
    page.entry("end", &report.end_in_words());
}

/// The operations by function, and all of them.
fn operations(summary: &RunSummary) -> Vec<Vec<String>> {
    if summary.operations.is_empty() {
        return Vec::new();
    }
    let row = |name: &str, numbers: [u64; 3]| {
        [
            vec![phrase::printable(name)],
            numbers.map(phrase::count).to_vec(),
        ]
        .concat()
    };
    let heads = ["", "completed", "failed", "unknown"]
        .map(str::to_owned)
        .to_vec();
    let mut rows = vec![heads];
    for (name, counts) in &summary.operations {
        rows.push(row(name, [counts.completed, counts.failed, counts.unknown]));
    }
    rows.push(row(
        "all",
        [summary.completed(), summary.failed(), summary.unknown()],
    ));
    rows
}
