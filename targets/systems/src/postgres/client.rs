//! A process's client of Postgres: it asks the primary, and in one mode reads where it is told to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use testimony_engine::{BoxFuture, Client, ClientOptions, Cluster, NodeName, ProcessId};
use testimony_history::{Call, Model, Reply};
use tokio::time::{Instant, timeout_at};

use super::connection::Connection;
use super::{mishap, statements};
use crate::mishap::{Answered, Mishap, is_pure, reply};
use crate::wire;

/// Sequential. It sends each statement once, and keeps its connections until they break.
#[derive(Debug)]
pub(crate) struct PostgresClient {
    cluster: Arc<Cluster>,
    /// Who takes a lock.
    token: String,
    model: Model,
    timeout: Duration,
    /// Whether reads go to the node that is asked, whatever it is.
    reads_at_replicas: bool,
    servers: BTreeMap<NodeName, Connection>,
}

impl PostgresClient {
    pub(crate) fn new(
        cluster: Arc<Cluster>,
        process: ProcessId,
        options: &ClientOptions,
        reads_at_replicas: bool,
    ) -> Self {
        PostgresClient {
            cluster,
            token: process.to_string(),
            model: options.model,
            timeout: options.timeout,
            reads_at_replicas,
            servers: BTreeMap::new(),
        }
    }

    async fn perform(&mut self, node: &NodeName, call: &Call) -> Reply {
        let here = self.reads_at_replicas && is_pure(&call.f);
        let first = self.cluster.nodes.first().map(|primary| &primary.name);
        let place = first.filter(|_| !here).unwrap_or(node).clone();
        let became = self.at(&place, call).await;
        reply(&place, call, became)
    }

    async fn at(&mut self, place: &NodeName, call: &Call) -> Result<Answered, Mishap> {
        let statement = statements::request(call, self.model, &self.token);
        let statement = statement.map_err(Mishap::NotApplied)?;
        let deadline = Instant::now() + self.timeout;
        // Out of the map while it is used: if anything goes wrong, it is closed.
        let mut server = match self.servers.remove(place) {
            Some(server) => server,
            None => self
                .connect(place, deadline)
                .await
                .map_err(Mishap::NotApplied)?,
        };
        let rows = match timeout_at(deadline, server.ask(&statement)).await {
            Ok(Ok(Ok(rows))) => rows,
            Ok(Ok(Err(failure))) => return Err(mishap::answered(&failure)),
            Ok(Err(error)) => return Err(mishap::broken(&error)),
            Err(_) => return Err(Mishap::Unknown("timeout".to_owned())),
        };
        let answered = statements::answer(call, self.model, &rows);
        self.servers.insert(place.clone(), server);
        answered
    }

    /// A connection that was greeted; nothing of the call was sent before.
    async fn connect(&self, place: &NodeName, deadline: Instant) -> Result<Connection, String> {
        let node = self.cluster.node(place).ok_or("no-such-node")?;
        match timeout_at(deadline, Connection::open(node.client_listen)).await {
            Ok(Ok(server)) => Ok(server),
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::Other => Err(error.to_string()),
            Ok(Err(error)) => Err(wire::word(&error)),
            Err(_) => Err("no-greeting".to_owned()),
        }
    }
}

impl Client for PostgresClient {
    fn invoke<'a>(&'a mut self, node: &'a NodeName, call: &'a Call) -> BoxFuture<'a, Reply> {
        Box::pin(self.perform(node, call))
    }
}
