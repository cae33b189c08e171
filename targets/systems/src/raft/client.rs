//! One process's client of the bundled Raft server.
//!
//! It opens a session before its first update, and sends every update under that session and a sequence
//! number, so that the server applies it once however often it arrives. Redirects are followed by hand,
//! since each hop has an outcome of its own. A request is repeated only inside one operation, under the
//! same sequence number, and the number of attempts is told.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::LOCATION;
use serde_json::{Value as Json, json};
use testimony_engine::{BoxFuture, Client, Cluster, NodeName};
use testimony_history::{Call, Ending, Function, Model, Reply};
use tokio::time::{Instant, timeout_at};

use crate::json;
use crate::raft::reply::{self, Attempt};

/// Requests that one operation may make, redirects included.
const ATTEMPTS_MAX: u32 = 6;

/// How long one operation may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// All its attempts together.
    pub(crate) operation: Duration,
    /// One request, before it is repeated elsewhere.
    pub(crate) attempt: Duration,
}

/// A sequential client.
pub(crate) struct RaftClient {
    http: reqwest::Client,
    addresses: Vec<(NodeName, String)>,
    model: Model,
    patience: Patience,
    session: Option<u64>,
    sequence: u64,
}

/// Where one operation stands.
struct Progress {
    deadline: Instant,
    attempts: u32,
    /// Index of the node that is asked next.
    node: usize,
    /// Why an earlier attempt may still take effect.
    unknown: Option<Arc<str>>,
}

impl RaftClient {
    /// A client with a session of its own, over the shared connections of `http`.
    pub(crate) fn new(
        http: reqwest::Client,
        cluster: &Cluster,
        model: Model,
        patience: Patience,
    ) -> Self {
        let address = |node: &testimony_engine::ClusterNode| format!("http://{}", node.http);
        let addresses = cluster.nodes.iter().map(|node| (node.name.clone(), address(node)));
        let addresses = addresses.collect();
        RaftClient { http, addresses, model, patience, session: None, sequence: 0 }
    }

    async fn call(&mut self, node: &NodeName, call: &Call) -> Reply {
        let mut progress = self.begin(node);
        let ending = self.attempt_until_settled(call, &mut progress).await;
        let (ending, extra) = match ending {
            Attempt::Answered(answer, evidence) => (Ending::Ok(answer), evidence),
            Attempt::Redirected(_) => (Ending::Fail(Arc::from("no leader found")), Vec::new()),
            Attempt::Failed(why) => (Ending::Fail(why), Vec::new()),
            Attempt::Unknown(why) if reply::is_read(&call.f) => (Ending::Fail(why), Vec::new()),
            Attempt::Unknown(why) => (Ending::Info(why), Vec::new()),
        };
        let node = self.addresses.get(progress.node).map(|(name, _)| Arc::from(name.as_str()));
        Reply { ending, attempts: progress.attempts.max(1), node, extra }
    }

    fn begin(&self, node: &NodeName) -> Progress {
        Progress {
            deadline: Instant::now() + self.patience.operation,
            attempts: 0,
            node: self.addresses.iter().position(|(name, _)| name == node).unwrap_or(0),
            unknown: None,
        }
    }

    async fn attempt_until_settled(&mut self, call: &Call, progress: &mut Progress) -> Attempt {
        let body = match self.request(call, progress).await {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        loop {
            progress.attempts += 1;
            let attempt = self.post(progress, "/v1/operation", &body, call).await;
            let over = progress.attempts >= ATTEMPTS_MAX || Instant::now() >= progress.deadline;
            match attempt {
                Attempt::Answered(..) => return attempt,
                Attempt::Redirected(leader) if !over => progress.node = self.next(progress, leader),
                Attempt::Unknown(why) => {
                    progress.unknown = Some(why);
                    if over {
                        return settle(progress, Attempt::Redirected(None));
                    }
                    progress.node = self.next(progress, None);
                }
                Attempt::Redirected(_) | Attempt::Failed(_) => return settle(progress, attempt),
            }
        }
    }

    /// The body of the call's request. An update needs a session first; if none can be opened, the
    /// update itself was never sent.
    async fn request(&mut self, call: &Call, progress: &mut Progress) -> Result<Json, Attempt> {
        let key = call.key.as_ref().map_or_else(|| "x".to_owned(), key_text);
        let (f, value) = wording(call);
        let mut body = json!({ "f": f, "key": key });
        if let Some(value) = value {
            body["value"] = value;
        }
        if !reply::is_read(&call.f) {
            body["session"] = Json::from(self.open_session(progress).await?);
            self.sequence += 1;
            body["sequence"] = Json::from(self.sequence);
        }
        Ok(body)
    }

    async fn open_session(&mut self, progress: &mut Progress) -> Result<u64, Attempt> {
        if let Some(session) = self.session {
            return Ok(session);
        }
        for _ in 0..ATTEMPTS_MAX {
            let answer = self.send(progress, "/v1/session", &json!({})).await;
            let (status, location, body) = match answer {
                Ok(answer) => answer,
                Err(_) if Instant::now() < progress.deadline => {
                    progress.node = self.next(progress, None);
                    continue;
                }
                Err(_) => break,
            };
            let body: Json = serde_json::from_slice(&body).unwrap_or(Json::Null);
            if let Some(session) = body.get("session").and_then(Json::as_u64) {
                self.session = Some(session);
                return Ok(session);
            }
            if status != 307 {
                break;
            }
            progress.node = self.next(progress, location);
        }
        Err(Attempt::Failed(Arc::from("no session")))
    }

    async fn post(&self, progress: &Progress, path: &str, body: &Json, call: &Call) -> Attempt {
        match self.send(progress, path, body).await {
            Ok((status, location, body)) => {
                reply::of_answer(call, self.model, status, location, &body)
            }
            Err(attempt) => attempt,
        }
    }

    async fn send(
        &self,
        progress: &Progress,
        path: &str,
        body: &Json,
    ) -> Result<(u16, Option<String>, Vec<u8>), Attempt> {
        let Some((_, address)) = self.addresses.get(progress.node) else {
            return Err(Attempt::Failed(Arc::from("no such node")));
        };
        let deadline = progress.deadline.min(Instant::now() + self.patience.attempt);
        let request = self.http.post(format!("{address}{path}")).json(body);
        let exchange = async {
            let response = request.send().await?;
            let status = response.status().as_u16();
            let location = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            let location = location.map(str::to_owned);
            Ok((status, location, response.bytes().await?.to_vec()))
        };
        match timeout_at(deadline, exchange).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(reply::of_error(&error)),
            Err(_) => Err(Attempt::Unknown(Arc::from("timeout"))),
        }
    }

    /// The node to ask next: the leader if its address was told, else the next one round.
    fn next(&self, progress: &Progress, leader: Option<String>) -> usize {
        let told = leader.and_then(|url| {
            self.addresses.iter().position(|(_, address)| {
                url.strip_prefix(address.as_str()).is_some_and(|rest| rest.starts_with('/'))
            })
        });
        told.unwrap_or((progress.node + 1) % self.addresses.len().max(1))
    }
}

impl Client for RaftClient {
    fn invoke<'a>(&'a mut self, node: &'a NodeName, call: &'a Call) -> BoxFuture<'a, Reply> {
        Box::pin(self.call(node, call))
    }
}

/// A failure of the last attempt is no failure of the operation while an earlier one may take effect.
fn settle(progress: &mut Progress, attempt: Attempt) -> Attempt {
    progress.unknown.take().map_or(attempt, Attempt::Unknown)
}

fn key_text(key: &testimony_history::Value) -> String {
    match key {
        testimony_history::Value::Str(text) => text.to_string(),
        other => other.to_string(),
    }
}

/// The server's word for the function, and its argument.
fn wording(call: &Call) -> (&str, Option<Json>) {
    match call.f {
        Function::Increment => ("add", Some(Json::from(1))),
        Function::Decrement => ("add", Some(Json::from(-1))),
        _ => (call.f.name(), call.value.as_ref().map(json::from_value)),
    }
}
