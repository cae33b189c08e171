//! A process's client: one request to one node, and what its reply says. See [`super::codes`].
//!
//! A request that a node was not there to hear has failed. One that is not answered in time is
//! unknown; a read that is not answered has failed, since it changes nothing.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use testimony_engine::json::{from_value, to_value};
use testimony_engine::{BoxFuture, Client, ClientOptions, NodeName, ProcessId};
use testimony_history::{Answer, Call, Ending, Function, Reply, Value};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::codes::{NO_SUCH_KEY, PRECONDITION_FAILED, is_definite};
use super::message::{Message, body};
use super::post::Post;
use crate::LabError;

/// Sequential; it never asks twice.
pub(crate) struct MaelstromClient {
    post: Arc<Post>,
    name: String,
    inbox: mpsc::UnboundedReceiver<Message>,
    breaks: mpsc::UnboundedSender<LabError>,
    options: ClientOptions,
    /// The number of the last request.
    number: u64,
}

impl MaelstromClient {
    pub(crate) fn new(
        post: Arc<Post>,
        process: ProcessId,
        breaks: mpsc::UnboundedSender<LabError>,
        options: ClientOptions,
    ) -> Self {
        let name = format!("c{}", process.0 + 1);
        let inbox = post.register(&name);
        MaelstromClient {
            post,
            name,
            inbox,
            breaks,
            options,
            number: 0,
        }
    }

    async fn perform(&mut self, node: &NodeName, call: &Call) -> Ending {
        let Some(mut body) = request(call) else {
            return Ending::Fail("the protocol has no such operation".into());
        };
        self.number += 1;
        body.insert("msg_id".to_owned(), self.number.into());
        let message = Message {
            src: self.name.clone(),
            dest: node.to_string(),
            body,
        };
        if !self.post.call(&message) {
            return Ending::Fail("the node is down".into());
        }
        let limit = self.options.timeout;
        match timeout(limit, self.reply()).await {
            Ok(Some(reply)) => self.ending(call, &reply),
            Ok(None) | Err(_) => unknown(call, "timeout"),
        }
    }

    /// The reply to the last request. Others are late, or come twice.
    async fn reply(&mut self) -> Option<Message> {
        loop {
            let message = self.inbox.recv().await?;
            if message.in_reply_to() == Some(self.number) {
                return Some(message);
            }
        }
    }

    fn ending(&self, call: &Call, reply: &Message) -> Ending {
        match ending(call, &reply.body) {
            Some(ending) => ending,
            None => {
                let problem = format!("this is no reply to `{}`", call.f);
                let error = LabError::Protocol {
                    node: reply.src.as_str().into(),
                    place: String::new(),
                    problem,
                    text: reply.line(),
                };
                // The run is over then, and nobody listens after its end.
                let _ = self.breaks.send(error);
                unknown(call, "no reply that can be understood")
            }
        }
    }
}

/// The body of a request; `None` if the protocol has none: it knows no comparison with nothing.
fn request(call: &Call) -> Option<Map<String, Json>> {
    let key = call.key.as_ref().map(key);
    let value = call.value.as_ref();
    let request = match (&call.f, value) {
        (Function::Read, _) => json!({ "type": "read", "key": key }),
        (Function::Write, Some(value)) => {
            json!({ "type": "write", "key": key, "value": from_value(value) })
        }
        (Function::Cas, Some(Value::List(pair))) => match &pair[..] {
            [Value::Null, _] => return None,
            [from, to] => {
                let (from, to) = (from_value(from), from_value(to));
                json!({ "type": "cas", "key": key, "from": from, "to": to })
            }
            _ => return None,
        },
        _ => return None,
    };
    Some(body(request))
}

/// Keys are numbers there: `k12` is 12.
fn key(key: &Value) -> Json {
    let number = match key {
        Value::Str(name) => name.trim_start_matches('k').parse::<u64>().ok(),
        _ => None,
    };
    number.map_or_else(|| from_value(key), Json::from)
}

/// What a reply says; `None` if it is none.
fn ending(call: &Call, body: &Map<String, Json>) -> Option<Ending> {
    let none = Answer::default();
    let kind = body.get("type").and_then(Json::as_str)?;
    if kind == "error" {
        return Some(error(call, body));
    }
    let answer = match (&call.f, kind) {
        (Function::Read, "read_ok") => Answer {
            value: Some(to_value(body.get("value")?)),
            ..none
        },
        (Function::Write, "write_ok") => none,
        (Function::Cas, "cas_ok") => Answer {
            swapped: Some(true),
            ..none
        },
        _ => return None,
    };
    Some(Ending::Ok(answer))
}

fn error(call: &Call, body: &Map<String, Json>) -> Ending {
    let code = body.get("code").and_then(Json::as_u64);
    let answer = match (&call.f, code) {
        (Function::Read, Some(NO_SUCH_KEY)) => Answer {
            value: Some(Value::Null),
            ..Answer::default()
        },
        (Function::Cas, Some(code @ (NO_SUCH_KEY | PRECONDITION_FAILED))) => Answer {
            swapped: Some(false),
            actual: (code == NO_SUCH_KEY).then_some(Value::Null),
            ..Answer::default()
        },
        (_, code) => {
            let text = body.get("text").and_then(Json::as_str).unwrap_or_default();
            let text = format!("error-{} {text}", code.unwrap_or_default());
            return match code {
                Some(code) if is_definite(code) => Ending::Fail(text.trim().into()),
                _ => unknown(call, text.trim()),
            };
        }
    };
    Ending::Ok(answer)
}

/// Nobody knows; but that a read was not answered changes nothing.
fn unknown(call: &Call, error: &str) -> Ending {
    match call.f {
        Function::Read => Ending::Fail(error.into()),
        _ => Ending::Info(error.into()),
    }
}

impl Client for MaelstromClient {
    fn invoke<'a>(&'a mut self, node: &'a NodeName, call: &'a Call) -> BoxFuture<'a, Reply> {
        Box::pin(async move {
            Reply {
                ending: self.perform(node, call).await,
                attempts: 1,
                node: Some(Arc::from(node.as_str())),
                extra: Vec::new(),
            }
        })
    }
}

impl Drop for MaelstromClient {
    fn drop(&mut self) {
        self.post.forget(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(f: &str, value: Option<Value>) -> Call {
        Call {
            f: Function::from_name(f),
            key: Some("k12".into()),
            value,
        }
    }

    fn said(call: &Call, reply: Json) -> Option<Ending> {
        ending(call, &body(reply))
    }

    #[test]
    fn a_call_is_asked_with_a_number_for_its_key() {
        let pair = Value::list([Value::Int(1), Value::Int(2)]);
        let asked = |call: &Call| Json::Object(request(call).unwrap());
        let cas = json!({ "type": "cas", "key": 12, "from": 1, "to": 2 });
        assert_eq!(asked(&call("cas", Some(pair))), cas);
        let read = json!({ "type": "read", "key": 12 });
        assert_eq!(asked(&call("read", None)), read);
    }

    #[test]
    fn a_comparison_with_nothing_is_not_sent() {
        let pair = Value::list([Value::Null, Value::Int(2)]);
        assert!(request(&call("cas", Some(pair))).is_none());
    }

    #[test]
    fn a_definite_error_has_failed_and_any_other_is_unknown() {
        let write = call("write", Some(1.into()));
        let error = |code: u64| said(&write, json!({ "type": "error", "code": code })).unwrap();
        assert!(matches!(error(11), Ending::Fail(_)));
        assert!(matches!(error(13), Ending::Info(_)));
        assert!(matches!(error(1000), Ending::Info(_)));
        let nameless = said(&write, json!({ "type": "error" })).unwrap();
        assert!(matches!(nameless, Ending::Info(_)));
    }

    #[test]
    fn that_a_key_is_absent_or_differs_is_an_answer() {
        let (read, cas) = (call("read", None), call("cas", None));
        let error = |call: &Call, code: u64| {
            let reply = json!({ "type": "error", "code": code });
            match said(call, reply).unwrap() {
                Ending::Ok(answer) => answer,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(error(&read, 20).value, Some(Value::Null));
        assert_eq!(error(&cas, 20).actual, Some(Value::Null));
        let differs = error(&cas, 22);
        assert_eq!((differs.swapped, differs.actual), (Some(false), None));
    }

    #[test]
    fn what_is_no_reply_is_told_apart() {
        let read = call("read", None);
        assert!(said(&read, json!({ "type": "write_ok" })).is_none());
        assert!(said(&read, json!({ "type": "read_ok" })).is_none());
        assert!(said(&read, json!({ "type": "read_ok", "value": null })).is_some());
    }
}
