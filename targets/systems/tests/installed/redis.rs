//! Redis answers its client as the client understands it.

use testimony_engine::{Client, ClientOptions, NodeName, ProcessId};
use testimony_history::{Answer, Call, Ending, Function, Model, Reply, Value};

use crate::cluster::{DEADLINE, Running, running};

/// One process's client.
struct Caller(Box<dyn Client>);

impl Caller {
    fn of(redis: &Running, process: u64, model: Model) -> Self {
        let options = ClientOptions {
            timeout: DEADLINE,
            model,
        };
        let process = ProcessId(process);
        Caller(redis.target.client(&redis.cluster, process, &options))
    }

    async fn call(&mut self, node: &str, f: &str, value: Option<Value>) -> Reply {
        let call = Call {
            f: Function::from_name(f),
            key: Some("x".into()),
            value,
        };
        self.0.invoke(&NodeName::new(node), &call).await
    }

    async fn ok(&mut self, node: &str, f: &str, value: Option<Value>) -> Answer {
        match self.call(node, f, value).await.ending {
            Ending::Ok(answer) => answer,
            other => panic!("{f} at {node}: {other:?}"),
        }
    }

    async fn failed(&mut self, node: &str, f: &str, value: Option<Value>) -> String {
        match self.call(node, f, value).await.ending {
            Ending::Fail(error) => error.to_string(),
            other => panic!("{f} at {node}: {other:?}"),
        }
    }
}

fn pair(old: impl Into<Value>, new: impl Into<Value>) -> Option<Value> {
    Some(Value::list([old.into(), new.into()]))
}

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

async fn a_map(map: &mut Caller) {
    map.ok("n1", "write", Some(1.into())).await;
    assert_eq!(map.ok("n2", "read", None).await.value, Some(1.into()));
    assert_eq!(map.ok("n3", "cas", pair(1, 2)).await.swapped, Some(true));
    let other = map.ok("n1", "cas", pair(1, 3)).await;
    assert_eq!((other.swapped, other.actual), (Some(false), Some(2.into())));
    let removed = map.ok("n1", "remove", None).await;
    assert_eq!(removed.result, Some(true.into()));
    let absent = map.ok("n1", "contains", None).await;
    assert_eq!(absent.result, Some(false.into()));
    let proposed = map.ok("n1", "cas", pair(Value::Null, 4)).await;
    assert_eq!(proposed.swapped, Some(true));
    map.ok("n1", "remove", None).await;
    map.ok("n1", "append", Some("1,".into())).await;
    map.ok("n1", "append", Some("2,".into())).await;
    let text = map.ok("n1", "read", None).await;
    assert_eq!(text.value, Some("1,2,".into()));
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
