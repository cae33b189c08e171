//! Histories in columns are judged as the same histories as operations.

mod simulated;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use simulated::{Fault, Schedule, simulate};
use testimony_checker::{
    Algorithm, Budget, Judgement, Reason, Verdict, check_recorded, decide_compact, verify_recorded,
};
use testimony_history::{CompactHistory, History, Model, RecordedHistory, Value};

fn judge(model: Model, initial: &Value, history: &RecordedHistory) -> Judgement {
    let compact = CompactHistory::of(model, history);
    decide_compact(Some(initial), &compact, &Budget::for_tests()).conclude()
}

/// Judges in both forms, and checks the evidence. Whether it is linearizable.
fn agrees(schedule: &Schedule, history: &RecordedHistory, seed: u64) -> bool {
    let (model, initial) = (schedule.model, &schedule.initial);
    let expected = check_recorded(model, Some(initial), history, &Budget::for_tests());
    let name = || format!("model {model}, seed {seed}: {history:#?}");
    let judgement = judge(model, initial, history);
    assert_eq!(judgement.partitions, expected.partitions, "{}", name());
    assert_eq!(judgement.operations, expected.operations, "{}", name());
    match (judgement.verdict, expected.verdict) {
        (Verdict::Linearizable(witness), Verdict::Linearizable(_)) => {
            let verified = verify_recorded(model, Some(initial), history, &witness);
            assert_eq!(verified, Ok(Ok(())), "{}", name());
            true
        }
        (Verdict::Illegal(found), Verdict::Illegal(_)) => {
            let again = check_recorded(
                model,
                Some(initial),
                &found.operations,
                &Budget::for_tests(),
            );
            assert!(matches!(again.verdict, Verdict::Illegal(_)), "{}", name());
            false
        }
        (other, expected) => panic!("{other:?} instead of {expected:?}, {}", name()),
    }
}

fn schedule(model: Model, operations: usize, rng: &mut ChaCha8Rng) -> Schedule {
    let faults = [
        None,
        Some(Fault::Stale),
        Some(Fault::Lost),
        Some(Fault::Twice),
    ];
    let fault = faults[rng.random_range(0..4)];
    Schedule {
        model,
        processes: rng.random_range(1..=8),
        operations,
        keys: rng.random_range(u64::from(model == Model::Kv)..=3),
        values: [0, 0, 3][rng.random_range(0..3)],
        unknown: [0.0, 0.05, 0.2][rng.random_range(0..3)],
        failed: [0.0, 0.1][rng.random_range(0..2)],
        tie: [0.0, 0.0, 0.0, 0.3][rng.random_range(0..4)],
        fault: fault.map(|fault| (fault, 0.1)),
        haste: [0.3, 0.6, 0.9][rng.random_range(0..3)],
        actual: rng.random_bool(0.5),
        initial: Value::Null,
    }
}

#[test]
fn small_histories_of_every_model_are_judged_alike() {
    for model in Model::ALL {
        for seed in 0..600 {
            let rng = &mut ChaCha8Rng::seed_from_u64(seed);
            let schedule = schedule(model, 12, rng);
            let (history, _) = simulate(&schedule, rng);
            agrees(&schedule, &history, seed);
        }
    }
}

#[test]
fn long_registers_and_maps_are_judged_alike() {
    for model in [Model::Register, Model::CasRegister, Model::Kv] {
        let mut legal = 0;
        for seed in 0..60 {
            let rng = &mut ChaCha8Rng::seed_from_u64(seed);
            let schedule = Schedule {
                values: 0,
                fault: [None, Some((Fault::Stale, 0.002))][rng.random_range(0..2)],
                unknown: 0.01,
                ..schedule(model, 400, rng)
            };
            let (history, _) = simulate(&schedule, rng);
            legal += u32::from(agrees(&schedule, &history, seed));
        }
        assert!((10..60).contains(&legal), "{model}: {legal}");
    }
}

/// The same number under two keys is two values.
#[test]
fn values_may_recur_under_other_keys() {
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    let of_one_key = |rng: &mut ChaCha8Rng| {
        let schedule = Schedule {
            values: 0,
            tie: 0.0,
            unknown: 0.0,
            fault: None,
            keys: 1,
            ..schedule(Model::Register, 100, rng)
        };
        simulate(&schedule, rng).0
    };
    let mut operations = Vec::new();
    for key in ["a", "b"] {
        operations.extend(of_one_key(rng).into_operations().into_iter().map(|mut op| {
            op.input.key = Some(Value::from(key));
            op.process += 100 * u64::from(key == "b");
            op.call.index += 1000 * u64::from(key == "b");
            op
        }));
    }
    operations.sort_by_key(|op| op.called);
    let judgement = judge(
        Model::Register,
        &Value::Null,
        &History::from_operations(operations),
    );
    assert_eq!(judgement.algorithms, [Algorithm::Zones]);
    assert!(matches!(judgement.verdict, Verdict::Linearizable(_)));
}

#[test]
fn a_raised_stop_flag_is_undecided() {
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    let (history, _) = simulate(&schedule(Model::Register, 100, rng), rng);
    let budget = Budget {
        stop: Some(std::sync::Arc::new(true.into())),
        ..Budget::for_tests()
    };
    let compact = CompactHistory::of(Model::Register, &history);
    let judgement = decide_compact(None, &compact, &budget).conclude();
    let Verdict::Undecided(why) = judgement.verdict else {
        panic!("{judgement:?}");
    };
    assert_eq!(why.reason, Reason::Stopped);
}

#[test]
fn a_history_without_operations_is_linearizable() {
    let judgement = judge(
        Model::Kv,
        &Value::Null,
        &History::from_operations(Vec::new()),
    );
    assert!(matches!(judgement.verdict, Verdict::Linearizable(_)));
    assert_eq!((judgement.partitions, judgement.operations), (0, 0));
}
