//! Postgres answers its client as the client understands it.

use testimony_history::{Model, Value};

use crate::caller::{Caller, a_map};
use crate::cluster::running;

#[tokio::test]
async fn the_primary_does_it_all_and_a_replica_is_read() {
    let Some(postgres) = running("postgres", Some("replica")).await else {
        return;
    };
    // All at the primary: what it says at once, a replica says later.
    let mut map = Caller::of(&postgres, 1, Model::Kv);
    let read = map.call("n2", "read", None).await;
    assert_eq!(read.node.as_deref(), Some("n2"));
    assert!(read.extra.iter().any(|(name, _)| &**name == "position"));
    let write = map.call("n2", "write", Some(9.into())).await;
    assert_eq!(write.node.as_deref(), Some("n1"));
    map.ok("n1", "remove", None).await;

    let mut queue = Caller::of(&postgres, 2, Model::Queue);
    assert_eq!(
        queue.ok("n1", "dequeue", None).await.value,
        Some(Value::Null)
    );
    queue.ok("n1", "enqueue", Some(1.into())).await;
    queue.ok("n1", "enqueue", Some(2.into())).await;
    for expected in [1.into(), 2.into(), Value::Null] {
        let taken = queue.ok("n1", "dequeue", None).await;
        assert_eq!(taken.value, Some(expected));
    }
    map.ok("n1", "remove", None).await;

    let mut set = Caller::of(&postgres, 3, Model::Set);
    for (f, told) in [
        ("contains", false),
        ("add", true),
        ("add", false),
        ("contains", true),
        ("remove", true),
        ("remove", false),
    ] {
        let answer = set.ok("n1", f, Some(7.into())).await;
        assert_eq!(answer.result, Some(told.into()), "{f}");
    }
    set.ok("n1", "add", Some(8.into())).await;
    let read = set.ok("n1", "read", None).await;
    assert_eq!(read.value, Some(Value::list([8.into()])));
    map.ok("n1", "remove", None).await;

    let mut log = Caller::of(&postgres, 4, Model::Log);
    log.ok("n1", "append", Some(7.into())).await;
    let place = log.ok("n1", "append", Some(8.into())).await;
    assert_eq!(place.result, Some(1.into()));
    let second = log.ok("n1", "read", Some(1.into())).await;
    assert_eq!(second.result, Some(8.into()));
    map.ok("n1", "remove", None).await;

    let mut counter = Caller::of(&postgres, 5, Model::Counter);
    counter.ok("n1", "add", Some(5.into())).await;
    let sum = counter.ok("n1", "add", Some((-2).into())).await;
    assert_eq!(sum.result, Some(3.into()));
    map.ok("n1", "remove", None).await;

    let mut one = Caller::of(&postgres, 6, Model::Mutex);
    let mut two = Caller::of(&postgres, 7, Model::Mutex);
    one.ok("n1", "acquire", None).await;
    let refused = two.ok("n1", "acquire", None).await;
    assert_eq!(refused.result, Some(false.into()));
    assert_eq!(two.failed("n1", "release", None).await, "not the holder");
    one.ok("n1", "release", None).await;
    two.ok("n1", "acquire", None).await;
}

#[tokio::test]
async fn whatever_node_is_asked_the_primary_answers() {
    let Some(postgres) = running("postgres", None).await else {
        return;
    };
    let mut map = Caller::of(&postgres, 1, Model::Kv);
    a_map(&mut map).await;
}
