//! Redis answers its client as the client understands it.

use testimony_history::{Model, Value};

use crate::caller::{Caller, a_map};
use crate::cluster::{Running, running};

#[tokio::test]
async fn every_nodes_sentinel_leads_to_the_master_which_does_it_all() {
    let Some(redis) = running("redis", None).await else {
        return;
    };
    let mut map = Caller::of(&redis, 1, Model::Kv);
    a_map(&mut map).await;
    let mut queue = Caller::of(&redis, 2, Model::Queue);
    let refused = queue.failed("n1", "enqueue", Some(1.into())).await;
    assert_eq!(refused, "WRONGTYPE", "it is where a text is");
    map.ok("n1", "remove", None).await;
    queue.ok("n1", "enqueue", Some(1.into())).await;
    queue.ok("n1", "enqueue", Some(2.into())).await;
    for expected in [1.into(), 2.into(), Value::Null] {
        let taken = queue.ok("n1", "dequeue", None).await;
        assert_eq!(taken.value, Some(expected));
    }
    let mut counter = Caller::of(&redis, 3, Model::Counter);
    let sum = counter.ok("n1", "add", Some(5.into())).await;
    assert_eq!(sum.result, Some(5.into()));
    map.ok("n1", "remove", None).await;
    let mut log = Caller::of(&redis, 4, Model::Log);
    log.ok("n1", "append", Some(7.into())).await;
    let place = log.ok("n2", "append", Some(8.into())).await;
    assert_eq!(place.result, Some(1.into()));
    let whole = Value::list([7.into(), 8.into()]);
    assert_eq!(log.ok("n1", "read", None).await.value, Some(whole));
    map.ok("n1", "remove", None).await;
    a_lock_has_one_holder(&redis).await;
}

async fn a_lock_has_one_holder(redis: &Running) {
    let mut one = Caller::of(redis, 5, Model::Mutex);
    let mut two = Caller::of(redis, 6, Model::Mutex);
    one.ok("n1", "acquire", None).await;
    assert_eq!(two.failed("n2", "acquire", None).await, "held");
    assert_eq!(two.failed("n2", "release", None).await, "not the holder");
    one.ok("n1", "release", None).await;
    two.ok("n2", "acquire", None).await;
}

#[tokio::test]
async fn a_replica_is_asked_in_its_mode_only_and_for_reads_only() {
    let Some(redis) = running("redis", Some("replica-reads")).await else {
        return;
    };
    let mut client = Caller::of(&redis, 1, Model::Kv);
    let read = client.call("n2", "read", None).await;
    assert_eq!(read.node.as_deref(), Some("n2"));
    let write = client.call("n2", "write", Some(1.into())).await;
    assert_eq!(write.node.as_deref(), Some("n1"));
}
