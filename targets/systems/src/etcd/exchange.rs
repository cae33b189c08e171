//! The requests of one operation, all to one node, and what objects are made of: reading a key, and
//! changing it if nobody else has.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;
use testimony_engine::NodeName;
use testimony_history::{Answer, Call, Reply, Value};
use tokio::time::Instant;

use super::gateway::Gateway;
use super::wire::{self, Expected, Found};
use crate::mishap::{Answered, Mishap, reply};

/// What is known of an operation while it is carried out.
pub(crate) struct Exchange<'a> {
    gateway: &'a Gateway,
    node: &'a NodeName,
    address: SocketAddr,
    deadline: Instant,
    /// Whether reads are answered by the node alone.
    pub(crate) serializable: bool,
    attempts: u32,
    /// What the last answer told of the inside.
    inside: Vec<(Arc<str>, Value)>,
}

impl<'a> Exchange<'a> {
    /// From now on, for as long as an operation may take.
    pub(crate) fn new(
        gateway: &'a Gateway,
        node: &'a NodeName,
        address: SocketAddr,
        timeout: Duration,
    ) -> Self {
        Exchange {
            gateway,
            node,
            address,
            deadline: Instant::now() + timeout,
            serializable: false,
            attempts: 0,
            inside: Vec::new(),
        }
    }

    /// One request. Nothing is sent any more when the time is over.
    pub(crate) async fn post(&mut self, path: &str, body: &Json) -> Result<Json, Mishap> {
        self.post_until(path, body, self.deadline).await
    }

    /// As [`post`](Self::post), but waits no longer than `until`.
    pub(crate) async fn post_until(
        &mut self,
        path: &str,
        body: &Json,
        until: Instant,
    ) -> Result<Json, Mishap> {
        if Instant::now() >= until {
            return Err(Mishap::NotApplied("no time left".to_owned()));
        }
        self.attempts += 1;
        let answer = self.gateway.post(self.address, path, body, until).await?;
        self.inside = wire::inside(&answer);
        Ok(answer)
    }

    /// Reads one key.
    pub(crate) async fn read(&mut self, key: &str) -> Result<Option<Found>, Mishap> {
        let request = wire::range(key, self.serializable);
        let answer = self.post("kv/range", &request).await?;
        let found = wire::first(&answer).map_err(Mishap::Unknown)?;
        if let Some(found) = &found {
            self.note("mod_revision", found.modified);
        }
        Ok(found)
    }

    /// Reads, and writes what `next` makes of that if nobody has changed the key meanwhile, until
    /// it
    /// comes to pass or the time is over. Each comparison that did not match has changed nothing,
    /// so at most one of the transactions does.
    pub(crate) async fn change(
        &mut self,
        key: &str,
        next: impl Fn(Option<&Value>) -> Result<Value, Mishap>,
    ) -> Result<Value, Mishap> {
        let mut found = self.read(key).await.map_err(Mishap::before_sending)?;
        loop {
            let new = next(found.as_ref().map(|found| &found.value))?;
            let expected =
                found.map_or(Expected::Absent, |found| Expected::Modified(found.modified));
            match self.put_if(key, &expected, &new).await? {
                Ok(()) => return Ok(new),
                Err(now) => found = now,
            }
        }
    }

    /// Writes if the key is as expected; if not, tells what it is.
    pub(crate) async fn put_if(
        &mut self,
        key: &str,
        expected: &Expected,
        new: &Value,
    ) -> Result<Result<(), Option<Found>>, Mishap> {
        let request = wire::put_if(key, expected, new);
        let answer = self.post("kv/txn", &request).await?;
        wire::outcome(&answer).map_err(Mishap::Unknown)
    }

    /// Writes one more thing down with the answer.
    pub(crate) fn note(&mut self, name: &str, value: impl Into<Value>) {
        self.inside.push((Arc::from(name), value.into()));
    }

    /// When the time of the operation is over.
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// What is written down of the operation.
    pub(crate) fn reply(self, call: &Call, done: Result<Answer, Mishap>) -> Reply {
        let extra = self.inside;
        let became = done.map(|answer| Answered { answer, extra });
        Reply {
            attempts: self.attempts.max(1),
            ..reply(self.node, call, became)
        }
    }
}
