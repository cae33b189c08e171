//! One process's connection to one server, for requests one after the other.

use std::io;
use std::net::SocketAddr;

use tokio::time::{Instant, timeout_at};

use super::protocol::{self, Frame, Message};
use crate::mishap::Mishap;
use crate::wire::{Wire, word};

/// A connection whose greeting was answered.
#[derive(Debug)]
pub(crate) struct Connection {
    wire: Wire,
    inbox: String,
    requests: u64,
}

impl Connection {
    /// Connects and is greeted. `name` makes the subject of the answers, which must be nobody
    /// else's.
    ///
    /// # Errors
    /// If it does not come to pass; nothing of a call was sent then.
    pub(crate) async fn open(
        address: SocketAddr,
        name: &str,
        deadline: Instant,
    ) -> Result<Self, Mishap> {
        let inbox = format!("_INBOX.{name}");
        let greeted = async {
            let mut wire = Wire::connect(address).await?;
            wire.send(&protocol::greeting(&inbox)).await?;
            loop {
                match wire.hear(protocol::frame).await? {
                    Frame::Pong => return Ok(wire),
                    Frame::Ping => wire.send(b"PONG\r\n").await?,
                    Frame::Error(error) => return Err(io::Error::other(error)),
                    Frame::Other | Frame::Message(_) => {}
                }
            }
        };
        let wire = match timeout_at(deadline, greeted).await {
            Ok(Ok(wire)) => wire,
            Ok(Err(error)) => return Err(Mishap::NotApplied(word(&error))),
            Err(_) => return Err(Mishap::NotApplied("no greeting in time".to_owned())),
        };
        Ok(Connection {
            wire,
            inbox,
            requests: 0,
        })
    }

    /// Sends a message and returns the answer to it. After an error the connection is of no further
    /// use.
    ///
    /// # Errors
    /// If there is none; the message may have been taken.
    pub(crate) async fn request(
        &mut self,
        subject: &str,
        headers: &[(&str, String)],
        payload: &[u8],
        deadline: Instant,
    ) -> Result<Message, Mishap> {
        self.requests += 1;
        let reply_to = format!("{}.{}", self.inbox, self.requests);
        let bytes = protocol::publish(subject, &reply_to, headers, payload);
        let answered = async {
            self.wire.send(&bytes).await?;
            loop {
                match self.wire.hear(protocol::frame).await? {
                    Frame::Message(message) if message.subject == reply_to => return Ok(message),
                    Frame::Ping => self.wire.send(b"PONG\r\n").await?,
                    Frame::Error(error) => return Err(io::Error::other(error)),
                    // A second answer to an earlier request answers no question any more.
                    Frame::Message(_) | Frame::Pong | Frame::Other => {}
                }
            }
        };
        match timeout_at(deadline, answered).await {
            Ok(Ok(message)) => Ok(message),
            Ok(Err(error)) => Err(Mishap::Unknown(word(&error))),
            Err(_) => Err(Mishap::Unknown("timeout".to_owned())),
        }
    }
}
