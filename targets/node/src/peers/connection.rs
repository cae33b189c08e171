//! One connection that this node opened to another: it writes frames and listens for pongs.

use std::io;
use std::net::SocketAddr;

use testimony_consensus::NodeId;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::outbox::Batch;
use super::wire::{Frame, FrameReader, VERSION, encode_small};

/// An open connection, its hello on the way.
#[derive(Debug)]
pub(crate) struct Connection {
    reader: FrameReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    unwritten: Vec<u8>,
    written: usize,
}

/// Who calls whom, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) from: NodeId,
    pub(crate) to: NodeId,
    pub(crate) address: SocketAddr,
}

impl Connection {
    /// Connects and says hello.
    pub(crate) async fn open(route: Route) -> io::Result<Self> {
        let stream = TcpStream::connect(route.address).await?;
        stream.set_nodelay(true)?;
        let (reader, writer) = stream.into_split();
        let hello = Frame::Hello {
            from: route.from,
            to: route.to,
            version: VERSION,
        };
        let unwritten = encode_small(&hello);
        let reader = FrameReader::new(reader);
        let mut connection = Connection {
            reader,
            writer,
            unwritten,
            written: 0,
        };
        connection.flush().await?;
        Ok(connection)
    }

    /// Connects, and waits until the other side has answered a ping: bytes get through both ways.
    pub(crate) async fn open_proven(route: Route) -> io::Result<Self> {
        let mut connection = Connection::open(route).await?;
        connection.ping();
        connection.flush().await?;
        connection.pong().await?;
        Ok(connection)
    }

    /// Everything that it was given has gone to the kernel.
    pub(crate) fn is_flushed(&self) -> bool {
        self.written == self.unwritten.len()
    }

    /// Takes frames to write. Call it when everything is flushed.
    pub(crate) fn load(&mut self, batch: Batch) {
        self.unwritten = batch.bytes;
        self.written = 0;
    }

    /// Adds a ping behind whatever is to be written.
    pub(crate) fn ping(&mut self) {
        if self.is_flushed() {
            self.unwritten.clear();
            self.written = 0;
        }
        self.unwritten
            .extend_from_slice(&encode_small(&Frame::Ping));
    }

    /// Writes what it was given. Dropping the future loses nothing.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        while !self.is_flushed() {
            match self.writer.write(&self.unwritten[self.written..]).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                written => self.written += written,
            }
        }
        Ok(())
    }

    /// Waits for a pong. Dropping the future loses nothing.
    ///
    /// # Errors
    /// When the connection has ended.
    pub(crate) async fn pong(&mut self) -> io::Result<()> {
        pong(&mut self.reader).await
    }

    /// Writes what it was given, and returns when that is done or a pong came.
    pub(crate) async fn progress(&mut self) -> io::Result<Progress> {
        let Connection {
            reader,
            writer,
            unwritten,
            written,
        } = self;
        let rest = &unwritten[*written..];
        tokio::select! {
            heard = pong(reader) => heard.map(|()| Progress::Pong),
            count = writer.write(rest), if !rest.is_empty() => {
                *written += count?;
                Ok(Progress::Wrote)
            }
        }
    }
}

/// What happened on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The other side answered a ping.
    Pong,
    /// Some bytes went to the kernel.
    Wrote,
}

async fn pong(reader: &mut FrameReader<OwnedReadHalf>) -> io::Result<()> {
    let Some(payload) = reader.next().await? else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    match serde_json::from_slice::<Frame<()>>(payload) {
        Ok(Frame::Pong) => Ok(()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "not a pong")),
    }
}
