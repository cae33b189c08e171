//! The checker against brute force, on random small histories of every model: some with an
//! operation that is open all the time, some with a key on which nothing surely happened.
//!
//! `TESTIMONY_CROSS_CHECK=N` sets how many histories, `TESTIMONY_FIRST_SEED` where to begin; the
//! default takes seconds. With it, what was judged is counted on stderr.

#[expect(dead_code, reason = "these tests need a part of the relaxations")]
mod relaxed;
mod seeds;
mod simulated;

use std::collections::BTreeMap;
use std::env;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use simulated::{Fault, Schedule, simulate};
use testimony_checker::{
    Algorithm, Budget, Judgement, Verdict, check_recorded, decide_compact, oracle, verify_recorded,
};
use testimony_history::{
    CompactHistory, Function, History, Model, Outcome, RecordedHistory, Value,
};

/// Histories of one seed: of each model, as simulated and with one answer changed.
const HISTORIES_EACH: u64 = 16;

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

/// Makes the history odd: an operation open from the first event to the last, a key on which
/// nothing surely happened. Whatever explained it still does only if the former.
fn odd(model: Model, history: RecordedHistory, rng: &mut impl Rng) -> (RecordedHistory, bool) {
    match rng.random_range(0..10) {
        // The holder of a mutex is known by its process, which does one thing at a time.
        0..3 if model != Model::Mutex => (relaxed::with_one_open_throughout(&history, rng), true),
        3 => (with_an_empty_key(history, rng), false),
        _ => (history, true),
    }
}

/// Every operation on some key failed, or is unknown.
fn with_an_empty_key(history: RecordedHistory, rng: &mut impl Rng) -> RecordedHistory {
    let mut operations = history.into_operations();
    let at = rng.random_range(0..operations.len());
    let key = operations[at].input.key.clone();
    for operation in operations
        .iter_mut()
        .filter(|operation| operation.input.key == key)
    {
        if operation.returned.is_some() {
            operation.outcome = Outcome::Failed;
        }
    }
    History::from_operations(operations)
}

/// Judges a history whose verdict may be known, as operations and in columns, and compares with
/// brute force. Returns the verdict and what decided it.
fn judge(
    schedule: &Schedule,
    history: &RecordedHistory,
    truth: Option<bool>,
    seed: u64,
) -> (bool, Vec<Algorithm>) {
    let (model, initial) = (schedule.model, Some(&schedule.initial));
    let name = || format!("model {model}, seed {seed}: {history:#?}");
    let expected = oracle::judge_recorded(model, initial, history).expect("it can be read");
    let expected = expected.expect("it is small");
    assert!(
        truth.is_none_or(|truth| truth == expected),
        "the oracle is wrong, {}",
        name()
    );
    let budget = Budget::for_tests();
    let columns = CompactHistory::of(model, history);
    let mut algorithms = Vec::new();
    for judgement in [
        check_recorded(model, initial, history, &budget),
        decide_compact(initial, &columns, &budget).conclude(),
    ] {
        holds(schedule, history, &judgement, expected, &name);
        algorithms.extend(judgement.algorithms);
    }
    algorithms.dedup();
    (expected, algorithms)
}

/// A verdict is the one expected, and has evidence.
fn holds(
    schedule: &Schedule,
    history: &RecordedHistory,
    judgement: &Judgement,
    expected: bool,
    name: &impl Fn() -> String,
) {
    let (model, initial) = (schedule.model, Some(&schedule.initial));
    match &judgement.verdict {
        Verdict::Linearizable(witness) => {
            assert!(expected, "no order exists, {}", name());
            let replayed = verify_recorded(model, initial, history, witness);
            assert_eq!(replayed, Ok(Ok(())), "{}", name());
        }
        Verdict::Illegal(counterexample) => {
            assert!(!expected, "an order exists, {}", name());
            let small = &counterexample.operations;
            let truth = oracle::judge_recorded(model, initial, small);
            assert_eq!(truth, Ok(Some(false)), "{}", name());
            let again = check_recorded(model, initial, small, &Budget::for_tests());
            assert!(matches!(again.verdict, Verdict::Illegal(_)), "{}", name());
        }
        Verdict::Undecided(why) => panic!("undecided ({}), {}", why.reason, name()),
    }
}

/// What was judged, and by what.
#[derive(Default)]
struct Tally {
    linearizable: u64,
    illegal: u64,
    by: BTreeMap<Algorithm, u64>,
}

impl Tally {
    fn count(&mut self, (linearizable, by): (bool, Vec<Algorithm>)) {
        *(if linearizable {
            &mut self.linearizable
        } else {
            &mut self.illegal
        }) += 1;
        for algorithm in by {
            *self.by.entry(algorithm).or_default() += 1;
        }
    }

    #[expect(clippy::print_stderr, reason = "a long run says what it has done")]
    fn tell(&self, model: Model) {
        if env::var_os("TESTIMONY_CROSS_CHECK").is_some() {
            let by = self
                .by
                .iter()
                .map(|(by, count)| format!("{} {count}", by.name()));
            let by: Vec<String> = by.collect();
            let (linearizable, illegal) = (self.linearizable, self.illegal);
            eprintln!(
                "cross-check: {model}: {linearizable} linearizable, {illegal} illegal; {}",
                by.join(", ")
            );
        }
    }
}

fn cross_check(model: Model) {
    let mut tally = Tally::default();
    for seed in seeds::seeds(2_500, HISTORIES_EACH) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let schedule = small(model, &mut rng);
        let (history, faulty) = simulate(&schedule, &mut rng);
        let (history, still) = odd(model, history, &mut rng);
        let truth = (!faulty && still).then_some(true);
        tally.count(judge(&schedule, &history, truth, seed));
        let mutant = mutate(&history, &mut rng);
        tally.count(judge(&schedule, &mutant, None, seed));
    }
    tally.tell(model);
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

/// Of a history without operations, without any that happened, and of one with an empty key beside
/// a full one.
#[test]
fn where_nothing_happened_everything_is_explained() {
    for model in Model::ALL {
        let nothing = History::from_operations(Vec::new());
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let schedule = Schedule {
            keys: 1,
            fault: None,
            initial: Value::Null,
            ..small(model, &mut rng)
        };
        let (history, _) = simulate(&schedule, &mut rng);
        let failed = with_an_empty_key(history, &mut rng);
        for history in [nothing, failed] {
            let (explained, _) = judge(&schedule, &history, Some(true), 3);
            assert!(explained, "{model}");
        }
    }
}
