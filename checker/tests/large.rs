//! Histories of the size that a test harness makes are decided in few steps, right, and alike on
//! any number of threads.

mod simulated;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use simulated::{Fault, Schedule, simulate};
use testimony_checker::{
    Algorithm, Budget, Judgement, Reason, Verdict, check_recorded, verify_recorded,
};
use testimony_history::{Model, RecordedHistory, Value};

/// One key under the load of a harness: unique values, several operations open at once, some thirty
/// of the 400 with unknown outcome.
fn one_key(model: Model, fault: Option<Fault>) -> Schedule {
    Schedule {
        model,
        processes: 15,
        operations: 400,
        keys: u64::from(model == Model::Kv),
        values: 0,
        unknown: 0.025,
        failed: 0.02,
        tie: 0.0,
        fault: fault.map(|fault| (fault, 0.005)),
        haste: 0.7,
        actual: true,
        initial: Value::Null,
    }
}

fn drawn(schedule: &Schedule, seed: u64) -> (RecordedHistory, bool) {
    simulate(schedule, &mut ChaCha8Rng::seed_from_u64(seed))
}

fn judge(model: Model, history: &RecordedHistory) -> Judgement {
    check_recorded(model, None, history, &Budget::for_tests())
}

/// The verdict in a word, after its evidence has been checked.
fn word(model: Model, history: &RecordedHistory, judgement: &Judgement) -> &'static str {
    match &judgement.verdict {
        Verdict::Linearizable(witness) => {
            assert_eq!(verify_recorded(model, None, history, witness), Ok(Ok(())));
            "linearizable"
        }
        Verdict::Illegal(found) => {
            let again = judge(model, &found.operations);
            assert!(matches!(again.verdict, Verdict::Illegal(_)), "{found:#?}");
            "illegal"
        }
        Verdict::Undecided(_) => "undecided",
    }
}

/// Judges many histories with one kind of fault. Returns how many were found illegal.
fn judge_many(model: Model, fault: Option<Fault>, steps_most: u64) -> usize {
    let mut illegal = 0;
    for seed in 0..12 {
        let (history, faulty) = drawn(&one_key(model, fault), seed);
        let judgement = judge(model, &history);
        let name = format!("{model}, {fault:?}, seed {seed}");
        assert!(
            judgement.steps <= steps_most,
            "{name}: {} steps",
            judgement.steps
        );
        match word(model, &history, &judgement) {
            "linearizable" => {}
            "illegal" => {
                assert!(faulty, "{name}: nothing was wrong");
                illegal += 1;
            }
            other => panic!("{name}: {other}"),
        }
    }
    illegal
}

// The bounds leave room for the rounds before the one that decides.

#[test]
fn histories_without_a_fault_are_linearizable() {
    for model in [
        Model::Register,
        Model::CasRegister,
        Model::Kv,
        Model::Counter,
        Model::Set,
    ] {
        assert_eq!(judge_many(model, None, 40_000), 0);
    }
}

#[test]
fn stale_reads_are_found() {
    for model in [
        Model::Register,
        Model::CasRegister,
        Model::Kv,
        Model::Counter,
        Model::Set,
    ] {
        assert!(
            judge_many(model, Some(Fault::Stale), 150_000) >= 3,
            "{model}"
        );
    }
}

#[test]
fn lost_updates_are_found() {
    for model in [Model::CasRegister, Model::Counter, Model::Set] {
        assert!(judge_many(model, Some(Fault::Lost), 75_000) >= 3, "{model}");
    }
}

#[test]
fn updates_applied_twice_are_found() {
    assert!(judge_many(Model::Counter, Some(Fault::Twice), 50_000) >= 3);
}

/// The general search does not get through these: the sweep does.
#[test]
fn queues_of_unique_values_are_decided_by_the_sweep() {
    for fault in [
        None,
        Some(Fault::Lost),
        Some(Fault::Stale),
        Some(Fault::Twice),
    ] {
        let mut illegal = 0;
        for seed in 0..6 {
            let schedule = Schedule {
                unknown: 0.0,
                fault: fault.map(|fault| (fault, 0.02)),
                ..one_key(Model::Queue, None)
            };
            let (history, faulty) = drawn(&schedule, seed);
            let judgement = judge(Model::Queue, &history);
            assert_eq!(judgement.algorithms, [Algorithm::QueueSweep]);
            let word = word(Model::Queue, &history, &judgement);
            assert!(
                faulty || word == "linearizable",
                "{fault:?}, seed {seed}: {word}"
            );
            illegal += usize::from(word == "illegal");
        }
        assert!(fault.is_none() || illegal >= 3, "{fault:?}: {illegal}");
    }
}

/// Ten keys, one of which has lost a write: the one with the contradiction is reported, whatever
/// the number of threads, and with the same counterexample.
#[test]
fn the_answer_does_not_depend_on_the_number_of_threads() {
    let mut illegal = 0;
    for seed in 0..3 {
        let schedule = Schedule {
            keys: 10,
            ..one_key(Model::Kv, Some(Fault::Stale))
        };
        let (history, _) = drawn(&schedule, seed);
        let judged = |threads| {
            let budget = Budget {
                threads,
                ..Budget::for_tests()
            };
            format!("{:?}", check_recorded(Model::Kv, None, &history, &budget))
        };
        let alone = judged(1);
        illegal += usize::from(alone.contains("Illegal("));
        for threads in [2, 3, 8] {
            assert_eq!(judged(threads), alone, "seed {seed}, {threads} threads");
        }
    }
    assert!(illegal > 0, "no history was illegal");
}

fn reason(judgement: &Judgement) -> &Reason {
    match &judgement.verdict {
        Verdict::Undecided(exhausted) => &exhausted.reason,
        other => panic!("decided: {other:?}"),
    }
}

/// Repeated values and comparisons that did not say what they found: the search has to work.
fn hard() -> RecordedHistory {
    let schedule = Schedule {
        values: 3,
        haste: 0.4,
        unknown: 0.1,
        operations: 2000,
        actual: false,
        ..one_key(Model::Set, Some(Fault::Lost))
    };
    drawn(&schedule, 1).0
}

#[test]
fn running_out_of_steps_is_undecided() {
    let budget = Budget {
        steps: 50,
        ..Budget::for_tests()
    };
    let judgement = check_recorded(Model::Set, None, &hard(), &budget);
    assert_eq!(*reason(&judgement), Reason::Steps);
    assert!(judgement.steps <= 50);
}

#[test]
fn running_out_of_memory_is_undecided() {
    let budget = Budget {
        bytes: 10_000,
        ..Budget::for_tests()
    };
    let judgement = check_recorded(Model::Set, None, &hard(), &budget);
    assert_eq!(*reason(&judgement), Reason::Bytes);
}

#[test]
fn a_raised_stop_flag_ends_the_check() {
    let stop = Some(Arc::new(AtomicBool::new(true)));
    let budget = Budget {
        stop,
        ..Budget::for_tests()
    };
    let judgement = check_recorded(Model::Set, None, &hard(), &budget);
    assert_eq!(*reason(&judgement), Reason::Stopped);
}
