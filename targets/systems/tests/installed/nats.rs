//! NATS answers its client as the client understands it.

use testimony_history::{Ending, Model, Value};

use crate::cluster::running;

fn pair(old: impl Into<Value>, new: impl Into<Value>) -> Option<Value> {
    Some(Value::list([old.into(), new.into()]))
}

#[tokio::test]
async fn a_bucket_read_at_its_leader_behaves_as_a_map() {
    let Some(nats) = running("nats", Some("leader")).await else {
        return;
    };
    let read = nats.answer("n1", "read", None).await;
    assert_eq!(read.value, Some(Value::Null));
    nats.answer("n2", "remove", None).await;

    let created = nats.answer("n3", "cas", pair(Value::Null, 1)).await;
    assert_eq!(created.swapped, Some(true));
    let again = nats.answer("n1", "cas", pair(Value::Null, 2)).await;
    assert_eq!((again.swapped, again.actual), (Some(false), Some(1.into())));
    let right = nats.answer("n2", "cas", pair(1, 2)).await;
    assert_eq!(right.swapped, Some(true));
    assert_eq!(nats.answer("n3", "read", None).await.value, Some(2.into()));
    nats.answer("n1", "remove", None).await;
    let there = nats.answer("n2", "contains", None).await;
    assert_eq!(there.result, Some(false.into()));

    nats.answer("n1", "append", Some("a,".into())).await;
    nats.answer("n2", "append", Some("b,".into())).await;
    let read = nats.answer("n3", "read", None).await;
    assert_eq!(read.value, Some("a,b,".into()));
}

#[tokio::test]
async fn what_is_written_reaches_every_replica_with_its_sequence() {
    let Some(nats) = running("nats", None).await else {
        return;
    };
    nats.answer("n1", "write", Some(5.into())).await;
    nats.answer("n1", "cas", pair(5, 6)).await;
    let reply = nats.call("n1", Model::Kv, "write", Some(7.into())).await;
    assert!(matches!(reply.ending, Ending::Ok(_)), "{reply:?}");
    let sequence = reply.extra.clone();
    for node in ["n1", "n2", "n3"] {
        nats.wait_for(|status| {
            let node = &status.nodes[&node.into()];
            node.applied.map(Value::from).as_ref() == Some(&sequence[0].1)
        })
        .await;
        let read = nats.call(node, Model::Kv, "read", None).await;
        assert_eq!(read.extra, sequence);
    }
}

#[tokio::test]
async fn a_counter_counts() {
    let Some(nats) = running("nats", Some("leader")).await else {
        return;
    };
    let add = |node, by: i64| nats.call(node, Model::Counter, "add", Some(by.into()));
    add("n1", 5).await;
    let Ending::Ok(answer) = add("n2", -2).await.ending else {
        panic!("no answer");
    };
    assert_eq!(answer.result, Some(3.into()));
}
