//! Events paired into operations.

use std::collections::BTreeMap;

use proptest::prelude::*;
use testimony_history::{
    Answer, Call, Event, Function, Kind, Model, Order, Outcome, Process, Value, Warning,
};

use crate::{contradicted, generate, history, jsonl, reads};

#[test]
fn an_invocation_without_a_completion_is_unknown() {
    let history = history(
        Model::Register,
        &[
            r#"{"process":0,"type":"invoke","f":"write","value":1}"#,
            r#"{"process":1,"type":"invoke","f":"write","value":2}"#,
            r#"{"process":1,"type":"info","f":"write","value":9,"error":"timeout"}"#,
            r#"{"process":2,"type":"invoke","f":"read"}"#,
            r#"{"process":2,"type":"fail","f":"read","value":9}"#,
        ],
    );
    let [open, info, failed] = history.operations() else {
        panic!("{history:?}")
    };
    assert_eq!(
        (&open.outcome, open.returned, open.end),
        (&Outcome::Unknown, None, None)
    );
    assert_eq!((&info.outcome, info.returned), (&Outcome::Unknown, None));
    assert_eq!(info.input.value, Some(2.into()));
    assert_eq!(info.end.unwrap().line, 4);
    assert_eq!(
        (&failed.outcome, failed.returned),
        (&Outcome::Failed, Some(3))
    );
}

#[test]
fn positions_follow_the_lines() {
    let history = history(
        Model::Register,
        &[
            r#"{"process":0,"type":"invoke","f":"write","value":1,"time":1}"#,
            r#"{"process":1,"type":"invoke","f":"read","time":2}"#,
            r#"{"process":"nemesis","type":"info","f":"kill","time":3}"#,
            r#"{"process":0,"type":"ok","f":"write","time":4}"#,
            r#"{"process":0,"type":"invoke","f":"read","time":5}"#,
            r#"{"process":1,"type":"ok","f":"read","value":1,"time":6}"#,
        ],
    );
    let spans: Vec<_> = history
        .operations()
        .iter()
        .map(|op| (op.called, op.returned))
        .collect();
    assert_eq!(spans, [(0, Some(2)), (1, Some(4)), (3, None)]);
    assert!(history.operations().iter().all(|op| op.after.is_none()));
}

#[test]
fn equal_times_are_concurrent_but_a_process_keeps_its_order() {
    let history = history(
        Model::Register,
        &[
            r#"{"process":0,"type":"invoke","f":"write","value":1,"time":1}"#,
            r#"{"process":0,"type":"ok","f":"write","time":5}"#,
            r#"{"process":1,"type":"invoke","f":"read","time":5}"#,
            r#"{"process":0,"type":"invoke","f":"write","value":2}"#,
            r#"{"process":0,"type":"ok","f":"write","time":5}"#,
            r#"{"process":0,"type":"invoke","f":"write","value":3,"time":5}"#,
            r#"{"process":0,"type":"fail","f":"write","time":5}"#,
            r#"{"process":0,"type":"invoke","f":"write","value":4,"time":5}"#,
            r#"{"process":1,"type":"ok","f":"read","value":1,"time":6}"#,
            r#"{"process":0,"type":"ok","f":"write","time":7}"#,
            r#"{"process":0,"type":"invoke","f":"write","value":5,"time":7}"#,
        ],
    );
    let spans: Vec<_> = history
        .operations()
        .iter()
        .map(|op| (op.called, op.returned, op.after))
        .collect();
    assert_eq!(
        spans,
        [
            (0, Some(5), None),
            (1, Some(8), None),
            (2, Some(6), Some(0)),
            (3, Some(7), Some(2)),
            (4, Some(10), Some(2)),
            (9, None, Some(4)),
        ]
    );
}

#[test]
fn the_words_of_kv_and_registers_have_synonyms() {
    let history = history(
        Model::Kv,
        &[
            r#"{"process":0,"type":"invoke","f":"put","key":"x","value":1}"#,
            r#"{"process":0,"type":"ok","f":"set","key":"x","value":1}"#,
            r#"{"process":0,"type":"invoke","f":"get","key":"x","value":null}"#,
            r#"{"process":0,"type":"ok","f":"read","value":1}"#,
            r#"{"process":0,"type":"invoke","f":"delete","key":"x"}"#,
            r#"{"process":0,"type":"ok","f":"delete","key":"x","result":true}"#,
        ],
    );
    let words: Vec<_> = history
        .operations()
        .iter()
        .map(|op| op.input.f.name())
        .collect();
    assert_eq!(words, ["write", "read", "remove"]);
    let removed = Answer {
        result: Some(true.into()),
        ..Answer::default()
    };
    assert_eq!(history.operations()[2].outcome, Outcome::Completed(removed));
}

#[test]
fn increments_are_additions() {
    let history = history(
        Model::Counter,
        &[
            r#"{"process":0,"type":"invoke","f":"increment","key":7}"#,
            r#"{"process":0,"type":"ok","f":"increment","result":1}"#,
            r#"{"process":0,"type":"invoke","f":"decrement","key":7,"value":null}"#,
        ],
    );
    let call = |value| Call {
        f: Function::Add,
        key: Some(7.into()),
        value: Some(Value::Int(value)),
    };
    let calls: Vec<_> = history
        .operations()
        .iter()
        .map(|op| op.input.clone())
        .collect();
    assert_eq!(calls, [call(1), call(-1)]);
}

#[test]
fn answers_are_kept() {
    let history = history(
        Model::CasRegister,
        &[
            r#"{"process":0,"type":"invoke","f":"cas","value":[1,2]}"#,
            r#"{"process":0,"type":"ok","f":"cas","value":[1,2],"swapped":false,"actual":{"b":1,"a":2}}"#,
            r#"{"process":0,"type":"invoke","f":"write","value":{"a":2,"b":1}}"#,
        ],
    );
    let actual = Value::parse(r#"{"a":2,"b":1}"#).unwrap();
    assert_eq!(history.operations()[1].input.value, Some(actual.clone()));
    let answer = Answer {
        swapped: Some(false),
        actual: Some(actual),
        ..Answer::default()
    };
    assert_eq!(history.operations()[0].outcome, Outcome::Completed(answer));
}

#[test]
fn a_log_is_read_whole_or_at_an_offset() {
    let history = history(
        Model::Log,
        &[
            r#"{"process":0,"type":"invoke","f":"append","value":"a"}"#,
            r#"{"process":0,"type":"ok","f":"append","value":"a","result":0}"#,
            r#"{"process":0,"type":"invoke","f":"read","value":null}"#,
            r#"{"process":0,"type":"ok","f":"read","value":["a"]}"#,
            r#"{"process":0,"type":"invoke","f":"read","value":1}"#,
            r#"{"process":0,"type":"ok","f":"read","value":1,"result":null}"#,
        ],
    );
    let [_, whole, element] = history.operations() else {
        panic!("{history:?}")
    };
    assert_eq!(
        (&whole.input.value, &element.input.value),
        (&None, &Some(1.into()))
    );
    let nothing = Answer {
        result: Some(Value::Null),
        ..Answer::default()
    };
    assert_eq!(element.outcome, Outcome::Completed(nothing));
}

#[test]
fn going_on_after_an_unknown_outcome_makes_a_fresh_process_and_a_warning() {
    let recording = reads(&jsonl(&[
        r#"{"process":1,"type":"invoke","f":"write","value":1}"#,
        r#"{"process":1,"type":"info","f":"write"}"#,
        r#"{"process":1,"type":"invoke","f":"write","value":2}"#,
        r#"{"process":1,"type":"ok","f":"write"}"#,
        r#"{"process":9,"type":"invoke","f":"read"}"#,
    ]));
    let (history, warnings) = recording.history(Model::Register).unwrap();
    let processes: Vec<_> = history.operations().iter().map(|op| op.process).collect();
    assert_eq!(processes, [1, 10, 9]);
    assert_eq!(
        warnings,
        [Warning::FreshProcess {
            process: 1,
            line: 4,
            times: 1
        }]
    );
}

#[test]
fn the_invocations_value_counts() {
    let recording = reads(&jsonl(&[
        r#"{"process":1,"type":"invoke","f":"write","value":1}"#,
        r#"{"process":1,"type":"ok","f":"write","value":2}"#,
    ]));
    let (history, warnings) = recording.history(Model::Register).unwrap();
    assert_eq!(history.operations()[0].input.value, Some(1.into()));
    assert_eq!(warnings, [Warning::ValueDiffers { line: 3, times: 1 }]);
}

const READ: &str = r#"{"process":4,"type":"invoke","f":"read"}"#;

/// A model, events, and why they make no history of it.
const CONTRADICTIONS: &[(Model, &[&str], &str)] = &[
    (
        Model::Register,
        &[r#"{"process":4,"type":"ok","f":"read","value":1}"#],
        "line 2, column 12: process 4 returns without a call",
    ),
    (
        Model::Register,
        &[READ, r#"{"process":4,"type":"invoke","f":"read"}"#],
        "line 3, column 12: process 4 calls while its call on line 2 is open",
    ),
    (
        Model::Register,
        &[READ, r#"{"process":4,"type":"ok","f":"read"}"#],
        "line 3, column 30: a completed read needs \"value\"",
    ),
    (
        Model::Register,
        &[READ, r#"{"process":4,"type":"ok","f":"write","value":1}"#],
        "line 3, column 30: process 4 returns from write, but its call on line 2 was read",
    ),
    (
        Model::Register,
        &[
            READ,
            r#"{"process":4,"type":"ok","f":"read","key":"y","value":1}"#,
        ],
        "line 3, column 43: process 4 returns from key \"y\", but its call on line 2 was no key",
    ),
    (
        Model::Register,
        &[r#"{"process":0,"type":"invoke","f":"cas","value":[1,2]}"#],
        "line 2, column 34: the model register has no function \"cas\"; it has read, write",
    ),
    (
        Model::CasRegister,
        &[r#"{"process":0,"type":"invoke","f":"cas","value":[1,2,3]}"#],
        "line 2, column 48: the \"value\" of cas must be a pair [old, new], found [1,2,3]",
    ),
    (
        Model::CasRegister,
        &[
            r#"{"process":0,"type":"invoke","f":"cas","value":[1,2]}"#,
            r#"{"process":0,"type":"ok","f":"cas","value":[1,2]}"#,
        ],
        "line 3, column 30: a completed cas needs \"swapped\"",
    ),
    (
        Model::Register,
        &[r#"{"process":0,"type":"invoke","f":"write"}"#],
        "line 2, column 34: write needs a \"value\": a value",
    ),
    (
        Model::Kv,
        &[r#"{"process":0,"type":"invoke","f":"get","key":null}"#],
        "line 2, column 34: read on a kv needs a \"key\"",
    ),
    (
        Model::Kv,
        &[r#"{"process":0,"type":"invoke","f":"append","key":1,"value":5}"#],
        "line 2, column 59: the \"value\" of append must be a string, found 5",
    ),
    (
        Model::Counter,
        &[r#"{"process":0,"type":"invoke","f":"add","value":1.5}"#],
        "line 2, column 48: the \"value\" of add must be a whole number that fits 64 bits, \
             found 1.5",
    ),
    (
        Model::Counter,
        &[r#"{"process":0,"type":"invoke","f":"increment","value":2}"#],
        "line 2, column 54: the \"value\" of increment must be absent (use add), found 2",
    ),
    (
        Model::Counter,
        &[READ, r#"{"process":4,"type":"ok","f":"read","value":"5"}"#],
        "line 3, column 45: the \"value\" of a completed read must be a whole number that fits \
             64 bits, found \"5\"",
    ),
    (
        Model::Set,
        &[READ, r#"{"process":4,"type":"ok","f":"read","value":null}"#],
        "line 3, column 45: the \"value\" of a completed read must be a list, found null",
    ),
    (
        Model::Set,
        &[
            r#"{"process":0,"type":"invoke","f":"contains","value":1}"#,
            r#"{"process":0,"type":"ok","f":"contains","value":1,"result":1}"#,
        ],
        "line 3, column 60: the \"result\" of a completed contains must be true or false, \
             found 1",
    ),
    (
        Model::Queue,
        &[
            r#"{"process":0,"type":"invoke","f":"dequeue"}"#,
            r#"{"process":0,"type":"ok","f":"dequeue"}"#,
        ],
        "line 3, column 30: a completed dequeue needs \"value\"",
    ),
    (
        Model::Log,
        &[r#"{"process":0,"type":"invoke","f":"read","value":-1}"#],
        "line 2, column 49: the \"value\" of read must be an offset (0, 1, ...), found -1",
    ),
    (
        Model::Log,
        &[
            r#"{"process":0,"type":"invoke","f":"read","value":0}"#,
            r#"{"process":0,"type":"ok","f":"read","value":["a"]}"#,
        ],
        "line 3, column 30: a completed read needs \"result\"",
    ),
    (
        Model::CasRegister,
        &[
            r#"{"process":0,"type":"invoke","f":"cas","value":[1,2]}"#,
            r#"{"process":0,"type":"ok","f":"cas","swapped":true,"actual":3}"#,
        ],
        "line 3, column 30: cas says that it swapped, but the \"actual\" value that it found was 3",
    ),
    (
        Model::Mutex,
        &[r#"{"process":0,"type":"invoke","f":"lock"}"#],
        "line 2, column 34: the model mutex has no function \"lock\"; it has acquire, release",
    ),
    (
        Model::Set,
        &[r#"{"process":0,"type":"invoke","f":"delete","value":1}"#],
        "line 2, column 34: the model set has no function \"delete\"; it has read, add, remove, \
             contains",
    ),
];

#[test]
fn contradictions_are_refused_with_their_place() {
    for (model, events, expected) in CONTRADICTIONS {
        assert_eq!(&contradicted(*model, events), expected);
    }
}

/// The runs of simultaneous events, by looking ahead: from a time to the last event that has it.
fn runs(events: &[Event]) -> Vec<&[Event]> {
    let mut runs = Vec::new();
    let mut rest = events;
    while let Some(first) = rest.first() {
        let end = match first.time {
            None => 1,
            Some(time) => {
                let other = |event: &Event| event.time.is_some_and(|other| other != time);
                let until = rest.iter().position(other).unwrap_or(rest.len());
                let same = |event: &Event| event.time == Some(time);
                rest[..until]
                    .iter()
                    .rposition(same)
                    .map_or(1, |last| last + 1)
            }
        };
        let (run, behind) = rest.split_at(end);
        runs.push(run);
        rest = behind;
    }
    runs
}

proptest! {
    #[test]
    fn in_a_run_calls_rank_before_returns(
        recording in generate::register(Order::Time),
        untimed in proptest::collection::vec(any::<bool>(), 40),
    ) {
        let mut recording = recording;
        for (event, untimed) in recording.events.iter_mut().zip(untimed) {
            event.time = event.time.filter(|_| !untimed);
        }
        let (history, _) = recording.history(Model::Register).unwrap();
        let mut expected: Vec<(u32, Option<u32>)> = Vec::new();
        let mut open = BTreeMap::new();
        let mut next = 0..;
        for run in runs(&recording.events) {
            let mut returns = Vec::new();
            for event in run {
                let Process::Client(process) = event.process else { continue };
                match event.kind {
                    Kind::Invoke => {
                        open.insert(process, expected.len());
                        expected.push((next.next().unwrap(), None));
                    }
                    Kind::Ok | Kind::Fail => returns.push(open[&process]),
                    Kind::Info => {}
                }
            }
            for operation in returns {
                expected[operation].1 = next.next();
            }
        }
        let ranks = history.operations().iter().map(|op| (op.called, op.returned));
        prop_assert_eq!(ranks.collect::<Vec<_>>(), expected);
    }
}

/// Who goes on after an unknown outcome is another process, but the same client: what it completed
/// before is over, also where the times do not say so.
#[test]
fn a_process_that_goes_on_stays_behind_what_it_completed() {
    let history = history(
        Model::Register,
        &[
            r#"{"time":5,"process":0,"type":"invoke","f":"write","value":1}"#,
            r#"{"time":5,"process":0,"type":"ok","f":"write"}"#,
            r#"{"time":5,"process":0,"type":"invoke","f":"write","value":2}"#,
            r#"{"time":5,"process":0,"type":"info","f":"write"}"#,
            r#"{"time":5,"process":0,"type":"invoke","f":"read"}"#,
            r#"{"time":5,"process":0,"type":"info","f":"read"}"#,
            r#"{"time":5,"process":0,"type":"invoke","f":"read"}"#,
            r#"{"time":6,"process":0,"type":"ok","f":"read","value":null}"#,
        ],
    );
    let links: Vec<Option<u32>> = history.operations().iter().map(|op| op.after).collect();
    assert_eq!(links, [None, Some(0), Some(0), Some(0)]);
}
