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

/// Sequential. It sends each command once, to whom the Sentinel of the node that it was told to ask
/// takes for the master. It asks before each command: what an application learns by listening to
/// its Sentinel, it learns at once. So it stays on its node's side of a partition, and with a
/// master that only this side still takes for one.
#[derive(Debug)]
pub(crate) struct RedisClient {
    cluster: Arc<Cluster>,
    /// Who takes a lock.
    token: String,
    model: Model,
    timeout: Duration,
    /// Whether reads go to the node that is asked, whatever it is.
    reads_at_replicas: bool,
    sentinels: BTreeMap<NodeName, Connection>,
    servers: BTreeMap<(NodeName, Purpose), Connection>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Purpose {
    /// Whatever the master does.
    Master,
    /// Reads of what the node has.
    Replica,
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
            sentinels: BTreeMap::new(),
            servers: BTreeMap::new(),
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
        let finding = timeout(self.timeout / FINDING, self.find(node, purpose)).await;
        let found = finding.unwrap_or_else(|_| Err("no-server".to_owned()));
        // Out of the map while it is used: if anything goes wrong, it is closed.
        let (place, mut server) = match found {
            Ok(found) => found,
            Err(error) => return reply(node, call, Err(Mishap::NotApplied(error))),
        };
        let became = self.ask(&mut server, call, &command).await;
        if became.is_ok() {
            self.servers.insert((place.clone(), purpose), server);
        }
        reply(&place, call, became)
    }

    async fn ask(
        &self,
        server: &mut Connection,
        call: &Call,
        command: &[String],
    ) -> Result<Answered, Mishap> {
        let heard = match timeout(self.timeout, server.ask(command)).await {
            Ok(Ok(heard)) => heard,
            Ok(Err(error)) => return Err(mishap::broken(&error)),
            Err(_) => return Err(Mishap::Unknown("timeout".to_owned())),
        };
        commands::answer(call, self.model, heard).map(Answered::from)
    }

    /// A server for the purpose. Nothing of the call is sent before it is found.
    async fn find(
        &mut self,
        node: &NodeName,
        purpose: Purpose,
    ) -> Result<(NodeName, Connection), String> {
        let place = match purpose {
            Purpose::Replica => Some(node.clone()),
            Purpose::Master => self.master(node).await,
        };
        let place = place.ok_or("no-master")?;
        if let Some(server) = self.servers.remove(&(place.clone(), purpose)) {
            return Ok((place, server));
        }
        let server = self.connect(&place, purpose).await?;
        Ok((place, server))
    }

    /// Who the master is, as the Sentinel of `first` says, or, if that does not answer, the next.
    async fn master(&mut self, first: &NodeName) -> Option<NodeName> {
        let cluster = Arc::clone(&self.cluster);
        let start = cluster.nodes.iter().position(|node| node.name == *first)?;
        let (before, from) = cluster.nodes.split_at(start);
        for node in from.iter().chain(before) {
            let mut sentinel = match self.sentinels.remove(&node.name) {
                Some(sentinel) => sentinel,
                None => match Connection::open(sentinel::address(node)).await {
                    Ok(sentinel) => sentinel,
                    Err(_) => continue,
                },
            };
            let master = sentinel::master(&cluster, &mut sentinel).await;
            if master.is_some() {
                self.sentinels.insert(node.name.clone(), sentinel);
                return master;
            }
        }
        None
    }

    /// A connection to `place`. What the Sentinel said may be old: the server says itself what it
    /// is.
    async fn connect(&self, place: &NodeName, purpose: Purpose) -> Result<Connection, String> {
        let node = self.cluster.node(place).ok_or("no-such-node")?;
        let connected = Connection::open(node.client_listen).await;
        let mut server = connected.map_err(|error| wire::word(&error))?;
        if purpose == Purpose::Master {
            let role = server.ask(&["ROLE"]).await;
            match role.map_err(|error| wire::word(&error))? {
                Resp::Array(Some(parts)) if is_master(&parts) => {}
                _ => return Err("not-master".to_owned()),
            }
        }
        Ok(server)
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
