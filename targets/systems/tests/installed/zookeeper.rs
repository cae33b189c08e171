//! ZooKeeper answers its client as the client understands it.

use testimony_history::{Model, Value};

use crate::caller::{Caller, a_map, pair};
use crate::cluster::running;

#[tokio::test]
async fn one_session_does_it_all_at_every_server() {
    let Some(zookeeper) = running("zookeeper", Some("quorum-reads")).await else {
        return;
    };
    let mut map = Caller::of(&zookeeper, 1, Model::Kv);
    a_map(&mut map).await;
    // What was removed and made again is another, though its version is the same.
    map.ok("n1", "remove", None).await;
    map.ok("n2", "write", Some(7.into())).await;
    let other = map.ok("n3", "cas", pair("1,2,", 8)).await;
    assert_eq!((other.swapped, other.actual), (Some(false), Some(7.into())));
    let reply = map.call("n3", "read", None).await;
    assert!(reply.extra.iter().any(|(name, _)| &**name == "zxid"));
    assert_eq!(map.ok("n1", "read", None).await.value, Some(7.into()));
    map.ok("n1", "remove", None).await;

    let mut queue = Caller::of(&zookeeper, 2, Model::Queue);
    queue.ok("n1", "enqueue", Some(1.into())).await;
    queue.ok("n2", "enqueue", Some(2.into())).await;
    for expected in [1.into(), 2.into(), Value::Null] {
        let taken = queue.ok("n3", "dequeue", None).await;
        assert_eq!(taken.value, Some(expected));
    }
    map.ok("n1", "remove", None).await;
    let mut counter = Caller::of(&zookeeper, 3, Model::Counter);
    counter.ok("n1", "add", Some(5.into())).await;
    let sum = counter.ok("n2", "add", Some((-2).into())).await;
    assert_eq!(sum.result, Some(3.into()));
    map.ok("n1", "remove", None).await;

    let mut one = Caller::of(&zookeeper, 4, Model::Mutex);
    let mut two = Caller::of(&zookeeper, 5, Model::Mutex);
    one.ok("n1", "acquire", None).await;
    let refused = two.ok("n2", "acquire", None).await;
    assert_eq!(refused.result, Some(false.into()));
    assert_eq!(two.failed("n2", "release", None).await, "not the holder");
    one.ok("n3", "release", None).await;
    two.ok("n2", "acquire", None).await;
}
