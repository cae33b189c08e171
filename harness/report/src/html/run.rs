//! The page about a run.

use maud::{Markup, html};
use testimony_checker::Verdict;
use testimony_engine::InjectionRecord;

use crate::html::consistency::consistency;
use crate::html::contradiction::contradiction;
use crate::html::page::{Banner, command, legend, page, section, tiles};
use crate::plot::frame::Frame;
use crate::plot::samples::samples;
use crate::plot::{
    faults::faults, latency::latency, roles::roles, space_time::space_time, throughput::throughput,
};
use crate::text::{judged, shrunk, took};
use crate::{RunOutcome, RunReport, advice, evidence, phrase, story};

/// Injections listed at most.
const INJECTIONS_MAX: usize = 400;

/// The page, one self-contained file; its size does not grow with the number of operations.
pub fn run(report: &RunReport<'_>) -> String {
    let content = html! {
        @if report.outcome != RunOutcome::Violation { (numbers(report)) }
        (accusation(report))
        (inside(report))
        (consistency(report.examination))
        @if report.outcome == RunOutcome::Violation { (numbers(report)) }
        (section("Run it again", &html! {
            (command(&report.command))
            p.note { "The recording is in " code { (report.folder) } "." }
        }))
        (over_time(report))
        (section("Operations", &operations(report)))
        (section("Injections", &injections(report)))
        (section("Plan", &plan(report)))
    };
    page(&banner(report), &content)
}

fn banner(report: &RunReport<'_>) -> Banner {
    let mut meaning = vec![report.reason()];
    if let Some(Verdict::Undecided(exhausted)) =
        report.judgement.map(|judgement| &judgement.verdict)
    {
        meaning.push(advice::after_undecided(&exhausted.reason).to_owned());
    }
    if report.outcome == RunOutcome::Broken {
        meaning.push(advice::AFTER_BROKEN.to_owned());
    }
    let outcome = phrase::sentence(report.outcome.name());
    Banner {
        outcome: report.outcome,
        what: report.what(),
        title: format!("{outcome}: {}", report.title()),
        meaning,
    }
}

fn numbers(report: &RunReport<'_>) -> Markup {
    let summary = report.summary;
    tiles(&[
        (
            phrase::count(summary.completed()),
            "operations completed".to_owned(),
        ),
        (phrase::count(summary.failed()), "failed".to_owned()),
        (
            phrase::count(summary.unknown()),
            "of unknown outcome".to_owned(),
        ),
        (
            phrase::count(summary.all_injections().verified),
            "faults verified".to_owned(),
        ),
        (
            phrase::count(summary.leader_changes),
            "changes of the leader".to_owned(),
        ),
        (
            phrase::duration(report.end()),
            "from start to end".to_owned(),
        ),
    ])
}

/// The contradiction, if there is one.
fn accusation(report: &RunReport<'_>) -> Markup {
    let verdict = report.judgement.map(|judgement| &judgement.verdict);
    let (Some(Verdict::Illegal(found)), Some(scene)) = (verdict, report.scene()) else {
        return html! {
            @if report.unavailable.is_some() {
                (section("What was found", &html! { p { (report.reason()) } }))
            }
        };
    };
    let header = &report.events.header;
    let raw = header.model.map_or_else(String::new, |model| {
        evidence::counterexample_lines(found, report.events, model, header.initial.as_ref())
    });
    section(
        "The contradiction",
        &html! {
            (contradiction(&scene, &raw))
            p.note { (shrunk(found)) "." }
        },
    )
}

/// What went on inside, in words and as a drawing; nothing if nobody looked.
fn inside(report: &RunReport<'_>) -> Markup {
    let sentences = story::sentences(report);
    if sentences.is_empty() {
        return html! {};
    }
    let drawn = space_time(report);
    section(
        "What happened",
        &html! {
            pre.story { @for sentence in &sentences { (sentence) "\n" } }
            @if let Some((drawing, words)) = drawn {
                h3 { "Space and time" }
                figure { (drawing) }
                p.note { (words) }
            }
        },
    )
}

fn over_time(report: &RunReport<'_>) -> Markup {
    let frame = Frame::new(report.end(), report.bands());
    let samples = samples(&report.events.events);
    let endings = [
        ("completed", "completed"),
        ("failed", "failed"),
        ("unknown", "outcome unknown"),
    ];
    let shaded = [&endings[..], &[("fault", "fault active")]].concat();
    let lanes = [
        ("leader", "leader"),
        ("candidate", "candidate"),
        ("follower", "follower"),
        ("down", "no answer"),
    ];
    let figure = |title: &str, entries: &[(&str, &str)], drawing: Option<Markup>| {
        html! {
            @if let Some(drawing) = drawing {
                h3 { (title) }
                figure { (legend(entries)) (drawing) }
            }
        }
    };
    section(
        "Over time",
        &html! {
            @if samples.is_empty() { p.note { "Nothing was recorded that could be drawn." } }
            (figure("Faults", &[], faults(&frame)))
            (figure("Leader and term", &lanes, roles(&frame, report.status)))
            (figure("Throughput", &shaded, throughput(&frame, &samples)))
            (figure("Latency", &shaded, latency(&frame, &samples)))
        },
    )
}

fn operations(report: &RunReport<'_>) -> Markup {
    let operations = &report.summary.operations;
    html! {
        @if operations.is_empty() { p { "No operation was called." } } @else {
            div.scroll tabindex="0" role="group" aria-label="Operations by function" {
                table {
                    thead { tr {
                        th { "Function" } th.number { "Completed" } th.number { "Failed" }
                        th.number { "Unknown" }
                    } }
                    tbody {
                        @for (name, counts) in operations {
                            tr {
                                th scope="row" { (phrase::printable(name)) }
                                @for number in [counts.completed, counts.failed, counts.unknown] {
                                    td.number { (phrase::count(number)) }
                                }
                            }
                        }
                    }
                }
            }
        }
        p { (phrase::sentence(&report.end_in_words())) "." }
        @if let Some(judgement) = report.judgement {
            p.note { (judged(judgement, report.events.header.model)) "." }
        }
        @if let Some(timings) = report.timings { p.note { (took(timings)) "." } }
        @for warning in &report.events.warnings { p.note { (warning) } }
    }
}

fn injections(report: &RunReport<'_>) -> Markup {
    let instants = phrase::Instants::telling_apart([]);
    let at = |time: Option<testimony_engine::Nanos>| time.map(|time| instants.say(time.0));
    let yes = |yes: bool| {
        if yes {
            html! { "yes" }
        } else {
            html! { span.bad { "no" } }
        }
    };
    let row = |injection: &InjectionRecord| {
        html! {
            tr {
                td.number { (injection.injection) }
                th scope="row" { (injection.kind.name()) }
                td.words { (phrase::printable(&injection.action.to_string())) }
                td.number { (instants.say(injection.requested_at.0)) }
                td.number { (at(injection.started_at).unwrap_or_else(|| "–".to_owned())) }
                td.number { (at(injection.ended_at).unwrap_or_else(|| "–".to_owned())) }
                td { (yes(injection.verified)) }
                td { (yes(injection.healed)) }
                td.words { (injection.note.as_deref().map(phrase::printable).unwrap_or_default()) }
            }
        }
    };
    let heads = [
        "Kind",
        "What was done",
        "Requested, s",
        "Started",
        "Ended",
        "Verified",
        "Healed",
        "Note",
    ];
    html! {
        p { (phrase::sentence(&report.faults_in_words())) "." }
        @if !report.injections.is_empty() {
            div.scroll tabindex="0" role="group" aria-label="Injections" {
                table {
                    thead { tr {
                        th.number { "#" }
                        @for (column, head) in heads.iter().enumerate() {
                            th.number[(2..=4).contains(&column)] { (head) }
                        }
                    } }
                    tbody {
                        @for injection in report.injections.iter().take(INJECTIONS_MAX) {
                            (row(injection))
                        }
                    }
                }
            }
        }
        @for trouble in report.troubles().iter().take(INJECTIONS_MAX) { p.note { (trouble) "." } }
        @if report.injections.len() > INJECTIONS_MAX {
            p.note {
                (phrase::counted((report.injections.len() - INJECTIONS_MAX) as u64, "more injection"))
                " in injections.jsonl."
            }
        }
    }
}

fn plan(report: &RunReport<'_>) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label="Plan" {
            table {
                tbody {
                    @for (name, value) in report.plan_rows() {
                        tr { th scope="row" { (name) } td.words { (value) } }
                    }
                }
            }
        }
        details { summary { "plan.toml" } pre { code { (report.plan.to_toml()) } } }
    }
}
