//! Histories in columns say what the same histories say as operations.

use testimony_history::{CompactHistory, Function, Model, Outcome};

use crate::history;

const MIXED: &[&str] = &[
    r#"{"time":1,"process":0,"type":"invoke","f":"put","key":"x","value":{"b":1,"a":[2,null]}}"#,
    r#"{"time":2,"process":0,"type":"ok","f":"put","key":"x"}"#,
    r#"{"time":2,"process":0,"type":"invoke","f":"cas","key":"x","value":[null,"s"]}"#,
    r#"{"time":2,"process":1,"type":"invoke","f":"remove","key":"y"}"#,
    r#"{"time":3,"process":0,"type":"ok","f":"cas","key":"x","swapped":false,"actual":null}"#,
    r#"{"time":4,"process":1,"type":"ok","f":"remove","key":"y","result":true}"#,
    r#"{"time":5,"process":1,"type":"invoke","f":"read","key":"x"}"#,
    r#"{"time":6,"process":2,"type":"invoke","f":"append","key":"x","value":"t"}"#,
    r#"{"time":7,"process":2,"type":"info","f":"append","key":"x"}"#,
    r#"{"time":8,"process":3,"type":"invoke","f":"contains","key":"y"}"#,
    r#"{"time":9,"process":3,"type":"fail","f":"contains","key":"y"}"#,
    r#"{"time":9,"process":1,"type":"ok","f":"read","key":"x","value":null}"#,
];

const LOG: &[&str] = &[
    r#"{"process":0,"type":"invoke","f":"append","value":1}"#,
    r#"{"process":0,"type":"ok","f":"append","result":0}"#,
    r#"{"process":0,"type":"invoke","f":"read","value":5}"#,
    r#"{"process":0,"type":"ok","f":"read","result":null}"#,
    r#"{"process":0,"type":"invoke","f":"read"}"#,
    r#"{"process":0,"type":"ok","f":"read","value":[1]}"#,
];

#[test]
fn columns_and_operations_say_the_same() {
    for (model, text) in [(Model::Kv, MIXED), (Model::Log, LOG)] {
        let history = history(model, text);
        assert_eq!(CompactHistory::of(model, &history).expand(), history);
    }
}

#[test]
fn a_selection_takes_links_over() {
    let history = history(Model::Kv, MIXED);
    let compact = CompactHistory::of(Model::Kv, &history);
    let [before, after] = [0, 1].map(|number| &history.operations()[number]);
    assert_eq!((after.after, &after.input.f), (Some(0), &Function::Cas));
    assert_eq!(before.outcome, Outcome::Completed(Default::default()));
    let both = compact.select(&[0, 1]);
    assert_eq!(both.operations(), &history.operations()[..2]);
    let one = compact.select(&[1, 3]);
    assert_eq!(one.operations()[0].after, None);
}
