//! Whatever is explained is illegal: thousands of small histories at random, judged by brute force.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use testimony_history::Model as Kind;
use testimony_history::{
    Answer, Call, Function, Operation, Origin, Outcome, RecordedHistory, Value,
};

use crate::explain::words::Words;
use crate::oracle::judge_recorded;

const KINDS: [Kind; 6] = [
    Kind::Kv,
    Kind::Queue,
    Kind::Mutex,
    Kind::Counter,
    Kind::Set,
    Kind::Log,
];

/// What is asked and answered.
type Deed = (Function, Option<Value>, Answer);

fn small(rng: &mut ChaCha8Rng) -> Value {
    Value::from(rng.random_range(0..3_i32))
}

fn told(result: Value) -> Answer {
    Answer {
        result: Some(result),
        ..Answer::default()
    }
}

fn saw(value: Value) -> Answer {
    Answer {
        value: Some(value),
        ..Answer::default()
    }
}

/// A truth value, or mostly nothing.
fn perhaps(rng: &mut ChaCha8Rng) -> Value {
    match rng.random_range(0..4) {
        0 => Value::from(true),
        1 => Value::from(false),
        _ => Value::Null,
    }
}

/// A call and its answer, from a few values, so that many histories are nearly legal.
fn deed(kind: Kind, rng: &mut ChaCha8Rng) -> Deed {
    let first = rng.random_range(0..5) < 2;
    let number = rng.random_range(0..3) == 0;
    match (kind, first) {
        (Kind::Kv, _) => cell_deed(rng),
        (Kind::Queue, true) => (Function::Enqueue, Some(small(rng)), Answer::default()),
        (Kind::Queue, false) if number => (Function::Dequeue, None, saw(Value::Null)),
        (Kind::Queue, false) => (Function::Dequeue, None, saw(small(rng))),
        (Kind::Mutex, true) => (Function::Release, None, Answer::default()),
        (Kind::Mutex, false) if number => (Function::Acquire, None, told(small(rng))),
        (Kind::Mutex, false) => (Function::Acquire, None, told(perhaps(rng))),
        (Kind::Counter, true) => (Function::Read, None, saw(small(rng))),
        (Kind::Counter, false) => {
            let amount = Value::from(rng.random_range(-1..3_i32));
            let result = if number { small(rng) } else { Value::Null };
            (Function::Add, Some(amount), told(result))
        }
        (_, true) => {
            let elements = (0..rng.random_range(0..3)).map(|_| small(rng));
            (Function::Read, None, saw(Value::list(elements)))
        }
        (Kind::Set, false) => set_deed(rng),
        (_, false) if number => (Function::Read, Some(small(rng)), told(small(rng))),
        (_, false) if rng.random_range(0..3) == 0 => {
            (Function::Append, Some(small(rng)), told(small(rng)))
        }
        (_, false) => (Function::Append, Some(small(rng)), Answer::default()),
    }
}

fn cell_deed(rng: &mut ChaCha8Rng) -> Deed {
    let text = |rng: &mut ChaCha8Rng| Value::str(["a", "b", "ab", "ba"][rng.random_range(0..4)]);
    let pair = |rng: &mut ChaCha8Rng| Value::list([small(rng), small(rng)]);
    match rng.random_range(0..14) {
        0..4 => (
            Function::Write,
            Some(Value::from(rng.random_range(0..6_i32))),
            Answer::default(),
        ),
        4..8 => (Function::Read, None, saw(small(rng))),
        8 => (Function::Read, None, saw(Value::Null)),
        9 => (Function::Read, None, saw(text(rng))),
        10 => {
            let answer = Answer {
                swapped: Some(true),
                ..Answer::default()
            };
            (Function::Cas, Some(pair(rng)), answer)
        }
        11 => {
            let actual = Some(small(rng));
            (
                Function::Cas,
                Some(pair(rng)),
                Answer {
                    swapped: Some(false),
                    actual,
                    ..Answer::default()
                },
            )
        }
        12 => (Function::Append, Some(text(rng)), Answer::default()),
        _ if rng.random_range(0..2) == 0 => (Function::Remove, None, told(perhaps(rng))),
        _ => (
            Function::Contains,
            None,
            told(Value::from(rng.random_range(0..2) == 0)),
        ),
    }
}

fn set_deed(rng: &mut ChaCha8Rng) -> Deed {
    let element = Some(small(rng));
    match rng.random_range(0..4) {
        0 => (Function::Remove, element, told(perhaps(rng))),
        1 => {
            let there = Value::from(rng.random_range(0..2) == 0);
            (Function::Contains, element, told(there))
        }
        _ => (Function::Add, element, told(perhaps(rng))),
    }
}

/// A history of a few operations, some of them unknown.
fn history(kind: Kind, rng: &mut ChaCha8Rng) -> RecordedHistory {
    let count = rng.random_range(1..7_u32);
    let mut operations: Vec<Operation<Call, Answer>> = (0..count)
        .map(|_| {
            let (f, value, answer) = deed(kind, rng);
            let called = rng.random_range(0..14_u32);
            let unknown = rng.random_range(0..6) == 0;
            Operation {
                process: rng.random_range(1..3),
                input: Call {
                    f,
                    key: None,
                    value,
                },
                outcome: if unknown {
                    Outcome::Unknown
                } else {
                    Outcome::Completed(answer)
                },
                called,
                returned: (!unknown).then(|| called + rng.random_range(1..5_u32)),
                after: None,
                call: Origin::default(),
                end: (!unknown).then(Origin::default),
            }
        })
        .collect();
    operations.sort_by_key(|op| op.called);
    RecordedHistory::from_operations(operations)
}

#[test]
fn what_is_explained_is_illegal() {
    for kind in KINDS {
        let (mut explained, mut illegal) = (0, 0);
        for seed in 0..20_000 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let history = history(kind, &mut rng);
            let words = Words::new(kind, &history);
            let start = Value::list([Value::from(1_i32)]);
            let initial = match (kind, rng.random_range(0..3)) {
                (Kind::Queue | Kind::Set | Kind::Log, 0) => start,
                _ => Value::Null,
            };
            let judged = judge_recorded(kind, Some(&initial), &history).unwrap();
            let found = match kind {
                Kind::Kv => super::order::explain(&initial, &history, &history, &words),
                _ => super::objects::explain(kind, &initial, &history, &words),
            };
            illegal += u32::from(judged == Some(false));
            explained += u32::from(found.is_some());
            if let Some(found) = found {
                let headline = found.headline;
                assert_eq!(
                    judged,
                    Some(false),
                    "{kind:?} {seed}: {headline} {history:#?}"
                );
            }
        }
        let share = f64::from(explained) / f64::from(illegal);
        assert!(share > 0.5, "{kind:?}: {explained} of {illegal}");
    }
}
