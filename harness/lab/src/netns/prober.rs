//! Packets of the lab's own between the nodes' namespaces, to see from outside what passes.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use testimony_engine::{Link, NodeName};
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// How long to wait for a packet before another is sent: it may have been lost on a busy machine.
const PATIENCE: Duration = Duration::from_millis(20);

/// A socket in each node's namespace, which says and hears numbers.
#[derive(Debug)]
pub(super) struct Prober {
    sockets: BTreeMap<NodeName, (Arc<UdpSocket>, SocketAddr)>,
    next: AtomicU64,
    heard: watch::Sender<BTreeSet<u64>>,
    _ears: JoinSet<()>,
}

impl Prober {
    /// Hears on the sockets, which are reached at these addresses. Must be called within a runtime.
    pub(super) fn new(sockets: BTreeMap<NodeName, (UdpSocket, SocketAddr)>) -> Self {
        let heard = watch::Sender::new(BTreeSet::new());
        let mut ears = JoinSet::new();
        let mut shared = BTreeMap::new();
        for (node, (socket, address)) in sockets {
            let socket = Arc::new(socket);
            ears.spawn(hear(Arc::clone(&socket), heard.clone()));
            shared.insert(node, (socket, address));
        }
        Prober {
            sockets: shared,
            next: AtomicU64::new(1),
            heard,
            _ears: ears,
        }
    }

    /// Sends one packet along a link; its number.
    pub(super) async fn send(&self, link: &Link) -> io::Result<u64> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let unknown = || io::Error::other(format!("there is no link {link} in this cluster"));
        let (mouth, _) = self.sockets.get(&link.from).ok_or_else(unknown)?;
        let (_, ear) = self.sockets.get(&link.to).ok_or_else(unknown)?;
        mouth.send_to(&number.to_be_bytes(), ear).await?;
        Ok(number)
    }

    /// Whether the packet of that number has arrived.
    pub(super) fn has_heard(&self, number: u64) -> bool {
        self.heard.borrow().contains(&number)
    }

    /// Sends packets along a link until one arrives; whether one did before the deadline.
    pub(super) async fn passes(&self, link: &Link, deadline: Duration) -> io::Result<bool> {
        let deadline = Instant::now() + deadline;
        let mut heard = self.heard.subscribe();
        let mut sent = BTreeSet::new();
        while Instant::now() < deadline {
            sent.insert(self.send(link).await?);
            let arrival = heard.wait_for(|heard| !heard.is_disjoint(&sent));
            let until = deadline.min(Instant::now() + PATIENCE);
            if let Ok(Ok(_)) = timeout_at(until, arrival).await {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

async fn hear(socket: Arc<UdpSocket>, heard: watch::Sender<BTreeSet<u64>>) {
    let mut bytes = [0; 8];
    loop {
        // Anything else that arrives here is not from us; an error is of a packet that we sent.
        if let Ok((8, _)) = socket.recv_from(&mut bytes).await {
            let number = u64::from_be_bytes(bytes);
            heard.send_modify(|heard| {
                heard.insert(number);
            });
        }
    }
}
