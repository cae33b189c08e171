//! One running node: opens its data, binds its sockets, and runs until it is told to stop.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use axum::serve::ListenerExt;
use serde_json::json;
use testimony_consensus::NodeId;
use testimony_consensus::bug::Bug;
use testimony_consensus::machine::store::{Command, Store};
use testimony_consensus::raft::{Envelope, Raft, Status};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::http::{self, Desk};
use crate::listen::listen;
use crate::peers::{Counters, Deliver, Transport};
use crate::runner::{Forgetfulness, Runner, Waiting, Work};
use crate::storage::{DurableLog, Identity, Opened, StorageError};
use crate::ticker::Ticker;
use crate::{NodeError, NodeOptions};

/// Inputs that may wait for the core; beyond that messages are lost and requests refused.
const WORK_MAX: usize = 8192;
/// How long requests that are under way at the end may still take.
const DRAIN: Duration = Duration::from_secs(1);
/// How long the planted bug keeps data from the disk.
const UNSYNCED: Duration = Duration::from_millis(800);

/// Runs a node until `shutdown` resolves, or until SIGTERM or SIGINT. Its first line on stdout says
/// in JSON that it serves, and where. When it returns, everything is on the disk.
///
/// # Errors
/// If the node cannot start, and when its disk fails: then nobody knows what is on it, and the next
/// start finds out.
pub async fn serve(
    options: NodeOptions,
    shutdown: impl Future<Output = ()>,
) -> Result<(), NodeError> {
    let mut terminate =
        signal(SignalKind::terminate()).map_err(system("cannot listen for SIGTERM"))?;
    let mut interrupt =
        signal(SignalKind::interrupt()).map_err(system("cannot listen for SIGINT"))?;
    if let Some(bug) = options.bug {
        warn_of(bug).map_err(system("cannot write to stderr"))?;
    }
    let node = Node::start(options).await?;
    node.announce().map_err(system("cannot write to stdout"))?;
    let told = async {
        tokio::select! {
            () = shutdown => {}
            _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
            _ = interrupt.recv() => tracing::info!("SIGINT: stopping"),
        }
    };
    node.run(told).await
}

/// A node whose core runs and whose sockets listen. [`Node::run`] serves clients.
#[derive(Debug)]
pub struct Node {
    id: NodeId,
    http: TcpListener,
    addresses: Addresses,
    desk: Desk,
    stop: Stop,
    ended: oneshot::Receiver<Result<(), StorageError>>,
    _transport: Transport,
}

/// Where a node listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// For other nodes.
    pub peer: SocketAddr,
    /// For clients.
    pub http: SocketAddr,
}

impl Node {
    /// Opens the data directory, listens, and lets the core run.
    ///
    /// # Errors
    /// If the options contradict each other, the data cannot be trusted or is in use, or an address
    /// is taken.
    pub async fn start(options: NodeOptions) -> Result<Self, NodeError> {
        options.check()?;
        if let Some(bug) = options.bug {
            tracing::warn!(%bug, "this node is wrong on purpose: {}", bug.summary());
        }
        let (core, log) = recover(&options).await?;
        let peer = listen(options.peer_listen, "peers")?;
        let http = listen(options.http_listen, "clients")?;
        let no_address = "cannot learn the address of a socket";
        let addresses = Addresses {
            peer: peer.local_addr().map_err(system(no_address))?,
            http: http.local_addr().map_err(system(no_address))?,
        };
        let (work, inbox) = sync_channel(WORK_MAX);
        let transport = transport(&options, peer, work.clone());
        let (status, watched) = watch::channel(core.status());
        let stop = Arc::new(AtomicBool::new(false));
        let ended = spawn(Runner {
            core,
            log,
            work: inbox,
            sender: transport.sender.clone(),
            status,
            ticker: ticker(&options),
            stop: Arc::clone(&stop),
            waiting: Waiting::default(),
            forgetfulness: forgetfulness(options.bug),
        })?;
        let desk = desk(&options, work, watched, transport.counters.clone());
        let stop = Stop(stop);
        let id = options.id;
        Ok(Node {
            id,
            http,
            addresses,
            desk,
            stop,
            ended,
            _transport: transport,
        })
    }

    /// Where the node listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Says on stdout that the node serves, in one line of JSON.
    fn announce(&self) -> io::Result<()> {
        let Addresses { peer, http } = self.addresses;
        let line = json!({ "ready": true, "id": self.id, "peer": peer, "http": http });
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{line}")?;
        stdout.flush()
    }

    /// Serves clients until `shutdown` resolves, then stops: requests under way are finished, and
    /// everything is on the disk when it returns.
    ///
    /// # Errors
    /// If the disk fails.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) -> Result<(), NodeError> {
        let (drain, drained) = oneshot::channel::<()>();
        let http = self.http.tap_io(|stream| drop(stream.set_nodelay(true)));
        let server = axum::serve(http, http::router(Arc::new(self.desk)))
            .with_graceful_shutdown(async { drop(drained.await) });
        let mut server_task = JoinSet::new();
        server_task.spawn(server.into_future());
        let early = tokio::select! {
            () = shutdown => None,
            ended = &mut self.ended => Some(ended),
        };
        drop(drain);
        drop(timeout(DRAIN, server_task.join_next()).await);
        drop(self.stop);
        let ended = match early {
            Some(ended) => ended,
            None => self.ended.await,
        };
        let id = self.id;
        let ended = ended.map_err(|_| NodeError::Lost { id })?;
        ended.map_err(|source| NodeError::Storage { id, source })
    }
}

/// Tells the core's thread to stop: it does not outlive the node, also when `run` is cancelled.
#[derive(Debug)]
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn system(what: &'static str) -> impl FnOnce(io::Error) -> NodeError {
    move |source| NodeError::System { what, source }
}

/// Whoever runs a node with a bug shall know it, whatever is done with its log.
fn warn_of(bug: Bug) -> io::Result<()> {
    let (name, summary) = (bug.name(), bug.summary());
    let line = "!".repeat(78);
    let text = format!(
        "{line}\n!! PLANTED BUG `{name}`: {summary}.\n!! This node is WRONG ON PURPOSE. \
         It exists to test testers; never give it data that you need.\n{line}\n"
    );
    io::stderr().lock().write_all(text.as_bytes())
}

/// The core, and the log that it goes on with.
async fn recover(options: &NodeOptions) -> Result<(Raft<Store>, DurableLog<Command>), NodeError> {
    let id = options.id;
    let (identity, data) = (
        Identity {
            id,
            voters: options.voters.clone(),
        },
        options.data.clone(),
    );
    let opening = tokio::task::spawn_blocking(move || DurableLog::open(&data, &identity));
    let opened = opening.await.map_err(|_| NodeError::Lost { id })?;
    let Opened {
        log,
        durable,
        voters,
    } = opened.map_err(|source| NodeError::Storage { id, source })?;
    let core = Raft::new(options.config(voters), durable).map_err(|error| NodeError::Core {
        id,
        reason: error.to_string(),
    })?;
    Ok((core, log))
}

fn transport(options: &NodeOptions, listener: TcpListener, work: SyncSender<Work>) -> Transport {
    let id = options.id;
    let deliver: Deliver<Envelope<Command>> = Arc::new(move |from, envelope| {
        if (envelope.from, envelope.to) == (from, id) {
            // A core that cannot follow loses messages, as a network would.
            drop(work.try_send(Work::Message(envelope)));
        }
    });
    let routes = options
        .peers
        .iter()
        .map(|(&peer, address)| (peer, address.peer))
        .collect();
    Transport::start(id, listener, &routes, deliver)
}

fn desk(
    options: &NodeOptions,
    work: SyncSender<Work>,
    status: watch::Receiver<Status>,
    counters: Counters,
) -> Desk {
    Desk {
        id: options.id,
        bug: options.bug,
        work,
        status,
        book: options
            .peers
            .iter()
            .map(|(&peer, address)| (peer, address.http))
            .collect(),
        counters,
        patience: options.request_timeout,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the core's clock starts here, at the edge"
)]
fn ticker(options: &NodeOptions) -> Ticker {
    let catch_up = if options.lease_reads {
        options.election_ticks.end
    } else {
        1
    };
    Ticker::new(options.tick, Instant::now(), catch_up)
}

fn forgetfulness(bug: Option<Bug>) -> Option<Forgetfulness> {
    (bug == Some(Bug::AckBeforeFsync)).then(|| Forgetfulness::new(UNSYNCED))
}

/// Lets the runner run on a thread of its own; the channel tells how it ended.
fn spawn(runner: Runner) -> Result<oneshot::Receiver<Result<(), StorageError>>, NodeError> {
    let (end, ended) = oneshot::channel();
    let thread = thread::Builder::new().name("core".to_owned());
    thread
        .spawn(move || drop(end.send(runner.run())))
        .map_err(system("cannot start the core's thread"))?;
    Ok(ended)
}
