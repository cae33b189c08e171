//! What is asked of Postgres, and what is made of its rows.

use testimony_history::Function;

use super::*;

fn call(f: &str, value: Option<Value>) -> Call {
    Call {
        f: Function::from_name(f),
        key: Some("x".into()),
        value,
    }
}

fn pair(old: impl Into<Value>, new: impl Into<Value>) -> Option<Value> {
    Some(Value::list([old.into(), new.into()]))
}

fn row(columns: &[Option<&str>]) -> Row {
    columns
        .iter()
        .map(|column| column.map(str::to_owned))
        .collect()
}

fn answered(model: Model, f: &str, value: Option<Value>, rows: &[Row]) -> Answer {
    answer(&call(f, value), model, rows).unwrap().answer
}

#[test]
fn a_comparison_is_one_statement_that_returns_what_it_found() {
    let statement = request(&call("cas", pair(1, 2)), Model::Kv, "p1").unwrap();
    assert_eq!(
        statement,
        "UPDATE objects SET before = value, value = CASE WHEN value = '1' THEN '2' ELSE value \
         END WHERE key = 'x' RETURNING before"
    );
    let found = |rows: &[Row]| answered(Model::Kv, "cas", pair(1, 2), rows);
    assert_eq!(found(&[row(&[Some("1")])]).swapped, Some(true));
    let other = found(&[row(&[Some("7")])]);
    assert_eq!((other.swapped, other.actual), (Some(false), Some(7.into())));
    assert_eq!(found(&[]).actual, Some(Value::Null));
    let proposed = |rows: &[Row]| answered(Model::Kv, "cas", pair(Value::Null, 2), rows);
    assert_eq!(proposed(&[row(&[None])]).swapped, Some(true));
    assert_eq!(proposed(&[row(&[Some("7")])]).actual, Some(7.into()));
}

#[test]
fn a_read_tells_its_position() {
    let read = call("read", None);
    let told = answer(&read, Model::Kv, &[row(&[Some("5"), Some("99")])]).unwrap();
    assert_eq!(told.answer.value, Some(5.into()));
    assert_eq!(told.extra, [("position".into(), Value::Int(99))]);
    let absent = answered(Model::Counter, "read", None, &[row(&[None, None])]);
    assert_eq!(absent.value, Some(0.into()));
}

#[test]
fn rows_that_come_or_do_not_are_answers() {
    let there = || [row(&[Some("x")])];
    assert_eq!(
        answered(Model::Kv, "remove", None, &there()).result,
        Some(true.into())
    );
    assert_eq!(
        answered(Model::Kv, "remove", None, &[]).result,
        Some(false.into())
    );
    assert_eq!(
        answered(Model::Mutex, "acquire", None, &[]).result,
        Some(false.into())
    );
    let lost = answer(&call("release", None), Model::Mutex, &[]);
    assert!(matches!(lost, Err(Mishap::NotApplied(_))));
    let whole = answered(Model::Log, "read", None, &[row(&[Some("1\n2"), None])]);
    assert_eq!(whole.value, Some(Value::list([1.into(), 2.into()])));
}

#[test]
fn a_text_is_quoted_and_what_cannot_be_told_apart_is_refused() {
    let write = |value: Value| request(&call("write", Some(value)), Model::Kv, "p1");
    assert!(write("it's".into()).unwrap().contains("'it''s'"));
    for value in [
        Value::Null,
        "5".into(),
        "".into(),
        "a\nb".into(),
        "a\0".into(),
    ] {
        assert!(write(value.clone()).is_err(), "{value}");
    }
    assert!(request(&call("enqueue", Some(1.into())), Model::Kv, "p1").is_err());
}

#[test]
fn odd_rows_leave_it_unknown() {
    for (model, f, rows) in [
        (Model::Kv, "read", vec![]),
        (Model::Kv, "contains", vec![row(&[Some("maybe")])]),
        (Model::Kv, "write", vec![]),
        (Model::Counter, "add", vec![row(&[Some("x")])]),
        (Model::Queue, "enqueue", vec![row(&[None])]),
    ] {
        let told = answer(&call(f, None), model, &rows);
        assert!(matches!(told, Err(Mishap::Unknown(_))), "{f} {rows:?}");
    }
}
