//! A process's client of Redis: it asks the Sentinels for the master, as applications do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use testimony_engine::{BoxFuture, Client, ClientOptions, Cluster, NodeName, ProcessId};
use testimony_history::{Call, Model, Reply};
use tokio::time::timeout;

use super::connection::Connection;
use super::resp::Resp;
use super::{commands, mishap, sentinel};
use crate::mishap::{Answered, Mishap, is_pure, reply};
use crate::wire;

/// How long it may take until a server is found and connected, of the time that a call has.
const FINDING: u32 = 2;

/// Sequential. It sends each command once. The first Sentinel that it asks is that of the node it
/// was told to ask, so that it stays on that node's side of a partition, and it keeps a connection
/// until that breaks or says that it leads to no master any more.
#[derive(Debug)]
pub(crate) struct RedisClient {
    cluster: Arc<Cluster>,
    /// Who takes a lock.
    token: String,
    model: Model,
    timeout: Duration,
    /// Whether reads go to the node that is asked, whatever it is.
    reads_at_replicas: bool,
    /// The connections by the node that was asked for a server, and by what it is asked for.
    connections: BTreeMap<(NodeName, Purpose), Server>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Purpose {
    /// Whatever the master does.
    Master,
    /// Reads of what the node has.
    Replica,
}

#[derive(Debug)]
struct Server {
    node: NodeName,
    connection: Connection,
}

impl RedisClient {
    pub(crate) fn new(
        cluster: Arc<Cluster>,
        process: ProcessId,
        options: &ClientOptions,
        reads_at_replicas: bool,
    ) -> Self {
        RedisClient {
            cluster,
            token: process.to_string(),
            model: options.model,
            timeout: options.timeout,
            reads_at_replicas,
            connections: BTreeMap::new(),
        }
    }

    async fn perform(&mut self, node: &NodeName, call: &Call) -> Reply {
        let command = match commands::request(call, self.model, &self.token) {
            Ok(command) => command,
            Err(error) => return reply(node, call, Err(Mishap::NotApplied(error))),
        };
        let purpose = if self.reads_at_replicas && is_pure(&call.f) {
            Purpose::Replica
        } else {
            Purpose::Master
        };
        // Out of the map while it is used: if anything goes wrong, it is closed.
        let kept = self.connections.remove(&(node.clone(), purpose));
        let mut server = match kept {
            Some(server) => server,
            None => match self.find(node, purpose).await {
                Ok(server) => server,
                Err(mishap) => return reply(node, call, Err(mishap)),
            },
        };
        let became = self.ask(&mut server, call, &command).await;
        let answered_by = server.node.clone();
        if became.is_ok() {
            self.connections.insert((node.clone(), purpose), server);
        }
        reply(&answered_by, call, became)
    }

    async fn ask(
        &self,
        server: &mut Server,
        call: &Call,
        command: &[String],
    ) -> Result<Answered, Mishap> {
        let asking = server.connection.ask(command);
        let heard = match timeout(self.timeout, asking).await {
            Ok(Ok(heard)) => heard,
            Ok(Err(error)) => return Err(mishap::broken(&error)),
            Err(_) => return Err(Mishap::Unknown("timeout".to_owned())),
        };
        commands::answer(call, self.model, heard).map(Answered::from)
    }

    /// A server for the purpose. Nothing of the call is sent before it is found.
    async fn find(&self, node: &NodeName, purpose: Purpose) -> Result<Server, Mishap> {
        let finding = async {
            let place = match purpose {
                Purpose::Replica => Some(node.clone()),
                Purpose::Master => sentinel::master(&self.cluster, node).await,
            };
            let place = place.ok_or_else(|| "no-master".to_owned())?;
            self.connect(&place, purpose).await
        };
        let found = timeout(self.timeout / FINDING, finding).await;
        let found = found.unwrap_or_else(|_| Err("no-server".to_owned()));
        found.map_err(Mishap::NotApplied)
    }

    /// A connection to `place`. What the Sentinel said may be old: the server says itself what it
    /// is.
    async fn connect(&self, place: &NodeName, purpose: Purpose) -> Result<Server, String> {
        let node = self.cluster.node(place).ok_or("no-such-node")?;
        let connected = Connection::open(node.client_listen).await;
        let mut connection = connected.map_err(|error| wire::word(&error))?;
        if purpose == Purpose::Master {
            let role = connection.ask(&["ROLE"]).await;
            match role.map_err(|error| wire::word(&error))? {
                Resp::Array(Some(parts)) if is_master(&parts) => {}
                _ => return Err("not-master".to_owned()),
            }
        }
        Ok(Server {
            node: place.clone(),
            connection,
        })
    }
}

fn is_master(role: &[Resp]) -> bool {
    matches!(role.first(), Some(Resp::Bulk(Some(word))) if word == "master")
}

impl Client for RedisClient {
    fn invoke<'a>(&'a mut self, node: &'a NodeName, call: &'a Call) -> BoxFuture<'a, Reply> {
        Box::pin(self.perform(node, call))
    }
}
