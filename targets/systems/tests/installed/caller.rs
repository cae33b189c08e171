//! A process's client, asked in few words.

use testimony_engine::{Client, ClientOptions, NodeName, ProcessId};
use testimony_history::{Answer, Call, Ending, Function, Model, Reply, Value};

use crate::cluster::{DEADLINE, Running};

/// One process's client.
pub(crate) struct Caller(Box<dyn Client>);

impl Caller {
    pub(crate) fn of(of: &Running, process: u64, model: Model) -> Self {
        let options = ClientOptions {
            apart: false,
            timeout: DEADLINE,
            model,
        };
        let process = ProcessId(process);
        Caller(of.target.client(&of.cluster, process, &options))
    }

    pub(crate) async fn call(&mut self, node: &str, f: &str, value: Option<Value>) -> Reply {
        let call = Call {
            f: Function::from_name(f),
            key: Some("x".into()),
            value,
        };
        self.0.invoke(&NodeName::new(node), &call).await
    }

    pub(crate) async fn ok(&mut self, node: &str, f: &str, value: Option<Value>) -> Answer {
        match self.call(node, f, value).await.ending {
            Ending::Ok(answer) => answer,
            other => panic!("{f} at {node}: {other:?}"),
        }
    }

    pub(crate) async fn failed(&mut self, node: &str, f: &str, value: Option<Value>) -> String {
        match self.call(node, f, value).await.ending {
            Ending::Fail(error) => error.to_string(),
            other => panic!("{f} at {node}: {other:?}"),
        }
    }
}

/// What a compare-and-set expects, and what it writes.
pub(crate) fn pair(old: impl Into<Value>, new: impl Into<Value>) -> Option<Value> {
    Some(Value::list([old.into(), new.into()]))
}

/// All that a map can do, asked of any node.
pub(crate) async fn a_map(map: &mut Caller) {
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
