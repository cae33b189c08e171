//! A counterexample that is written down is still a contradiction when it is read back.

mod sample;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use sample::verdict;
use testimony_checker::{
    Budget, ConfirmedBy, Counterexample, Explanation, PartitionWitness, Verdict, Witness,
    check_recorded,
};
use testimony_history::{
    Answer, Call, Function, History, Model, Operation, Outcome, ReadOptions, RecordedHistory,
    Recording, Value, read,
};
use testimony_report::evidence;

fn parsed(text: &str) -> Recording {
    read(text.as_bytes(), &ReadOptions::default()).expect("it is well-formed")
}

fn judge(recording: &Recording, model: Model) -> Verdict {
    let (history, _) = recording.history(model).expect("the model has its words");
    check_recorded(
        model,
        recording.header.initial.as_ref(),
        &history,
        &Budget::for_tests(),
    )
    .verdict
}

/// The counterexample as a file.
fn written(found: &Counterexample, recording: &Recording, model: Model) -> String {
    let mut bytes = Vec::new();
    let initial = recording.header.initial.as_ref();
    evidence::write_counterexample(found, recording, model, initial, &mut bytes)
        .expect("memory can be written");
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

/// If the history is illegal, so must be the file of its counterexample. Says whether it was.
fn survives(text: &str, model: Model) -> bool {
    let recording = parsed(text);
    let Verdict::Illegal(found) = judge(&recording, model) else {
        return false;
    };
    let file = written(&found, &recording, model);
    let again = judge(&parsed(&file), model);
    assert!(
        matches!(again, Verdict::Illegal(_)),
        "{again:?}\n{text}\nbecame\n{file}"
    );
    true
}

#[test]
fn a_written_counterexample_keeps_places_and_times() {
    let value = Value::Int(1);
    let operations = verdict::operations("k17", &value);
    let recording = verdict::recording(&operations);
    let judgement = verdict::illegal(operations, "k17", &value);
    let Verdict::Illegal(found) = &judgement.verdict else {
        unreachable!()
    };
    insta::assert_snapshot!(written(found, &recording, Model::Kv));
}

#[test]
fn a_witness_is_a_line_for_each_partition() {
    let partition = |key, order: &[u64]| PartitionWitness {
        key,
        order: order.to_vec(),
    };
    let witness = Witness {
        partitions: vec![
            partition(Some(Value::str("a\"b\n")), &[4, 0, 2]),
            partition(None, &[]),
        ],
    };
    let mut bytes = Vec::new();
    evidence::write_witness(&witness, &mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let expected = "{\"key\":\"a\\\"b\\n\",\"order\":[4,0,2]}\n{\"key\":null,\"order\":[]}\n";
    assert_eq!(text, expected);
}

#[test]
fn a_stale_read_survives() {
    assert!(survives(
        r#"{"testimony":1,"model":"register"}
{"time":1,"process":0,"type":"invoke","f":"write","value":1}
{"time":2,"process":0,"type":"ok","f":"write"}
{"time":3,"process":1,"type":"invoke","f":"write","value":2}
{"time":4,"process":1,"type":"ok","f":"write"}
{"time":5,"process":2,"type":"invoke","f":"read"}
{"time":6,"process":2,"type":"ok","f":"read","value":1}
"#,
        Model::Register
    ));
}

#[test]
fn order_within_a_process_survives_equal_times() {
    assert!(survives(
        r#"{"testimony":1,"model":"register"}
{"time":5,"process":0,"type":"invoke","f":"write","value":1}
{"time":5,"process":0,"type":"ok","f":"write"}
{"time":5,"process":0,"type":"invoke","f":"read"}
{"time":5,"process":0,"type":"ok","f":"read","value":null}
"#,
        Model::Register
    ));
}

#[test]
fn a_process_that_goes_on_after_an_unknown_outcome_survives() {
    assert!(survives(
        r#"{"testimony":1,"model":"register"}
{"time":1,"process":0,"type":"invoke","f":"write","value":1}
{"time":2,"process":0,"type":"info","f":"write","error":"timeout"}
{"time":3,"process":0,"type":"invoke","f":"read"}
{"time":4,"process":0,"type":"ok","f":"read","value":1}
{"time":5,"process":0,"type":"invoke","f":"read"}
{"time":6,"process":0,"type":"ok","f":"read","value":null}
"#,
        Model::Register
    ));
}

/// One line of a made-up register history: who, what, and how long after the last line.
type Step = (usize, u8, i64, u64);

/// Turns choices into a well-formed history: a process that is idle calls, a busy one returns.
/// Whether an event has a time, `timed` says in turn.
fn history(steps: &[Step], timed: &[bool]) -> String {
    let mut text = String::from("{\"testimony\":1,\"model\":\"cas-register\"}\n");
    let mut open = [const { None::<(&str, String)> }; 4];
    let mut time = 0;
    for (&(process, choice, value, later), &timed) in steps.iter().zip(timed.iter().cycle()) {
        time += later;
        let clock = if timed {
            format!("\"time\":{time},")
        } else {
            String::new()
        };
        let slot = &mut open[process];
        let (kind, f, rest) = match slot.take() {
            None => {
                let (f, rest) = match choice % 4 {
                    0 => ("write", format!(",\"value\":{value}")),
                    1 => ("cas", format!(",\"value\":[{value},{}]", (value + 1) % 3)),
                    _ => ("read", String::new()),
                };
                *slot = Some((f, rest.clone()));
                ("invoke", f, rest)
            }
            Some((f, _)) if choice == 0 => ("info", f, String::new()),
            Some((f, _)) if choice == 1 => ("fail", f, String::new()),
            Some(("read", _)) => ("ok", "read", format!(",\"value\":{value}")),
            Some(("cas", _)) => ("ok", "cas", format!(",\"swapped\":{}", value > 0)),
            Some((f, _)) => ("ok", f, String::new()),
        };
        let line =
            format!("{{{clock}\"process\":{process},\"type\":\"{kind}\",\"f\":\"{f}\"{rest}}}\n");
        text.push_str(&line);
    }
    text
}

/// The operations that ended before another began, as pairs of indices of invocations.
fn order(history: &RecordedHistory) -> BTreeSet<(u64, u64)> {
    let operations = history.operations();
    let mut order = BTreeSet::new();
    for a in operations {
        for b in operations {
            let before = a.returned.is_some_and(|returned| returned < b.called);
            if before
                || b.after
                    .is_some_and(|a_index| operations[a_index as usize].call == a.call)
            {
                order.insert((a.call.index, b.call.index));
            }
        }
    }
    order
}

/// What each operation asked and learnt, by the index of its invocation.
fn said(history: &RecordedHistory) -> BTreeMap<u64, (Call, Outcome<Answer>)> {
    let said = |operation: &Operation<Call, Answer>| {
        let mut outcome = operation.outcome.clone();
        if let (Outcome::Completed(answer), false) =
            (&mut outcome, operation.input.f == Function::Read)
        {
            answer.value = None;
        }
        (operation.call.index, (operation.input.clone(), outcome))
    };
    history.operations().iter().map(said).collect()
}

/// The operations with times that say nothing of their order, as recordings of others may have.
fn with_times(history: RecordedHistory, times: &[u64]) -> RecordedHistory {
    let mut operations = history.into_operations();
    let mut times = times.iter().cycle().copied();
    for operation in &mut operations {
        operation.call.time = times.next();
        if let Some(end) = &mut operation.end {
            end.time = times.next();
        }
    }
    History::from_operations(operations)
}

/// A counterexample of all operations that did not fail, with those that `relaxed` picks made
/// unknown.
fn everything(history: &RecordedHistory, relaxed: &[bool]) -> Counterexample {
    let followed: BTreeSet<u32> = history
        .operations()
        .iter()
        .filter_map(|o| o.after)
        .collect();
    let mut operations = Vec::new();
    let mut kept = BTreeMap::new();
    for (number, operation) in (0u32..).zip(history.operations()) {
        let mut operation = operation.clone();
        if operation.outcome == Outcome::Failed {
            continue;
        }
        if relaxed[number as usize % relaxed.len()] && !followed.contains(&number) {
            operation.outcome = Outcome::Unknown;
            operation.returned = None;
        }
        operation.after = operation.after.and_then(|after| kept.get(&after).copied());
        kept.insert(
            number,
            u32::try_from(operations.len()).expect("few operations"),
        );
        operations.push(operation);
    }
    Counterexample {
        key: None,
        operations: History::from_operations(operations),
        notes: Vec::new(),
        confirmed_by: ConfirmedBy::Search,
        explanation: Explanation::default(),
        original_operations: history.operations().len(),
    }
}

/// Which events have times: all, none, or some.
fn timed() -> impl Strategy<Value = Vec<bool>> {
    prop_oneof![
        Just(vec![true]),
        Just(vec![false]),
        proptest::collection::vec(proptest::bool::weighted(0.8), 1..30),
    ]
}

proptest! {
    #[test]
    fn a_file_says_what_the_counterexample_says(
        steps in proptest::collection::vec((0usize..4, 0u8..12, 0i64..3, 0u64..3), 1..40),
        timed in timed(),
        relaxed in proptest::collection::vec(proptest::bool::weighted(0.2), 1..9),
        misleading in proptest::collection::vec(0u64..9, 1..5),
    ) {
        let recording = parsed(&history(&steps, &timed));
        let (history, _) = recording.history(Model::CasRegister).unwrap();
        let mut found = everything(&history, &relaxed);
        if !timed.contains(&true) {
            found.operations = with_times(found.operations, &misleading);
        }
        let file = written(&found, &recording, Model::CasRegister);
        let (again, _) = parsed(&file).history(Model::CasRegister).unwrap();
        prop_assert_eq!(said(&again), said(&found.operations), "{}", file);
        prop_assert_eq!(order(&again), order(&found.operations), "{}", file);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_counterexample_survives_being_written(
        steps in proptest::collection::vec((0usize..4, 0u8..12, 0i64..3, 0u64..3), 6..40),
        timed in timed(),
    ) {
        survives(&history(&steps, &timed), Model::CasRegister);
    }
}

#[test]
fn the_made_up_histories_are_often_illegal() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let steps = proptest::collection::vec((0usize..4, 0u8..12, 0i64..3, 0u64..3), 6..40);
    let mut illegal = 0;
    for _ in 0..100 {
        let steps = steps.new_tree(&mut runner).unwrap().current();
        illegal += u32::from(survives(&history(&steps, &[true]), Model::CasRegister));
    }
    assert!(illegal >= 30, "{illegal} of 100");
}
