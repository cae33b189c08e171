//! The page about a checked file.

use maud::html;
use testimony_checker::Verdict;

use crate::html::consistency::consistency;
use crate::html::contradiction::contradiction;
use crate::html::page::{Banner, command, page, section, tiles};
use crate::text::{judged, shrunk, took};
use crate::{CheckReport, RunOutcome, advice, evidence, phrase};

/// The page, one self-contained file.
pub fn check(report: &CheckReport<'_>) -> String {
    let content = html! {
        @let scene = report.scene();
        @if let (Verdict::Illegal(found), Some(scene)) = (&report.judgement.verdict, scene) {
            @let raw = evidence::counterexample_lines(
                found, report.recording, report.model, report.initial
            );
            (section("The contradiction", &html! {
                (contradiction(&scene, &raw))
                p.note { (shrunk(found)) "." }
            }))
        }
        (consistency(report.examination))
        (section("What was judged", &html! {
            (tiles(&[
                (phrase::count(report.judgement.operations as u64), "operations".to_owned()),
                (phrase::count(report.judgement.partitions as u64), "partitions".to_owned()),
                (report.model.name().to_owned(), "model".to_owned()),
            ]))
            p.note { (judged(report.judgement, Some(report.model))) "." }
            @if let Some(timings) = report.timings { p.note { (took(timings)) "." } }
            @for warning in &report.recording.warnings { p.note { (warning) } }
        }))
        (section("Check it again", &command(report.command)))
    };
    page(&banner(report), &content)
}

fn banner(report: &CheckReport<'_>) -> Banner {
    let outcome = report.outcome();
    let (title, meaning) = match &report.judgement.verdict {
        Verdict::Illegal(_) => ("Violation: not linearizable", vec![report.reason()]),
        Verdict::Undecided(exhausted) => (
            "Undecided",
            vec![
                advice::why_undecided(exhausted),
                advice::after_undecided(&exhausted.reason).to_owned(),
            ],
        ),
        Verdict::Linearizable(_) if outcome == RunOutcome::Broken => {
            ("Broken: nothing was tested", vec![report.reason()])
        }
        Verdict::Linearizable(_) => (
            "Linearizable",
            vec!["One order of the operations explains every answer.".to_owned()],
        ),
    };
    Banner {
        outcome,
        what: report.file.to_owned(),
        title: title.to_owned(),
        meaning,
    }
}
