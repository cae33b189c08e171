//! What people and programs read, word by word.

mod sample;

use sample::run::{plan, report, summary};
use sample::{Sample, Shape, make, verdict};
use testimony_checker::examination::{Answer, Delta, Doubt, Examination, Unit, examine};
use testimony_checker::{Judgement, Reason, Verdict};
use testimony_engine::{Recovery, RunSummary};
use testimony_history::{Event, History, Kind, Model, Recording, Value};
use testimony_report::{
    CheckReport, RunOutcome, RunReport, Timings, github, html, json, junit, text,
};

const SHAPE: Shape = Shape {
    seed: 7,
    seconds: 24,
    clients: 10,
    rate: 200,
    stale_read: true,
};

/// The contradiction of the samples, found in a recording of just its operations.
fn contradiction() -> (Recording, Judgement) {
    let value = Value::Int(1);
    let operations = verdict::operations("k17", &value);
    (
        verdict::recording(&operations),
        verdict::illegal(operations, "k17", &value),
    )
}

fn with_report<T>(
    judgement: Option<&Judgement>,
    outcome: RunOutcome,
    spoil: impl Fn(&mut RunSummary),
    say: impl Fn(&RunReport<'_>) -> T,
) -> T {
    let made = make(&SHAPE);
    let mut summary = summary(&SHAPE, &made);
    spoil(&mut summary);
    let sample = Sample {
        recording: contradiction().0,
        ..made
    };
    let plan = plan(&SHAPE, &sample);
    say(&report(&sample, &plan, &summary, judgement, outcome))
}

fn with_violation<T>(say: impl Fn(&RunReport<'_>) -> T) -> T {
    let examination = examination();
    let say = |report: &RunReport<'_>| {
        say(&RunReport {
            examination: Some(Ok(&examination)),
            ..report.clone()
        })
    };
    with_report(Some(&contradiction().1), RunOutcome::Violation, |_| {}, say)
}

fn completed(events: &[Event]) -> u64 {
    events.iter().filter(|event| event.kind == Kind::Ok).count() as u64
}

fn examination() -> Examination {
    verdict::examination("k17", &Value::Int(1), &[5, 12, 14, 30, 412])
}

fn check_report<'a>(recording: &'a Recording, judgement: &'a Judgement) -> CheckReport<'a> {
    CheckReport {
        file: "recorded/history.jsonl",
        model: Model::Kv,
        initial: None,
        recording,
        completed: completed(&recording.events),
        judgement,
        examination: None,
        timings: Some(Timings {
            parse: 0.25,
            check: 1.5,
            explain: 0.0625,
        }),
        command: "testimony check recorded/history.jsonl",
    }
}

#[test]
fn a_violation_on_a_terminal() {
    insta::assert_snapshot!(with_violation(|report| text::run(report, false)));
}

#[test]
fn what_was_not_examined_is_said_everywhere() {
    let (recording, illegal) = contradiction();
    let report = CheckReport {
        examination: Some(Err("the model <queue> has no such thing")),
        ..check_report(&recording, &illegal)
    };
    let text = text::check(&report, false);
    assert!(
        text.contains("how bad    Not examined: the model <queue> has no such thing."),
        "{text}"
    );
    let page = html::check(&report);
    assert!(page.contains("Not examined: the model &lt;queue&gt; has no such thing."));
    let json: serde_json::Value = serde_json::from_str(&json::check(&report)).unwrap();
    assert_eq!(
        json["consistency"],
        serde_json::json!({"not_examined": "the model <queue> has no such thing"})
    );
}

/// As little as can be said of a violation that is no stale read.
#[test]
fn a_violation_without_stale_reads_claims_nothing() {
    let (recording, illegal) = contradiction();
    let nothing = History::from_operations(Vec::new());
    let mut said = examine(Model::Kv, None, &nothing).unwrap();
    said.guarantees.monotonic_reads = Answer::Unknown {
        why: Doubt::AnswersNotAsked(3),
        tested: 7,
    };
    said.guarantees.monotonic_writes = Answer::Unknown {
        why: Doubt::ReadsContradict,
        tested: 7,
    };
    (said.unit, said.delta) = (Unit::Events, Delta::Never);
    let report = CheckReport {
        examination: Some(Ok(&said)),
        ..check_report(&recording, &illegal)
    };
    let text = text::check(&report, false);
    let from = text.find("  how bad").unwrap();
    let to = text.find("  judged").unwrap();
    insta::assert_snapshot!(&text[from..to]);
}

#[test]
fn consistency_for_programs() {
    let (recording, illegal) = contradiction();
    let examination = examination();
    let report = CheckReport {
        examination: Some(Ok(&examination)),
        ..check_report(&recording, &illegal)
    };
    let object: serde_json::Value = serde_json::from_str(&json::check(&report)).unwrap();
    let consistency = &object["consistency"];
    assert_eq!(consistency["stale"]["worst_lag"], 413_000_000);
    insta::assert_snapshot!(serde_json::to_string_pretty(consistency).unwrap());
}

#[test]
fn colour_only_adds_colour() {
    let (painted, plain) = with_violation(|r| (text::run(r, true), text::run(r, false)));
    let mut stripped = String::new();
    for (number, part) in painted.split('\u{1b}').enumerate() {
        let text = if number == 0 {
            part
        } else {
            part.split_once('m').unwrap().1
        };
        stripped.push_str(text);
    }
    assert_eq!(stripped.replace(" VIOLATION ", "VIOLATION"), plain);
    assert_ne!(painted, plain);
}

#[test]
fn a_pass_on_a_terminal() {
    let pass = verdict::linearizable();
    let said = with_report(
        Some(&pass),
        RunOutcome::Pass,
        |_| {},
        |r| text::run(r, false),
    );
    insta::assert_snapshot!(said);
}

#[test]
fn undecided_on_a_terminal() {
    let undecided = verdict::undecided(Reason::Stopped);
    let said = with_report(
        Some(&undecided),
        RunOutcome::Undecided,
        |_| {},
        |r| text::run(r, false),
    );
    insta::assert_snapshot!(said);
}

#[test]
fn a_broken_run_on_a_terminal() {
    let spoil = |summary: &mut RunSummary| {
        summary.operations.clear();
        summary.recovery = Recovery::NotRecovered {
            silent: vec!["n2".to_owned()],
        };
    };
    let pass = verdict::linearizable();
    let said = with_report(Some(&pass), RunOutcome::Broken, spoil, |r| {
        text::run(r, false)
    });
    insta::assert_snapshot!(said);
}

#[test]
fn a_checked_file_on_a_terminal() {
    let (recording, illegal) = contradiction();
    let said = [
        illegal,
        verdict::linearizable(),
        verdict::undecided(Reason::Bytes),
    ]
    .map(|judgement| text::check(&check_report(&recording, &judgement), false));
    insta::assert_snapshot!(said.join("\n--------\n"));
}

#[test]
fn a_file_without_completed_operations_is_broken() {
    let nothing = Recording::default();
    let judgement = verdict::linearizable();
    let report = check_report(&nothing, &judgement);
    assert_eq!(report.outcome(), RunOutcome::Broken);
    assert!(
        text::check(&report, false).starts_with("BROKEN  recorded/history.jsonl was not tested")
    );
}

#[test]
fn a_summary_on_github() {
    insta::assert_snapshot!(with_violation(github::summary));
}

#[test]
fn an_annotation_is_one_line_and_only_when_red() {
    let red = with_violation(github::annotations);
    insta::assert_snapshot!(red);
    assert_eq!(red.lines().count(), 1);
    let pass = verdict::linearizable();
    let green = with_report(Some(&pass), RunOutcome::Pass, |_| {}, github::annotations);
    assert_eq!(green, "");
}

#[test]
fn a_run_as_a_test_case() {
    let case = with_violation(|report| junit::Case::of_run(report, 41.5));
    let mut xml = Vec::new();
    junit::write("testimony", &[case], &mut xml).unwrap();
    let xml = String::from_utf8(xml).unwrap();
    assert!(
        xml.contains("<failure type=\"violation\" message=\"p3 read k17=1 at 19.131 s"),
        "{xml}"
    );
    assert!(
        xml.contains("<property name=\"seed\" value=\"7\"/>"),
        "{xml}"
    );
}

#[test]
fn verdict_json_of_a_violation() {
    let text = with_violation(json::run);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&value).unwrap());
}

#[test]
fn one_object_for_a_checked_file() {
    let (recording, illegal) = contradiction();
    for judgement in [
        illegal,
        verdict::linearizable(),
        verdict::undecided(Reason::Steps),
    ] {
        let said = json::check(&check_report(&recording, &judgement));
        assert_eq!(said.lines().count(), 1);
        let object: serde_json::Value = serde_json::from_str(&said).unwrap();
        let verdict = match judgement.verdict {
            Verdict::Linearizable(_) => "linearizable",
            Verdict::Illegal(_) => "illegal",
            Verdict::Undecided(_) => "undecided",
        };
        assert_eq!(object["verdict"], verdict);
        assert_eq!(object["operations"], 12_345);
        assert_eq!(object["partitions"], 28);
        assert_eq!(object["steps"], 123_456);
        assert_eq!(object["stored"], 789);
        assert_eq!(object["parse_seconds"], 0.25);
        assert_eq!(object["check_seconds"], 1.5);
        assert_eq!(object["explain_seconds"], 0.0625);
    }
}
