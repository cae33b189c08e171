//! The interface for clients, operators and testers: JSON over HTTP.
//!
//! | request | what it does |
//! |---|---|
//! | `POST /v1/session` | opens a session: `{"session":17}` |
//! | `POST /v1/operation` | reads or updates a key; see [`operation`] |
//! | `GET /status` | what the node thinks of itself and of its peers |
//! | `POST /admin/members` | `{"add":"n4"}` or `{"remove":"n4"}` |
//! | `POST /admin/transfer` | `{"to":"n2"}` |
//! | `POST /admin/snapshot` | takes a snapshot of this node's state |
//!
//! | status | body | what it means for an operation |
//! |---|---|---|
//! | 200 | the result, with `term` and `index` of the log where there is one | it was done |
//! | 307 | `not-leader`, and the leader's address in `Location` | failed |
//! | 400, 404, 405, 413 | what is wrong with the request | failed |
//! | 409 | `session-expired` | failed |
//! | 422 | the key holds a value of another type | failed |
//! | 503 | `no-leader`, `overloaded` | failed |
//! | 503 | `uncertain`, `timeout` | unknown; a read failed |
//!
//! `outcome` in the body says the last column.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, Uri};
use axum::routing::{get, post};
use serde_json::json;
use testimony_consensus::NodeId;
use testimony_consensus::bug::Bug;
use testimony_consensus::machine::store::Store;
use testimony_consensus::raft::{Reply, Request, Status};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use crate::peers::Counters;
use crate::runner::Work;

mod answer;
mod operation;

pub(crate) use answer::Answer;

use answer::Outcome;
use operation::Malformed;

/// What the handlers share: the way to the core, and what they may tell.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) id: NodeId,
    pub(crate) bug: Option<Bug>,
    pub(crate) work: SyncSender<Work>,
    pub(crate) status: watch::Receiver<Status>,
    /// Where clients reach the other nodes.
    pub(crate) book: BTreeMap<NodeId, SocketAddr>,
    pub(crate) counters: Counters,
    pub(crate) patience: Duration,
}

/// Small enough for a full batch of entries to fit into one frame between nodes.
const BODY_BYTES_MAX: usize = 128 * 1024;

type Shared = State<Arc<Desk>>;
type Body = Result<Bytes, BytesRejection>;

/// All routes.
pub(crate) fn router(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/v1/session", post(session))
        .route("/v1/operation", post(operate))
        .route("/status", get(status))
        .route("/admin/members", post(members))
        .route("/admin/transfer", post(transfer))
        .route("/admin/snapshot", post(snapshot))
        .method_not_allowed_fallback(async || {
            refused(StatusCode::METHOD_NOT_ALLOWED, "no such method")
        })
        .fallback(async || refused(StatusCode::NOT_FOUND, "no such path"))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(desk)
}

async fn session(State(desk): Shared, uri: Uri) -> Answer {
    desk.settle(Request::OpenSession, uri.path()).await
}

async fn operate(State(desk): Shared, uri: Uri, body: Body) -> Answer {
    match understood(body, operation::operation) {
        Ok(request) => desk.settle(request, uri.path()).await,
        Err(answer) => answer,
    }
}

async fn members(State(desk): Shared, uri: Uri, body: Body) -> Answer {
    match understood(body, operation::members) {
        Ok((request, node)) => desk.settle_about(node, request, uri.path()).await,
        Err(answer) => answer,
    }
}

async fn transfer(State(desk): Shared, uri: Uri, body: Body) -> Answer {
    match understood(body, operation::transfer) {
        Ok((request, node)) => desk.settle_about(node, request, uri.path()).await,
        Err(answer) => answer,
    }
}

async fn snapshot(State(desk): Shared, uri: Uri) -> Answer {
    desk.settle(Request::Snapshot, uri.path()).await
}

async fn status(State(desk): Shared) -> Answer {
    let mut body = json!(*desk.status.borrow());
    body["bug"] = json!(desk.bug.map(Bug::name));
    body["peer_sent"] = json!(Counters::read(&desk.counters.sent));
    body["peer_received"] = json!(Counters::read(&desk.counters.received));
    Answer::done(body)
}

fn understood<T>(body: Body, parse: fn(&[u8]) -> Result<T, Malformed>) -> Result<T, Answer> {
    let body = body.map_err(|rejection| refused(rejection.status(), &rejection.body_text()))?;
    parse(&body).map_err(|error| refused(StatusCode::BAD_REQUEST, &error.to_string()))
}

fn refused(status: StatusCode, why: &str) -> Answer {
    Answer::error(status, why, Outcome::Failed)
}

impl Desk {
    /// Asks the core, and turns what it says into an answer. `path` is where a redirect leads.
    async fn settle(&self, request: Request<Store>, path: &str) -> Answer {
        let is_read = matches!(request, Request::Query(_));
        match self.ask(request).await {
            Ok(Reply::NotLeader { leader }) => self.redirect(leader, path),
            Ok(reply) => answer::of_reply(reply, is_read, self.status.borrow().term),
            Err(silence) => silence.answer(is_read),
        }
    }

    /// The same for a request about a member, which must be in the address book.
    async fn settle_about(&self, node: NodeId, request: Request<Store>, path: &str) -> Answer {
        if node == self.id || self.book.contains_key(&node) {
            return self.settle(request, path).await;
        }
        let why = format!("{node} is not in the address book of {}", self.id);
        refused(StatusCode::UNPROCESSABLE_ENTITY, &why)
    }

    async fn ask(&self, request: Request<Store>) -> Result<Reply<Store>, Silence> {
        let (sender, reply) = oneshot::channel();
        match self.work.try_send(Work::Request(request, sender)) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(Silence::Overloaded),
            Err(TrySendError::Disconnected(_)) => return Err(Silence::Stopping),
        }
        match timeout(self.patience, reply).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(_)) => Err(Silence::Stopped),
            Err(_) => Err(Silence::Timeout),
        }
    }

    fn redirect(&self, leader: Option<NodeId>, path: &str) -> Answer {
        let address = leader.and_then(|leader| Some((leader, self.book.get(&leader)?)));
        match address {
            Some((leader, address)) => {
                Answer::elsewhere(&leader.to_string(), format!("http://{address}{path}"))
            }
            None => refused(StatusCode::SERVICE_UNAVAILABLE, "no-leader"),
        }
    }
}

/// Why the core said nothing.
#[derive(Clone, Copy, Debug)]
enum Silence {
    /// Too much waits already; it was not asked.
    Overloaded,
    /// It has ended; it was not asked.
    Stopping,
    /// It ended before it answered.
    Stopped,
    /// It did not answer in time.
    Timeout,
}

impl Silence {
    fn answer(self, is_read: bool) -> Answer {
        let unknown = if is_read {
            Outcome::Failed
        } else {
            Outcome::Unknown
        };
        let (error, outcome) = match self {
            Silence::Overloaded => ("overloaded", Outcome::Failed),
            Silence::Stopping => ("stopping", Outcome::Failed),
            Silence::Stopped => ("uncertain", unknown),
            Silence::Timeout => ("timeout", unknown),
        };
        Answer::error(StatusCode::SERVICE_UNAVAILABLE, error, outcome)
    }
}
