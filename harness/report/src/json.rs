//! Verdicts as JSON: `verdict.json`, and the one object of `--json`.

use serde::Serialize;
use serde_json::value::Value as Json;
use testimony_checker::examination::Examination;
use testimony_checker::{Counterexample, CycleEdge, Judgement, Note, Verdict};
use testimony_engine::RunSummary;
use testimony_history::Value;

use crate::consistency::Consistency;
use crate::{CheckReport, RunOutcome, RunReport, StoppedEarly, Timings};

/// What is said of a verdict, in the order in which it is written.
#[derive(Debug, Serialize)]
struct Judged<'a> {
    verdict: &'static str,
    operations: usize,
    partitions: usize,
    #[serde(flatten)]
    timings: Option<Seconds>,
    steps: u64,
    stored: u64,
    algorithms: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headline: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    sentences: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    counterexample: Option<Shrunk<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consistency: Option<Consistency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undecided: Option<Undecided<'a>>,
}

#[derive(Debug, Serialize)]
struct Seconds {
    parse_seconds: f64,
    check_seconds: f64,
    explain_seconds: f64,
}

#[derive(Debug, Serialize)]
struct Shrunk<'a> {
    operations: usize,
    original_operations: usize,
    confirmed_by: &'static str,
    marked: &'a [u64],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cycle: Vec<Edge>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<Relaxed<'a>>,
}

#[derive(Debug, Serialize)]
struct Edge {
    from: u64,
    to: u64,
    why: &'static str,
}

#[derive(Debug, Serialize)]
struct Relaxed<'a> {
    operation: u64,
    text: &'a str,
}

#[derive(Debug, Serialize)]
struct Undecided<'a> {
    reason: String,
    partitions: usize,
    furthest: Option<u64>,
    steps: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    difficulty: Option<Hard<'a>>,
}

#[derive(Debug, Serialize)]
struct Hard<'a> {
    open: &'a [u64],
    unknown: &'a [u64],
    states: u64,
}

#[derive(Debug, Serialize)]
struct Check<'a> {
    file: &'a str,
    model: &'static str,
    outcome: RunOutcome,
    #[serde(flatten)]
    judged: Judged<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Run<'a> {
    outcome: RunOutcome,
    exit_code: u8,
    /// What was found, if anything: `linearizability`, `invariant` or `unavailable`.
    finding: Option<&'static str>,
    target: String,
    bug: Option<&'a str>,
    lab: &'a str,
    seed: u64,
    #[serde(flatten)]
    judged: Option<Judged<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped_early: Option<&'a StoppedEarly>,
    shortcomings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invariant: Option<&'a str>,
    summary: &'a RunSummary,
    warnings: Vec<String>,
    folder: &'a str,
    command: &'a str,
}

/// The text of `verdict.json`, also the one object of `run --json`, without a newline at its end.
pub fn run(report: &RunReport<'_>) -> String {
    one_line(&Run {
        outcome: report.outcome,
        exit_code: report.outcome.exit_code(),
        finding: finding(report),
        target: report.target(),
        bug: report.plan.bug.as_deref(),
        lab: &report.plan.lab,
        seed: report.plan.seed,
        judged: report
            .judgement
            .map(|judgement| judged(judgement, report.timings, report.examination)),
        stopped_early: report.stopped_early,
        shortcomings: report.shortcomings(),
        invariant: report.invariant.as_deref(),
        summary: report.summary,
        warnings: report
            .events
            .warnings
            .iter()
            .map(ToString::to_string)
            .collect(),
        folder: &report.folder,
        command: &report.command,
    })
}

fn finding(report: &RunReport<'_>) -> Option<&'static str> {
    let word = if report.is_illegal() {
        "linearizability"
    } else if report.invariant.is_some() {
        "invariant"
    } else {
        "unavailable"
    };
    (report.outcome == RunOutcome::Violation).then_some(word)
}

/// The one object of `check --json`, without a newline at its end.
pub fn check(report: &CheckReport<'_>) -> String {
    one_line(&Check {
        file: report.file,
        model: report.model.name(),
        outcome: report.outcome(),
        judged: judged(report.judgement, report.timings, report.examination),
        warnings: report
            .recording
            .warnings
            .iter()
            .map(ToString::to_string)
            .collect(),
    })
}

fn one_line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("keys are strings, and nothing here fails to serialize")
}

fn judged<'a>(
    judgement: &'a Judgement,
    timings: Option<Timings>,
    examination: Option<Result<&Examination, &str>>,
) -> Judged<'a> {
    let mut judged = Judged {
        verdict: "linearizable",
        operations: judgement.operations,
        partitions: judgement.partitions,
        timings: timings.map(seconds),
        steps: judgement.steps,
        stored: judgement.stored,
        algorithms: judgement
            .algorithms
            .iter()
            .map(|algorithm| algorithm.name())
            .collect(),
        key: None,
        headline: None,
        sentences: &[],
        counterexample: None,
        consistency: examination.map(Consistency::of),
        undecided: None,
    };
    match &judgement.verdict {
        Verdict::Linearizable(_) => {}
        Verdict::Illegal(found) => {
            judged.verdict = "illegal";
            judged.key = found.key.as_ref().map(json);
            judged.headline = Some(&found.explanation.headline);
            judged.sentences = &found.explanation.sentences;
            judged.counterexample = Some(shrunk(found));
        }
        Verdict::Undecided(exhausted) => {
            judged.verdict = "undecided";
            judged.key = exhausted.key.as_ref().map(json);
            judged.undecided = Some(Undecided {
                reason: exhausted.reason.to_string(),
                partitions: exhausted.partitions,
                furthest: exhausted.furthest,
                steps: exhausted.steps,
                difficulty: exhausted.difficulty.as_ref().map(|difficulty| Hard {
                    open: &difficulty.open,
                    unknown: &difficulty.unknown,
                    states: difficulty.states,
                }),
            });
        }
    }
    judged
}

fn seconds(timings: Timings) -> Seconds {
    Seconds {
        parse_seconds: timings.parse,
        check_seconds: timings.check,
        explain_seconds: timings.explain,
    }
}

fn shrunk(found: &Counterexample) -> Shrunk<'_> {
    let edge = |edge: &CycleEdge| Edge {
        from: edge.from,
        to: edge.to,
        why: edge.why.name(),
    };
    Shrunk {
        operations: found.operations.operations().len(),
        original_operations: found.original_operations,
        confirmed_by: found.confirmed_by.name(),
        marked: &found.explanation.marked,
        cycle: found.explanation.cycle.iter().flatten().map(edge).collect(),
        notes: found.notes.iter().map(relaxed).collect(),
    }
}

fn relaxed(note: &Note) -> Relaxed<'_> {
    Relaxed {
        operation: note.operation,
        text: &note.text,
    }
}

/// The value as JSON.
pub(crate) fn json(value: &Value) -> Json {
    let text = value.to_string();
    serde_json::from_str(&text).unwrap_or(Json::String(text))
}
