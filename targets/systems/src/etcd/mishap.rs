//! What can go wrong with a request to etcd, and what it says about the operation.
//!
//! This table decides between *failed* and *unknown*, so it decides whether a verdict can be
//! trusted: to call an update failed that happens later manufactures violations. The messages are
//! those of etcd 3.4 and 3.5. What is not in the table is unknown.
//!
//! | what the client met | certainty | because |
//! |---|---|---|
//! | no connection (refused, or not made in time) | not applied | nothing was sent |
//! | `etcdserver: too many requests` | not applied | said before a proposal is made |
//! | `etcdserver: request is too large` | not applied | said before a proposal is made |
//! | `etcdserver: key is not provided` | not applied | the request is refused unread |
//! | `etcdserver: duplicate key given in txn request` | not applied | refused unread |
//! | `etcdserver: too many operations in txn request` | not applied | refused unread |
//! | `etcdserver: requested lease not found` | not applied | a put looks for its lease first, in
//! the
//! same step of the log |
//! | `raft proposal dropped` | not applied | told by the node's own Raft, which took nothing into
//! its log and sent nothing on |
//! | `etcdserver: request timed out`, with or without a reason | unknown | the proposal is in the
//! log of some node and may yet be committed |
//! | `context deadline exceeded`, `context canceled` | unknown | the wait ended, not the proposal |
//! | `etcdserver: leader changed`, `etcdserver: no leader` | unknown | nothing says at what moment
//! |
//! | `etcdserver: mvcc: database space exceeded` | unknown | said both before and after the put |
//! | `etcdserver: server stopped` | unknown | it may have been proposed |
//! | 200 with a body that is no answer | unknown | it was done, but not as we understand it |
//! | reset or closed after sending, no answer in time | unknown | nothing is known |
//! | any other message or status | unknown | it was not studied |
//!
//! One operation is one request to one node. Only where etcd has no such operation, and a
//! transaction with a comparison stands for it, is there more than one: a comparison that did not
//! match is certain to have changed nothing, so the next one may be tried. A read that got no
//! answer
//! has *failed*, whatever happened: it changes nothing, so it may be dropped from a history.

use serde_json::Value as Json;

use crate::mishap::Mishap;

/// The messages that are certain.
const NOT_APPLIED: [&str; 7] = [
    "etcdserver: too many requests",
    "etcdserver: request is too large",
    "etcdserver: key is not provided",
    "etcdserver: duplicate key given in txn request",
    "etcdserver: too many operations in txn request",
    "etcdserver: requested lease not found",
    "raft proposal dropped",
];

/// An answer other than 200, from its status and its body.
pub(crate) fn answered(status: u16, body: &Json) -> Mishap {
    let message = body.get("message").and_then(Json::as_str);
    let error = message.map_or_else(|| format!("status {status}"), ToOwned::to_owned);
    match message.is_some_and(|message| NOT_APPLIED.contains(&message)) {
        true => Mishap::NotApplied(error),
        false => Mishap::Unknown(error),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn is_certain(status: u16, message: &str) -> bool {
        let body = json!({"error": message, "message": message, "code": 14});
        answered(status, &body) == Mishap::NotApplied(message.to_owned())
    }

    #[test]
    fn what_is_refused_before_it_is_proposed_has_failed() {
        for message in NOT_APPLIED {
            assert!(is_certain(400, message), "{message}");
        }
    }

    #[test]
    fn what_may_have_been_proposed_is_unknown() {
        for (status, message) in [
            (503, "etcdserver: request timed out"),
            (
                503,
                "etcdserver: request timed out, possibly due to previous leader failure",
            ),
            (
                503,
                "etcdserver: request timed out, possibly due to connection lost",
            ),
            (503, "etcdserver: leader changed"),
            (503, "etcdserver: server stopped"),
            (500, "context deadline exceeded"),
            (500, "context canceled"),
            (429, "etcdserver: mvcc: database space exceeded"),
            (503, "transport is closing"),
        ] {
            assert!(!is_certain(status, message), "{message}");
        }
    }

    #[test]
    fn what_is_not_in_the_table_is_unknown_and_named_by_its_status() {
        let stream = json!({"error": {"grpc_code": 14, "message": "etcdserver: no leader"}});
        for body in [json!({}), json!("Not Found"), json!({"message": 3}), stream] {
            let mishap = answered(502, &body);
            assert_eq!(mishap, Mishap::Unknown("status 502".to_owned()));
        }
    }
}
