//! A small contradiction and what a checker would say of it, so that reports can be compared word
//! by word whatever the checker's words are.

use testimony_checker::examination::{Examination, examine};
use testimony_checker::{
    Algorithm, ConfirmedBy, Counterexample, CycleEdge, Exhausted, Explanation, Judgement, Note,
    Reason, Verdict, Why, Witness,
};
use testimony_history::{
    Answer, Call, Event, Function, Header, History, Kind, Model, Operation, Origin, Outcome,
    Process, Recording, Value,
};

const MILLI: u64 = 1_000_000;

/// Process, call, outcome, positions of call and return, milliseconds of both.
type Row = (
    u64,
    (Function, Option<Value>),
    Outcome<Answer>,
    u32,
    Option<u32>,
    u64,
    u64,
);

/// p2 writes 1, p4 writes 2, p1 reads 2, then p3 reads 1; p7's write is of unknown outcome.
pub(crate) fn operations(key: &str, value: &Value) -> Vec<Operation<Call, Answer>> {
    let write = |value: &Value| (Function::Write, Some(value.clone()));
    let done = Outcome::Completed(Answer::default());
    let got = |value: &Value| {
        Outcome::Completed(Answer {
            value: Some(value.clone()),
            ..Answer::default()
        })
    };
    let two = Value::Int(2);
    let rows = [
        (2, write(value), done.clone(), 0, Some(1), 2_104, 2_109),
        (4, write(&two), done, 2, Some(5), 19_104, 19_129),
        (
            7,
            write(&Value::Int(3)),
            Outcome::Unknown,
            3,
            None,
            19_105,
            20_105,
        ),
        (
            1,
            (Function::Read, None),
            got(&two),
            4,
            Some(6),
            19_109,
            19_130,
        ),
        (
            3,
            (Function::Read, None),
            got(value),
            7,
            Some(8),
            19_131,
            19_133,
        ),
    ];
    let operation = |(number, row): (u32, Row)| {
        let (process, (f, value), outcome, called, returned, from, to) = row;
        let origin = |index: u32, millis: u64| Origin {
            index: u64::from(index),
            time: Some(millis * MILLI),
            line: index + 2,
        };
        Operation {
            process,
            input: Call {
                f,
                key: Some(Value::str(key)),
                value,
            },
            outcome,
            called,
            returned,
            after: None,
            call: origin(number * 2, from),
            end: Some(origin(number * 2 + 1, to)),
        }
    };
    (0..).zip(rows).map(operation).collect()
}

/// What is said of those operations where later reads, with these lags in milliseconds, saw the old
/// value as well: p3's, and one of p1 that had read the new one.
pub(crate) fn examination(key: &str, value: &Value, lags: &[u64]) -> Examination {
    let mut operations = operations(key, value);
    let last = operations[4].clone();
    for (number, &lag) in (0..).zip(lags) {
        let (called, millis) = (9 + 2 * number, 19_130 + lag);
        let origin = |index: u32, millis: u64| Origin {
            index: u64::from(index) + 1,
            time: Some(millis * MILLI),
            line: index + 3,
        };
        operations.push(Operation {
            process: if number == 0 { 1 } else { 3 },
            called,
            returned: Some(called + 1),
            call: origin(called, millis),
            end: Some(origin(called + 1, millis + 1)),
            ..last.clone()
        });
    }
    let history = History::from_operations(operations);
    examine(Model::Kv, None, &history).expect("a map is covered")
}

/// The recording that the operations are from.
pub(crate) fn recording(operations: &[Operation<Call, Answer>]) -> Recording {
    let mut events = Vec::new();
    for operation in operations {
        let call = Event {
            index: operation.call.index,
            time: operation.call.time,
            process: Process::Client(operation.process),
            kind: Kind::Invoke,
            f: operation.input.f.clone(),
            key: operation.input.key.clone(),
            value: operation.input.value.clone(),
            swapped: None,
            actual: None,
            result: None,
            node: Some(format!("n{}", operation.process % 5 + 1).into()),
            error: None,
            extra: None,
        };
        let end = operation.end.expect("every operation here has an end");
        let (kind, value) = match &operation.outcome {
            Outcome::Completed(answer) => (Kind::Ok, answer.value.clone()),
            Outcome::Failed => (Kind::Fail, None),
            Outcome::Unknown => (Kind::Info, None),
        };
        let (index, time) = (end.index, end.time);
        events.push(Event {
            index,
            time,
            kind,
            value,
            node: None,
            ..call.clone()
        });
        events.push(call);
    }
    events.sort_by_key(|event| event.time);
    let header = Header {
        model: Some(Model::Kv),
        ..Header::default()
    };
    Recording::from_events(header, events)
}

/// An illegal verdict on those operations.
pub(crate) fn illegal(
    operations: Vec<Operation<Call, Answer>>,
    key: &str,
    value: &Value,
) -> Judgement {
    let explanation = Explanation {
        headline: format!(
            "p3 read {key}={value} at 19.131 s, but p1 had already read {key}=2, which replaced it."
        ),
        sentences: vec![
            format!("p2 wrote {key}={value}, and p4 later wrote {key}=2."),
            format!("p1's read of {key}=2 ended at 19.130 s; p3 called after that, at 19.131 s."),
        ],
        marked: vec![2, 6, 8],
        cycle: Some(vec![
            CycleEdge {
                from: 6,
                to: 8,
                why: Why::RealTime,
            },
            CycleEdge {
                from: 8,
                to: 2,
                why: Why::WriteOrder,
            },
            CycleEdge {
                from: 2,
                to: 6,
                why: Why::ReadsFrom,
            },
        ]),
    };
    let counterexample = Counterexample {
        key: Some(Value::str(key)),
        operations: History::from_operations(operations),
        notes: vec![Note {
            operation: 4,
            text: "its answer does not matter".to_owned(),
        }],
        confirmed_by: ConfirmedBy::Oracle,
        explanation,
        original_operations: 312,
    };
    judgement(Verdict::Illegal(Box::new(counterexample)))
}

/// A verdict that one order explains everything.
pub(crate) fn linearizable() -> Judgement {
    judgement(Verdict::Linearizable(Witness::default()))
}

/// No verdict.
pub(crate) fn undecided(reason: Reason) -> Judgement {
    judgement(Verdict::Undecided(Exhausted {
        reason,
        key: Some(Value::str("k17")),
        partitions: 3,
        furthest: Some(6),
        steps: 1_000_000,
        difficulty: None,
    }))
}

fn judgement(verdict: Verdict) -> Judgement {
    Judgement {
        verdict,
        operations: 12_345,
        partitions: 28,
        steps: 123_456,
        stored: 789,
        algorithms: vec![Algorithm::WindowedSearch],
    }
}
