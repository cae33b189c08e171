//! What each operation makes of what a node holds.

use super::*;

fn after(model: Model, f: &str, value: Option<Value>, held: Option<&str>) -> Step {
    let call = Call {
        f: Function::from_name(f),
        key: None,
        value,
    };
    step(&call, model, "p1", held).unwrap()
}

fn put(text: &str, answer: Answer) -> Step {
    Step::Put(text.to_owned(), answer)
}

fn pair(old: impl Into<Value>, new: impl Into<Value>) -> Option<Value> {
    Some(Value::list([old.into(), new.into()]))
}

#[test]
fn a_map_is_read_and_written_back() {
    let kv = |f, value, held| after(Model::Kv, f, value, held);
    assert_eq!(kv("read", None, None), Step::Answer(value(Value::Null)));
    assert_eq!(kv("read", None, Some("3")), Step::Answer(value(3.into())));
    assert_eq!(
        kv("append", Some("2,".into()), Some("1,")),
        put("1,2,", Answer::default())
    );
    assert_eq!(
        kv("remove", None, Some("3")),
        Step::Delete(result(true.into()))
    );
    assert_eq!(kv("remove", None, None), Step::Answer(result(false.into())));
    let swapped = Answer {
        swapped: Some(true),
        ..Answer::default()
    };
    assert_eq!(kv("cas", pair(Value::Null, 4), None), put("4", swapped));
    let other = Answer {
        swapped: Some(false),
        actual: Some(3.into()),
        ..Answer::default()
    };
    assert_eq!(kv("cas", pair(2, 4), Some("3")), Step::Answer(other));
}

#[test]
fn a_counter_begins_at_0() {
    let counter = |f, value, held| after(Model::Counter, f, value, held);
    assert_eq!(counter("read", None, None), Step::Answer(value(0.into())));
    assert_eq!(
        counter("add", Some(5.into()), None),
        put("5", result(5.into()))
    );
    assert_eq!(
        counter("decrement", None, Some("5")),
        put("4", result(4.into()))
    );
}

#[test]
fn lists_are_lines() {
    let one = || Some(Value::Int(1));
    assert_eq!(
        after(Model::Log, "append", Some(2.into()), Some("1")),
        put("1\n2", result(1.into()))
    );
    assert_eq!(
        after(Model::Log, "read", one(), Some("1\n2")),
        Step::Answer(result(2.into()))
    );
    assert_eq!(
        after(Model::Queue, "dequeue", None, Some("1\n2")),
        put("2", value(1.into()))
    );
    assert_eq!(
        after(Model::Queue, "dequeue", None, Some("")),
        Step::Answer(value(Value::Null))
    );
    assert_eq!(
        after(Model::Set, "add", one(), Some("1")),
        Step::Answer(result(false.into()))
    );
    assert_eq!(
        after(Model::Set, "remove", one(), Some("1")),
        put("", result(true.into()))
    );
    let whole = Value::list([1.into(), 2.into()]);
    assert_eq!(
        after(Model::Set, "read", None, Some("1\n2")),
        Step::Answer(value(whole))
    );
}

#[test]
fn a_lock_is_given_back_by_its_holder_only() {
    let lock = |f, held| after(Model::Mutex, f, None, held);
    assert_eq!(lock("acquire", None), put("p1", result(true.into())));
    assert_eq!(
        lock("acquire", Some("p2")),
        Step::Answer(result(false.into()))
    );
    assert_eq!(lock("release", Some("p1")), Step::Delete(Answer::default()));
    assert!(matches!(lock("release", Some("p2")), Step::Refuse(_)));
}

#[test]
fn what_a_node_could_not_hold_is_refused() {
    let call = |f: &str, value: Value| Call {
        f: Function::from_name(f),
        key: None,
        value: Some(value),
    };
    for (model, call) in [
        (Model::Kv, call("write", Value::Null)),
        (Model::Kv, call("cas", Value::Int(1))),
        (Model::Kv, call("enqueue", Value::Int(1))),
        (Model::Counter, call("add", "x".into())),
        (Model::Log, call("append", "a\nb".into())),
        (Model::Set, call("add", "".into())),
    ] {
        assert!(step(&call, model, "p1", None).is_err(), "{call:?}");
    }
}
