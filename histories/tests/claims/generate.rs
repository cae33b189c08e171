//! Recordings of every kind, for properties.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use testimony_history::{Event, Function, Header, Kind, Model, Order, Process, Recording, Value};

/// Keys that an event or a header knows; an extra key has another name.
const KNOWN: [&str; 19] = [
    "index",
    "time",
    "process",
    "type",
    "f",
    "key",
    "value",
    "swapped",
    "actual",
    "result",
    "node",
    "error",
    "testimony",
    "model",
    "initial",
    "started",
    "run",
    "seed",
    "nodes",
];

/// Any text, with a weakness for what has a meaning in some format.
pub(crate) fn text() -> impl Strategy<Value = Arc<str>> {
    let odd = prop::sample::select(vec![
        "",
        ":a",
        "no-match",
        "nil",
        "a b",
        "\"",
        "\\",
        "\u{0}\n\r\t",
        "\u{2028}",
        "😀",
        "#_x",
        "n/",
        "1a",
        "-",
        ";",
        "\u{feff}",
        "\u{7f}",
        "timeout",
        ":no-match",
        "\u{85}",
        "a,b",
    ]);
    prop_oneof![
        odd.prop_map(Arc::from),
        ".{0,8}".prop_map(Arc::from),
        "[a-z]{1,6}".prop_map(Arc::from)
    ]
}

/// Any value that a file can hold.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    let number = prop::sample::select(vec![
        "1.0",
        "-0.5e-3",
        "1E400",
        "9223372036854775808",
        "1e5",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (0..5i64).prop_map(Value::Int),
        number.prop_map(|digits| Value::Number(Arc::from(digits))),
        text().prop_map(Value::Str),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|items| Value::List(items.into())),
            entries(inner).prop_map(|entries| Value::Map(entries.into())),
        ]
    })
}

/// Entries with different keys.
fn entries(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Vec<(Arc<str>, Value)>> {
    vec((text(), value), 0..4).prop_map(|mut entries| {
        let mut seen = BTreeSet::new();
        entries.retain(|(key, _)| seen.insert(Arc::clone(key)));
        entries
    })
}

fn extra() -> impl Strategy<Value = Vec<(Arc<str>, Value)>> {
    entries(value()).prop_map(|mut entries| {
        entries.retain(|(key, _)| !KNOWN.contains(&&**key));
        entries
    })
}

pub(crate) fn header() -> impl Strategy<Value = Header> {
    let texts = (option::of(text()), option::of(text()), vec(text(), 0..3));
    let model = option::of(prop::sample::select(Model::ALL.to_vec()));
    (
        model,
        option::of(value()),
        texts,
        option::of(any::<u64>()),
        extra(),
    )
        .prop_map(
            |(model, initial, (started, run, nodes), seed, extra)| Header {
                model,
                initial,
                started,
                run,
                seed,
                nodes,
                extra,
            },
        )
}

fn event() -> impl Strategy<Value = Event> {
    let process = prop_oneof![
        3 => (0..4u64).prop_map(Process::Client),
        1 => any::<u64>().prop_map(Process::Client),
        1 => text().prop_map(Process::Named),
    ];
    let kind = prop::sample::select(vec![Kind::Invoke, Kind::Ok, Kind::Fail, Kind::Info]);
    let f = prop_oneof![
        prop::sample::select(vec!["read", "write", "cas", "cas", "append", "get"])
            .prop_map(Function::from_name),
        text().prop_map(|word| Function::from_name(&word)),
    ];
    let values = (
        option::of(value()),
        option::of(value()),
        option::of(value()),
        option::of(value()),
    );
    let rest = (
        option::of(any::<bool>()),
        option::of(text()),
        option::of(value()),
        extra(),
    );
    (process, kind, f, values, rest).prop_map(
        |(process, kind, f, (key, value, actual, result), (swapped, node, error, extra))| Event {
            key,
            value,
            swapped,
            actual,
            result,
            node,
            error,
            extra: (!extra.is_empty()).then(|| extra.into()),
            ..Event::new(process, kind, f)
        },
    )
}

/// A recording of anything, whether it makes sense or not, with times as its order wants them.
pub(crate) fn recording(order: Order) -> impl Strategy<Value = Recording> {
    let events = vec((event(), 1..3u64, option::weighted(0.8, 0..4u64)), 0..12);
    (header(), events, any::<bool>()).prop_map(move |(header, events, huge)| {
        let mut index = if huge { u64::MAX - 100 } else { 0 };
        let mut now = if huge { u64::MAX - 100 } else { 0 };
        let events = events.into_iter().map(|(mut event, step, time)| {
            index += step;
            event.index = index;
            event.time = time.map(|time| match order {
                Order::Time => {
                    now += time;
                    now
                }
                Order::Lines => time,
            });
            event
        });
        Recording {
            order,
            ..Recording::from_events(header, events.collect())
        }
    })
}

/// A recording that some processes of a register could have made: pairs of events that match.
pub(crate) fn register(order: Order) -> impl Strategy<Value = Recording> {
    let step = (
        0..4usize,
        0..8u8,
        option::weighted(0.8, 0..3u64),
        any::<bool>(),
    );
    vec(step, 0..40).prop_map(move |steps| {
        let mut open: [Option<Event>; 4] = [None, None, None, None];
        let mut now = 0;
        let events = (0..)
            .zip(steps)
            .map(|(index, (process, what, time, read))| {
                let time = time.map(|time| match order {
                    Order::Time => {
                        now += time / 2;
                        now
                    }
                    Order::Lines => time,
                });
                let event = match open[process].take() {
                    None => {
                        let f = if read {
                            Function::Read
                        } else {
                            Function::Write
                        };
                        let event = Event {
                            value: (!read).then_some(Value::Int(index)),
                            ..Event::new(Process::Client(process as u64), Kind::Invoke, f)
                        };
                        open[process] = Some(event.clone());
                        event
                    }
                    Some(call) => {
                        let kind = match what {
                            0 => Kind::Fail,
                            1 => Kind::Info,
                            _ => Kind::Ok,
                        };
                        let value = call.value.clone().or(Some(Value::Int(1)));
                        Event {
                            kind,
                            value,
                            ..call
                        }
                    }
                };
                Event {
                    index: index.unsigned_abs(),
                    time,
                    ..event
                }
            });
        let events = events.collect();
        Recording {
            order,
            ..Recording::from_events(Header::default(), events)
        }
    })
}
