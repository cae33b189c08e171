//! The client against a server that follows a script.

use serde_json::{Value as Json, json};
use testimony_history::{Ending, Function};
use tokio::net::TcpSocket;

use super::*;
use crate::etcd::scripted::{DEADLINE, Scripted};
use crate::etcd::wire;
use crate::testing::cluster;

const MATCHED: &str = r#"{"succeeded":true,"responses":[{"response_put":{}}]}"#;
const NOTHING: &str = r#"{"header":{"member_id":"255","raft_term":"4","revision":"9"}}"#;
const FOUND: &str = r#"{"header":{"member_id":"255","raft_term":"4","revision":"9"},
    "kvs":[{"key":"eA==","mod_revision":"7","value":"NQ=="}],"count":"1"}"#;
const MISMATCHED: &str = r#"{"responses":[{"response_range":{
    "kvs":[{"key":"eA==","mod_revision":"8","value":"Ng=="}]}}]}"#;
const TIMED_OUT: &str = r#"{"message":"etcdserver: request timed out","code":14}"#;

/// What comes of one call when the server gives these answers, one after the other, and then closes
/// every connection after it has read a request. And what it was asked.
async fn called(
    model: Model,
    f: &str,
    value: Option<Value>,
    script: &[(u16, &'static str)],
) -> (Reply, Vec<(String, Json)>) {
    let server = Scripted::in_order(script).await;
    let options = ClientOptions {
        timeout: DEADLINE,
        model,
        apart: false,
    };
    let process = ProcessId(4);
    let mut client = EtcdClient::new(Gateway::new(), &server.cluster, &options, process);
    let reply = client.invoke(&"n1".into(), &call(f, value)).await;
    (reply, server.asked())
}

fn call(f: &str, value: Option<Value>) -> Call {
    Call {
        f: Function::from_name(f),
        key: Some("x".into()),
        value,
    }
}

fn answer(reply: &Reply) -> &Answer {
    match &reply.ending {
        Ending::Ok(answer) => answer,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_read_tells_the_value_and_what_it_saw_of_the_inside() {
    let (reply, asked) = called(Model::Kv, "read", None, &[(200, FOUND)]).await;
    assert_eq!(answer(&reply).value, Some(Value::Int(5)));
    let names: Vec<&str> = reply.extra.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["member", "term", "revision", "mod_revision"]);
    assert_eq!(reply.node.as_deref(), Some("n1"));
    let body = json!({"key": "eA==", "serializable": false});
    assert_eq!(asked, [("/v3/kv/range".to_owned(), body)]);
}

#[tokio::test]
async fn an_absent_key_reads_as_the_model_starts() {
    for (model, empty) in [(Model::Kv, Value::Null), (Model::Counter, Value::Int(0))] {
        let (reply, _) = called(model, "read", None, &[(200, NOTHING)]).await;
        assert_eq!(answer(&reply).value, Some(empty));
    }
}

#[tokio::test]
async fn a_cas_that_does_not_match_answers_what_it_found() {
    let pair = || Some(Value::list([Value::Int(5), Value::Int(9)]));
    let (reply, _) = called(Model::Kv, "cas", pair(), &[(200, MISMATCHED)]).await;
    let found = (answer(&reply).swapped, answer(&reply).actual.clone());
    assert_eq!(found, (Some(false), Some(Value::Int(6))));
    let (reply, _) = called(Model::Kv, "cas", pair(), &[(200, MATCHED)]).await;
    assert_eq!(answer(&reply).swapped, Some(true));
}

#[tokio::test]
async fn an_addition_is_tried_again_only_after_a_comparison_that_did_not_match() {
    let script = &[(200, FOUND), (200, MISMATCHED), (200, MATCHED)];
    let (reply, asked) = called(Model::Counter, "add", Some(Value::Int(3)), script).await;
    assert_eq!(answer(&reply).result, Some(Value::Int(9)));
    assert_eq!(reply.attempts, 3);
    let last = &asked[2].1["compare"][0];
    assert_eq!(last["modRevision"], "8");

    let script = &[(200, FOUND), (200, MISMATCHED), (503, TIMED_OUT)];
    let (reply, asked) = called(Model::Counter, "add", Some(Value::Int(3)), script).await;
    assert!(matches!(reply.ending, Ending::Info(_)), "{reply:?}");
    assert_eq!(asked.len(), 3);
}

#[tokio::test]
async fn an_append_whose_read_got_no_answer_has_failed() {
    let script = &[(503, TIMED_OUT)];
    let (reply, _) = called(Model::Kv, "append", Some("a".into()), script).await;
    assert!(matches!(reply.ending, Ending::Fail(_)), "{reply:?}");
}

#[tokio::test]
async fn an_update_whose_answer_is_lost_is_unknown_and_a_read_has_failed() {
    for f in ["write", "remove"] {
        let (reply, asked) = called(Model::Kv, f, Some(Value::Int(1)), &[]).await;
        assert_eq!(reply.ending, Ending::Info("connection lost".into()));
        assert_eq!(asked.len(), 1, "it was repeated");
    }
    let (reply, _) = called(Model::Kv, "read", None, &[]).await;
    assert_eq!(reply.ending, Ending::Fail("connection lost".into()));
}

#[tokio::test]
async fn an_update_that_nobody_took_has_failed() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let cluster = cluster(&[socket.local_addr().unwrap()]);
    let options = ClientOptions {
        timeout: DEADLINE,
        model: Model::Kv,
        apart: false,
    };
    let mut client = EtcdClient::new(Gateway::new(), &cluster, &options, ProcessId(0));
    let write = call("write", Some(Value::Int(1)));
    let reply = client.invoke(&"n1".into(), &write).await;
    assert_eq!(reply.ending, Ending::Fail("no connection".into()));
}

#[tokio::test]
async fn an_update_answered_in_no_words_of_etcd_is_unknown() {
    let (reply, _) = called(Model::Kv, "write", Some(Value::Int(1)), &[(200, "[]")]).await;
    assert!(matches!(reply.ending, Ending::Info(_)), "{reply:?}");
    let pair = Some(Value::list([Value::Int(5), Value::Int(9)]));
    let (reply, _) = called(Model::Kv, "cas", pair, &[(200, "{}")]).await;
    assert!(matches!(reply.ending, Ending::Info(_)), "{reply:?}");
}

#[tokio::test]
async fn a_queue_gives_its_head_once() {
    let script = &[(200, FOUND), (200, "{}"), (200, FOUND), (200, MATCHED)];
    let (reply, asked) = called(Model::Queue, "dequeue", None, script).await;
    assert_eq!(answer(&reply).value, Some(Value::Int(5)));
    assert_eq!(asked[3].1["compare"][0]["modRevision"], "7");
    let (reply, _) = called(Model::Queue, "dequeue", None, &[(200, NOTHING)]).await;
    assert_eq!(answer(&reply).value, Some(Value::Null));
    let (reply, _) = called(Model::Queue, "dequeue", None, &[(200, FOUND)]).await;
    assert!(matches!(reply.ending, Ending::Info(_)), "{reply:?}");
    let (reply, _) = called(Model::Queue, "dequeue", None, &[]).await;
    assert!(matches!(reply.ending, Ending::Fail(_)), "{reply:?}");
}

#[tokio::test]
async fn what_is_put_into_a_queue_has_a_key_that_nothing_else_has() {
    let value = Some(Value::Int(5));
    let (_, asked) = called(Model::Queue, "enqueue", value, &[(200, "{}")]).await;
    assert_eq!(
        asked[0].1["key"],
        wire::key_under(&call("enqueue", None), "p4-1")
    );
}

#[tokio::test]
async fn a_set_is_read_as_a_whole() {
    let (reply, _) = called(Model::Set, "read", None, &[(200, FOUND)]).await;
    let elements = Value::list([Value::Int(5)]);
    assert_eq!(answer(&reply).value, Some(elements));
    let (reply, _) = called(
        Model::Set,
        "contains",
        Some(Value::Int(5)),
        &[(200, NOTHING)],
    )
    .await;
    assert_eq!(answer(&reply).result, Some(false.into()));
}

#[tokio::test]
async fn an_append_to_a_log_tells_its_offset() {
    let (reply, _) = called(
        Model::Log,
        "append",
        Some(Value::Int(5)),
        &[(200, NOTHING), (200, MATCHED)],
    )
    .await;
    assert_eq!(answer(&reply).result, Some(Value::Int(0)));
}
