//! The lock's client against a server that follows a script.

use serde_json::Value as Json;
use testimony_history::{Ending, Model};

use super::*;
use crate::etcd::scripted::{DEADLINE, Scripted};

const LEASE: &str = r#"{"ID":"78","TTL":"1"}"#;
const GRANTED: &str = r#"{"header":{"revision":"9"},"key":"bC83OA=="}"#;
const TIMED_OUT: &str = r#"{"message":"etcdserver: request timed out","code":14}"#;
const GONE: &str = r#"{"message":"etcdserver: requested lease not found","code":5}"#;

/// The client sends a sign of life now and then, so each path has answers of its own.
type Script = &'static [(&'static str, u16, &'static str)];

async fn called(f: &[&str], script: Script) -> (Vec<Reply>, Vec<(String, Json)>) {
    let server = Scripted::by_path(script).await;
    let options = ClientOptions {
        apart: false,
        timeout: DEADLINE,
        model: Model::Mutex,
    };
    let lease = Duration::from_secs(60);
    let mut client = LockClient::new(Gateway::new(), &server.cluster, &options, lease);
    let mut replies = Vec::new();
    for f in f {
        let call = Call {
            f: Function::from_name(f),
            key: Some("l".into()),
            value: None,
        };
        replies.push(client.invoke(&"n1".into(), &call).await);
    }
    (replies, server.asked())
}

#[tokio::test]
async fn a_granted_lock_is_given_back_by_its_key() {
    let script: Script = &[
        ("/v3/lease/grant", 200, LEASE),
        ("/v3/lock/lock", 200, GRANTED),
        ("/v3/lock/unlock", 200, "{}"),
    ];
    let (replies, asked) = called(&["acquire", "release"], script).await;
    assert_eq!(replies[0].ending, Ending::Ok(granted()));
    assert_eq!(replies[1].ending, Ending::Ok(Answer::default()));
    let unlocked = asked.iter().find(|(path, _)| path == "/v3/lock/unlock");
    assert_eq!(unlocked.unwrap().1, json!({ "key": "bC83OA==" }));
}

#[tokio::test]
async fn a_lock_that_was_not_granted_has_failed_only_if_its_lease_is_gone() {
    for (status, revoked, fails) in [
        (200, "{}", true),
        (404, GONE, true),
        (503, TIMED_OUT, false),
    ] {
        let script = vec![
            ("/v3/lease/grant", 200, LEASE),
            ("/v3/lock/lock", 503, TIMED_OUT),
            ("/v3/lease/revoke", status, revoked),
        ];
        let (replies, _) = called(&["acquire"], script.leak()).await;
        let failed = matches!(replies[0].ending, Ending::Fail(_));
        assert_eq!(failed, fails, "{revoked}: {replies:?}");
    }
}

#[tokio::test]
async fn nothing_is_asked_for_a_lock_without_a_lease() {
    let script: Script = &[("/v3/lease/grant", 503, TIMED_OUT)];
    let (replies, asked) = called(&["acquire"], script).await;
    assert!(matches!(replies[0].ending, Ending::Fail(_)));
    assert_eq!(asked.len(), 1);
}

#[tokio::test]
async fn who_holds_nothing_gives_nothing_back() {
    let (replies, asked) = called(&["release"], &[]).await;
    assert!(matches!(replies[0].ending, Ending::Fail(_)));
    assert!(asked.is_empty());
}
