//! How much work the checker does, for a fixed set of histories, in one file that is reviewed: a
//! change that makes it work more, or decide less, shows there. Steps are the same on any machine.
//!
//! After a change that is meant: `INSTA_UPDATE=always cargo test -p testimony-checker --test work`.

mod simulated;

use std::fmt::Write as _;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use simulated::{Fault, Schedule, simulate};
use testimony_checker::{Algorithm, Budget, Judgement, Verdict, decide_compact};
use testimony_history::{CompactHistory, Model, Value};

struct Shape {
    name: &'static str,
    processes: u64,
    operations: usize,
    unknown: f64,
    /// 0 means that every value is written once.
    values: i64,
    haste: f64,
}

const SHAPES: [Shape; 5] = [
    Shape {
        name: "alone",
        processes: 1,
        operations: 400,
        unknown: 0.0,
        values: 0,
        haste: 0.9,
    },
    Shape {
        name: "narrow",
        processes: 5,
        operations: 300,
        unknown: 0.0,
        values: 0,
        haste: 0.8,
    },
    Shape {
        name: "repeated values",
        processes: 8,
        operations: 250,
        unknown: 0.01,
        values: 4,
        haste: 0.7,
    },
    Shape {
        name: "unknown outcomes",
        processes: 10,
        operations: 250,
        unknown: 0.08,
        values: 0,
        haste: 0.7,
    },
    Shape {
        name: "wide",
        processes: 80,
        operations: 200,
        unknown: 0.01,
        values: 0,
        haste: 0.3,
    },
];

const FAULTS: [Option<Fault>; 4] = [
    None,
    Some(Fault::Stale),
    Some(Fault::Lost),
    Some(Fault::Twice),
];

fn schedule(model: Model, shape: &Shape, fault: Option<Fault>) -> Schedule {
    Schedule {
        model,
        processes: shape.processes,
        operations: shape.operations,
        keys: if model == Model::Kv { 3 } else { 0 },
        values: shape.values,
        unknown: shape.unknown,
        failed: 0.02,
        tie: 0.05,
        fault: fault.map(|fault| (fault, 0.01)),
        haste: shape.haste,
        actual: false,
        initial: Value::Null,
    }
}

/// A budget that makes the hard ones undecided soon.
fn budget() -> Budget {
    Budget {
        steps: 40_000,
        ..Budget::for_tests()
    }
}

fn described(judgement: &Judgement) -> String {
    let verdict = match &judgement.verdict {
        Verdict::Linearizable(_) => "linearizable".to_owned(),
        Verdict::Illegal(found) => {
            let operations = found.operations.operations().len();
            format!("illegal, shown by {operations} operations")
        }
        Verdict::Undecided(_) => "undecided".to_owned(),
    };
    let algorithms: Vec<&str> = judgement
        .algorithms
        .iter()
        .map(|it| Algorithm::name(*it))
        .collect();
    format!(
        "{:>7} steps, {:>6} stored, {verdict} ({})",
        judgement.steps,
        judgement.stored,
        algorithms.join(", ")
    )
}

#[test]
fn the_work_is_as_it_was() {
    let mut lines = String::new();
    for model in Model::ALL {
        for shape in &SHAPES {
            for fault in FAULTS {
                let mut rng = ChaCha8Rng::seed_from_u64(7);
                let (history, faulty) = simulate(&schedule(model, shape, fault), &mut rng);
                let columns = CompactHistory::of(model, &history);
                let judgement = decide_compact(None, &columns, &budget()).conclude();
                let illegal = matches!(judgement.verdict, Verdict::Illegal(_));
                let name = fault.map_or("no fault".to_owned(), |fault| format!("{fault:?}"));
                let name = format!("{model}, {}, {name}", shape.name);
                assert!(faulty || !illegal, "{name}: nothing was wrong");
                writeln!(lines, "{name:<42} {}", described(&judgement)).expect("a string takes it");
            }
        }
    }
    insta::assert_snapshot!("work", lines);
}
