//! Pages of made-up runs: they need nothing from outside, stay small, and are left in the build
//! folder's `tmp/gallery` to be looked at.

mod sample;

#[test]
fn look() {
    use sample::*;
    use testimony_checker::*;
    use testimony_history::*;
    use testimony_report::*;
    let s = make(&Shape {
        seed: 7,
        seconds: 40,
        clients: 12,
        rate: 800,
        stale_read: true,
    });
    println!("{} events", s.recording.events.len());
    let plan = testimony_engine::Plan {
        seed: 42,
        target: "raft".into(),
        mode: None,
        bug: Some("stale-reads".into()),
        lab: "process".into(),
        nodes: 5,
        clients: 12,
        rate: 800,
        warm_up: std::time::Duration::from_secs(2),
        time: std::time::Duration::from_secs(30),
        call_timeout: std::time::Duration::from_secs(1),
        settings: Default::default(),
        injections: s
            .injections
            .iter()
            .map(|i| testimony_engine::PlannedInjection {
                id: i.injection,
                at: i.requested_at.into(),
                duration: std::time::Duration::from_secs(1),
                kind: i.kind,
            })
            .collect(),
    };
    let summary = testimony_engine::RunSummary::default();
    // fake judgement
    let key = s
        .recording
        .events
        .iter()
        .filter(|e| e.time.unwrap() > 27 * SECOND)
        .next()
        .unwrap()
        .key
        .clone();
    let mut b: Vec<Operation<Call, Answer>> = vec![];
    let mut pos = 0;
    let mut open = std::collections::HashMap::new();
    for e in &s.recording.events {
        if e.key != key
            || e.time.unwrap() < 27 * SECOND
            || e.time.unwrap() > 27 * SECOND + 160_000_000
        {
            continue;
        }
        let Process::Client(p) = e.process else {
            continue;
        };
        pos += 1;
        if e.kind == Kind::Invoke {
            open.insert(p, b.len());
            b.push(Operation {
                process: p,
                input: Call {
                    f: e.f.clone(),
                    key: e.key.clone(),
                    value: e.value.clone(),
                },
                outcome: Outcome::Unknown,
                called: pos,
                returned: None,
                after: None,
                call: Origin {
                    index: e.index,
                    time: e.time,
                    line: 0,
                },
                end: None,
            });
        } else if let Some(i) = open.remove(&p) {
            b[i].end = Some(Origin {
                index: e.index,
                time: e.time,
                line: 0,
            });
            if e.kind == Kind::Ok {
                b[i].returned = Some(pos);
                b[i].outcome = Outcome::Completed(Answer {
                    value: if e.f == Function::Read {
                        e.value.clone()
                    } else {
                        None
                    },
                    swapped: e.swapped,
                    actual: e.actual.clone(),
                    result: e.result.clone(),
                });
            }
            if e.kind == Kind::Fail {
                b[i].outcome = Outcome::Failed
            }
        }
    }
    println!("{} ops", b.len());
    let n = b.len();
    let marked: Vec<u64> = vec![b[n - 2].call.index, b[n - 1].call.index];
    let edges = vec![
        CycleEdge {
            from: marked[0],
            to: marked[1],
            why: Why::RealTime,
        },
        CycleEdge {
            from: marked[1],
            to: marked[0],
            why: Why::WriteOrder,
        },
    ];
    let judgement = Judgement { verdict: Verdict::Illegal(Box::new(Counterexample { key, operations: History::from_operations(b), notes: vec![], confirmed_by: ConfirmedBy::Oracle, original_operations: 312, explanation: Explanation { headline: "p3 read 1 at 27.012 s although 2 had already been read by p1, whose read ended at 27.010 s.".into(), sentences: vec!["Write 2 replaced 1: p1 read 2.".into(), "p3 began to read after that read had ended, and still got 1.".into()], marked, cycle: Some(edges) } })), operations: s.recording.events.len() / 2, partitions: 28, steps: 123456, algorithms: vec![Algorithm::WindowedSearch] };
    let pass = Judgement {
        verdict: Verdict::Linearizable(Witness::default()),
        ..judgement.clone()
    };
    for (name, j, outcome) in [
        ("violation", &judgement, RunOutcome::Violation),
        ("pass", &pass, RunOutcome::Pass),
    ] {
        let r = RunReport {
            plan: &plan,
            summary: &summary,
            judgement: Some(j),
            outcome,
            events: &s.recording,
            injections: &s.injections,
            status: &s.status,
            timings: Some(Timings {
                parse: 0.0123,
                check: 0.456,
                explain: 0.1,
            }),
            folder: "runs/20260131T120000Z-raft-42".into(),
            command: "testimony run runs/20260131T120000Z-raft-42/plan.toml".into(),
        };
        let page = html::run(&r);
        std::fs::write(format!("/tmp/tst/report-{name}.html"), &page).unwrap();
        println!("{name}: {} bytes", page.len());
        println!("{}", text::run(&r, false));
        if name == "violation" {
            println!("{}", github::summary(&r));
            println!("{}", github::annotations(&r));
        }
    }
}
