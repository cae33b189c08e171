//! What is asked of Redis, and what is made of what it answers.

use super::*;

fn call(f: Function, value: Option<Value>) -> Call {
    Call {
        f,
        key: Some("x".into()),
        value,
    }
}

fn asked(model: Model, f: Function, value: Option<Value>) -> String {
    request(&call(f, value), model, "p1").unwrap().join(" ")
}

fn heard(model: Model, f: Function, heard: Resp) -> Result<Answer, Mishap> {
    answer(&call(f, None), model, heard)
}

fn bulk(text: &str) -> Resp {
    Resp::Bulk(Some(text.to_owned()))
}

#[test]
fn each_model_has_its_own_commands() {
    use Function::{Add, Append, Contains, Dequeue, Enqueue, Read, Remove, Write};
    let one = || Some(Value::Int(1));
    for (model, f, value, command) in [
        (Model::Kv, Read, None, "GET x"),
        (Model::Kv, Write, one(), "SET x 1"),
        (Model::Kv, Append, Some("1,".into()), "APPEND x 1,"),
        (Model::Kv, Contains, None, "EXISTS x"),
        (Model::Kv, Remove, None, "DEL x"),
        (Model::Counter, Add, Some(7.into()), "INCRBY x 7"),
        (Model::Set, Add, one(), "SADD x 1"),
        (Model::Set, Remove, one(), "SREM x 1"),
        (Model::Set, Contains, one(), "SISMEMBER x 1"),
        (Model::Set, Read, None, "SMEMBERS x"),
        (Model::Log, Append, one(), "RPUSH x 1"),
        (Model::Log, Read, None, "LRANGE x 0 -1"),
        (Model::Log, Read, one(), "LINDEX x 1"),
        (Model::Queue, Enqueue, one(), "LPUSH x 1"),
        (Model::Queue, Dequeue, None, "RPOP x"),
    ] {
        assert_eq!(asked(model, f, value), command);
    }
    let pair = Value::list([Value::Null, 2.into()]);
    let cas = asked(Model::Kv, Function::Cas, Some(pair));
    assert!(cas.ends_with(" 1 x  absent 2"), "{cas}");
    assert_eq!(
        asked(Model::Mutex, Function::Acquire, None),
        "SET x p1 NX PX 30000"
    );
}

#[test]
fn what_would_be_read_back_as_another_value_is_not_sent() {
    for value in [Value::Null, "5".into(), Value::list([])] {
        assert!(request(&call(Function::Write, Some(value)), Model::Kv, "").is_err());
    }
    assert!(request(&call(Function::Cas, Some(1.into())), Model::Kv, "").is_err());
}

#[test]
fn a_comparison_tells_what_it_found() {
    let found = |items| heard(Model::Kv, Function::Cas, Resp::Array(Some(items))).unwrap();
    assert_eq!(found(vec![Resp::Int(1)]).swapped, Some(true));
    let other = found(vec![Resp::Int(0), bulk("7")]);
    assert_eq!(
        (other.swapped, other.actual),
        (Some(false), Some(Value::Int(7)))
    );
    let absent = found(vec![Resp::Int(0), Resp::Bulk(None)]);
    assert_eq!(absent.actual, Some(Value::Null));
}

#[test]
fn an_absent_key_is_null_and_0_in_a_counter() {
    let read = |model| {
        heard(model, Function::Read, Resp::Bulk(None))
            .unwrap()
            .value
    };
    assert_eq!(read(Model::Kv), Some(Value::Null));
    assert_eq!(read(Model::Counter), Some(Value::Int(0)));
}

#[test]
fn elements_and_places_are_told() {
    let list = Resp::Array(Some(vec![bulk("1"), bulk("2")]));
    let read = heard(Model::Log, Function::Read, list).unwrap();
    assert_eq!(read.value, Some(Value::list([1.into(), 2.into()])));
    let place = heard(Model::Log, Function::Append, Resp::Int(3)).unwrap();
    assert_eq!(place.result, Some(Value::Int(2)));
    let taken = heard(Model::Queue, Function::Dequeue, Resp::Bulk(None)).unwrap();
    assert_eq!(taken.value, Some(Value::Null));
}

#[test]
fn a_lock_that_is_held_was_not_taken() {
    let held = heard(Model::Mutex, Function::Acquire, Resp::Bulk(None));
    assert!(matches!(held, Err(Mishap::NotApplied(_))));
    let lost = heard(Model::Mutex, Function::Release, Resp::Int(0));
    assert!(matches!(lost, Err(Mishap::NotApplied(_))));
}

#[test]
fn an_answer_of_another_shape_leaves_it_unknown() {
    for (f, answer) in [
        (Function::Write, Resp::Int(1)),
        (Function::Cas, Resp::Array(Some(vec![Resp::Int(0)]))),
        (Function::Cas, Resp::Array(None)),
        (Function::Remove, Resp::Int(2)),
        (Function::Add, bulk("1")),
    ] {
        let became = heard(Model::Kv, f, answer);
        assert!(matches!(became, Err(Mishap::Unknown(_))), "{became:?}");
    }
}
