//! The transport between nodes: one TCP connection for each direction of each pair.
//!
//! It promises nothing: messages may be lost, come late or, when a connection is replaced, out of
//! order. The protocol above does not need more. What it must do is never to block the core,
//! and to carry messages again soon after a network has healed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use testimony_consensus::NodeId;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

mod connection;
mod counters;
mod link;
mod outbox;
mod receiver;
mod wire;

#[cfg(test)]
mod tests;

pub(crate) use counters::Counters;
pub(crate) use receiver::Deliver;

use connection::Route;
use link::Link;
use outbox::Outbox;
use receiver::Receiver;
use wire::Frame;

/// Sends messages. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sender {
    outboxes: Arc<BTreeMap<NodeId, Arc<Outbox>>>,
}

impl Sender {
    /// Puts a message on its way, without waiting. What has no way is dropped.
    pub(crate) fn send<M: Serialize>(&self, to: NodeId, message: &M) {
        let Some(outbox) = self.outboxes.get(&to) else {
            tracing::debug!(%to, "no address for a member");
            return;
        };
        match wire::encode(&Frame::Message(message)) {
            Ok(frame) => match outbox.push(frame) {
                0 => {}
                dropped => tracing::debug!(%to, dropped, "too many messages wait for a peer"),
            },
            Err(error) => tracing::warn!(%to, %error, "a message cannot be sent"),
        }
    }
}

/// The tasks of the transport; they end when this is dropped.
#[derive(Debug)]
pub(crate) struct Transport {
    pub(crate) sender: Sender,
    pub(crate) counters: Counters,
    _tasks: JoinSet<()>,
}

impl Transport {
    /// Starts to accept connections, and to connect to every peer.
    pub(crate) fn start<M: DeserializeOwned + Send + 'static>(
        me: NodeId,
        listener: TcpListener,
        peers: &BTreeMap<NodeId, SocketAddr>,
        deliver: Deliver<M>,
    ) -> Self {
        let counters = Counters::new(peers.keys().copied());
        let mut tasks = JoinSet::new();
        let receiver = Receiver::new(me, counters.received.clone(), deliver);
        tasks.spawn(Arc::new(receiver).run(listener));
        let mut outboxes = BTreeMap::new();
        for (&to, &address) in peers {
            let outbox = Arc::new(Outbox::default());
            outboxes.insert(to, Arc::clone(&outbox));
            let route = Route {
                from: me,
                to,
                address,
            };
            let sent = counters.sent[&to].clone();
            tasks.spawn(
                Link {
                    route,
                    outbox,
                    sent,
                }
                .run(),
            );
        }
        let sender = Sender {
            outboxes: Arc::new(outboxes),
        };
        Transport {
            sender,
            counters,
            _tasks: tasks,
        }
    }
}
