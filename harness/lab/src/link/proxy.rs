//! The proxy of one directed link: a listener that the sender connects to instead of the receiver.
//!
//! What the sender writes crosses the link's own gate; what comes back on the same connection
//! crosses the gate of the opposite link. So a cut of one direction is really of one direction:
//! only the kernel's acknowledgements, which nobody's protocol sees, still flow.
//!
//! A connection that is open when the cut comes stays open, as in a real network, and what was sent
//! into it arrives after the heal, late. A connection that is attempted during the cut reaches
//! nobody; it is reset at the heal, so that its owner tries again at once.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::gate::{Counters, Gate};
use super::pipe::{self, End};

/// How long a destination may take to accept; on loopback it answers at once or never.
const CONNECT_DEADLINE: Duration = Duration::from_secs(2);
/// How long to wait after a failed accept, so as not to spin while descriptors are short.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
/// How long reset connections may take to be gone.
const RESET_DEADLINE: Duration = Duration::from_secs(1);

/// One direction between two nodes: what passes, and what has passed.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) gate: Gate,
    pub(crate) counters: Counters,
}

/// The proxy of one directed link.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) forward: Arc<Way>,
    backward: Arc<Way>,
    seed: u64,
    connections: AtomicU64,
    open: watch::Sender<BTreeSet<u64>>,
    resets: watch::Sender<()>,
}

impl Way {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Way {
            gate: Gate::new(),
            counters: Counters::default(),
        })
    }
}

impl Proxy {
    pub(crate) fn new(forward: Arc<Way>, backward: Arc<Way>, seed: u64) -> Arc<Self> {
        Arc::new(Proxy {
            forward,
            backward,
            seed,
            connections: AtomicU64::new(0),
            open: watch::Sender::new(BTreeSet::new()),
            resets: watch::Sender::new(()),
        })
    }

    /// Accepts for ever; the connections end with this future.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener, destination: SocketAddr) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((inbound, _)) => {
                        let proxy = Arc::clone(&self);
                        connections.spawn(proxy.converse(inbound, destination));
                    }
                    // Out of descriptors, or the peer has gone already: the next one may do.
                    Err(error) => {
                        tracing::warn!(%error, "a link could not accept a connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }

    /// Drops every open connection of this link with a TCP reset. Returns how many there were.
    pub(crate) async fn reset(&self) -> io::Result<usize> {
        let open = self.open.borrow().clone();
        self.resets.send_replace(());
        let mut now = self.open.subscribe();
        let gone = now.wait_for(|now| now.is_disjoint(&open));
        match timeout(RESET_DEADLINE, gone).await {
            Ok(_) => Ok(open.len()),
            Err(_) => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "connections outlived a reset",
            )),
        }
    }

    async fn converse(self: Arc<Self>, inbound: TcpStream, destination: SocketAddr) {
        let number = self.connections.fetch_add(1, Ordering::SeqCst);
        let resets = self.resets.subscribe();
        self.open.send_modify(|open| {
            open.insert(number);
        });
        let _open = Registration {
            open: &self.open,
            number,
        };
        self.forward.counters.connected();
        let luck = ChaCha8Rng::seed_from_u64(self.seed.wrapping_add(number));
        let forward = (&self.forward.gate, &self.forward.counters);
        let backward = (&self.backward.gate, &self.backward.counters);
        conduct(inbound, destination, [forward, backward], resets, luck).await;
    }

    /// Carries a connection of the lab's own over this link; it is not counted as the nodes'
    /// traffic.
    pub(crate) async fn carry_probe(
        self: Arc<Self>,
        inbound: TcpStream,
        destination: SocketAddr,
        counters: Arc<Counters>,
    ) {
        let luck = ChaCha8Rng::seed_from_u64(self.seed);
        // A sender of its own: a probe must not be reset together with the nodes' connections.
        let resets = watch::Sender::new(());
        let forward = (&self.forward.gate, &*counters);
        let backward = (&self.backward.gate, &*counters);
        conduct(
            inbound,
            destination,
            [forward, backward],
            resets.subscribe(),
            luck,
        )
        .await;
    }
}

/// Keeps the list of open connections true on every way out.
struct Registration<'a> {
    open: &'a watch::Sender<BTreeSet<u64>>,
    number: u64,
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        self.open.send_modify(|open| {
            open.remove(&self.number);
        });
    }
}

type Direction<'a> = (&'a Gate, &'a Counters);

async fn conduct(
    inbound: TcpStream,
    destination: SocketAddr,
    [forward, backward]: [Direction<'_>; 2],
    mut resets: watch::Receiver<()>,
    luck: ChaCha8Rng,
) {
    let connecting = async {
        if forward.0.shape().cut {
            healed(forward.0).await;
            return None;
        }
        let outbound = connect(destination).await;
        if outbound.is_none() {
            healed(backward.0).await;
        }
        outbound
    };
    let outbound = tokio::select! {
        outbound = connecting => outbound,
        _ = resets.changed() => None,
    };
    let Some(outbound) = outbound else {
        abort(&inbound);
        return;
    };
    let _ = inbound.set_nodelay(true);
    tokio::select! {
        () = both_ways(&inbound, &outbound, [forward, backward], luck) => {}
        _ = resets.changed() => {
            abort(&inbound);
            abort(&outbound);
        }
    }
}

/// Until the end of one side has reached the other.
async fn both_ways(
    inbound: &TcpStream,
    outbound: &TcpStream,
    [forward, backward]: [Direction<'_>; 2],
    luck: ChaCha8Rng,
) {
    let mut there = std::pin::pin!(pipe::carry(inbound, outbound, forward, luck.clone()));
    let mut back = std::pin::pin!(pipe::carry(outbound, inbound, backward, luck));
    let (mut there_broken, mut back_broken) = (false, false);
    // A receiver that takes no more has ended its own stream, too: that end still has to cross
    // back, which a cut of that direction may prevent for now.
    while !(there_broken && back_broken) {
        tokio::select! {
            end = &mut there, if !there_broken => match end {
                End::Crossed => return,
                End::Broken => there_broken = true,
            },
            end = &mut back, if !back_broken => match end {
                End::Crossed => return,
                End::Broken => back_broken = true,
            },
        }
    }
}

async fn connect(destination: SocketAddr) -> Option<TcpStream> {
    let stream = timeout(CONNECT_DEADLINE, TcpStream::connect(destination))
        .await
        .ok()?
        .ok()?;
    let _ = stream.set_nodelay(true);
    Some(stream)
}

/// Waits until the gate is not cut.
async fn healed(gate: &Gate) {
    let mut changes = gate.changes();
    while gate.shape().cut {
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// Makes the drop of this socket a reset rather than an orderly end.
fn abort(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

/// A listener for one link on a port of the kernel's choice.
pub(crate) async fn listen() -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}
