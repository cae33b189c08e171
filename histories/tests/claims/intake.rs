//! A history that is read into columns says what it says when it is read event by event: the same
//! operations, the same warnings, the same errors at the same places.

use proptest::collection::vec;
use proptest::prelude::*;
use testimony_history::{
    CompactError, CompactOptions, CompactRecording, Event, Format, Header, Model, ModelFrom, Order,
    Process, ReadOptions, RecordedHistory, Recording, Warning, read, read_compact, write,
};

use crate::generate;

/// All that is known of a file, or why nothing is.
type Known = Result<Facts, String>;

#[derive(Debug, PartialEq)]
struct Facts {
    header: Header,
    model: Model,
    model_from: ModelFrom,
    history: RecordedHistory,
    warnings: Vec<Warning>,
    nemesis: Vec<(u32, Event)>,
    events: u64,
    completed: u64,
}

fn event_by_event(bytes: &[u8], options: &CompactOptions) -> Known {
    let recording = read(bytes, &options.read).map_err(|error| error.to_string())?;
    let (model, model_from) = match (options.model, recording.header.model) {
        (Some(model), _) => (model, ModelFrom::Options),
        (None, Some(model)) => (model, ModelFrom::Header),
        (None, None) => {
            let model = suggested(&recording.events).ok_or("no model")?;
            (model, ModelFrom::Functions)
        }
    };
    let (history, oddities) = recording
        .history(model)
        .map_err(|error| error.to_string())?;
    let mut warnings = recording.warnings;
    warnings.extend(oddities);
    let lines = recording.lines.iter().copied();
    let nemesis = lines
        .zip(&recording.events)
        .filter(|(_, event)| matches!(event.process, Process::Named(_)))
        .map(|(line, event)| (line, event.clone()));
    let happened = history
        .operations()
        .iter()
        .filter(|op| matches!(op.outcome, testimony_history::Outcome::Completed(_)));
    Ok(Facts {
        model,
        model_from,
        nemesis: nemesis.collect(),
        events: recording.events.len() as u64,
        completed: happened.count() as u64,
        header: recording.header,
        history,
        warnings,
    })
}

fn suggested(events: &[Event]) -> Option<Model> {
    let clients = events
        .iter()
        .filter(|event| matches!(event.process, Process::Client(_)));
    let called: Vec<&str> = clients.map(|event| event.f.name()).collect();
    let only = |words: &[&str]| called.iter().all(|word| words.contains(word));
    match () {
        () if called.is_empty() => None,
        () if only(&["read", "write"]) => Some(Model::Register),
        () if only(&["read", "write", "cas"]) => Some(Model::CasRegister),
        () if only(&["enqueue", "dequeue"]) => Some(Model::Queue),
        () if only(&["acquire", "release"]) => Some(Model::Mutex),
        () if called.contains(&"increment") || called.contains(&"decrement") => {
            Some(Model::Counter)
        }
        () => None,
    }
}

fn in_columns(bytes: &[u8], options: &CompactOptions) -> Known {
    match read_compact(|| Ok(bytes), options) {
        Ok(CompactRecording {
            header,
            history,
            model_from,
            nemesis,
            events,
            completed,
            warnings,
        }) => Ok(Facts {
            header,
            model: history.model(),
            model_from,
            history: history.expand(),
            warnings,
            nemesis,
            events,
            completed,
        }),
        Err(CompactError::NoModel) => Err("no model".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Reads in both ways, in blocks of several sizes and on several threads.
fn same(bytes: &[u8], models: &[Option<Model>]) {
    for &model in models {
        let mut options = CompactOptions {
            model,
            read: ReadOptions {
                format: Some(Format::JsonLines),
                ..ReadOptions::default()
            },
            ..CompactOptions::default()
        };
        let expected = event_by_event(bytes, &options);
        for (block, threads) in [(1, 1), (7, 3), (64, 2), (4096, 1)] {
            (options.block, options.threads) = (block, threads);
            let found = in_columns(bytes, &options);
            let text = String::from_utf8_lossy(bytes);
            assert_eq!(
                found, expected,
                "{model:?}, blocks of {block}, {threads} threads:\n{text}"
            );
        }
    }
}

const HEADER: &str = "{\"testimony\":1}\n";

fn every_model() -> Vec<Option<Model>> {
    Model::ALL.into_iter().map(Some).chain([None]).collect()
}

fn as_jsonl(recording: &Recording) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(recording, Format::JsonLines, &mut bytes).expect("a vector takes every byte");
    bytes
}

/// Mostly the plain ones.
fn mostly(
    plain: &'static [&'static str],
    odd: &'static [&'static str],
) -> impl Strategy<Value = &'static str> {
    prop_oneof![
        6 => prop::sample::select(plain),
        1 => prop::sample::select(odd),
    ]
}

/// A value as it stands in a file.
fn json() -> impl Strategy<Value = &'static str> {
    mostly(
        &["1", "2", "\"a\"", "null", "[1,2]", "[0, \"a\"]", "true"],
        &[
            "-0",
            "007",
            "-7",
            "1.0",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775808",
            "\"\\u0061\"",
            "\"é\"",
            "{\"b\":1,\"a\":2}",
            "{\"a\":2,\"b\":1}",
            "[1 ,2]",
            "[]",
            "[1,2,3]",
            "[{\"b\":1,\"a\":2},1]",
            "[[1],2]",
            "tru",
            "false",
        ],
    )
}

/// Lines that a client or a nemesis might write, with the oddities that matter.
fn lines() -> impl Strategy<Value = String> {
    let what = (
        prop::sample::select(vec!["invoke", "invoke", "ok", "ok", "ok", "fail", "info"]),
        mostly(
            &["\"read\"", "\"write\"", "\"cas\"", "\"add\"", "\"append\""],
            &[
                "\"increment\"",
                "\"decrement\"",
                "\"remove\"",
                "\"contains\"",
                "\"enqueue\"",
                "\"dequeue\"",
                "\"acquire\"",
                "\"release\"",
                "\"put\"",
                "\"set\"",
                "\"\\u0072ead\"",
                "\"swim\"",
                "null",
            ],
        ),
    );
    let process = mostly(
        &["0", "1", "2"],
        &["\"nemesis\"", "18446744073709551615", "-1"],
    );
    let time = prop::option::weighted(0.7, 0..3_u64);
    let fields = (
        prop::option::weighted(0.4, json()),
        prop::option::weighted(0.8, json()),
        prop::option::weighted(0.3, json()),
        prop::option::weighted(0.3, json()),
        prop::option::weighted(0.4, mostly(&["true", "false"], &["null", "1"])),
    );
    let rest = mostly(
        &["", ",\"node\":\"n1\"", ",\"error\":\"timeout\""],
        &[
            ",\"extra\":{\"x\":[1]}",
            ",\"node\":null",
            ",\"node\":3",
            ",\"f\":\"read\"",
            " , \"node\" : \"n1\" ",
            ",",
            "}",
        ],
    );
    let end = mostly(&["\n"], &["\r\n", " \n", "\n\n", "\n \t\n", " x\n"]);
    let index = prop::option::weighted(0.3, mostly(&["0", "1", "5"], &["null", "\"1\""]));
    (what, process, time, fields, (rest, end, index)).prop_map(
        |((kind, f), process, time, (key, value, result, actual, swapped), (rest, end, index))| {
            let mut line = format!("{{\"process\":{process},\"type\":\"{kind}\",\"f\":{f}");
            if let Some(time) = time {
                line.push_str(&format!(",\"time\":{time}"));
            }
            for (name, told) in [
                ("index", index),
                ("key", key),
                ("value", value),
                ("result", result),
                ("actual", actual),
                ("swapped", swapped),
            ] {
                if let Some(told) = told {
                    line.push_str(&format!(",\"{name}\":{told}"));
                }
            }
            format!("{line}{rest}}}{end}")
        },
    )
}

/// Histories in which most completions fit, written as people and programs write them.
fn fitting(model: Model) -> impl Strategy<Value = Vec<u8>> {
    let step = (0..4_usize, 0..10_u8, 0..4_i64, 0..6_u8, any::<u16>());
    vec(step, 0..40).prop_map(move |steps| {
        let mut open: [Option<(&str, String)>; 4] = [const { None }; 4];
        let mut text = format!("{{\"testimony\":1,\"model\":\"{model}\"}}\n");
        let (mut time, mut index) = (0, 0);
        for (process, ending, number, tick, chance) in steps {
            time += u64::from(tick % 3);
            let gap = if chance.is_multiple_of(11) { 3 } else { 1 };
            index = if chance % 97 == 1 { 0 } else { index + gap };
            let (kind, f, rest) = match open[process].take() {
                None => {
                    let (f, value) = call(model, number, chance);
                    open[process] = Some((f, value.clone()));
                    ("invoke", f, value)
                }
                Some((f, value)) => {
                    let kind = ["info", "fail"].get(usize::from(ending)).unwrap_or(&"ok");
                    (
                        *kind,
                        f,
                        format!("{value}{}", answer(model, f, number, &value)),
                    )
                }
            };
            let timed = if tick == 5 {
                String::new()
            } else {
                format!(",\"time\":{time}")
            };
            let space = if chance.is_multiple_of(2) { " " } else { "" };
            text.push_str(&format!(
                "{{\"index\":{space}{index}{timed},{space}\"process\":{process},\
                 \"type\":\"{kind}\",\"f\":\"{f}\"{rest}}}\n"
            ));
            if chance.is_multiple_of(13) {
                text.push_str("{\"process\":\"nemesis\",\"type\":\"info\",\"f\":\"kill\",");
                text.push_str(&format!("\"time\":{time},\"injection\":{number}}}\n"));
            }
        }
        text.into_bytes()
    })
}

fn call(model: Model, number: i64, chance: u16) -> (&'static str, String) {
    let pick = |words: &[&'static str]| words[usize::from(chance) % words.len()];
    let key = match model {
        Model::Kv => format!(",\"key\":\"k{}\"", chance % 3),
        _ if chance.is_multiple_of(5) => ",\"key\":null".to_owned(),
        _ => String::new(),
    };
    let (f, value) = match model {
        Model::Register => (pick(&["read", "write", "get", "set"]), format!("{number}")),
        Model::CasRegister => (pick(&["read", "write", "cas"]), format!("\"v{number}\"")),
        Model::Kv => (
            pick(&[
                "read", "write", "cas", "contains", "remove", "append", "delete", "put",
            ]),
            format!("\"{number}\""),
        ),
        Model::Counter => (
            pick(&["read", "add", "increment", "decrement"]),
            format!("{number}"),
        ),
        Model::Set => (
            pick(&["read", "add", "remove", "contains"]),
            format!("[{number},[]]"),
        ),
        Model::Queue => (pick(&["enqueue", "dequeue"]), format!("{{\"n\":{number}}}")),
        Model::Mutex => (pick(&["acquire", "release"]), "null".to_owned()),
        Model::Log => (pick(&["append", "read"]), format!("{number}")),
    };
    let value = match f {
        "cas" => format!(",\"value\":[{value},{number}]"),
        "read" if model == Model::Log && !chance.is_multiple_of(3) => {
            format!(",\"value\":{number}")
        }
        "read" | "dequeue" | "acquire" | "release" | "get" | "increment" | "decrement" => {
            String::new()
        }
        _ => format!(",\"value\":{value}"),
    };
    (f, format!("{key}{value}"))
}

fn answer(model: Model, f: &str, number: i64, told: &str) -> String {
    let again = told.contains("\"value\"");
    match (model, f) {
        (Model::Log, "read") if again => ",\"result\":7".to_owned(),
        (Model::Set | Model::Log, "read") => format!(",\"value\":[{number}]"),
        (_, "read" | "get" | "dequeue") if !again => format!(",\"value\":{number}"),
        (_, "cas") if number == 0 => ",\"swapped\":true,\"actual\":3".to_owned(),
        (_, "cas") if number == 1 => ",\"swapped\":false".to_owned(),
        (_, "cas") => format!(",\"swapped\":false,\"actual\":{{\"z\":1,\"a\":{number}}}"),
        (Model::Counter, _) | (Model::Log, "append") => format!(",\"result\":{number}"),
        (Model::Set | Model::Kv, "remove" | "contains" | "add" | "delete") => {
            format!(",\"result\":{}", number > 1)
        }
        (_, "acquire") => format!(",\"result\":{number}"),
        _ => String::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_recording(recording in generate::recording(Order::Time)) {
        same(&as_jsonl(&recording), &every_model());
    }

    #[test]
    fn recordings_of_a_register(recording in generate::register(Order::Time)) {
        same(&as_jsonl(&recording), &[Some(Model::Register), Some(Model::Kv), None]);
    }

    #[test]
    fn odd_lines(lines in vec(lines(), 0..8), mark in any::<bool>()) {
        let mark = if mark { "\u{feff}" } else { "" };
        let text = format!("{mark}{HEADER}{}", lines.concat());
        same(text.as_bytes(), &every_model());
    }

    #[test]
    fn histories_that_fit_their_model(
        bytes in prop::sample::select(Model::ALL.to_vec()).prop_flat_map(fitting)
    ) {
        same(&bytes, &[None]);
    }

    #[test]
    fn histories_with_a_wrong_byte(
        mut bytes in prop::sample::select(Model::ALL.to_vec()).prop_flat_map(fitting),
        at in any::<prop::sample::Index>(),
        byte in prop_oneof![
            any::<u8>(),
            prop::sample::select(b"\"\\{}[],:0123456789 \n\r-.e".to_vec()),
        ],
    ) {
        let at = at.index(bytes.len());
        bytes[at] = byte;
        same(&bytes, &[None]);
    }
}

const SMALL: &str = "\u{feff}\n{\"testimony\":1,\"model\":\"kv\",\"nodes\":[\"é\"]}\r\n\
    {\"index\":0,\"time\":5,\"process\":0,\"type\":\"invoke\",\"f\":\"put\",\"key\":\"é\",\"value\":-12}\n\
    \n\
    {\"index\":4,\"time\":5,\"process\":\"nemesis\",\"type\":\"info\",\"f\":\"kill\",\"x\":\"\\u00e9\"}\n\
    {\"index\":5,\"process\":1,\"type\":\"invoke\",\"f\":\"cas\",\"key\":\"k\",\"value\":[null,true]}\n\
    {\"index\":6,\"time\":5,\"process\":0,\"type\":\"info\",\"f\":\"put\",\"error\":\"timeout\"}\r\n\
    {\"time\":7,\"process\":0,\"type\":\"invoke\",\"f\":\"get\",\"key\":\"k\"}  \n\
    {\"time\":7,\"process\":1,\"type\":\"ok\",\"f\":\"cas\",\"swapped\":false,\"actual\":[1,{\"b\":1,\"a\":2}]}\n\
    {\"time\":8,\"process\":0,\"type\":\"ok\",\"f\":\"read\",\"key\":\"k\",\"value\":1.50}\n";

#[test]
fn a_file_cut_anywhere() {
    for end in 0..=SMALL.len() {
        same(&SMALL.as_bytes()[..end], &[None, Some(Model::Register)]);
        let zeros = [&SMALL.as_bytes()[..end], &[0; 3]].concat();
        same(&zeros, &[None]);
    }
}

#[test]
fn the_corpus_in_every_format() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus");
    let mut files = 0;
    for folder in std::fs::read_dir(folder).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            let mut options = CompactOptions::default();
            let expected = event_by_event(&bytes, &options);
            for (block, threads) in [(1 << 20, 1), (100, 2)] {
                (options.block, options.threads) = (block, threads);
                assert_eq!(in_columns(&bytes, &options), expected);
            }
            files += 1;
        }
    }
    assert!(files > 40, "only {files} files");
}

#[test]
fn functions_called_late_may_suggest_another_model() {
    let mut text = HEADER.to_owned();
    for f in ["read", "write", "read", "cas"] {
        text.push_str(&format!(
            "{{\"process\":{},\"type\":\"invoke\",\"f\":\"{f}\",\"value\":[1,2]}}\n",
            text.len()
        ));
    }
    same(text.as_bytes(), &[None]);
    let options = CompactOptions {
        block: 10,
        ..CompactOptions::default()
    };
    let recording = read_compact(|| Ok(text.as_bytes()), &options).unwrap();
    assert_eq!(recording.history.model(), Model::CasRegister);
    assert_eq!(recording.model_from, ModelFrom::Functions);
}

#[test]
fn a_line_that_cannot_be_read_counts_more_than_an_earlier_contradiction() {
    let contradiction = "{\"process\":0,\"type\":\"ok\",\"f\":\"read\",\"value\":1}\n";
    let text = format!("{HEADER}{contradiction}{contradiction}nonsense\n");
    same(text.as_bytes(), &[None, Some(Model::Register)]);
}

#[test]
fn an_error_of_the_source_is_told() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("gone"))
        }
    }
    use std::io::Read as _;
    for threads in [1, 2] {
        for block in [10, 1 << 20] {
            let options = CompactOptions {
                threads,
                block,
                ..CompactOptions::default()
            };
            let error = read_compact(|| Ok(SMALL.as_bytes().chain(Broken)), &options).unwrap_err();
            assert!(matches!(error, CompactError::Io(_)), "{error}");
        }
    }
}
