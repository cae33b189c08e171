//! A connection to a Redis server or a Sentinel.

use std::io;
use std::net::SocketAddr;

use super::resp::{self, Resp};
use crate::wire::Wire;

/// A connection on which one command is open at a time.
#[derive(Debug)]
pub(crate) struct Connection {
    wire: Wire,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        let wire = Wire::connect(address).await?;
        Ok(Connection { wire })
    }

    /// Sends a command and awaits its answer.
    pub(crate) async fn ask<S: AsRef<str>>(&mut self, words: &[S]) -> io::Result<Resp> {
        self.wire.send(&resp::command(words)).await?;
        self.wire.hear(resp::parse).await
    }
}
