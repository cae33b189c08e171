//! Whatever explains a log explains it with fewer elements and smaller offsets.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use testimony_history::History;

use super::*;
use crate::oracle;

const OPERATIONS: u32 = 8;

/// A log that answered right: each operation took effect at a moment of its own, between its call
/// and its return, or has an unknown outcome.
fn explained(rng: &mut impl Rng) -> Vec<Operation<Call, Answer>> {
    let mut log: Vec<Value> = Vec::new();
    let mut operations: Vec<Operation<Call, Answer>> = Vec::new();
    for number in 0..OPERATIONS {
        let (call, answer) = next(number, &mut log, rng);
        let moment = 100 * (number + 1);
        let unknown = rng.random_bool(0.2);
        operations.push(Operation {
            process: u64::from(number),
            input: call,
            outcome: if unknown {
                Outcome::Unknown
            } else {
                Outcome::Completed(answer)
            },
            called: moment - rng.random_range(0..99) - 2 * number % 3,
            returned: (!unknown).then(|| moment + rng.random_range(1..250)),
            after: None,
            call: Default::default(),
            end: None,
        });
    }
    operations.sort_by_key(|operation| operation.called);
    operations
}

fn next(number: u32, log: &mut Vec<Value>, rng: &mut impl Rng) -> (Call, Answer) {
    let call = |f, value| Call {
        f,
        key: None,
        value,
    };
    let mut answer = Answer::default();
    match rng.random_range(0..5) {
        0 => {
            answer.value = Some(Value::list(log.iter().cloned()));
            (call(Function::Read, None), answer)
        }
        1 => {
            let offset = rng.random_range(0..4_u64);
            answer.result = Some(
                log.get(usize::try_from(offset).unwrap())
                    .cloned()
                    .unwrap_or_default(),
            );
            (call(Function::Read, value(offset)), answer)
        }
        more => {
            let element = Value::from(i64::from(number));
            answer.result = value(log.len() as u64).filter(|_| more != 2);
            log.push(element.clone());
            (call(Function::Append, Some(element)), answer)
        }
    }
}

fn is_explained(operations: Vec<Operation<Call, Answer>>) -> bool {
    let history = History::from_operations(operations);
    let judged = oracle::judge_recorded(Kind::Log, None, &history);
    judged.expect("it makes sense").expect("it is small")
}

#[test]
fn a_log_without_some_elements_is_explained_as_well() {
    let mut shorter = 0;
    for seed in 0..4_000 {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let operations = explained(rng);
        assert!(is_explained(operations.clone()), "seed {seed}");
        let mut gone: FxHashSet<Value> = FxHashSet::default();
        for element in elements(Kind::Log, &Value::Null, &operations) {
            if rng.random_bool(0.5) {
                gone.insert(element);
            }
        }
        let (mut left, keep) = without(Kind::Log, &operations, &gone);
        let mut keep = keep.into_iter();
        left.retain(|_| keep.next().unwrap_or_default());
        let told = |op: &Operation<_, _>| appended_at(op).is_some();
        shorter += u32::from(!gone.is_empty() && left.iter().any(told));
        assert!(
            is_explained(left.clone()),
            "seed {seed}: {operations:#?} {left:#?}"
        );
    }
    assert!(shorter > 500, "offsets were kept in {shorter} only");
}

#[test]
fn a_log_with_smaller_offsets_is_explained_as_well() {
    let mut smaller = 0;
    for seed in 0..20_000 {
        let operations = explained(&mut ChaCha8Rng::seed_from_u64(seed));
        if let Some(left) = shifted(Kind::Log, &Value::Null, &operations) {
            smaller += 1;
            assert!(
                is_explained(left.clone()),
                "seed {seed}: {operations:#?} {left:#?}"
            );
        }
    }
    assert!(smaller > 5, "{smaller} only");
}
