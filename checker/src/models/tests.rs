//! The law of models, kept by the bundled ones, and what is special about each.

use proptest::prelude::*;
use testimony_history::Value;

use super::cell::{Cell, CellInput, CellOutput};
use super::counter::{Counter, CounterInput, CounterOutput};
use super::log::{Log, LogInput, LogOutput, LogState};
use super::mutex::{Mutex, MutexInput, MutexOutput, MutexState};
use super::queue::{Queue, QueueInput, QueueOutput};
use super::set::{Set, SetInput, SetOutput};
use crate::model::{Breach, Model, breach};

/// All states that a few of the inputs, in any order, lead to.
fn reachable<M: Model>(model: &M, inputs: &[M::Input], depth: usize) -> Vec<M::State> {
    let mut states = vec![model.init()];
    let mut from = 0;
    for _ in 0..depth {
        let until = states.len();
        for at in from..until {
            for input in inputs {
                let next = model.step(&states[at].clone(), input, None);
                states.extend(next.filter(|next| !states.contains(next)));
            }
        }
        from = until;
    }
    states
}

fn keeps_the_law<M: Model>(model: &M, inputs: &[M::Input], outputs: &[M::Output]) {
    let states = reachable(model, inputs, 3);
    assert!(states.len() > 1, "the inputs lead nowhere");
    assert_eq!(breach(model, &states, inputs, outputs), None);
}

fn texts() -> Vec<Value> {
    vec![
        Value::Null,
        Value::Int(1),
        Value::from("a"),
        Value::from("ab"),
        Value::from(""),
    ]
}

#[test]
fn cells_keep_the_law() {
    let values = texts();
    let mut inputs = vec![CellInput::Read, CellInput::Contains, CellInput::Remove];
    inputs.extend(["a", "b", ""].map(|text| CellInput::Append(text.into())));
    let mut outputs = vec![
        CellOutput::Done,
        CellOutput::Swapped,
        CellOutput::NotSwapped(None),
    ];
    outputs.extend([true, false].map(CellOutput::Was));
    for value in &values {
        inputs.push(CellInput::Write(value.clone()));
        inputs.extend(
            values
                .iter()
                .map(|new| CellInput::Cas(value.clone(), new.clone())),
        );
        outputs.push(CellOutput::Value(value.clone()));
        outputs.push(CellOutput::NotSwapped(Some(value.clone())));
    }
    keeps_the_law(&Cell::default(), &inputs, &outputs);
}

#[test]
fn counters_keep_the_law() {
    let inputs = [
        CounterInput::Read,
        CounterInput::Add(1),
        CounterInput::Add(-2),
    ];
    let mut outputs = vec![CounterOutput::Done];
    outputs.extend((-6..4).map(CounterOutput::Value));
    keeps_the_law(&Counter::default(), &inputs, &outputs);
}

#[test]
fn sets_keep_the_law() {
    let elements = [Value::Int(1), Value::Int(2)];
    let mut inputs = vec![SetInput::Read];
    for element in &elements {
        inputs.push(SetInput::Add(element.clone()));
        inputs.push(SetInput::Remove(element.clone()));
        inputs.push(SetInput::Contains(element.clone()));
    }
    let mut outputs = vec![SetOutput::Done, SetOutput::Was(true), SetOutput::Was(false)];
    outputs.push(SetOutput::Elements(Vec::new().into()));
    outputs.push(SetOutput::Elements(elements[..1].into()));
    outputs.push(SetOutput::Elements(elements[..].into()));
    keeps_the_law(&Set::default(), &inputs, &outputs);
}

#[test]
fn queues_keep_the_law() {
    let inputs = [
        QueueInput::Enqueue(Value::Int(1)),
        QueueInput::Enqueue(Value::Int(2)),
        QueueInput::Dequeue,
    ];
    let outputs = [
        QueueOutput::Done,
        QueueOutput::Empty,
        QueueOutput::Value(Value::Int(1)),
        QueueOutput::Value(Value::Int(2)),
    ];
    keeps_the_law(&Queue::default(), &inputs, &outputs);
}

#[test]
fn logs_keep_the_law() {
    let inputs = [
        LogInput::Append(Value::Int(1)),
        LogInput::Append(Value::Int(2)),
        LogInput::Read,
        LogInput::ReadAt(0),
        LogInput::ReadAt(1),
    ];
    let outputs = [
        LogOutput::Done,
        LogOutput::Offset(0),
        LogOutput::Offset(1),
        LogOutput::Element(Value::Null),
        LogOutput::Element(Value::Int(2)),
        LogOutput::Elements([].into()),
        LogOutput::Elements([Value::Int(1), Value::Int(2)].into()),
    ];
    keeps_the_law(&Log::default(), &inputs, &outputs);
}

/// A mutex whose token nobody learnt keeps the highest one told, which allows at least as much.
#[test]
fn mutexes_keep_the_law_in_its_wider_sense() {
    let inputs: Vec<MutexInput> = (1..3)
        .flat_map(|process| {
            [
                MutexInput::Acquire { process },
                MutexInput::Release { process },
            ]
        })
        .collect();
    let mut outputs = vec![
        MutexOutput::Released,
        MutexOutput::Refused,
        MutexOutput::Granted(None),
    ];
    outputs.extend((1..4).map(|token| MutexOutput::Granted(Some(token))));
    let holders = [None, Some(1), Some(2)];
    let states = holders
        .into_iter()
        .flat_map(|holder| [None, Some(1), Some(2)].map(|token| MutexState { holder, token }));
    for state in states {
        for input in &inputs {
            for output in &outputs {
                let Some(seen) = Mutex.step(&state, input, Some(output)) else {
                    continue;
                };
                let unseen = Mutex
                    .step(&state, input, None)
                    .expect("it is legal if it was seen");
                assert_eq!(seen.holder, unseen.holder);
                assert!(
                    unseen.token <= seen.token,
                    "a token that nobody told is demanded"
                );
                assert!(!Mutex.is_pure(input, Some(output)) || seen == state);
            }
        }
    }
}

/// A model that breaks its word in each possible way is found out.
#[test]
fn breaches_of_the_law_are_found() {
    struct Liar(u8);
    impl Model for Liar {
        type Input = ();
        type Output = ();
        type State = u8;
        fn init(&self) -> u8 {
            0
        }
        fn step(&self, _: &u8, (): &(), seen: Option<&()>) -> Option<u8> {
            match (self.0, seen) {
                (0, None) => None,
                (1, None) => Some(7),
                _ => Some(1),
            }
        }
        fn is_pure(&self, (): &(), seen: Option<&()>) -> bool {
            self.0 == 2 && seen.is_some()
        }
    }
    let found = |liar| breach(&Liar(liar), &[0], &[()], &[()]);
    assert_eq!(found(0), Some(Breach::UnseenIsIllegal(0, (), ())));
    assert_eq!(found(1), Some(Breach::UnseenLeadsElsewhere(0, (), ())));
    assert_eq!(found(2), Some(Breach::PureChangesState(0, (), Some(()))));
}

#[test]
fn a_long_log_is_freed_without_overflowing_the_stack() {
    let mut log = Log::default().init();
    for number in 0..1_000_000 {
        let append = LogInput::Append(Value::Int(number));
        log = Log::default().step(&log, &append, None).unwrap();
    }
    assert_eq!(log.length(), 1_000_000);
    drop(log);
}

proptest! {
    /// The shared list behaves like a plain one.
    #[test]
    fn logs_are_lists(elements in prop::collection::vec(0..3_i64, 0..40), at in 0..45_u64) {
        let elements: Vec<Value> = elements.into_iter().map(Value::Int).collect();
        let log = Log::new(elements.clone());
        let state: LogState = log.init();
        prop_assert_eq!(state.length(), elements.len() as u64);
        let read = LogOutput::Elements(elements.clone().into());
        prop_assert!(log.step(&state, &LogInput::Read, Some(&read)).is_some());
        let there = usize::try_from(at).ok().and_then(|at| elements.get(at)).cloned();
        let element = LogOutput::Element(there.unwrap_or_default());
        prop_assert!(log.step(&state, &LogInput::ReadAt(at), Some(&element)).is_some());
        let again = Log::default();
        let rebuilt = elements.iter().fold(again.init(), |state, element| {
            again.step(&state, &LogInput::Append(element.clone()), None).unwrap()
        });
        prop_assert_eq!(rebuilt, state);
    }
}
