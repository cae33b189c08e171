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
