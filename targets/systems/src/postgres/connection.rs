//! A connection to a Postgres server.

use std::io;
use std::net::SocketAddr;

use super::protocol::{self, Failure, Message};
use crate::wire::{Nonsense, Wire};

/// Who owns the database of a test, without a password.
pub(crate) const USER: &str = "postgres";

/// A row: the columns as text, or null.
pub(crate) type Row = Vec<Option<String>>;

/// A connection on which one query is open at a time.
#[derive(Debug)]
pub(crate) struct Connection {
    wire: Wire,
}

impl Connection {
    /// Connects, and is greeted.
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        let wire = Wire::connect(address).await?;
        let mut connection = Connection { wire };
        let startup = protocol::startup(USER, USER);
        connection.wire.send(&startup).await?;
        match connection.answer().await? {
            Ok(_) => Ok(connection),
            Err(failure) => Err(io::Error::other(failure.state)),
        }
    }

    /// Sends a query of one statement and awaits its rows.
    pub(crate) async fn ask(&mut self, statement: &str) -> io::Result<Result<Vec<Row>, Failure>> {
        self.wire.send(&protocol::query(statement)).await?;
        self.answer().await
    }

    /// All until the server is ready for the next query, or says that it will not be.
    async fn answer(&mut self) -> io::Result<Result<Vec<Row>, Failure>> {
        let mut rows = Vec::new();
        let mut failed = None;
        loop {
            match self.wire.hear(protocol::parse).await? {
                Message::Row(row) => rows.push(row),
                Message::Error(failure) if failure.severity != "ERROR" => return Ok(Err(failure)),
                Message::Error(failure) => failed = Some(failure),
                Message::Unwelcome => return Err(Nonsense("it wants a password").into()),
                Message::Ready => return Ok(failed.map_or(Ok(rows), Err)),
                Message::Welcome | Message::Done | Message::Other => {}
            }
        }
    }
}
