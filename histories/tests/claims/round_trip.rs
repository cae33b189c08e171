//! What is written is read back as it was, in the same format and through another.

use proptest::prelude::*;
use testimony_history::{
    Format, Model, Operation, Order, Outcome, ReadOptions, RecordedHistory, Recording, Value, read,
    write,
};

use crate::generate;

fn written(recording: &Recording, format: Format) -> String {
    let mut bytes = Vec::new();
    write(recording, format, &mut bytes).unwrap_or_else(|error| panic!("{error}"));
    String::from_utf8(bytes).unwrap_or_else(|error| panic!("{error}"))
}

fn read_back(text: &str) -> Recording {
    read(text.as_bytes(), &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn through(recording: &Recording, format: Format) -> Recording {
    let text = written(recording, format);
    assert_eq!(Format::detect(text.as_bytes()), format, "{text}");
    read_back(&text)
}

/// Whether one operation must come before another.
fn precedes<I, O>(
    (first, a): (usize, &Operation<I, O>),
    (second, b): (usize, &Operation<I, O>),
) -> bool {
    first != second
        && (a.returned.is_some_and(|returned| returned < b.called)
            || b.after == u32::try_from(first).ok())
}

proptest! {
    #[test]
    fn json_lines_survive(recording in generate::recording(Order::Time)) {
        let text = written(&recording, Format::JsonLines);
        let again = read_back(&text);
        prop_assert_eq!(&again.header, &recording.header);
        prop_assert_eq!(&again.events, &recording.events);
        prop_assert_eq!(&again.warnings, &[]);
        prop_assert_eq!(written(&again, Format::JsonLines), text);
    }

    #[test]
    fn json_lines_survive_a_detour_through_edn(recording in generate::recording(Order::Time)) {
        let again = through(&recording, Format::Edn);
        prop_assert_eq!(&again.header, &recording.header);
        prop_assert_eq!(&again.events, &recording.events);
        prop_assert_eq!(
            written(&again, Format::JsonLines),
            written(&recording, Format::JsonLines)
        );
    }

    #[test]
    fn edn_survives(recording in generate::recording(Order::Lines)) {
        let again = through(&recording, Format::Edn);
        prop_assert_eq!(again.order, Order::Lines);
        prop_assert_eq!(&again.events, &recording.events);
        prop_assert_eq!(written(&again, Format::Edn), written(&recording, Format::Edn));
    }

    #[test]
    fn the_order_of_lines_survives_in_json_lines(recording in generate::register(Order::Lines)) {
        let again = through(&recording, Format::JsonLines);
        let history = |recording: &Recording| recording.history(Model::Register).unwrap().0;
        let (before, after) = (history(&recording), history(&again));
        let operations = |history: &RecordedHistory| {
            let of = history.operations().iter();
            of.map(|op| (op.process, op.input.clone(), op.outcome.clone())).collect::<Vec<_>>()
        };
        prop_assert_eq!(operations(&before), operations(&after));
        for (first, a) in before.operations().iter().enumerate() {
            for (second, b) in before.operations().iter().enumerate() {
                // A failed operation did not happen: its order says nothing.
                let failed = |op: &Operation<_, _>| op.outcome == Outcome::Failed;
                if !failed(a) && !failed(b) {
                    prop_assert_eq!(
                        precedes((first, a), (second, b)),
                        reaches(after.operations(), first, second),
                        "{} {}", first, second
                    );
                }
            }
        }
    }

    #[test]
    fn values_survive_as_text(value in generate::value()) {
        prop_assert_eq!(Value::parse(&value.to_string()).unwrap(), value);
    }
}

/// Whether one operation comes before another by positions and by what processes did.
fn reaches<I, O>(operations: &[Operation<I, O>], first: usize, second: usize) -> bool {
    let mut reached = vec![false; operations.len()];
    for index in first..operations.len() {
        let after =
            |earlier: usize| precedes((earlier, &operations[earlier]), (index, &operations[index]));
        reached[index] = after(first) || (first..index).any(|it| reached[it] && after(it));
    }
    reached[second]
}

#[test]
fn a_backward_time_is_raised_and_kept() {
    let edn = "{:process 0, :type :invoke, :f :write, :value 1, :time 100}
               {:process 1, :type :invoke, :f :read, :time 90}
               {:process 0, :type :ok, :f :write, :value 1, :time 95}
               {:process 2, :type :invoke, :f :read, :time 97}
               {:process 2, :type :ok, :f :read, :value 1, :time 120}";
    let events = through(&read_back(edn), Format::JsonLines).events;
    let times: Vec<_> = events
        .iter()
        .map(|event| {
            let extra = event.extra.as_ref().and_then(|extra| extra.first());
            (
                event.time.unwrap(),
                extra.map(|(key, value)| format!("{key} {value}")),
            )
        })
        .collect();
    let kept = |time: u64| Some(format!("time_recorded {time}"));
    assert_eq!(
        times,
        [
            (100, None),
            (100, kept(90)),
            (100, kept(95)),
            (101, kept(97)),
            (120, None)
        ]
    );
}

#[test]
fn the_formats_of_porcupine_are_only_read() {
    let error = write(&Recording::default(), Format::PorcupineLog, &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::Unsupported);
}

#[test]
fn a_comparison_that_did_not_match_is_exported_as_jepsen_writes_it() {
    let json = concat!(
        "{\"testimony\":1}\n",
        "{\"index\":0,\"process\":0,\"type\":\"invoke\",\"f\":\"cas\",\"value\":[1,2]}\n",
        "{\"index\":1,\"process\":0,\"type\":\"ok\",\"f\":\"cas\",\"value\":[1,2],\"swapped\":false,",
        "\"actual\":3}\n",
    );
    let edn = written(&read_back(json), Format::Edn);
    assert!(
        edn.ends_with(
            "{:index 1, :process 0, :type :fail, :f :cas, :value [1 2], :actual 3, :error \
             :no-match}\n"
        ),
        "{edn}"
    );
    assert_eq!(written(&read_back(&edn), Format::JsonLines), json);
}
