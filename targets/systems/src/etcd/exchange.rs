//! The requests of one operation, all to one node.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;
use testimony_engine::NodeName;
use testimony_history::{Answer, Call, Reply, Value};
use tokio::time::Instant;

use super::gateway::Gateway;
use super::wire;
use crate::mishap::{Answered, Mishap, reply};

/// What is known of an operation while it is carried out.
pub(crate) struct Exchange<'a> {
    gateway: &'a Gateway,
    node: &'a NodeName,
    address: SocketAddr,
    deadline: Instant,
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
            attempts: 0,
            inside: Vec::new(),
        }
    }

    /// One request. Nothing is sent any more when the time is over.
    pub(crate) async fn post(&mut self, path: &str, body: &Json) -> Result<Json, Mishap> {
        if Instant::now() >= self.deadline {
            return Err(Mishap::NotApplied("no time left".to_owned()));
        }
        self.attempts += 1;
        let answer = self
            .gateway
            .post(self.address, path, body, self.deadline)
            .await?;
        self.inside = wire::inside(&answer);
        Ok(answer)
    }

    /// Writes one more thing down with the answer.
    pub(crate) fn note(&mut self, name: &str, value: impl Into<Value>) {
        self.inside.push((Arc::from(name), value.into()));
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
