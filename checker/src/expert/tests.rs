//! The special algorithms against brute force on small random histories, and against the general
//! search, which is told nothing of what the experts know, on larger ones.
//!
//! `TESTIMONY_CROSS_CHECK=N` sets how many; the default takes seconds.

mod drawn;
mod mutex;

use std::env;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use testimony_history::{Function, Model as Kind, RecordedHistory, Value};

use super::mutex::MutexExpert;
use super::{Decided, Expert};
use crate::budget::Budget;
use crate::court::RecordedCourt;
use crate::models::mutex::{MutexInput, MutexOutput};
use crate::models::{Bundled, Mutex, for_bundled};
use crate::oracle;
use crate::partition::Op;
use crate::search::{Answer, Limits, Prunings, search};
use crate::verdict::{Algorithm, PartitionWitness, Verdict, Witness};
use drawn::{Mix, Wish, draw, mutate};

/// How many histories of each kind are judged.
fn count() -> u64 {
    let histories = env::var("TESTIMONY_CROSS_CHECK").ok();
    histories.map_or(20_000, |count| {
        count.parse().expect("TESTIMONY_CROSS_CHECK is a number")
    })
}

/// The operations of a history of one object.
fn ops<B: Bundled>(mix: &Mix, history: &RecordedHistory) -> Vec<Op<B::Input, B::Output>> {
    let court = RecordedCourt::<B>::new(mix.model, Some(&mix.initial));
    let parts = court.and_then(|court| court.split(history));
    let parts = parts.expect("it can be read");
    parts.into_iter().flat_map(|part| part.ops).collect()
}

/// What the expert says of a history of one object.
fn decided(mix: &Mix, history: &RecordedHistory) -> Option<Decided> {
    for_bundled!(mix.model, B => {
        let model = B::starting_as(Some(&mix.initial)).expect("a fine start");
        B::expert().decide(&model, &ops::<B>(mix, history))
    })
}

/// What the search says that knows no expert.
fn searched(mix: &Mix, history: &RecordedHistory, steps: u64) -> Option<bool> {
    let budget = Budget::for_tests();
    let limits = Limits {
        steps,
        bytes: budget.bytes,
        budget: &budget,
    };
    for_bundled!(mix.model, B => {
        let model = B::starting_as(Some(&mix.initial)).expect("a fine start");
        match search(&model, &ops::<B>(mix, history), Prunings::ALL, limits).answer {
            Answer::Order(_) => Some(true),
            Answer::NoOrder => Some(false),
            Answer::GaveUp(_) => None,
        }
    })
}

/// Replays the order.
fn holds(mix: &Mix, history: &RecordedHistory, order: &[u32]) -> Result<(), String> {
    let index = |&number: &u32| history.operations()[number as usize].call.index;
    let witness = Witness {
        partitions: vec![PartitionWitness {
            key: history
                .operations()
                .first()
                .and_then(|op| op.input.key.clone()),
            order: order.iter().map(index).collect(),
        }],
    };
    crate::verify_recorded(mix.model, Some(&mix.initial), history, &witness)?
        .map_err(|problem| problem.to_string())
}

/// The whole check says the same, with evidence that has been judged again.
fn concludes(mix: &Mix, history: &RecordedHistory, linearizable: bool) {
    let budget = Budget::for_tests();
    let judgement = crate::check_recorded(mix.model, Some(&mix.initial), history, &budget);
    match judgement.verdict {
        Verdict::Linearizable(_) => assert!(linearizable, "{history:#?}"),
        Verdict::Illegal(_) => assert!(!linearizable, "{history:#?}"),
        Verdict::Undecided(why) => panic!("{why:?}: {history:#?}"),
    }
}

/// How many histories an algorithm decided each way, and how many it declined.
#[derive(Default, Debug)]
struct Tally {
    linearizable: usize,
    illegal: usize,
    declined: usize,
}

impl Tally {
    /// Whether this share of the histories was decided.
    fn decides(&self, share: f64) -> bool {
        let decided = self.linearizable + self.illegal;
        decided as f64 >= share * (decided + self.declined) as f64
    }

    fn judge(
        &mut self,
        mix: &Mix,
        history: &RecordedHistory,
        algorithm: Algorithm,
        seed: u64,
        truth: impl Fn() -> Option<bool>,
    ) {
        let Some(decided) = decided(mix, history) else {
            self.declined += 1;
            return;
        };
        let name = || format!("seed {seed}: {history:#?}");
        if let Some(order) = &decided.order {
            let held = holds(mix, history, order);
            assert_eq!(held, Ok(()), "{order:?}, {}", name());
        }
        if let Some(truth) = truth() {
            assert_eq!(decided.order.is_some(), truth, "{}", name());
        }
        // A set of which nobody read all elements, say, is for another algorithm.
        let tally = match (decided.algorithm == algorithm, &decided.order) {
            (false, _) => &mut self.declined,
            (true, Some(_)) => &mut self.linearizable,
            (true, None) => &mut self.illegal,
        };
        *tally += 1;
        if seed.is_multiple_of(32) {
            concludes(mix, history, decided.order.is_some());
        }
    }
}

fn small(model: Kind, wish: Wish, told: f64, initial: &Value, rng: &mut ChaCha8Rng) -> Mix {
    Mix {
        model,
        initial: initial.clone(),
        wish,
        told,
        operations: rng.random_range(1..=10),
        processes: rng.random_range(1..=5),
        unknown: [0.0, 0.1, 0.3][rng.random_range(0..3)],
        failed: [0.0, 0.1][rng.random_range(0..2)],
        tie: [0.0, 0.0, 0.0, 0.3][rng.random_range(0..4)],
        haste: [0.3, 0.6, 0.8][rng.random_range(0..3)],
        spanning: rng.random_bool(0.2),
        fault: [0.0, 0.1, 0.3][rng.random_range(0..3)],
    }
}

/// Many open at once, and some of them for long.
fn large(model: Kind, wish: Wish, told: f64, initial: &Value, rng: &mut ChaCha8Rng) -> Mix {
    let wide = rng.random_bool(0.3);
    Mix {
        model,
        initial: initial.clone(),
        wish,
        told,
        operations: if wide { 300 } else { rng.random_range(20..=80) },
        processes: if wide {
            rng.random_range(70..=200)
        } else {
            rng.random_range(2..=8)
        },
        unknown: [0.0, 0.02, 0.1][rng.random_range(0..3)],
        failed: [0.0, 0.05][rng.random_range(0..2)],
        tie: 0.0,
        haste: if wide {
            0.3
        } else {
            rng.random_range(0.4..0.8)
        },
        spanning: rng.random_bool(0.3),
        fault: [0.0, 0.01, 0.05][rng.random_range(0..3)],
    }
}

/// Judges histories of a mix; the algorithm must decide at least this share of them.
fn agrees(
    model: Kind,
    algorithm: Algorithm,
    wish: Wish,
    told: &[f64],
    initial: &Value,
    share: f64,
) {
    let mut tally = Tally::default();
    for seed in 0..count() / 8 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let told = told[rng.random_range(0..told.len())];
        let start = if rng.random_bool(0.3) {
            initial
        } else {
            &Value::Null
        };
        let mix = small(model, wish, told, start, &mut rng);
        let history = draw(&mix, &mut rng);
        for history in [mutate(&history, &mut rng), history] {
            let truth = || oracle::judge_recorded(model, Some(&mix.initial), &history).ok()?;
            tally.judge(&mix, &history, algorithm, seed, truth);
        }
    }
    let mut wide = Tally::default();
    for seed in 0..count() / 800 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let told = told[rng.random_range(0..told.len())];
        let start = if rng.random_bool(0.3) {
            initial
        } else {
            &Value::Null
        };
        let mix = large(model, wish, told, start, &mut rng);
        let history = draw(&mix, &mut rng);
        for history in [mutate(&history, &mut rng), history] {
            let truth = || searched(&mix, &history, 20_000);
            wide.judge(&mix, &history, algorithm, seed, truth);
        }
    }
    let decided = tally.linearizable + tally.illegal;
    let fair = |part: usize| part * 50 >= decided;
    assert!(fair(tally.linearizable) && fair(tally.illegal), "{tally:?}");
    assert!(tally.decides(share), "{tally:?}");
    assert!(wide.decides(share / 2.0), "{wide:?}");
}

#[test]
fn nothing_is_linearizable() {
    for kind in Kind::ALL {
        let mix = Mix {
            model: kind,
            initial: Value::Null,
            wish: |_, _| (Function::Read, None),
            told: 0.0,
            operations: 0,
            processes: 1,
            unknown: 0.0,
            failed: 0.0,
            tie: 0.0,
            haste: 0.5,
            spanning: false,
            fault: 0.0,
        };
        let history = draw(&mix, &mut ChaCha8Rng::seed_from_u64(0));
        let order = decided(&mix, &history).map(|decided| decided.order);
        assert!(
            order.is_none_or(|order| order == Some(Vec::new())),
            "{kind}"
        );
    }
}

#[test]
fn growing_counters_are_judged_as_by_brute_force() {
    fn wish(_: i64, die: u32) -> (Function, Option<Value>) {
        match die {
            0..55 => (Function::Add, Some(Value::Int(1))),
            55..60 => (Function::Add, Some(Value::Int(0))),
            _ => (Function::Read, None),
        }
    }
    agrees(
        Kind::Counter,
        Algorithm::CounterGreedy,
        wish,
        &[0.0, 0.5, 1.0],
        &Value::Int(3),
        0.9,
    );
}

#[test]
fn shrinking_counters_are_judged_as_by_brute_force() {
    fn wish(_: i64, die: u32) -> (Function, Option<Value>) {
        match die {
            0..60 => (Function::Add, Some(Value::Int(-2))),
            _ => (Function::Read, None),
        }
    }
    agrees(
        Kind::Counter,
        Algorithm::CounterGreedy,
        wish,
        &[0.0, 0.5, 1.0],
        &Value::Int(3),
        0.9,
    );
}

#[test]
fn counters_that_tell_their_sums_are_judged_as_by_brute_force() {
    fn wish(_: i64, die: u32) -> (Function, Option<Value>) {
        match die {
            0..60 => (Function::Add, Some(Value::Int(1 + i64::from(die % 4)))),
            _ => (Function::Read, None),
        }
    }
    agrees(
        Kind::Counter,
        Algorithm::CounterGreedy,
        wish,
        &[1.0],
        &Value::Int(3),
        0.5,
    );
}

#[test]
fn logs_are_judged_as_by_brute_force() {
    fn wish(written: i64, die: u32) -> (Function, Option<Value>) {
        match die {
            0..55 => (Function::Append, Some(Value::Int(written + 10))),
            55..75 => (Function::Read, Some(Value::Int(i64::from(die % 5)))),
            _ => (Function::Read, None),
        }
    }
    let initial = Value::list([Value::Int(1), Value::Int(2)]);
    agrees(
        Kind::Log,
        Algorithm::LogGreedy,
        wish,
        &[0.0, 0.5, 1.0],
        &initial,
        0.9,
    );
}

#[test]
fn logs_with_repeated_elements_are_judged_as_by_brute_force() {
    fn wish(written: i64, die: u32) -> (Function, Option<Value>) {
        match die {
            0..55 => (Function::Append, Some(Value::Int(written % 3))),
            55..75 => (Function::Read, Some(Value::Int(i64::from(die % 5)))),
            _ => (Function::Read, None),
        }
    }
    let initial = Value::list([Value::Int(1), Value::Int(2)]);
    agrees(
        Kind::Log,
        Algorithm::LogGreedy,
        wish,
        &[0.0, 0.5, 1.0],
        &initial,
        0.4,
    );
}

#[test]
fn sets_without_full_reads_are_judged_as_by_brute_force() {
    fn wish(_: i64, die: u32) -> (Function, Option<Value>) {
        let element = Some(Value::Int(i64::from(die % 3)));
        match die {
            0..35 => (Function::Add, element),
            35..70 => (Function::Remove, element),
            _ => (Function::Contains, element),
        }
    }
    let initial = Value::list([Value::Int(1), Value::Int(2)]);
    agrees(Kind::Set, Algorithm::SetGreedy, wish, &[1.0], &initial, 0.9);
}

#[test]
fn sets_that_tell_little_are_judged_as_by_brute_force() {
    fn wish(_: i64, die: u32) -> (Function, Option<Value>) {
        let element = Some(Value::Int(i64::from(die % 3)));
        match die {
            0..35 => (Function::Add, element),
            35..60 => (Function::Remove, element),
            _ => (Function::Contains, element),
        }
    }
    let initial = Value::list([Value::Int(1), Value::Int(2)]);
    agrees(
        Kind::Set,
        Algorithm::SetGreedy,
        wish,
        &[0.0, 0.5],
        &initial,
        0.7,
    );
}

#[test]
fn growing_sets_are_judged_as_by_brute_force() {
    fn wish(written: i64, die: u32) -> (Function, Option<Value>) {
        let element = Value::Int(if die.is_multiple_of(2) {
            written
        } else {
            i64::from(die % 6)
        });
        match die {
            0..50 => (Function::Add, Some(element)),
            50..60 => (Function::Contains, Some(element)),
            _ => (Function::Read, None),
        }
    }
    let initial = Value::list([Value::Int(1), Value::Int(2)]);
    agrees(
        Kind::Set,
        Algorithm::SetChain,
        wish,
        &[0.0, 0.5, 1.0],
        &initial,
        0.7,
    );
}

#[test]
fn mutexes_are_judged_as_by_brute_force() {
    fn wish(_: i64, die: u32) -> (Function, Option<Value>) {
        match die {
            0..60 => (Function::Acquire, None),
            _ => (Function::Release, None),
        }
    }
    agrees(
        Kind::Mutex,
        Algorithm::MutexHolds,
        wish,
        &[0.0, 0.5, 1.0],
        &Value::Null,
        0.9,
    );
}

#[test]
fn cells_that_are_emptied_are_judged_as_by_brute_force() {
    fn wish(written: i64, die: u32) -> (Function, Option<Value>) {
        match die {
            0..35 => (Function::Write, Some(Value::Int(written + 10))),
            35..55 => (Function::Remove, None),
            _ => (Function::Read, None),
        }
    }
    agrees(
        Kind::Kv,
        Algorithm::CellGreedy,
        wish,
        &[0.0],
        &Value::Int(3),
        0.5,
    );
}

#[test]
fn cells_that_are_swapped_and_emptied_are_judged_as_by_brute_force() {
    fn wish(written: i64, die: u32) -> (Function, Option<Value>) {
        let new = Value::Int(written + 10);
        let old = Value::Int((written + 9 - i64::from(die % 3)).max(3));
        match die {
            0..25 => (Function::Write, Some(new)),
            25..45 => (Function::Cas, Some(Value::list([old, new]))),
            45..60 => (Function::Remove, None),
            60..70 => (Function::Contains, None),
            _ => (Function::Read, None),
        }
    }
    agrees(
        Kind::Kv,
        Algorithm::CellGreedy,
        wish,
        &[0.0, 0.5, 1.0],
        &Value::Int(3),
        0.3,
    );
}

#[test]
fn queues_are_judged_as_by_brute_force() {
    fn wish(written: i64, die: u32) -> (Function, Option<Value>) {
        match die {
            0..50 => (Function::Enqueue, Some(Value::Int(written + 10))),
            _ => (Function::Dequeue, None),
        }
    }
    let initial = Value::list([Value::Int(2), Value::Int(1)]);
    agrees(
        Kind::Queue,
        Algorithm::QueueSweep,
        wish,
        &[0.0],
        &initial,
        0.9,
    );
}
