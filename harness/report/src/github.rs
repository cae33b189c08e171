//! What GitHub Actions shows: annotations on standard output, and a step summary in Markdown.

use std::fmt::Write as _;

use testimony_checker::Verdict;
use testimony_checker::examination::Examination;

use crate::consistency::{Kept, Promise, not_examined, promises, staleness};
use crate::markdown::{block, code, plain};
use crate::scene::{Scene, Shown};
use crate::text::shrunk;
use crate::{RunOutcome, RunReport, advice, phrase};

/// Characters of a value in the table.
const VALUE_MAX: usize = 40;

/// Workflow commands, a line each, for standard output: an error unless the run passed.
pub fn annotations(report: &RunReport<'_>) -> String {
    if report.outcome == RunOutcome::Pass {
        return String::new();
    }
    let mut message = vec![report.reason()];
    message.push(format!("Folder: {}", report.folder));
    message.push(format!("Again: {}", report.command));
    let title = property(&format!("Testimony: {}", report.title()));
    format!("::error title={title}::{}\n", data(&message.join("\n")))
}

/// The value of a workflow command's property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// The message of a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The step summary, in GitHub's Markdown.
pub fn summary(report: &RunReport<'_>) -> String {
    let mut out = String::new();
    let sign = match report.outcome {
        RunOutcome::Pass => "✅",
        RunOutcome::Violation => "❌",
        RunOutcome::Undecided | RunOutcome::Broken => "⚠️",
    };
    let outcome = phrase::sentence(report.outcome.name());
    let _ = writeln!(out, "## {sign} {outcome}: {}\n", plain(&report.title()));
    why(&mut out, report);
    counts(&mut out, report);
    let _ = writeln!(out, "**Again:**\n\n{}", block("sh", &report.command));
    let _ = writeln!(out, "Recording: {}", code(&report.folder));
    out
}

fn why(out: &mut String, report: &RunReport<'_>) {
    let verdict = report.judgement.map(|judgement| &judgement.verdict);
    match (verdict, report.scene()) {
        (Some(Verdict::Illegal(found)), Some(scene)) => {
            contradiction(out, &scene);
            let _ = writeln!(out, "{}.\n", plain(&shrunk(found)));
            match report.examination {
                Some(Ok(examination)) => consistency(out, examination),
                Some(Err(why)) => {
                    let _ = writeln!(out, "**How bad:** {}\n", plain(&not_examined(why)));
                }
                None => {}
            }
        }
        (Some(Verdict::Undecided(exhausted)), _) => {
            let why = advice::why_undecided(exhausted);
            let _ = writeln!(
                out,
                "{} {}\n",
                plain(&why),
                advice::after_undecided(&exhausted.reason)
            );
        }
        _ if report.unavailable.is_some() => {
            let _ = writeln!(out, "{}\n", plain(&report.reason()));
        }
        _ => {}
    }
    for shortcoming in report.shortcomings() {
        let _ = writeln!(out, "- {}", plain(&shortcoming));
    }
    if report.outcome == RunOutcome::Broken {
        let _ = writeln!(out, "\n{}\n", advice::AFTER_BROKEN);
    }
}

fn contradiction(out: &mut String, scene: &Scene) {
    let _ = writeln!(out, "**{}**\n", plain(&scene.headline));
    for sentence in scene
        .sentences
        .iter()
        .filter(|sentence| **sentence != scene.headline)
    {
        let _ = writeln!(out, "{}\n", plain(sentence));
    }
    let _ = writeln!(
        out,
        "| | # | process | operation → answer | called | returned | node |"
    );
    let _ = writeln!(out, "|---|--:|---|---|--:|--:|---|");
    for shown in &scene.operations {
        row(out, scene, shown);
    }
    for sentence in scene.omitted() {
        let _ = writeln!(out, "\n{sentence}");
    }
    out.push('\n');
    for because in &scene.cycle {
        let _ = writeln!(
            out,
            "- {} before {}: {}",
            because.from,
            because.to,
            plain(&because.why)
        );
    }
    if !scene.faults.is_empty() {
        let _ = writeln!(out, "\nFaults around it:\n");
    }
    for fault in &scene.faults {
        let _ = writeln!(out, "- {}", plain(&fault.title));
    }
    out.push('\n');
}

/// How bad it is, and what still holds.
fn consistency(out: &mut String, examination: &Examination) {
    let _ = writeln!(
        out,
        "**How bad:** {}\n",
        plain(&staleness(examination).join(" "))
    );
    let _ = writeln!(out, "| promise | |\n|---|---|");
    for Promise { name, kept } in promises(&examination.guarantees) {
        let said = match kept {
            Kept::Holds(said) => format!("✅ holds: {}", plain(&said)),
            Kept::Broken(said) => format!("❌ broken: {}", plain(&said)),
            Kept::Unknown(said) => format!("❔ unknown: {}", plain(&said)),
        };
        let _ = writeln!(out, "| {name} | {said} |");
    }
    out.push('\n');
}

fn row(out: &mut String, scene: &Scene, shown: &Shown) {
    let mark = if shown.marked { "➤" } else { "" };
    let (from, to) = scene.span(shown);
    let node = shown.node.as_deref().map(plain).unwrap_or_default();
    let label = code(&shown.label(VALUE_MAX));
    let (number, process) = (shown.number, shown.process);
    let _ = writeln!(
        out,
        "| {mark} | {number} | p{process} | {label} | {from} | {to} | {node} |"
    );
}

fn counts(out: &mut String, report: &RunReport<'_>) {
    if !report.summary.operations.is_empty() {
        let _ = writeln!(
            out,
            "| operation | completed | failed | unknown |\n|---|--:|--:|--:|"
        );
    }
    for (name, counts) in &report.summary.operations {
        let numbers = [counts.completed, counts.failed, counts.unknown];
        let [completed, failed, unknown] = numbers.map(phrase::count);
        let _ = writeln!(
            out,
            "| {} | {completed} | {failed} | {unknown} |",
            plain(name)
        );
    }
    let end = phrase::sentence(&report.end_in_words());
    let _ = writeln!(
        out,
        "\nFaults: {}. {}.\n",
        report.faults_in_words(),
        plain(&end)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_ends_where_it_should() {
        assert_eq!(data("100%\r\n::error::x"), "100%25%0D%0A::error::x");
        assert_eq!(property("a: b, c"), "a%3A b%2C c");
    }
}
