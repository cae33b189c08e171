//! EDN of all shapes.

use testimony_history::{
    Answer, FailedCas, Format, Function, Keyed, Model, Order, Outcome, Process, ReadOptions,
    Recording, Value, Warning, edn::MISMATCHES, read,
};

use crate::{reads, refused};

fn reads_with(text: &str, options: ReadOptions) -> Recording {
    read(text.as_bytes(), &options).unwrap_or_else(|error| panic!("{error}"))
}

const CALL: &str = "{:process 0, :type :invoke, :f :read, :value nil}";
const ANSWER: &str = "{:process 0, :type :ok, :f :read, :value 7}";

#[test]
fn maps_are_read_in_any_container() {
    for text in [
        format!("{CALL}\n{ANSWER}\n"),
        format!("[{CALL} {ANSWER}]"),
        format!("({CALL}\n {ANSWER}\n)\n"),
        format!("[\n{CALL},{ANSWER},\n]"),
        format!("; a comment\n{CALL} #_ {{:not an, :event 1}} ; another\n#_#_ a b {ANSWER}"),
        format!("\u{feff}#jepsen.history.Op{CALL}\n#jepsen.history.Op {ANSWER}"),
        format!("#jepsen.history.DenseHistory [{CALL} {ANSWER}]"),
        format!("\n\n  {{ ; here\n:process 0 :f :read :type :invoke}}{ANSWER}"),
    ] {
        let recording = reads(&text);
        assert_eq!(Format::detect(text.as_bytes()), Format::Edn, "{text}");
        assert_eq!(recording.events.len(), 2, "{text}");
        assert_eq!(recording.events[1].value, Some(Value::Int(7)), "{text}");
        let (history, _) = recording.history(Model::Register).unwrap();
        assert_eq!(history.operations()[0].returned, Some(1), "{text}");
    }
}

#[test]
fn every_kind_of_value_is_read() {
    let text = r#"{:index 3, :time -1, :process 1, :type :ok, :f :read, :node :n1
        :value [1 -2 3N 9223372036854775808 1.5 1.5E-3M 2M 1/3 0xff true nil "a\n\u00e9\ud83d\ude00"
                :a/b sym \a \newline \( #{3 1 2} {:k 1, 2 (3)} #inst "2026-01-01" #:n{:a 1} ##NaN +4]
        :clock-offsets {"n1" 0.5}, :error [:unreachable "n1"], "odd key" 1}"#;
    let recording = reads(text);
    let event = &recording.events[0];
    assert_eq!((event.index, event.time), (3, None));
    assert_eq!(event.node.as_deref(), Some("n1"));
    assert_eq!(
        event.value.as_ref().unwrap().to_string(),
        r###"[1,-2,3,9223372036854775808,1.5,1.5E-3,2.0,"1/3",255,true,null,"a\né😀",":a/b","sym","\\a","\\newline","\\(",[1,2,3],{":k":1,"2":[3]},"2026-01-01",{":n/a":1},"##NaN",4]"###
    );
    assert_eq!(
        event.error,
        Some(Value::parse(r#"[":unreachable","n1"]"#).unwrap())
    );
    let extra: Vec<_> = event
        .extra
        .as_ref()
        .unwrap()
        .iter()
        .map(|(key, _)| &**key)
        .collect();
    assert_eq!(extra, ["clock-offsets", "odd key"]);
}

#[test]
fn nemesis_events_are_kept_apart() {
    let recording = reads(&format!(
        "{CALL}\n{{:process :nemesis, :type :info, :f :start-partition, :value [:isolated {{\"n1\" \
         #{{\"n2\"}}}}]}}\n{ANSWER}"
    ));
    let nemesis: Vec<_> = recording.nemesis().collect();
    assert_eq!(nemesis[0].process, Process::Named("nemesis".into()));
    assert_eq!(nemesis[0].f, Function::Other("start-partition".into()));
    assert_eq!(
        recording
            .history(Model::Register)
            .unwrap()
            .0
            .operations()
            .len(),
        1
    );
}

/// A text, and how its error starts.
const MALFORMED: &[(&str, &str)] = &[
    ("  ", "line 1, column 1: the file is empty"),
    (
        "[{:process 0, :type :ok, :f :read}",
        "line 1, column 1: a vector starts here and does",
    ),
    (
        "[\n {:process 0, :type :ok",
        "line 2, column 2: a map starts here and does not end",
    ),
    (
        "{:process 0, :type :ok, :f}",
        "line 1, column 1: a map with a key that has no value",
    ),
    (
        "{:process 0, :type :ok, :f :a, :f :b}",
        "line 1, column 32: the key \"f\" stands here",
    ),
    (
        "{:process 0, :type :ok}",
        "line 1, column 1: an event needs \"f\"",
    ),
    (
        "{:process 0, :f :a}",
        "line 1, column 1: an event needs \"type\"",
    ),
    (
        "{:type :ok, :f :a}",
        "line 1, column 1: an event needs \"process\"",
    ),
    (
        "{:process 0, :type :oops, :f :a}",
        "line 1, column 20: \"type\" must be :invoke, :ok,",
    ),
    (
        "{:process -1, :type :ok, :f :a}",
        "line 1, column 11: \"process\" must be a whole num",
    ),
    (
        "{:process 0, :type :ok, :f 1}",
        "line 1, column 28: \"f\" must be a keyword, found 1",
    ),
    (
        "{:process 0, :type :ok, :f :a, :time 1.5}",
        "line 1, column 38: \"time\" must be a wh",
    ),
    (
        "{:process 0, :type :ok, :f :cas, :swapped 1}",
        "line 1, column 43: \"swapped\" must b",
    ),
    (
        "[{:process 0, :type :ok, :f :a}\n 17]",
        "line 2, column 2: expected a map, found 17",
    ),
    (
        "{:process 0, :type :ok, :f :a} ]",
        "line 1, column 32: expected a form, found ']'",
    ),
    (
        "{:a \"x}",
        "line 1, column 5: a string starts here and does not end",
    ),
    (
        "{:a \"\\x\"}",
        "line 1, column 7: expected an escape: one of",
    ),
    (
        "{:a \"\\ud800\"}",
        "line 1, column 6: expected a pair of surrogates",
    ),
    ("{:a 12x}", "line 1, column 5: expected a number, found 12x"),
    ("{:a #}", "line 1, column 6: expected a tag, found '}'"),
    (
        "{:a #tag",
        "line 1, column 5: what starts here breaks off here",
    ),
    ("{1 2}", "line 1, column 1: expected a keyword, found 1"),
];

#[test]
fn malformed_edn_is_refused_with_its_place() {
    let deep = format!("{{:process 0 :value {}", "[".repeat(200));
    let discarded = "#_".repeat(100_000);
    let tagged = "#a ".repeat(100_000);
    let nested = [
        (&*deep, "line 1, column 147: nesting deeper than 128"),
        (&*discarded, "line 1, column 257: nesting deeper than 128"),
        (&*tagged, "line 1, column 385: nesting deeper than 128"),
    ];
    for &(text, expected) in MALFORMED.iter().chain(&nested) {
        let options = ReadOptions {
            format: Some(Format::Edn),
            ..ReadOptions::default()
        };
        let message = read(text.as_bytes(), &options).unwrap_err().to_string();
        let start: String = text.chars().take(60).collect();
        assert!(message.starts_with(expected), "{start}\n{message}");
    }
    assert_eq!(refused(b"{:process \xff"), "line 1, column 11: not UTF-8");
}

#[test]
fn a_failed_cas_only_says_that_it_did_not_happen() {
    let text = "{:process 0, :type :invoke, :f :cas, :value [1 2]}
                {:process 0, :type :fail, :f :cas, :value [1 2], :error ERROR}
                {:process 0, :type :invoke, :f :cas, :value [1 2]}
                {:process 0, :type :ok, :f :cas, :value [1 2]}";
    let outcomes = |error: &str, failed_cas| {
        let options = ReadOptions {
            failed_cas,
            ..ReadOptions::default()
        };
        let recording = reads_with(&text.replace("ERROR", error), options);
        let history = recording.history(Model::CasRegister).unwrap().0;
        let outcomes = history.operations().iter().map(|op| op.outcome.clone());
        (
            outcomes.collect::<Vec<_>>(),
            recording.events[1].error.clone(),
        )
    };
    let answer = |swapped| {
        Outcome::Completed(Answer {
            swapped: Some(swapped),
            ..Answer::default()
        })
    };
    for silent in [
        "nil",
        ":connection-refused",
        "\"no-match\"",
        "[\"no-match\"]",
        ":not-found",
    ] {
        let (outcomes, _) = outcomes(silent, FailedCas::Silent);
        assert_eq!(outcomes, [Outcome::Failed, answer(true)], "{silent}");
    }
    for word in MISMATCHES {
        for error in [format!(":{word}"), format!("[:{word} \"x\"]")] {
            let (outcomes, _) = outcomes(&error, FailedCas::Silent);
            assert_eq!(outcomes, [answer(false), answer(true)], "{error}");
        }
    }
    assert_eq!(
        outcomes(":timeout", FailedCas::Mismatch).0,
        [answer(false), answer(true)]
    );
    assert_eq!(outcomes(":no-match", FailedCas::Silent).1, None);
    assert_eq!(
        outcomes("[:no-match 3]", FailedCas::Silent).1,
        Some(Value::Int(3))
    );
    assert_eq!(
        outcomes(":mismatch", FailedCas::Silent).1,
        Some(Value::str("mismatch"))
    );
}

#[test]
fn keyed_values_are_told_from_pairs() {
    let keyed = "{:process 0, :type :invoke, :f :write, :value [x 1]}
                 {:process 0, :type :info, :f :write, :value [x 1]}
                 {:process 1, :type :invoke, :f :cas, :value [\"y\" [1 2]]}
                 {:process 1, :type :ok, :f :cas, :value [\"y\" [1 2]]}
                 {:process 2, :type :invoke, :f :read, :value [x nil]}
                 {:process 2, :type :ok, :f :read, :value [x nil]}";
    let recording = reads(keyed);
    let keys: Vec<_> = recording
        .events
        .iter()
        .map(|event| event.key.clone().unwrap())
        .collect();
    assert_eq!(keys[..3], ["x".into(), "x".into(), "y".into()]);
    assert_eq!(
        recording.events[2].value,
        Some(Value::list([1.into(), 2.into()]))
    );
    assert_eq!(
        recording
            .history(Model::CasRegister)
            .unwrap()
            .0
            .operations()
            .len(),
        3
    );

    let no = ReadOptions {
        keyed: Keyed::No,
        ..ReadOptions::default()
    };
    assert!(
        reads_with(keyed, no)
            .events
            .iter()
            .all(|event| event.key.is_none())
    );

    let (alone, none) = ([Warning::KeyedValues], []);
    assert_eq!(
        (&recording.warnings[..], &reads(CALL).warnings[..]),
        (&alone[..], &none[..])
    );

    // What an info or a fail has for a value does not count.
    let timed_out = "{:process 0, :type :invoke, :f :write, :value [x 1]}
                     {:process 0, :type :info, :f :write, :value :timed-out}";
    assert_eq!(reads(timed_out).events[0].key, Some("x".into()));

    // A cas whose second part is no pair; a read without a key.
    for plain in [
        "{:process 0, :type :invoke, :f :cas, :value [1 2]}",
        "{:process 0, :type :invoke, :f :write, :value [1 2]} {:process 1, :type :invoke, :f :read}",
        "{:process 0, :type :invoke, :f :write, :value #{1 2}}",
        "{:process 0, :type :invoke, :f :write, :key 3, :value [1 2]}",
    ] {
        assert!(
            reads(plain)
                .events
                .iter()
                .all(|event| event.key != Some(1.into())),
            "{plain}"
        );
    }
}

#[test]
fn tuples_are_keyed_values_and_yes_insists() {
    let tagged = "{:process 0, :type :invoke, :f :read, :value #jepsen.independent/tuple [7 nil]}
                  {:process 0, :type :ok, :f :read, :value #clojure.lang.MapEntry [7 3]}
                  {:process 1, :type :invoke, :f :read, :value [7 nil]}
                  {:process 1, :type :info, :f :read, :value :timed-out}";
    let recording = reads(tagged);
    assert_eq!(recording.events[1].key, Some(Value::Int(7)));
    assert_eq!(recording.events[1].value, Some(Value::Int(3)));
    assert_eq!(recording.events[3].key, None);
    assert_eq!(
        recording
            .history(Model::Register)
            .unwrap()
            .0
            .operations()
            .len(),
        2
    );

    let yes = ReadOptions {
        keyed: Keyed::Yes,
        ..ReadOptions::default()
    };
    let plain = format!("{CALL}\n{ANSWER}");
    let error = read(plain.as_bytes(), &yes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 1, column 46: a keyed value must be a pair [key value], found null"
    );
    assert_eq!(error.hint(), Some("--keyed no"));
}

#[test]
fn lines_alone_are_ordered_whatever_the_times() {
    let recording = reads(
        "{:process 0, :type :invoke, :f :write, :value 1, :time 50}
         {:process 0, :type :ok, :f :write, :value 1, :time 40}
         {:process 1, :type :invoke, :f :read, :time 40}
         {:process 1, :type :ok, :f :read, :value 1, :time 40}",
    );
    assert_eq!(recording.order, Order::Lines);
    let history = recording.history(Model::Register).unwrap().0;
    let spans: Vec<_> = history
        .operations()
        .iter()
        .map(|op| (op.called, op.returned))
        .collect();
    assert_eq!(spans, [(0, Some(1)), (2, Some(3))]);
}

#[test]
fn columns_point_into_maps_that_take_one_line() {
    let message = |text: &str| {
        reads(text)
            .history(Model::Register)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        message(&format!("{CALL}\n{CALL}")),
        "line 2, column 11: process 0 calls while its call on line 1 is open"
    );
    assert_eq!(
        message("\n {:process 0,\n :type :invoke, :f :pop}"),
        "line 2, column 2: the model register has no function \"pop\"; it has read, write"
    );
}

#[test]
fn logs_of_porcupine_are_read() {
    let text = "INFO  jepsen.util - 0\t:invoke\t:cas\t[0 1]\n\
                INFO  jepsen.util - 3\t:invoke\t:read\tnil\r\n\
                INFO  jepsen.util - 0\t:fail\t:cas\t[0 1]\n\
                INFO  jepsen.util - 3\t:fail\t:read\t:timed-out\n\
                INFO  jepsen.core - Worker 3 starting\n\
                INFO  jepsen.util - 4 :invoke :write 2\n\
                INFO  jepsen.util - 4 :info :write :timed-out\n\
                INFO  jepsen.util - :nemesis\t:info\t:start\t\"Cut off\"\n";
    let recording = reads(text);
    assert_eq!(recording.header.model, Some(Model::CasRegister));
    assert_eq!(
        recording.warnings,
        [Warning::LinesSkipped { line: 5, times: 1 }]
    );
    assert_eq!(recording.events[5].error, Some(Value::str("timed-out")));
    assert_eq!(recording.columns[4].value, 38);
    let history = recording.history(Model::CasRegister).unwrap().0;
    let refused = Answer {
        swapped: Some(false),
        ..Answer::default()
    };
    let outcomes: Vec<_> = history
        .operations()
        .iter()
        .map(|op| op.outcome.clone())
        .collect();
    assert_eq!(
        outcomes,
        [
            Outcome::Completed(refused),
            Outcome::Failed,
            Outcome::Unknown
        ]
    );
    assert_eq!(
        refused_log("INFO  jepsen.util - 3 :invoke :write [2\n"),
        "line 1, column 38: a vector starts here and does not end"
    );
    assert_eq!(
        refused_log("INFO  jepsen.util - 3 :ok\n"),
        "line 1, column 21: an event needs \"f\""
    );
    assert!(refused_log("INFO hello").starts_with("line 1, column 1: expected an event such as"));
}

fn refused_log(text: &str) -> String {
    let options = ReadOptions {
        format: Some(Format::PorcupineLog),
        ..ReadOptions::default()
    };
    read(text.as_bytes(), &options).expect_err(text).to_string()
}

#[test]
fn maps_of_porcupine_start_as_the_empty_string() {
    let text = "{:process 0, :type :invoke, :f :append, :key \"0\", :value \"x 0 0 y\"}\n\
                {:process 0, :type :ok, :f :append, :key \"0\", :value \"x 0 0 y\"}\n\
                {:process 1, :type :invoke, :f :get, :key \"7\", :value nil}\n";
    let read = |last: &str| reads(&format!("{text}{last}"));
    let recording = read("{:process 1, :type :ok, :f :get, :key \"7\", :value \"\"}\n");
    assert_eq!(Format::detect(text.as_bytes()), Format::PorcupineKv);
    assert_eq!(recording.header.model, Some(Model::Kv));
    assert_eq!(recording.header.initial, Some(Value::str("")));
    assert_eq!(recording.warnings, [Warning::StartsAsEmptyString]);
    assert_eq!(
        recording.history(Model::Kv).unwrap().0.operations().len(),
        2
    );
    let other = read("{:process 1, :type :ok, :f :get, :key \"7\", :value nil}\n");
    assert_eq!(other.header.initial, None);
}
