//! The checker against brute force, on random small histories of every model.
//!
//! `TESTIMONY_CROSS_CHECK=N` sets how many histories; the default takes seconds.

mod simulated;

use std::env;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use simulated::{Fault, Schedule, simulate};
use testimony_checker::{Budget, Verdict, check_recorded, oracle, verify_recorded};
use testimony_history::{Function, History, Model, Outcome, RecordedHistory, Value};

/// How many histories of each kind are judged.
fn count() -> u64 {
    let histories = env::var("TESTIMONY_CROSS_CHECK").ok();
    histories.map_or(20_000, |count| {
        count.parse().expect("TESTIMONY_CROSS_CHECK is a number")
    })
}

fn small(model: Model, rng: &mut impl Rng) -> Schedule {
    let faults = [
        None,
        Some(Fault::Stale),
        Some(Fault::Lost),
        Some(Fault::Twice),
    ];
    let fault = faults[rng.random_range(0..4)];
    Schedule {
        model,
        processes: rng.random_range(1..=5),
        operations: rng.random_range(1..=11),
        keys: if model == Model::Kv {
            rng.random_range(1..=2)
        } else {
            rng.random_range(0..=1)
        },
        values: if rng.random_bool(0.4) {
            0
        } else {
            rng.random_range(1..=4)
        },
        unknown: [0.0, 0.05, 0.2][rng.random_range(0..3)],
        failed: [0.0, 0.1][rng.random_range(0..2)],
        tie: [0.0, 0.0, 0.3, 0.8][rng.random_range(0..4)],
        fault: fault.map(|fault| (fault, 0.2)),
        haste: [0.3, 0.6, 0.9][rng.random_range(0..3)],
        actual: rng.random_bool(0.5),
        initial: initial(model, rng),
    }
}

/// Mostly empty.
fn initial(model: Model, rng: &mut impl Rng) -> Value {
    if rng.random_bool(0.7) {
        return Value::Null;
    }
    let number = Value::Int(rng.random_range(1..=2));
    match model {
        Model::Mutex => Value::Null,
        Model::Kv => [number, Value::from("a"), Value::from("")][rng.random_range(0..3)].clone(),
        Model::Register | Model::CasRegister | Model::Counter => number,
        Model::Set | Model::Queue | Model::Log => Value::list([number, Value::Int(3)]),
    }
}

/// Changes one answer to another one of the same history, or of its neighbourhood.
fn mutate(history: &RecordedHistory, rng: &mut impl Rng) -> RecordedHistory {
    let mut operations = history.operations().to_vec();
    let at = rng.random_range(0..operations.len());
    let from = operations[rng.random_range(0..operations.len())].clone();
    if let (Outcome::Completed(answer), Outcome::Completed(other)) =
        (&mut operations[at].outcome, &from.outcome)
    {
        answer.value = answer
            .value
            .take()
            .map(|value| other.value.clone().unwrap_or(value));
        answer.swapped = answer.swapped.map(|swapped| swapped ^ rng.random_bool(0.5));
        answer.actual = answer
            .actual
            .take()
            .filter(|_| answer.swapped == Some(false));
        answer.result = answer
            .result
            .take()
            .map(|result| other.result.clone().unwrap_or(result));
    }
    let call = &mut operations[at].input;
    let changes = call.f == from.input.f && call.f != Function::Read && call.value.is_some();
    if rng.random_bool(0.2) && changes {
        call.value = from.input.value;
    }
    History::from_operations(operations)
}

fn judge(schedule: &Schedule, history: &RecordedHistory, truth: Option<bool>, seed: u64) {
    let (model, initial) = (schedule.model, Some(&schedule.initial));
    let budget = Budget::for_tests();
    let judgement = check_recorded(model, initial, history, &budget);
    let name = || format!("model {model}, seed {seed}: {history:#?}");
    let expected = oracle::judge_recorded(model, initial, history).expect("it can be read");
    let expected = expected.expect("it is small");
    assert!(
        truth.is_none_or(|truth| truth == expected),
        "the oracle is wrong, {}",
        name()
    );
    match judgement.verdict {
        Verdict::Linearizable(witness) => {
            assert!(expected, "no order exists, {}", name());
            let replayed = verify_recorded(model, initial, history, &witness);
            assert_eq!(replayed, Ok(Ok(())), "{}", name());
        }
        Verdict::Illegal(counterexample) => {
            assert!(!expected, "an order exists, {}", name());
            let small = &counterexample.operations;
            assert_eq!(
                oracle::judge_recorded(model, initial, small),
                Ok(Some(false)),
                "{}",
                name()
            );
            let again = check_recorded(model, initial, small, &budget);
            assert!(matches!(again.verdict, Verdict::Illegal(_)), "{}", name());
        }
        Verdict::Undecided(why) => panic!("undecided ({}), {}", why.reason, name()),
    }
}

fn cross_check(model: Model) {
    for seed in 0..count() / 8 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let schedule = small(model, &mut rng);
        let (history, faulty) = simulate(&schedule, &mut rng);
        judge(&schedule, &history, (!faulty).then_some(true), seed);
        let mutant = mutate(&history, &mut rng);
        judge(&schedule, &mutant, None, seed);
    }
}

macro_rules! cross_checks {
    ($($name:ident: $model:expr;)*) => {
        $(#[test] fn $name() { cross_check($model); })*
    };
}

cross_checks! {
    registers_are_judged_as_by_brute_force: Model::Register;
    cas_registers_are_judged_as_by_brute_force: Model::CasRegister;
    maps_are_judged_as_by_brute_force: Model::Kv;
    counters_are_judged_as_by_brute_force: Model::Counter;
    sets_are_judged_as_by_brute_force: Model::Set;
    queues_are_judged_as_by_brute_force: Model::Queue;
    mutexes_are_judged_as_by_brute_force: Model::Mutex;
    logs_are_judged_as_by_brute_force: Model::Log;
}

/// So that a generator that only makes legal histories does not go unnoticed.
#[test]
fn a_fair_share_of_the_histories_is_illegal() {
    for model in Model::ALL {
        let illegal = (0..500).filter(|&seed| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let (history, _) = simulate(&small(model, &mut rng), &mut rng);
            let mutant = mutate(&history, &mut rng);
            oracle::judge_recorded(model, None, &mutant) == Ok(Some(false))
        });
        let illegal = illegal.count();
        assert!((50..450).contains(&illegal), "{model}: {illegal} of 500");
    }
}
