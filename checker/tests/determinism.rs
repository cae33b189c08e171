//! The same history and the same budget in steps give the same judgement: verdict, witness,
//! counterexample, explanation, steps and all, on any number of threads.

mod simulated;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use simulated::{Fault, Schedule, simulate};
use testimony_checker::{Budget, Verdict, check_recorded, decide_compact};
use testimony_history::{CompactHistory, Model, RecordedHistory, Value};

fn keyed(model: Model, fault: Option<Fault>) -> Schedule {
    Schedule {
        model,
        processes: 12,
        operations: 360,
        keys: 6,
        values: if model == Model::Set { 5 } else { 0 },
        unknown: 0.02,
        failed: 0.02,
        tie: 0.1,
        fault: fault.map(|fault| (fault, 0.02)),
        haste: 0.6,
        actual: false,
        initial: Value::Null,
    }
}

/// The judgement in full, as operations and in columns.
fn judgement(model: Model, history: &RecordedHistory, steps: u64, threads: usize) -> String {
    let budget = Budget {
        steps,
        threads,
        ..Budget::for_tests()
    };
    let judgement = check_recorded(model, None, history, &budget);
    let columns = CompactHistory::of(model, history);
    let in_columns = decide_compact(None, &columns, &budget).conclude();
    let kind = match judgement.verdict {
        Verdict::Linearizable(_) => "linearizable",
        Verdict::Illegal(_) => "illegal",
        Verdict::Undecided(_) => "undecided",
    };
    format!("{kind}: {judgement:#?}, {in_columns:#?}")
}

/// Judges with 1, 2 and 7 threads, and returns the verdict that all agree on.
fn agreed(model: Model, history: &RecordedHistory, steps: u64) -> String {
    let alone = judgement(model, history, steps, 1);
    for threads in [1, 2, 7] {
        let together = judgement(model, history, steps, threads);
        assert!(
            together == alone,
            "{model}, {steps} steps, {threads} threads: {together}\nis not {alone}"
        );
    }
    alone.split(':').next().unwrap_or_default().to_owned()
}

#[test]
fn the_judgement_is_the_same_on_any_number_of_threads() {
    let mut verdicts: Vec<String> = Vec::new();
    for model in Model::ALL {
        for fault in [
            None,
            Some(Fault::Stale),
            Some(Fault::Lost),
            Some(Fault::Twice),
        ] {
            let mut rng = ChaCha8Rng::seed_from_u64(11);
            let (history, _) = simulate(&keyed(model, fault), &mut rng);
            // Budgets that end everything, some partitions, and nothing early.
            for steps in [1, 40, 50_000] {
                verdicts.push(agreed(model, &history, steps));
            }
        }
    }
    for verdict in ["linearizable", "illegal", "undecided"] {
        let count = verdicts.iter().filter(|it| *it == verdict).count();
        assert!(
            count >= 8,
            "only {count} of {} are {verdict}",
            verdicts.len()
        );
    }
}

/// One key that is hard, so that a budget runs out in the middle of a search.
#[test]
fn a_budget_runs_out_at_the_same_step() {
    for model in Model::ALL {
        let schedule = Schedule {
            keys: 1,
            values: 3,
            haste: 0.3,
            unknown: 0.1,
            ..keyed(model, Some(Fault::Lost))
        };
        let (history, _) = simulate(&schedule, &mut ChaCha8Rng::seed_from_u64(5));
        for steps in [10, 1_000, 4_097] {
            agreed(model, &history, steps);
        }
    }
}
