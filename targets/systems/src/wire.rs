//! A connection to a server, on which one request is open at a time.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a server may take to accept. On one machine it accepts at once or never.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_millis(300);
/// No server's answer here is longer; a length beyond it is nonsense.
pub(crate) const ANSWER_MAX: usize = 16 << 20;

/// A message, and how many bytes of what was heard it takes; `None` while it is not all there.
pub(crate) type Parsed<T> = Result<Option<(T, usize)>, Nonsense>;

/// Bytes that are no message of the protocol, with the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nonsense(pub(crate) &'static str);

/// A connection, and what was heard and not yet understood.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    heard: Vec<u8>,
}

impl Wire {
    /// Connects, or says soon that it cannot.
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let late = |_| io::Error::from(io::ErrorKind::TimedOut);
        let connecting = TcpStream::connect(address);
        let stream = timeout(CONNECT_TIMEOUT, connecting).await.map_err(late)??;
        stream.set_nodelay(true)?;
        Ok(Wire {
            stream,
            heard: Vec::new(),
        })
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// The next message. After an error, or if the caller does not wait for it, the connection is
    /// of no further use: what comes next would be taken for the answer to another request.
    pub(crate) async fn hear<T>(&mut self, parse: impl Fn(&[u8]) -> Parsed<T>) -> io::Result<T> {
        loop {
            let parsed = parse(&self.heard).map_err(io::Error::from)?;
            if let Some((message, length)) = parsed {
                self.heard.drain(..length);
                return Ok(message);
            }
            if self.heard.len() > ANSWER_MAX {
                return Err(Nonsense("an answer without end").into());
            }
            if self.stream.read_buf(&mut self.heard).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

impl From<Nonsense> for io::Error {
    fn from(nonsense: Nonsense) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, nonsense.0)
    }
}

/// The word for a broken connection in a history: the same for the same cause.
pub(crate) fn word(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection-refused".to_owned(),
        io::ErrorKind::TimedOut => "no-connection".to_owned(),
        io::ErrorKind::InvalidData => format!("nonsense: {error}"),
        _ => "connection-lost".to_owned(),
    }
}
