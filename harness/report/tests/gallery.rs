//! Pages of made-up runs: they need nothing from outside and stay small. They are left in the build
//! folder under `tmp/gallery`, to be looked at.

mod sample;

use std::fs;
use std::path::Path;

use sample::run::{plan, report, summary};
use sample::{SECOND, Shape, make, verdict};
use testimony_checker::{Budget, Judgement, Reason, Verdict, check_recorded};
use testimony_engine::Nanos;
use testimony_history::{History, Model, Origin, Value};
use testimony_report::{CheckReport, RunOutcome, html, text};

/// Keeps a page to look at.
fn keep(name: &str, page: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gallery");
    fs::create_dir_all(&folder).expect("the build folder can be written");
    fs::write(folder.join(name).with_extension("html"), page)
        .expect("the build folder can be written");
}

/// What every page must be: one file, and small.
fn assert_self_contained(name: &str, page: &str) {
    assert!(page.len() < 1_000_000, "{name} has {} bytes", page.len());
    let addresses = page.replace("http://www.w3.org/2000/svg", "");
    for outside in [
        "http:", "https:", "<script", "<link", "@import", "url(//", "src=",
    ] {
        assert!(!addresses.contains(outside), "{name} has {outside}");
    }
    for tag in [
        "html", "body", "main", "section", "svg", "table", "details", "g",
    ] {
        let opened =
            page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(
            opened,
            page.matches(&format!("</{tag}>")).count(),
            "{name}: <{tag}>"
        );
    }
}

fn page_of(shape: &Shape, judgement: Option<&Judgement>, outcome: RunOutcome) -> String {
    let sample = make(shape);
    let (plan, summary) = (plan(shape, &sample), summary(shape, &sample));
    html::run(&report(&sample, &plan, &summary, judgement, outcome))
}

fn stale_read(value: &Value) -> Judgement {
    verdict::illegal(verdict::operations("k17", value), "k17", value)
}

const SHAPE: Shape = Shape {
    seed: 7,
    seconds: 34,
    clients: 10,
    rate: 200,
    stale_read: false,
};

#[test]
fn a_pass_is_one_small_file() {
    let page = page_of(&SHAPE, Some(&verdict::linearizable()), RunOutcome::Pass);
    keep("pass", &page);
    assert_self_contained("pass", &page);
    for words in [
        "Pass: raft",
        "Leader and term",
        "Throughput",
        "Latency",
        "isolate-leader",
    ] {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn thirty_thousand_operations_fit_into_a_megabyte() {
    let shape = Shape {
        seconds: 40,
        clients: 40,
        rate: 4_000,
        ..SHAPE
    };
    let page = page_of(&shape, Some(&verdict::linearizable()), RunOutcome::Pass);
    keep("long", &page);
    assert!(make(&shape).recording.events.len() > 60_000);
    assert_self_contained("long", &page);
}

#[test]
fn a_violation_shows_its_timeline_and_its_lines() {
    let shape = Shape {
        stale_read: true,
        ..SHAPE
    };
    let page = page_of(
        &shape,
        Some(&stale_read(&Value::Int(1))),
        RunOutcome::Violation,
    );
    keep("violation", &page);
    assert_self_contained("violation", &page);
    for words in [
        "write k17=1",
        "read k17 → 2",
        "read k17 → 1",
        "Why no order works",
        "plan.toml",
    ] {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn undecided_and_broken_say_what_to_do() {
    let page = page_of(
        &SHAPE,
        Some(&verdict::undecided(Reason::Bytes)),
        RunOutcome::Undecided,
    );
    keep("undecided", &page);
    assert_self_contained("undecided", &page);
    assert!(page.contains("--memory-limit"));
    let nothing = Shape {
        seconds: 0,
        ..SHAPE
    };
    let page = page_of(&nothing, None, RunOutcome::Broken);
    keep("broken", &page);
    assert_self_contained("broken", &page);
    assert!(page.contains("Look at the nodes"));
}

#[test]
fn a_checked_file_has_a_page() {
    let value = Value::str("a long value that goes on for quite a while and then some more");
    let operations = verdict::operations("account/4711/balance", &value);
    let recording = verdict::recording(&operations);
    let judgement = verdict::illegal(operations, "account/4711/balance", &value);
    let lags: Vec<u64> = (1..60).map(|n| n * n).collect();
    let examination = verdict::examination("account/4711/balance", &value, &lags);
    let page = html::check(&CheckReport {
        file: "recorded/history.jsonl",
        model: Model::Kv,
        initial: None,
        recording: &recording,
        completed: 2,
        judgement: &judgement,
        examination: Some(Ok(&examination)),
        timings: None,
        command: "testimony check recorded/history.jsonl",
    });
    keep("check", &page);
    for words in ["were stale", "monotonic reads", "class=\"stale\""] {
        assert!(page.contains(words), "{words}");
    }
    assert_self_contained("check", &page);
}

#[test]
fn text_of_any_kind_stays_text() {
    let hostile = "</svg><script>alert(1)</script>\"'&]]>\n\u{1b}[31m\u{0}\u{202e}";
    let value = Value::str(hostile);
    let operations = verdict::operations(hostile, &value);
    let judgement = verdict::illegal(operations.clone(), hostile, &value);
    let examination = verdict::examination(hostile, &value, &[5, 50]);
    let sample = sample::Sample {
        recording: verdict::recording(&operations),
        ..make(&Shape {
            seconds: 8,
            ..SHAPE
        })
    };
    let mut plan = plan(&SHAPE, &sample);
    plan.target = hostile.to_owned();
    plan.bug = Some(hostile.to_owned());
    let mut summary = summary(&SHAPE, &sample);
    summary
        .operations
        .insert(hostile.to_owned(), Default::default());
    summary.recovery = testimony_engine::Recovery::NotRecovered {
        silent: vec![hostile.to_owned()],
    };
    let mut report = report(
        &sample,
        &plan,
        &summary,
        Some(&judgement),
        RunOutcome::Violation,
    );
    report.folder = hostile.to_owned();
    report.command = hostile.to_owned();
    report.examination = Some(Ok(&examination));
    let page = html::run(&report);
    keep("hostile", &page);
    assert_self_contained("hostile", &page);
    assert!(!page.contains('\u{1b}') && !page.contains('\u{202e}'));
}

#[test]
fn a_stale_read_in_a_long_run_is_found_and_drawn() {
    let shape = Shape {
        stale_read: true,
        clients: 12,
        rate: 60,
        ..SHAPE
    };
    let sample = make(&shape);
    let (history, _) = sample.recording.history(Model::Kv).unwrap();
    let judgement = check_recorded(Model::Kv, None, &history, &Budget::for_tests());
    let (plan, summary) = (plan(&shape, &sample), summary(&shape, &sample));
    let report = report(
        &sample,
        &plan,
        &summary,
        Some(&judgement),
        RunOutcome::Violation,
    );
    let page = html::run(&report);
    keep("found", &page);
    assert_self_contained("found", &page);
    assert!(
        page.contains("The contradiction") && page.contains("tr class=\"marked\""),
        "{judgement:?}"
    );
}

#[test]
fn many_operations_of_many_processes_are_drawn() {
    let shape = Shape {
        seconds: 5,
        clients: 12,
        rate: 400,
        ..SHAPE
    };
    let sample = make(&shape);
    let (history, _) = sample.recording.history(Model::Kv).unwrap();
    let mut crowd = stale_read(&Value::Int(1));
    let Verdict::Illegal(found) = &mut crowd.verdict else {
        unreachable!()
    };
    let operations = history
        .into_operations()
        .into_iter()
        .filter(|o| o.call.time > Some(4 * SECOND));
    found.operations = History::from_operations(operations.collect());
    found.explanation.marked = found
        .operations
        .operations()
        .iter()
        .step_by(9)
        .map(|o| o.call.index)
        .collect();
    found.explanation.cycle = None;
    let (plan, summary) = (plan(&shape, &sample), summary(&shape, &sample));
    let page = html::run(&report(
        &sample,
        &plan,
        &summary,
        Some(&crowd),
        RunOutcome::Violation,
    ));
    keep("crowd", &page);
    assert_self_contained("crowd", &page);
    assert!(page.contains("Not shown, for want of room"));
}

#[test]
fn odd_times_do_no_harm() {
    let nothing: fn(u64) -> Option<u64> = |_| None;
    let backwards: fn(u64) -> Option<u64> = |time| Some(u64::MAX - time);
    let same: fn(u64) -> Option<u64> = |_| Some(0);
    for odd in [nothing, backwards, same] {
        let mut operations = verdict::operations("k17", &Value::Int(1));
        for operation in &mut operations {
            operation.call.time = operation.call.time.and_then(odd);
            operation.end = operation.end.map(|end| Origin {
                time: end.time.and_then(odd),
                ..end
            });
        }
        let mut sample = make(&Shape {
            seconds: 8,
            ..SHAPE
        });
        for event in &mut sample.recording.events {
            event.time = event.time.and_then(odd);
        }
        for injection in &mut sample.injections {
            injection.started_at = injection.started_at.and_then(|at| odd(at.0)).map(Nanos);
            injection.ended_at = None;
        }
        sample.status.reverse();
        let judgement = verdict::illegal(operations, "k17", &Value::Int(1));
        let (plan, summary) = (plan(&SHAPE, &sample), summary(&SHAPE, &sample));
        let report = report(
            &sample,
            &plan,
            &summary,
            Some(&judgement),
            RunOutcome::Violation,
        );
        let page = html::run(&report);
        assert_self_contained("odd", &page);
        assert!(!page.contains("NaN") && !page.contains("inf\""));
        assert!(text::run(&report, false).contains("read k17 → 1"));
    }
}
