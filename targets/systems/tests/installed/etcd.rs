//! etcd answers its client as the client understands it.

use testimony_engine::{AdminAction, AdminError, NodeName};
use testimony_history::{Ending, Model, Value};

use crate::cluster::running;

fn pair(old: impl Into<Value>, new: impl Into<Value>) -> Option<Value> {
    Some(Value::list([old.into(), new.into()]))
}

#[tokio::test]
async fn a_map_behaves_as_a_map() {
    let Some(etcd) = running("etcd", None).await else {
        return;
    };
    let read = etcd.answer("n1", "read", None).await;
    assert_eq!(read.value, Some(Value::Null));
    let removed = etcd.answer("n2", "remove", None).await;
    assert_eq!(removed.result, Some(false.into()));

    let created = etcd.answer("n3", "cas", pair(Value::Null, 1)).await;
    assert_eq!(created.swapped, Some(true));
    let again = etcd.answer("n1", "cas", pair(Value::Null, 2)).await;
    assert_eq!((again.swapped, again.actual), (Some(false), Some(1.into())));
    let wrong = etcd.answer("n2", "cas", pair(7, 2)).await;
    assert_eq!((wrong.swapped, wrong.actual), (Some(false), Some(1.into())));
    let right = etcd.answer("n2", "cas", pair(1, 2)).await;
    assert_eq!(right.swapped, Some(true));
    assert_eq!(etcd.answer("n3", "read", None).await.value, Some(2.into()));

    let there = etcd.answer("n1", "contains", None).await;
    assert_eq!(there.result, Some(true.into()));
    let removed = etcd.answer("n3", "remove", None).await;
    assert_eq!(removed.result, Some(true.into()));
    let absent = etcd.answer("n1", "cas", pair(1, 2)).await;
    assert_eq!(
        (absent.swapped, absent.actual),
        (Some(false), Some(Value::Null))
    );

    etcd.answer("n1", "append", Some("a,".into())).await;
    etcd.answer("n2", "append", Some("b,".into())).await;
    let read = etcd.answer("n3", "read", None).await;
    assert_eq!(read.value, Some("a,b,".into()));
}

#[tokio::test]
async fn a_counter_counts_and_says_at_which_revision() {
    let Some(etcd) = running("etcd", None).await else {
        return;
    };
    let add = |node, by: i64| etcd.call(node, Model::Counter, "add", Some(by.into()));
    add("n1", 5).await;
    let reply = add("n2", -2).await;
    let Ending::Ok(answer) = reply.ending else {
        panic!("{reply:?}");
    };
    assert_eq!(answer.result, Some(3.into()));
    let names: Vec<&str> = reply.extra.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["member", "term", "revision"]);
}

#[tokio::test]
async fn leadership_is_handed_over_on_request() {
    let Some(etcd) = running("etcd", None).await else {
        return;
    };
    let everyone_knows = |status: &testimony_engine::ClusterStatus| {
        let mut nodes = status.nodes.values();
        nodes.all(|node| node.leader.is_some())
    };
    etcd.wait_for(everyone_knows).await;
    for to in ["n2", "n1", "n3"].map(NodeName::new) {
        let action = AdminAction::Transfer(to.clone());
        etcd.target.admin(&etcd.cluster, &action).await.unwrap();
        etcd.wait_for(|status| status.leader() == Some(&to)).await;
    }
    let snapshot = AdminAction::Snapshot("n1".into());
    let refused = etcd.target.admin(&etcd.cluster, &snapshot).await;
    assert!(matches!(refused, Err(AdminError::Unsupported { .. })));
}

#[tokio::test]
async fn sets_queues_and_logs_behave_as_such() {
    let Some(etcd) = running("etcd", None).await else {
        return;
    };
    let answer = async |model, node: &str, f: &str, value: Option<Value>| match etcd
        .call(node, model, f, value)
        .await
        .ending
    {
        Ending::Ok(answer) => answer,
        other => panic!("{f} at {node}: {other:?}"),
    };
    for element in [3, 1, 2] {
        answer(Model::Set, "n1", "add", Some(element.into())).await;
        answer(Model::Queue, "n2", "enqueue", Some(element.into())).await;
        answer(Model::Log, "n3", "append", Some(element.into())).await;
    }
    let removed = answer(Model::Set, "n2", "remove", Some(3.into())).await;
    assert_eq!(removed.result, Some(true.into()));
    let there = answer(Model::Set, "n3", "contains", Some(3.into())).await;
    assert_eq!(there.result, Some(false.into()));
    let list = |elements: &[i64]| Some(Value::list(elements.iter().map(|&e| Value::Int(e))));
    let read = answer(Model::Set, "n3", "read", None).await;
    assert_eq!(read.value, list(&[1, 2]));

    for element in [Value::Int(3), 1.into(), 2.into(), Value::Null] {
        let head = answer(Model::Queue, "n1", "dequeue", None).await;
        assert_eq!(head.value, Some(element));
    }

    let read = answer(Model::Log, "n1", "read", None).await;
    assert_eq!(read.value, list(&[3, 1, 2]));
    let read = answer(Model::Log, "n2", "read", Some(1.into())).await;
    assert_eq!(read.result, Some(1.into()));
    let read = answer(Model::Log, "n2", "read", Some(3.into())).await;
    assert_eq!(read.result, Some(Value::Null));
}

#[tokio::test]
async fn a_lock_goes_to_the_next_when_its_holder_is_gone() {
    let Some(etcd) = running("etcd", Some("lock")).await else {
        return;
    };
    // Each call is made by a client of its own, with which the lease of its lock ends.
    for node in ["n1", "n2", "n3"] {
        let reply = etcd.call(node, Model::Mutex, "acquire", None).await;
        let Ending::Ok(answer) = reply.ending else {
            panic!("{reply:?}");
        };
        assert_eq!(answer.result, Some(true.into()));
    }
}
