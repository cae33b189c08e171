//! JSON lines: what is read, and what is refused, and where.

use testimony_history::{Function, Kind, Model, Process, ReadOptions, Value, Warning, read};

use crate::{jsonl, reads, refused};

const README: &str = r#"{"testimony":1,"model":"kv","started":"2026-01-31T12:00:00.000Z","run":"r1","seed":42,"nodes":["n1","n2","n3"]}
{"index":0,"time":1000512,"process":0,"type":"invoke","f":"write","key":"x","value":1,"node":"n2"}
{"index":1,"time":1200731,"process":1,"type":"invoke","f":"read","key":"x","node":"n3"}
{"index":2,"time":1900002,"process":0,"type":"ok","f":"write","key":"x","value":1}
{"index":3,"time":2100999,"process":1,"type":"ok","f":"read","key":"x","value":1}
{"index":4,"time":2300000,"process":0,"type":"invoke","f":"cas","key":"x","value":[1,2]}
{"index":5,"time":9300000,"process":0,"type":"info","f":"cas","key":"x","value":[1,2],"error":"timeout"}
{"index":6,"time":9400000,"process":"nemesis","type":"info","f":"partition","value":[["n1"],["n2","n3"]]}
"#;

#[test]
fn the_documented_example_is_read() {
    let recording = reads(README);
    assert_eq!(recording.header.model, Some(Model::Kv));
    assert_eq!(recording.header.seed, Some(42));
    assert_eq!(recording.header.nodes.len(), 3);
    assert_eq!(recording.events.len(), 7);
    assert_eq!(recording.lines, [2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(recording.warnings, []);
    let cas = &recording.events[4];
    assert_eq!(
        (&cas.f, cas.kind, cas.time),
        (&Function::Cas, Kind::Invoke, Some(2_300_000))
    );
    assert_eq!(cas.value, Some(Value::list([1.into(), 2.into()])));
    assert_eq!(
        recording.events[6].process,
        Process::Named("nemesis".into())
    );
    assert_eq!(recording.nemesis().count(), 1);
    assert_eq!(recording.columns[4].value, 83);
}

#[test]
fn only_process_type_and_f_are_mandatory() {
    let recording = reads(&jsonl(&[
        r#" { "f" : "read" , "process" : 0 , "type" : "invoke" } "#,
        "",
        "\t\r",
        r#"{"f":"read","process":0,"type":"ok","value":null}"#,
    ]));
    assert_eq!(recording.events[0].value, None);
    assert_eq!(recording.events[1].value, Some(Value::Null));
    assert_eq!(recording.events[1].index, 1);
    assert_eq!(recording.lines, [2, 5]);
    for (key, text) in [
        ("process", r#"{"f":"read","type":"invoke"}"#),
        ("type", r#"{"f":"read","process":1}"#),
        ("f", r#"{"type":"ok","process":1}"#),
    ] {
        let expected = format!("line 2, column 1: an event needs {key:?}");
        assert_eq!(refused(jsonl(&[text])), expected);
    }
}

#[test]
fn a_byte_order_mark_and_carriage_returns_are_passed_over() {
    let recording = reads(&format!("\u{feff}{}", README.replace('\n', "\r\n")));
    assert_eq!(recording.events, reads(README).events);
}

#[test]
fn a_file_without_a_header_is_refused() {
    assert!(refused("").starts_with("line 1, column 1: the file is empty"));
    assert!(refused("\n  \n").starts_with("line 1, column 1: the file is empty"));
    let event = r#"{"process":0,"type":"invoke","f":"read"}"#;
    assert!(refused(event).starts_with("line 1, column 1: no header"));
    assert!(refused("\n42").starts_with("line 2, column 1: no header"));
    assert_eq!(
        refused(r#"{"testimony":1"#),
        "line 1, column 15: an object breaks off here"
    );
    assert_eq!(
        refused(r#"{"testimony":2}"#),
        "line 1, column 14: version 2 of the history format is not known; this program reads \
         version 1"
    );
}

#[test]
fn a_wrong_header_is_refused() {
    for (text, expected) in [
        (
            r#"{"testimony":1,"model":"stack"}"#,
            "column 24: \"model\" must be register, cas",
        ),
        (
            r#"{"testimony":1,"seed":-1}"#,
            "column 23: \"seed\" must be a whole number from 0",
        ),
        (
            r#"{"testimony":1,"nodes":[1]}"#,
            "column 24: \"nodes\" must be a list of strings, f",
        ),
        (
            r#"{"testimony":1,"run":1}"#,
            "column 22: \"run\" must be a string, found 1",
        ),
        (
            r#"{"testimony":1,"run":"a","run":"a"}"#,
            "column 26: the key \"run\" stands here for",
        ),
    ] {
        let message = refused(text);
        assert!(
            message.starts_with(&format!("line 1, {expected}")),
            "{message}"
        );
    }
}

/// A line, and how its error starts, from the column on.
const MALFORMED: &[(&str, &str)] = &[
    (
        r#"{"process":0,"type":"invoke","f":"read""#,
        "40: an object breaks off here",
    ),
    (
        r#"{"process":0,"type":"invoke" "f":"read"}"#,
        "30: expected a comma or }, found '\"'",
    ),
    (
        r#"{"process":0,"type":"invoke","f":"read",}"#,
        "41: expected a key, found '}'",
    ),
    (
        r#"{"process":0,"type":"invoke","f":"read"} x"#,
        "42: text after the end of the object",
    ),
    (
        r#"{"process":01,"type":"invoke","f":"read"}"#,
        "13: expected no digit after a lead",
    ),
    (
        r#"{"process":-,"type":"invoke","f":"read"}"#,
        "13: expected a digit, found ','",
    ),
    (
        r#"{"process":0.5,"type":"invoke","f":"read"}"#,
        "12: \"process\" must be a whole nu",
    ),
    (
        r#"{"process":-1,"type":"invoke","f":"read"}"#,
        "12: \"process\" must be a whole nu",
    ),
    (
        r#"{"process":0,"type":"invoked","f":"read"}"#,
        "21: \"type\" must be invoke, ok, fa",
    ),
    (
        r#"{"process":0,"type":1,"f":"read"}"#,
        "21: \"type\" must be invoke, ok, fail or in",
    ),
    (
        r#"{"process":0,"type":"ok","f":null}"#,
        "30: \"f\" must be a string, found null",
    ),
    (
        r#"{"process":0,"type":"ok","f":"read","time":-1}"#,
        "44: \"time\" must be a whole nu",
    ),
    (
        r#"{"process":0,"type":"ok","f":"cas","swapped":1}"#,
        "46: \"swapped\" must be true o",
    ),
    (
        r#"{"process":0,"type":"ok","f":"read","f":"read"}"#,
        "37: the key \"f\" stands here",
    ),
    (
        r#"{"process":0,"type":"ok","f":"a","z":1,"z":1}"#,
        "40: the key \"z\" stands here f",
    ),
    (
        r#"{"process":0,"type":"ok","f":"a","value":{"z":1,"z":1}}"#,
        "49: the key \"z\" st",
    ),
    (
        r#"{"process":0,"type":"ok","f":"a","value":tru}"#,
        "42: expected a value, found 't'",
    ),
    (
        r#"{"process":0,"type":"ok","f":"a\x"}"#,
        "33: expected an escape: one of",
    ),
    (
        "{\"process\":0,\"type\":\"ok\",\"f\":\"a\tb\"}",
        "32: expected no control char",
    ),
    (
        r#"{"process":0,"type":"ok","f":"\ud800"}"#,
        "31: expected a pair of surrogates",
    ),
    (
        r#"{"process":0,"type":"ok","f":"\udc00\ud800"}"#,
        "31: expected a pair of surrogat",
    ),
    (
        r#"{"process":0,"type":"ok","f":"\ud83d\u0041"}"#,
        "31: expected a pair of surrogat",
    ),
    (
        r#"{"process":0,"type":"ok","f":"\u00zz"}"#,
        "35: expected a hexadecimal digit",
    ),
    (r#"[1]"#, "1: expected an object, found [1]"),
];

#[test]
fn malformed_lines_are_refused_with_their_place() {
    let deep = "[".repeat(128);
    let deep = format!(r#"{{"process":0,"type":"ok","f":"read","value":{deep}1"#);
    let nested = [(&*deep, "172: nesting deeper than 128")];
    for &(line, expected) in MALFORMED.iter().chain(&nested) {
        let message = refused(jsonl(&[line, r#"{"process":0,"type":"ok","f":"read"}"#]));
        assert!(
            message.starts_with(&format!("line 2, column {expected}")),
            "{line}\n{message}"
        );
    }
}

#[test]
fn nesting_up_to_the_limit_is_read() {
    let value = format!("{}{}", "[".repeat(127), "]".repeat(127));
    let recording = reads(&jsonl(&[&format!(
        r#"{{"process":0,"type":"ok","f":"read","value":{value}}}"#
    )]));
    assert_eq!(
        recording.events[0].value.as_ref().map(Value::to_string),
        Some(value)
    );
}

#[test]
fn bytes_that_are_no_utf_8_are_refused_with_their_place() {
    let mut bytes = jsonl(&[r#"{"process":0,"type":"ok","f":"read","value":"x"}"#]).into_bytes();
    let at = bytes.len() - 4;
    bytes[at] = 0xff;
    assert_eq!(refused(&bytes), "line 2, column 46: not UTF-8");
    bytes.truncate(bytes.len() - 1);
    assert_eq!(refused(&bytes), "line 2, column 46: not UTF-8");
}

#[test]
fn a_torn_last_line_is_dropped_with_a_warning_wherever_it_was_torn() {
    let whole = jsonl(&[
        r#"{"process":0,"type":"invoke","f":"read"}"#,
        r#"{"process":0,"type":"ok","f":"read","value":["é\n\u00e9",-1.5e+3,true,null],"x":{"y":2}}"#,
    ]);
    let start = whole.trim_end().rfind('\n').unwrap() + 1;
    for end in start + 1..whole.len() - 1 {
        let recording = read(&whole.as_bytes()[..end], &ReadOptions::default()).unwrap();
        assert_eq!(recording.events.len(), 1, "{end}");
        assert_eq!(
            recording.warnings,
            [Warning::TornLastLine { line: 3 }],
            "{end}"
        );
    }
    let cut = &whole.as_bytes()[..start];
    assert_eq!(read(cut, &ReadOptions::default()).unwrap().warnings, []);
    let mut zeros = whole.as_bytes()[..start + 9].to_vec();
    zeros.extend([0; 30]);
    let recording = read(&zeros, &ReadOptions::default()).unwrap();
    assert_eq!(recording.warnings, [Warning::TornLastLine { line: 3 }]);
}

#[test]
fn a_complete_last_line_is_read_without_its_newline() {
    let recording = reads(README.trim_end());
    assert_eq!(recording.events, reads(README).events);
    assert_eq!(recording.warnings, [Warning::NoFinalNewline { line: 8 }]);
}

#[test]
fn a_last_line_that_is_wrong_but_not_torn_is_refused() {
    let text = format!("{README}{{\"process\":0,\"type\":\"ook\"");
    assert!(refused(&text).starts_with("line 9, column 21: \"type\" must be"));
    let text = format!("{README}{{\"process\":0,\"type\":\"ok\"}}");
    assert!(refused(&text).starts_with("line 9, column 1: an event needs \"f\""));
    let text = format!("{README}{{\"process\":0,oops");
    assert!(refused(&text).starts_with("line 9, column 14: expected a key, found 'o'"));
}

#[test]
fn times_must_not_go_backwards() {
    let events = [
        r#"{"process":0,"type":"invoke","f":"a","time":5}"#,
        r#"{"process":0,"type":"ok","f":"b","time":3}"#,
        r#"{"process":1,"type":"invoke","f":"c"}"#,
        r#"{"process":1,"type":"ok","f":"d","time":5}"#,
    ];
    let error = read(jsonl(&events).as_bytes(), &ReadOptions::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 3, column 41: time 3 is before 5 on line 2: times must not go backwards"
    );
    assert!(error.hint().unwrap().contains("convert --sort-by-time"));

    let options = ReadOptions {
        sort_by_time: true,
        ..ReadOptions::default()
    };
    let recording = read(jsonl(&events).as_bytes(), &options).unwrap();
    let words: Vec<&str> = recording
        .events
        .iter()
        .map(|event| event.f.name())
        .collect();
    assert_eq!(words, ["b", "c", "a", "d"]);
    assert_eq!(recording.lines, [3, 4, 2, 5]);
    assert_eq!(recording.columns.len(), 4);
}

#[test]
fn numbers_of_any_size_are_kept_as_written() {
    let numbers =
        "[9223372036854775807,-9223372036854775808,9223372036854775808,1.0,1e400,-0.5E-3]";
    let event = format!(r#"{{"process":0,"type":"ok","f":"read","value":{numbers}}}"#);
    let recording = reads(&jsonl(&[&event]));
    let value = recording.events[0].value.as_ref().unwrap();
    assert_eq!(value.to_string(), numbers);
    let Value::List(items) = value else {
        panic!("{value}")
    };
    assert_eq!(items[0], Value::Int(i64::MAX));
    assert_eq!(items[2], Value::Number("9223372036854775808".into()));
}

#[test]
fn escapes_are_read() {
    let event =
        r#"{"process":0,"type":"ok","f":"read","value":"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é"}"#;
    let recording = reads(&jsonl(&[event]));
    let expected = "a\"\\/\u{8}\u{c}\n\r\té😀é";
    assert_eq!(recording.events[0].value, Some(Value::str(expected)));
}

#[test]
fn an_index_that_repeats_has_all_events_numbered_anew() {
    let recording = reads(&jsonl(&[
        r#"{"index":7,"process":0,"type":"invoke","f":"a"}"#,
        r#"{"index":3,"process":0,"type":"ok","f":"b"}"#,
        r#"{"index":7,"process":1,"type":"invoke","f":"c"}"#,
    ]));
    let indices: Vec<u64> = recording.events.iter().map(|event| event.index).collect();
    assert_eq!(indices, [0, 1, 2]);
    assert_eq!(recording.warnings, [Warning::IndicesRepeat { line: 4 }]);
}

#[test]
fn a_line_of_many_megabytes_is_read() {
    let long = "x".repeat(20 << 20);
    let event = format!(r#"{{"process":0,"type":"ok","f":"read","value":"{long}"}}"#);
    let recording = reads(&jsonl(&[&event]));
    assert_eq!(recording.events[0].value, Some(Value::str(&long)));
}

#[test]
fn an_object_of_many_keys_is_read_and_a_repeated_key_found() {
    let keys: Vec<String> = (0..20_000)
        .map(|key| format!(r#""k{key}":{key}"#))
        .collect();
    let event = |keys: &[String]| {
        let keys = keys.join(",");
        format!(r#"{{"process":0,"type":"ok","f":"read","value":{{{keys}}},{keys}}}"#)
    };
    let recording = reads(&jsonl(&[&event(&keys)]));
    assert_eq!(
        recording.events[0].extra.as_ref().map(|extra| extra.len()),
        Some(20_000)
    );
    let mut repeated = keys;
    repeated.push(r#""k17":0"#.to_owned());
    assert!(refused(jsonl(&[&event(&repeated)])).contains("the key \"k17\""));
}
