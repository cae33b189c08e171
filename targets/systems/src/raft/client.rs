//! A process's client of the Raft target.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};
use testimony_engine::map_lock::{self, LockStep};
use testimony_engine::{BoxFuture, Client, ClientOptions, NodeName, ProcessId};
use testimony_history::{Call, Ending, Reply};

use super::exchange::{Asked, Exchange, Patience, Unanswered};
use super::mishap::Certainty;
use super::wire;

const SESSION_PATH: &str = "/v1/session";
const OPERATION_PATH: &str = "/v1/operation";

/// The server has forgotten the session; a new one has to be opened.
const SESSION_EXPIRED: &str = "session-expired";

/// Sequential; updates run in a session of the client's own, which is opened with the first of
/// them.
#[derive(Debug)]
pub(crate) struct RaftClient {
    process: ProcessId,
    exchange: Exchange,
    options: ClientOptions,
    attempt: Duration,
    session: Option<Session>,
}

#[derive(Debug)]
struct Session {
    id: u64,
    /// The number of the last update.
    sequence: u64,
}

impl RaftClient {
    pub(crate) fn new(
        process: ProcessId,
        exchange: Exchange,
        options: ClientOptions,
        attempt: Duration,
    ) -> Self {
        RaftClient {
            process,
            exchange,
            options,
            attempt,
            session: None,
        }
    }

    async fn perform(&mut self, node: &NodeName, call: &Call) -> Reply {
        let patience = Patience::new(self.options.timeout, self.attempt);
        match map_lock::first_step(call) {
            Some(step) => self.lock(node, call, step, patience).await,
            None => self.ask(node, call, patience).await,
        }
    }

    /// A call on a lock, which is a key of the map: it is read, then compared and set. A read that
    /// came to nothing has changed nothing; the compare-and-set ends as any does.
    async fn lock(
        &mut self,
        node: &NodeName,
        call: &Call,
        mut step: Call,
        patience: Patience,
    ) -> Reply {
        loop {
            let mut reply = self.ask(node, &step, patience).await;
            let Ending::Ok(answer) = &reply.ending else {
                return reply;
            };
            reply.ending = match map_lock::next_step(call, self.process, &step, answer) {
                LockStep::Ask(next) => {
                    step = next;
                    continue;
                }
                LockStep::Done(answer) => Ending::Ok(answer),
                LockStep::Not(why) => Ending::Fail(why.into()),
            };
            return reply;
        }
    }

    async fn ask(&mut self, node: &NodeName, call: &Call, patience: Patience) -> Reply {
        let mut body = match wire::request(call) {
            Ok(body) => body,
            Err(error) => return failed(node, &error),
        };
        if !wire::is_pure(&call.f) {
            let (session, sequence) = match self.next_in_session(node, patience).await {
                Ok(number) => number,
                Err(reply) => return reply,
            };
            body.insert("session".to_owned(), session.into());
            body.insert("sequence".to_owned(), sequence.into());
        }
        let asked = self
            .exchange
            .ask(node, OPERATION_PATH, &Json::Object(body), patience)
            .await;
        self.reply(call, asked)
    }

    /// The session, opened if need be, and the next number in it. Without a session nothing of the
    /// operation was sent, so it has failed.
    async fn next_in_session(
        &mut self,
        node: &NodeName,
        patience: Patience,
    ) -> Result<(u64, u64), Reply> {
        if self.session.is_none() {
            let asked = self
                .exchange
                .ask(node, SESSION_PATH, &json!({}), patience)
                .await;
            let opened = asked
                .result
                .map_err(|unanswered| unanswered.error)
                .and_then(|body| {
                    let id = body.get("session").and_then(Json::as_u64);
                    id.ok_or_else(|| "an answer without `session`".to_owned())
                });
            let error = |error: String| failed(&asked.node, &format!("no session: {error}"));
            self.session = Some(Session {
                id: opened.map_err(error)?,
                sequence: 0,
            });
        }
        let session = self.session.as_mut().expect("it was opened just now");
        session.sequence += 1;
        Ok((session.id, session.sequence))
    }

    fn reply(&mut self, call: &Call, asked: Asked) -> Reply {
        let Asked {
            attempts,
            node,
            result,
        } = asked;
        let unknown = |error| Unanswered {
            certainty: Certainty::Unknown,
            error,
        };
        let answer = result.and_then(|body| {
            let answer = wire::answer(call, self.options.model, &body).map_err(unknown)?;
            Ok((answer, wire::inside(&body)))
        });
        let (ending, extra) = match answer {
            Ok((answer, extra)) => (Ending::Ok(answer), extra),
            Err(unanswered) => (self.ending(call, unanswered), Vec::new()),
        };
        Reply {
            ending,
            attempts: attempts.max(1),
            node: Some(name(&node)),
            extra,
        }
    }

    /// What an unanswered call says; see the table in `mishap`.
    fn ending(&mut self, call: &Call, unanswered: Unanswered) -> Ending {
        let error = Arc::from(unanswered.error);
        match unanswered.certainty {
            Certainty::Unknown if !wire::is_pure(&call.f) => Ending::Info(error),
            Certainty::Unknown | Certainty::NotApplied => {
                if &*error == SESSION_EXPIRED {
                    self.session = None;
                }
                Ending::Fail(error)
            }
        }
    }
}

impl Client for RaftClient {
    fn invoke<'a>(&'a mut self, node: &'a NodeName, call: &'a Call) -> BoxFuture<'a, Reply> {
        Box::pin(self.perform(node, call))
    }
}

fn failed(node: &NodeName, error: &str) -> Reply {
    let ending = Ending::Fail(error.into());
    Reply {
        ending,
        attempts: 1,
        node: Some(name(node)),
        extra: Vec::new(),
    }
}

fn name(node: &NodeName) -> Arc<str> {
    Arc::from(node.as_str())
}

#[cfg(test)]
mod tests;
