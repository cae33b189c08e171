//! A client's session, which outlives its connections, and is carried from server to server.

use std::io;

use testimony_engine::{ClusterNode, NodeName};

use super::jute;
use super::packets::{self, Code, Found, Identity, Request};
use crate::wire::{Nonsense, Wire};

/// How long the servers keep a session without a word of it.
const TIMEOUT_MS: i32 = 10_000;

/// Who the client is, and what it has seen. A server that has seen less refuses it, so that a
/// client never goes back in time, also when it changes servers.
#[derive(Debug, Default)]
pub(crate) struct Session {
    identity: Identity,
    /// The latest change that any answer told of.
    seen: i64,
    connection: Option<Connection>,
}

#[derive(Debug)]
struct Connection {
    node: NodeName,
    wire: Wire,
    /// The number of the last request.
    xid: i32,
}

impl Session {
    /// The latest change that any answer told of.
    pub(crate) fn seen(&self) -> i64 {
        self.seen
    }

    /// Closes the connection: an answer that is not awaited any more must not be taken for the next
    /// one.
    pub(crate) fn disconnect(&mut self) {
        self.connection = None;
    }

    /// Goes on with the session at `node`, or begins one. Without an error, `node` takes requests.
    pub(crate) async fn move_to(&mut self, node: &ClusterNode) -> io::Result<()> {
        if self
            .connection
            .as_ref()
            .is_some_and(|open| open.node == node.name)
        {
            return Ok(());
        }
        self.connection = None;
        let mut wire = Wire::connect(node.client_listen).await?;
        let record = packets::connect(&self.identity, self.seen, TIMEOUT_MS);
        wire.send(&record).await?;
        let answer = wire.hear(jute::frame).await?;
        let Some(identity) = packets::connected(&answer)? else {
            // The next attempt begins a new one.
            self.identity = Identity::default();
            return Err(io::Error::other("session-expired"));
        };
        self.identity = identity;
        let node = node.name.clone();
        self.connection = Some(Connection { node, wire, xid: 0 });
        Ok(())
    }

    /// Sends a request and awaits its answer. After an error the connection is closed.
    pub(crate) async fn ask(&mut self, request: &Request) -> io::Result<Result<Found, Code>> {
        let closed = || io::Error::from(io::ErrorKind::NotConnected);
        let mut connection = self.connection.take().ok_or_else(closed)?;
        connection.xid = connection.xid.wrapping_add(1).max(1);
        connection
            .wire
            .send(&request.framed(connection.xid))
            .await?;
        let record = connection.wire.hear(jute::frame).await?;
        let response = request.response(&record)?;
        if response.xid != connection.xid {
            return Err(Nonsense("an answer to another request").into());
        }
        self.seen = self.seen.max(response.zxid);
        self.connection = Some(connection);
        Ok(response.result)
    }
}
