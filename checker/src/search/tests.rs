//! The search against brute force with every combination of prunings, and where it is wide.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use testimony_history::{History, Model as Kind, RecordedHistory, Value};

use super::*;
use crate::budget::Budget;
use crate::court::{Part, RecordedCourt};
use crate::models::cell::{Cell, CellInput, CellOutput};
use crate::models::counter::{Counter, CounterInput, CounterOutput};
use crate::models::{Bundled, for_bundled};
use crate::oracle;
use crate::simulated::{Fault, Schedule, simulate};

fn all_prunings() -> impl Iterator<Item = Prunings> {
    (0..32).map(|bits| Prunings {
        eager: bits & 1 != 0,
        alike: bits & 2 != 0,
        affected: bits & 4 != 0,
        dominance: bits & 8 != 0,
        lookahead: bits & 16 != 0,
    })
}

/// The answers of the search in depth and of that in breadth.
fn answers<M: Model>(
    model: &M,
    ops: &[Op<M::Input, M::Output>],
    prunings: Prunings,
) -> [Answer; 2] {
    let budget = Budget::for_tests();
    let limits = Limits {
        steps: budget.steps,
        bytes: budget.bytes,
        budget: &budget,
    };
    let deep = search(model, ops, prunings, limits);
    let wide = search_breadth(model, ops, prunings, limits);
    [deep.answer, wide.answer]
}

fn parts<B: Bundled>(kind: Kind, history: &RecordedHistory) -> Vec<Part<B>> {
    let court = RecordedCourt::<B>::new(kind, None);
    court.and_then(|court| court.split(history)).unwrap()
}

fn agrees<B: Bundled>(kind: Kind, history: &RecordedHistory, seed: u64) {
    let model = B::starting_as(None).unwrap();
    let expected = oracle::judge_recorded(kind, None, history)
        .unwrap()
        .unwrap();
    let parts = parts::<B>(kind, history);
    for prunings in all_prunings() {
        let mut found = [true; 2];
        for part in &parts {
            let answers = answers(&model, &part.ops, prunings);
            for (found, answer) in found.iter_mut().zip(answers) {
                *found &= match answer {
                    Answer::Order(order) => explains(&model, &part.ops, &order),
                    Answer::NoOrder => false,
                    Answer::GaveUp(why) => panic!("{why}"),
                };
            }
        }
        assert_eq!(
            found, [expected; 2],
            "in depth and in breadth, {kind}, seed {seed}, {prunings:?}: {history:#?}"
        );
    }
}

/// Replays an order of the operations of a partition, each once and all that must happen.
fn explains<M: Model>(model: &M, ops: &[Op<M::Input, M::Output>], order: &[u32]) -> bool {
    let mut state = model.init();
    let mut happened = vec![0; ops.len()];
    order.iter().for_each(|&op| happened[op as usize] += 1);
    for (op, &times) in ops.iter().zip(&happened) {
        assert!(times == 1 || times == 0 && op.returned.is_none());
    }
    for &op in order {
        let op = &ops[op as usize];
        state = model
            .step(&state, &op.input, op.seen.as_ref())
            .expect("each step is legal");
    }
    true
}

#[test]
fn every_combination_of_prunings_agrees_with_brute_force() {
    for kind in Kind::ALL {
        for seed in 0..150 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let schedule = Schedule {
                model: kind,
                processes: rng.random_range(2..=5),
                operations: rng.random_range(4..=9),
                keys: 1,
                values: rng.random_range(1..=3),
                unknown: 0.2,
                failed: 0.1,
                tie: [0.0, 0.6][rng.random_range(0..2)],
                fault: Some((Fault::Stale, 0.3)),
                haste: 0.5,
                actual: false,
                initial: Value::Null,
            };
            let (history, _) = simulate(&schedule, &mut rng);
            for_bundled!(kind, B => agrees::<B>(kind, &history, seed));
        }
    }
}

/// Where brute force is out of reach: whatever two searches decide, they decide alike.
#[test]
fn combinations_of_prunings_agree_where_more_than_64_operations_are_open() {
    let mut decided = 0;
    for kind in Kind::ALL {
        for seed in 0..4 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let schedule = Schedule {
                model: kind,
                processes: [70, 135][rng.random_range(0..2)],
                operations: 150,
                keys: 1,
                values: rng.random_range(0..=3),
                unknown: 0.02,
                failed: 0.02,
                tie: 0.1,
                fault: rng.random_bool(0.5).then_some((Fault::Stale, 0.02)),
                haste: 0.1,
                actual: false,
                initial: Value::Null,
            };
            let (history, faulty) = simulate(&schedule, &mut rng);
            decided += for_bundled!(kind, B => agree::<B>(kind, &history, faulty, seed));
        }
    }
    assert!(decided >= 50, "only {decided} searches came to an end");
}

/// Returns how many of the searches with different prunings came to an end.
fn agree<B: Bundled>(kind: Kind, history: &RecordedHistory, faulty: bool, seed: u64) -> usize {
    let model = B::starting_as(None).unwrap();
    let parts = parts::<B>(kind, history);
    let ops = &parts[0].ops;
    let budget = Budget::for_tests();
    let limits = || Limits {
        steps: 500,
        bytes: budget.bytes,
        budget: &budget,
    };
    let mut decided = Vec::new();
    for prunings in all_prunings() {
        match search(&model, ops, prunings, limits()).answer {
            Answer::Order(order) => decided.push(explains(&model, ops, &order)),
            Answer::NoOrder => decided.push(false),
            Answer::GaveUp(_) => {}
        }
    }
    let alike = decided.iter().all(|it| *it == decided[0]);
    assert!(alike, "seed {seed}: {decided:?}: {history:#?}");
    assert!(
        faulty || !decided.contains(&false),
        "seed {seed}: {history:#?}"
    );
    decided.len()
}

type Count = History<CounterInput, CounterOutput>;

/// So many increments open at once, of which so many never return, and then a read.
fn increments(returning: usize, unknown: usize, read: i128) -> Count {
    let mut history = History::builder();
    let open: Vec<_> = (0..returning + unknown)
        .map(|process| history.invoke(process as u64, CounterInput::Add(1)))
        .collect();
    for &op in &open[..returning] {
        history.complete(op, CounterOutput::Done);
    }
    for &op in &open[returning..] {
        history.unknown(op);
    }
    let op = history.invoke(100_000, CounterInput::Read);
    history.complete(op, CounterOutput::Value(read));
    history.finish()
}

fn reads_right(returning: usize, unknown: usize, read: i128) -> bool {
    let history = increments(returning, unknown, read);
    let judgement = crate::check(&Counter::new(0), &history, &Budget::for_tests());
    match judgement.verdict {
        crate::Verdict::Linearizable(_) => true,
        crate::Verdict::Illegal(_) => false,
        crate::Verdict::Undecided(why) => panic!("{why:?}"),
    }
}

#[test]
fn any_number_of_operations_may_be_open_at_once() {
    for returning in [1, 63, 64, 65, 127, 128, 129, 300] {
        let count = i128::try_from(returning).unwrap();
        assert!(reads_right(returning, 0, count));
        assert!(!reads_right(returning, 0, count - 1));
        assert!(!reads_right(returning, 0, count + 1));
    }
}

#[test]
fn any_number_of_outcomes_may_be_unknown() {
    for unknown in [1, 63, 64, 65, 129, 300] {
        let count = i128::try_from(unknown).unwrap();
        assert!(reads_right(2, unknown, 2));
        assert!(reads_right(2, unknown, 2 + count));
        assert!(!reads_right(2, unknown, 3 + count));
        assert!(!reads_right(2, unknown, 1));
    }
}

#[test]
fn a_model_that_lies_about_purity_is_caught() {
    struct Liar;
    impl Model for Liar {
        type Input = ();
        type Output = ();
        type State = u8;
        fn init(&self) -> u8 {
            0
        }
        fn step(&self, state: &u8, (): &(), _: Option<&()>) -> Option<u8> {
            Some(state + 1)
        }
        fn is_pure(&self, (): &(), _: Option<&()>) -> bool {
            true
        }
    }
    let mut history = History::builder();
    let op = history.invoke(0, ());
    history.complete(op, ());
    let judgement = crate::check(&Liar, &history.finish(), &Budget::for_tests());
    let crate::Verdict::Undecided(why) = judgement.verdict else {
        panic!("it was believed")
    };
    assert!(matches!(why.reason, Reason::EvidenceFailed(_)), "{why:?}");
}

/// Long enough that trails are dropped on the way, and with more open than two words hold.
#[test]
fn the_search_in_breadth_finds_its_way_back_through_a_long_history() {
    let mut history = History::builder();
    for round in 0..600 {
        let open: Vec<_> = (0..130)
            .map(|process| history.invoke(process, CounterInput::Add(1)))
            .collect();
        for op in open {
            history.complete(op, CounterOutput::Done);
        }
        let read = history.invoke(0, CounterInput::Read);
        history.complete(read, CounterOutput::Value(130 * (round + 1)));
    }
    let court = crate::court::TypedCourt {
        model: &Counter::new(0),
    };
    let parts = court.split(&history.finish());
    let [deep, wide] = answers(&Counter::new(0), &parts[0].ops, Prunings::ALL);
    for answer in [deep, wide] {
        let Answer::Order(order) = answer else {
            panic!("{answer:?}")
        };
        assert!(explains(&Counter::new(0), &parts[0].ops, &order));
    }
}

/// Six texts are appended at once, round after round, and take effect in the reverse of the order
/// in which they return; a read follows. The last may have seen one of them twice.
fn appending(rounds: usize, wrong: bool) -> History<CellInput, CellOutput> {
    let mut history = History::builder();
    let mut text = String::new();
    let letters = ["a", "b", "c", "d", "e", "f"];
    for round in 0..rounds {
        let open: Vec<_> = (0..)
            .zip(letters)
            .map(|(process, letter)| history.invoke(process, CellInput::Append(letter.into())))
            .collect();
        text.extend(letters.iter().rev().copied());
        for op in open {
            history.complete(op, CellOutput::Done);
        }
        let read = history.invoke(0, CellInput::Read);
        let mut seen = text.clone();
        if wrong && round + 1 == rounds {
            seen.truncate(seen.len() - 2);
            seen.push_str("cc");
        }
        history.complete(read, CellOutput::Value(Value::str(&seen)));
    }
    history.finish()
}

#[test]
fn looking_ahead_saves_most_of_the_steps_where_texts_grow() {
    for wrong in [false, true] {
        let history = appending(5, wrong);
        let model = Cell::default();
        let court = crate::court::TypedCourt { model: &model };
        let ops = &court.split(&history)[0].ops;
        let budget = Budget::for_tests();
        let limits = Limits {
            steps: budget.steps,
            bytes: budget.bytes,
            budget: &budget,
        };
        let blind = Prunings {
            lookahead: false,
            ..Prunings::ALL
        };
        let [with, without] =
            [Prunings::ALL, blind].map(|prunings| search(&model, ops, prunings, limits));
        assert_eq!(with.answer == Answer::NoOrder, wrong);
        assert_eq!(without.answer == Answer::NoOrder, wrong);
        let (with, without) = (with.work.steps, without.work.steps);
        assert!(with * 5 < without, "{with} steps, and {without} without");
    }
}
