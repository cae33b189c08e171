//! What is said of illegal logs, sets and counters, against brute force: every list of updates that
//! whoever answered may have carried out is tried, and the oracle judges histories whose reads were
//! called earlier or whose times are forgotten.
//!
//! `TESTIMONY_CROSS_CHECK=N` sets how many histories; the default takes seconds.

mod ranked;
mod simulated;
mod timeless;
mod updates;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use simulated::{Fault, Schedule, simulate};
use testimony_checker::examination::{Answer, Counted, Delta, Doubt, Examination, examine};
use testimony_checker::oracle;
use testimony_history::{
    Call, Event, Function, History, Kind, Model, Outcome, Process, RecordedHistory, Recording,
    Value,
};
use timeless::without_times;
use updates::{World, stale, with_earlier_reads};

fn count() -> u64 {
    let histories = std::env::var("TESTIMONY_CROSS_CHECK").ok();
    histories.map_or(20_000, |count| {
        count.parse().expect("TESTIMONY_CROSS_CHECK is a number")
    })
}

fn small(rng: &mut impl Rng) -> Schedule {
    let faults = [Fault::Stale, Fault::Stale, Fault::Lost, Fault::Twice];
    let model = [Model::Log, Model::Log, Model::Set, Model::Counter][rng.random_range(0..4)];
    let started = match model {
        Model::Counter => Value::Int(3),
        _ => Value::list([Value::Int(100), Value::Int(101)]),
    };
    Schedule {
        model,
        processes: rng.random_range(1..=4),
        operations: rng.random_range(1..=10),
        keys: 1,
        values: [0, 0, 0, 4][rng.random_range(0..4)],
        unknown: [0.0, 0.05, 0.2][rng.random_range(0..3)],
        failed: [0.0, 0.1][rng.random_range(0..2)],
        tie: [0.0, 0.0, 0.3, 0.8][rng.random_range(0..4)],
        fault: Some((faults[rng.random_range(0..4)], 0.3)),
        haste: [0.3, 0.6, 0.9][rng.random_range(0..3)],
        actual: true,
        initial: [Value::Null, Value::Null, started][rng.random_range(0..3)].clone(),
    }
}

/// Calls `test` with random histories and what is said of each.
fn for_each(share: u64, mut test: impl FnMut(&Schedule, &RecordedHistory, &Examination, &str)) {
    for seed in 0..count() / share {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let schedule = small(&mut rng);
        let (mut history, _) = simulate(&schedule, &mut rng);
        if rng.random_bool(0.5) {
            history = tampered(&history, &mut rng);
        }
        let said = examine(schedule.model, Some(&schedule.initial), &history);
        let said = said.expect("it is covered");
        let lines: Vec<String> = history.operations().iter().map(told).collect();
        let context = format!("seed {seed}: {schedule:?}\n{}\n{said:#?}", lines.join("\n"));
        test(&schedule, &history, &said, &context);
    }
}

/// The history with elements missing from lists, or in another order.
fn tampered(history: &RecordedHistory, rng: &mut impl Rng) -> RecordedHistory {
    let mut operations = history.operations().to_vec();
    for operation in &mut operations {
        let Outcome::Completed(answer) = &mut operation.outcome else {
            continue;
        };
        let Some(Value::List(list)) = &answer.value else {
            continue;
        };
        let mut elements = list.to_vec();
        if elements.len() > 1 && rng.random_bool(0.5) {
            let [a, b] = [0; 2].map(|_| rng.random_range(0..elements.len()));
            elements.swap(a, b);
        }
        if !elements.is_empty() && rng.random_bool(0.5) {
            elements.remove(rng.random_range(0..elements.len()));
        }
        answer.value = Some(Value::list(elements));
    }
    History::from_operations(operations)
}

fn told(op: &updates::Op) -> String {
    let (called, ended) = updates::span(op);
    let answer = match &op.outcome {
        Outcome::Completed(answer) => format!("{:?} {:?}", answer.value, answer.result),
        other => format!("{other:?}"),
    };
    let Call { f, value, .. } = &op.input;
    let index = op.call.index;
    format!(
        "{index}: p{} {called}..{ended:?} {f} {value:?} -> {answer}",
        op.process
    )
}

fn answers(said: &Examination) -> [&Answer; 4] {
    let guarantees = &said.guarantees;
    [
        &guarantees.read_your_writes,
        &guarantees.monotonic_reads,
        &guarantees.monotonic_writes,
        &guarantees.writes_follow_reads,
    ]
}

/// Nothing is ever taken away, and everything is put there once.
fn only_grows(history: &RecordedHistory, initial: &Value) -> bool {
    let mut values = Vec::new();
    for operation in history.operations() {
        match (&operation.input.f, &operation.input.value) {
            (Function::Remove, _) => return false,
            (Function::Add, Some(Value::Int(amount))) if *amount < 1 => return false,
            (Function::Add | Function::Append, Some(value)) => values.push(value.clone()),
            _ => {}
        }
    }
    if let Value::List(elements) = initial {
        values.extend(elements.iter().cloned());
    }
    let all = values.len();
    values.sort();
    values.dedup();
    values.len() == all
}

#[test]
fn stale_answers_are_those_that_loops_find() {
    let mut compared = 0;
    for_each(1, |schedule, history, said, context| {
        let counter = schedule.model == Model::Counter;
        let values = only_grows(history, &schedule.initial);
        let amounts = history.operations().iter().all(
            |operation| !matches!(operation.input.value, Some(Value::Int(amount)) if amount < 1),
        );
        if said.answers.unexplained > 0 || (counter && !amounts) || (!counter && !values) {
            return;
        }
        let found = said.staleness.reads.iter();
        let mut found: Vec<(u64, u64, u64)> = found
            .map(|it| (it.operation, it.lag, it.versions))
            .collect();
        found.sort_unstable();
        let mut truth = stale(schedule.model, &schedule.initial, history);
        if counter {
            // Of sums it is only known that they lack so many adds, or more.
            assert!(
                found.iter().zip(&truth).all(|(a, b)| a.2 <= b.2),
                "{context}"
            );
            truth
                .iter_mut()
                .zip(&found)
                .for_each(|(truth, found)| truth.2 = found.2);
        }
        compared += u64::from(!found.is_empty());
        assert_eq!(found, truth, "{context}");
    });
    assert!(compared > count() / 50, "{compared}");
}

#[test]
fn a_stale_answer_or_a_delta_is_a_violation() {
    for_each(1, |schedule, history, said, context| {
        let stale = !said.staleness.reads.is_empty();
        if stale || said.delta != Delta::AtLeast(0) {
            let truth = oracle::judge_recorded(schedule.model, Some(&schedule.initial), history);
            assert_eq!(truth, Ok(Some(false)), "{context}");
        }
    });
}

#[test]
fn no_delta_below_the_least_makes_the_history_linearizable() {
    for_each(2, |schedule, history, said, context| {
        let holds = |delta: u64, split: bool| {
            let moved = with_earlier_reads(schedule.model, history, delta, split);
            let judged = oracle::judge_recorded(schedule.model, Some(&schedule.initial), &moved);
            judged.expect("it can be read")
        };
        match said.delta {
            Delta::Never => assert_ne!(holds(u64::from(u32::MAX), false), Some(true), "{context}"),
            Delta::AtLeast(0) => {}
            Delta::AtLeast(delta) => assert_ne!(holds(delta - 1, true), Some(true), "{context}"),
            Delta::Least(_) => panic!("it is not known, {context}"),
        }
    });
}

#[test]
fn sequential_consistency_is_linearizability_without_times() {
    let mut known = [0, 0];
    for_each(1, |schedule, history, said, context| {
        let timeless = without_times(history);
        let truth = oracle::judge_recorded(schedule.model, Some(&schedule.initial), &timeless);
        match &said.guarantees.sequential_consistency {
            Answer::Holds { .. } => {
                known[0] += 1;
                assert_eq!(truth, Ok(Some(true)), "{context}");
            }
            Answer::Broken { .. } => {
                known[1] += 1;
                assert_eq!(truth, Ok(Some(false)), "{context}");
            }
            Answer::Unknown { why, .. } => {
                assert_eq!(*why, Doubt::NothingToTest, "{context}");
                assert_eq!(truth, Ok(Some(true)), "{context}");
            }
        }
    });
    assert!(known.iter().all(|&known| known > count() / 10), "{known:?}");
}

/// What holds can be kept with what had been called by then; what is broken cannot be kept by the
/// operations of the example, whatever was carried out.
#[test]
fn session_guarantees_hold_if_some_lists_of_updates_keep_them() {
    let (mut held, mut broken) = ([0; 4], [0; 4]);
    for_each(2, |schedule, history, said, context| {
        let Some(world) = World::of(schedule.model, &schedule.initial, history) else {
            return;
        };
        for (promise, answer) in answers(said).into_iter().enumerate() {
            match answer {
                Answer::Holds { .. } => {
                    held[promise] += 1;
                    let kept = world.keeps(promise, &world.everything(), true);
                    assert!(kept, "promise {promise}, {context}");
                }
                Answer::Broken { example, .. } => {
                    broken[promise] += 1;
                    let among = world.numbers(&example.operations);
                    let kept = world.keeps(promise, &among, false);
                    assert!(!kept, "promise {promise}, {context}");
                    let direct = example.operations.len() == 2;
                    assert!(!example.direct || direct, "{context}");
                }
                Answer::Unknown { .. } => {}
            }
        }
    });
    assert!(held.iter().all(|&held| held > count() / 4000), "{held:?}");
    assert!(
        broken.iter().all(|&broken| broken > count() / 4000),
        "{broken:?}"
    );
}

/// An event by hand: process, kind, function, value; a millisecond each.
fn recorded(model: Model, rows: &[(u64, Kind, Function, Value)]) -> RecordedHistory {
    let event = |(index, row): (u64, &(u64, Kind, Function, Value))| {
        let (process, kind, f, value) = row.clone();
        Event {
            index,
            time: Some(index * 1_000_000),
            value: (value != Value::Null).then_some(value),
            ..Event::new(Process::Client(process), kind, f)
        }
    };
    let events = (0..).zip(rows).map(event).collect();
    let recording = Recording::from_events(Default::default(), events);
    recording.history(model).expect("it is well formed").0
}

fn list(elements: &[i64]) -> Value {
    Value::list(elements.iter().map(|&element| Value::Int(element)))
}

use Function::{Add, Append, Read};
use Kind::{Invoke, Ok as Done};

#[test]
fn a_read_that_misses_entries_says_how_many_and_for_how_long() {
    let said = examine(
        Model::Log,
        None,
        &recorded(
            Model::Log,
            &[
                (1, Invoke, Append, 7.into()),
                (1, Done, Append, Value::Null),
                (1, Invoke, Append, 8.into()),
                (1, Done, Append, Value::Null),
                (2, Invoke, Read, Value::Null),
                (2, Done, Read, list(&[])),
            ],
        ),
    )
    .unwrap();
    let [read] = &said.staleness.reads[..] else {
        panic!("{said:#?}")
    };
    assert_eq!(said.counted, Counted::Elements);
    assert_eq!((read.lag, read.versions), (3_000_000, 2));
    assert_eq!((read.operation, read.replaced_by), (4, 0));
    assert_eq!(said.delta, Delta::AtLeast(3_000_000));
    assert_eq!(
        said.guarantees.sequential_consistency,
        Answer::Holds { tested: 1 }
    );
}

#[test]
fn a_log_whose_reads_disagree_on_the_order_breaks_monotonic_writes() {
    let said = examine(
        Model::Log,
        None,
        &recorded(
            Model::Log,
            &[
                (1, Invoke, Append, 7.into()),
                (1, Done, Append, Value::Null),
                (1, Invoke, Append, 8.into()),
                (1, Done, Append, Value::Null),
                (2, Invoke, Read, Value::Null),
                (2, Done, Read, list(&[8, 7])),
            ],
        ),
    )
    .unwrap();
    let Answer::Broken { keys: 1, example } = &said.guarantees.monotonic_writes else {
        panic!("{said:#?}")
    };
    let indices: Vec<u64> = example.operations.iter().map(|op| op.call.index).collect();
    assert_eq!((indices, example.direct), (vec![0, 2, 4], false));
}

#[test]
fn a_counter_below_what_its_process_added_breaks_read_your_writes() {
    let said = examine(
        Model::Counter,
        None,
        &recorded(
            Model::Counter,
            &[
                (1, Invoke, Add, 1.into()),
                (1, Done, Add, Value::Null),
                (1, Invoke, Add, 1.into()),
                (1, Done, Add, Value::Null),
                (1, Invoke, Read, Value::Null),
                (1, Done, Read, 1.into()),
            ],
        ),
    )
    .unwrap();
    assert_eq!(said.counted, Counted::Adds);
    let Answer::Broken { keys: 1, example } = &said.guarantees.read_your_writes else {
        panic!("{said:#?}")
    };
    assert_eq!(example.operations.len(), 3);
    assert!(matches!(
        said.guarantees.monotonic_writes,
        Answer::Unknown {
            why: Doubt::SumsOnly,
            ..
        }
    ));
}
