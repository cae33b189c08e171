//! What is told and drawn of what went on inside a simulated cluster.

mod sample;

use sample::run::{plan, report, summary};
use sample::{Shape, make};
use testimony_engine::{Happening, Moment, Nanos};
use testimony_report::{RunOutcome, RunReport, html, story};

const SHAPE: Shape = Shape {
    seed: 7,
    seconds: 24,
    clients: 10,
    rate: 200,
    stale_read: false,
};

fn at(micros: u64, what: Happening) -> Moment {
    let time = Nanos(micros * 1_000);
    Moment { time, what }
}

fn message(from: &str, to: &str, kind: &str, sent: u64, micros: u64, arrived: bool) -> Moment {
    at(
        micros,
        Happening::Message {
            from: from.to_owned(),
            to: to.to_owned(),
            kind: kind.to_owned(),
            sent: Nanos(sent * 1_000),
            arrived,
        },
    )
}

fn called(micros: u64, process: &str, node: &str, call: &str) -> Moment {
    at(
        micros,
        Happening::Called {
            process: process.to_owned(),
            node: node.to_owned(),
            call: call.to_owned(),
        },
    )
}

fn ended(micros: u64, process: &str, call: &str, ending: &str) -> Moment {
    at(
        micros,
        Happening::Ended {
            process: process.to_owned(),
            call: call.to_owned(),
            ending: ending.to_owned(),
        },
    )
}

/// A leader is cut off, and serves a read all the same.
fn stale_read() -> Vec<Moment> {
    let node = |name: &str| name.to_owned();
    let cut = || "cut n1>n2 n1>n3 n2>n1 n3>n1".to_owned();
    vec![
        at(0, Happening::Started { node: node("n1") }),
        at(
            200_000,
            Happening::Leads {
                node: node("n1"),
                term: 1,
            },
        ),
        called(300_000, "p0", "n1", "write \"x\" 1"),
        message("p0", "n1", "request", 300_000, 300_400, true),
        message("n1", "n2", "append", 301_000, 301_500, true),
        ended(303_000, "p0", "write \"x\" 1", "ok"),
        at(
            400_000,
            Happening::Injected {
                injection: 3,
                action: cut(),
            },
        ),
        message("n1", "n2", "heartbeat", 410_000, 410_000, false),
        message("n1", "n3", "heartbeat", 410_000, 410_000, false),
        at(
            650_000,
            Happening::Campaigns {
                node: node("n2"),
                term: 2,
            },
        ),
        at(
            651_000,
            Happening::Leads {
                node: node("n2"),
                term: 2,
            },
        ),
        at(660_000, Happening::Crashed { node: node("n3") }),
        called(700_000, "p1", "n1", "read \"x\""),
        called(701_000, "p0", "n2", "write \"<x>\" 2"),
        ended(702_000, "p1", "read \"x\"", "ok 1"),
        at(800_000, Happening::Started { node: node("n3") }),
        at(
            900_000,
            Happening::Healed {
                injection: 3,
                action: cut(),
            },
        ),
    ]
}

fn with_story<T>(moments: &[Moment], say: impl Fn(&RunReport<'_>) -> T) -> T {
    let sample = make(&SHAPE);
    let (plan, summary) = (plan(&SHAPE, &sample), summary(&SHAPE, &sample));
    say(&RunReport {
        story: moments,
        injections: &[],
        ..report(&sample, &plan, &summary, None, RunOutcome::Violation)
    })
}

/// The drawing alone.
fn drawing(page: &str) -> String {
    let label = "What the nodes and processes told each other over time";
    let from = page.find(&format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"{label}\""
    ));
    let rest = &page[from.expect("it is drawn")..];
    let to = rest.find("</svg>").expect("it ends") + "</svg>".len();
    rest[..to].replace('>', ">\n")
}

#[test]
fn the_story_is_told_in_sentences() {
    let told = with_story(&stale_read(), |report| story::sentences(report).join("\n"));
    insta::assert_snapshot!(told);
}

#[test]
fn the_drawing_has_a_row_for_everybody_and_an_arrow_for_every_message() {
    let page = with_story(&stale_read(), html::run);
    insta::assert_snapshot!(drawing(&page));
    assert!(page.contains("Every message of that time is drawn."));
}

#[test]
fn a_run_without_a_story_has_neither() {
    let page = with_story(&[], html::run);
    assert!(!page.contains("What happened"));
}

#[test]
fn names_and_values_are_escaped() {
    let evil = "</title><script>alert(1)</script>";
    let moments = [
        at(
            1,
            Happening::Says {
                node: evil.to_owned(),
                says: evil.to_owned(),
            },
        ),
        at(
            2,
            Happening::Injected {
                injection: 1,
                action: evil.to_owned(),
            },
        ),
        called(3, "p0", evil, evil),
        message("p0", "n1", evil, 3, 4, false),
        ended(5, "p0", evil, evil),
        at(
            6,
            Happening::Broken {
                invariant: evil.to_owned(),
                seen: evil.to_owned(),
            },
        ),
    ];
    let page = with_story(&moments, html::run);
    assert!(page.contains("alert(1)") && !page.contains("<script"));
}

#[test]
fn of_many_messages_heartbeats_are_left_out_first_and_counted() {
    let mut moments = vec![called(0, "p0", "n1", "read \"x\"")];
    let mut n = 0;
    for kind in ["append", "heartbeat", "heartbeat", "heartbeat"] {
        for _ in 0..100 {
            n += 1;
            moments.push(message("n1", "n2", kind, n * 10, n * 10 + 5, true));
        }
    }
    moments.push(ended(5_000, "p0", "read \"x\"", "ok 1"));
    let page = with_story(&moments, html::run);
    assert!(
        page.contains("these are not drawn: 160 of kind heartbeat."),
        "{page}"
    );
}
