//! Takes the connections of other nodes and hands their messages on.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;
use testimony_consensus::NodeId;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::counters::Counter;
use super::wire::{Frame, FrameReader, VERSION, encode_small};

/// A connection that does not say who it is for so long is closed.
const HELLO_DEADLINE: Duration = Duration::from_secs(5);
/// A living connection carries a ping far more often.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// How long a pong may wait for room in the socket's buffer.
const PONG_DEADLINE: Duration = Duration::from_secs(2);
/// Pause after the system refused to accept, for instance because no descriptor is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Where messages go. It must not block; what it cannot take is lost.
pub(crate) type Deliver<M> = Arc<dyn Fn(NodeId, M) + Send + Sync>;

/// Takes the connections of other nodes.
pub(crate) struct Receiver<M> {
    me: NodeId,
    received: BTreeMap<NodeId, Counter>,
    deliver: Deliver<M>,
    /// The connection that speaks for each peer, by the order of acceptance.
    speakers: Mutex<BTreeMap<NodeId, Speaker>>,
}

#[derive(Debug)]
struct Speaker {
    serial: u64,
    /// Dropped to close the connection.
    _close: oneshot::Sender<()>,
}

impl<M: DeserializeOwned + Send + 'static> Receiver<M> {
    pub(crate) fn new(
        me: NodeId,
        received: BTreeMap<NodeId, Counter>,
        deliver: Deliver<M>,
    ) -> Self {
        Receiver {
            me,
            received,
            deliver,
            speakers: Mutex::default(),
        }
    }

    /// Accepts for ever. The connections end with this future.
    pub(crate) async fn run(self: Arc<Self>, listener: TcpListener) {
        let mut connections = JoinSet::new();
        let mut serials = 0..;
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let serial = serials.next().unwrap_or_default();
                        connections.spawn(Arc::clone(&self).serve(stream, serial));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a connection of a peer");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }

    async fn serve(self: Arc<Self>, stream: TcpStream, serial: u64) {
        if let Err(error) = self.converse(stream, serial).await {
            tracing::debug!(%error, "the connection of a peer has ended");
        }
    }

    async fn converse(&self, stream: TcpStream, serial: u64) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let (reader, mut writer) = stream.into_split();
        let mut reader = FrameReader::new(reader);
        let from = timeout(HELLO_DEADLINE, self.hello(&mut reader)).await??;
        let (close, mut closed) = oneshot::channel();
        let mut close = Some(close);
        loop {
            let frame = tokio::select! {
                frame = timeout(IDLE_MAX, next_frame(&mut reader)) => frame??,
                _ = &mut closed, if close.is_none() => return Ok(()),
            };
            match frame {
                None => return Ok(()),
                Some(Frame::Message(message)) => {
                    if let Some(close) = close.take() {
                        self.take_over(
                            from,
                            Speaker {
                                serial,
                                _close: close,
                            },
                        );
                    }
                    self.receive(from, message);
                }
                Some(Frame::Ping) => {
                    let pong = encode_small(&Frame::Pong);
                    timeout(PONG_DEADLINE, writer.write_all(&pong)).await??;
                }
                Some(Frame::Hello { .. } | Frame::Pong) => return Err(invalid("out of place")),
            }
        }
    }

    async fn hello(&self, reader: &mut FrameReader<OwnedReadHalf>) -> io::Result<NodeId> {
        let Some(Frame::Hello { from, to, version }) = next_frame::<M>(reader).await? else {
            return Err(invalid("no hello"));
        };
        let known = self.received.contains_key(&from);
        if to != self.me || version != VERSION || !known {
            tracing::warn!(%from, %to, version, "refused a connection: wrong node or version");
            return Err(invalid("a hello of or to somebody else"));
        }
        Ok(from)
    }

    fn receive(&self, from: NodeId, message: M) {
        if let Some(counter) = self.received.get(&from) {
            counter.add(1);
        }
        (self.deliver)(from, message);
    }

    /// From its first message on, a connection speaks for its peer, and an older one is closed.
    fn take_over(&self, from: NodeId, speaker: Speaker) {
        let mut speakers = self.speakers.lock().unwrap_or_else(PoisonError::into_inner);
        if speakers
            .get(&from)
            .is_none_or(|current| current.serial < speaker.serial)
        {
            speakers.insert(from, speaker);
        }
    }
}

async fn next_frame<M: DeserializeOwned>(
    reader: &mut FrameReader<OwnedReadHalf>,
) -> io::Result<Option<Frame<M>>> {
    let Some(payload) = reader.next().await? else {
        return Ok(None);
    };
    serde_json::from_slice(payload)
        .map(Some)
        .map_err(|error| invalid(&error.to_string()))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
