//! What goes over a connection between two nodes: frames of JSON behind their length.
//!
//! The node that opens a connection sends hello, messages and pings on it; the other one sends only
//! pongs back. So each direction of a pair of nodes is a connection of its own, and a cut of one
//! direction is a cut of one direction.

use std::io;

use serde::{Deserialize, Serialize};
use testimony_consensus::NodeId;
use tokio::io::{AsyncRead, AsyncReadExt};

/// No frame is longer: what claims to be is no node of ours.
pub(crate) const FRAME_BYTES_MAX: usize = 256 * 1024 * 1024;
/// The version of this protocol, told in the hello.
pub(crate) const VERSION: u32 = 1;

const LENGTH_BYTES: usize = 4;
const READ_BYTES: usize = 16 * 1024;

/// One frame; `M` is the protocol's message.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Frame<M> {
    /// Opens a connection.
    Hello {
        from: NodeId,
        to: NodeId,
        version: u32,
    },
    /// Carries a message.
    Message(M),
    /// Asks whether bytes still get through.
    Ping,
    /// Answers a ping.
    Pong,
}

/// A message that no connection would take.
#[derive(Debug, thiserror::Error)]
#[error("a message of {bytes} bytes is larger than a frame (at most {FRAME_BYTES_MAX})")]
pub(crate) struct TooLarge {
    pub(crate) bytes: usize,
}

/// The bytes of a frame.
pub(crate) fn encode<M: Serialize>(frame: &Frame<M>) -> Result<Vec<u8>, TooLarge> {
    encode_up_to(FRAME_BYTES_MAX, frame)
}

fn encode_up_to<M: Serialize>(limit: usize, frame: &Frame<M>) -> Result<Vec<u8>, TooLarge> {
    let mut bytes = vec![0; LENGTH_BYTES];
    serde_json::to_writer(&mut bytes, frame).expect("frames have only string keys");
    let payload = bytes.len() - LENGTH_BYTES;
    match u32::try_from(payload) {
        Ok(length) if payload <= limit => {
            bytes[..LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
            Ok(bytes)
        }
        _ => Err(TooLarge { bytes: payload }),
    }
}

/// The bytes of a frame that carries no message.
pub(crate) fn encode_small(frame: &Frame<()>) -> Vec<u8> {
    encode(frame).expect("a frame without a message is small")
}

/// Reads frames off a stream.
#[derive(Debug)]
pub(crate) struct FrameReader<R> {
    stream: R,
    buffer: Vec<u8>,
    /// The bytes before this are frames that were given out.
    consumed: usize,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(crate) fn new(stream: R) -> Self {
        FrameReader {
            stream,
            buffer: Vec::new(),
            consumed: 0,
        }
    }

    /// The payload of the next frame; `None` at the end of the stream. Dropping the future loses no
    /// bytes.
    ///
    /// # Errors
    /// If the connection breaks, ends within a frame, or claims a frame beyond the limit.
    pub(crate) async fn next(&mut self) -> io::Result<Option<&[u8]>> {
        let end = loop {
            if let Some(end) = self.frame_end()? {
                break end;
            }
            self.buffer.drain(..self.consumed);
            self.consumed = 0;
            self.buffer.reserve(READ_BYTES);
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        };
        let start = self.consumed + LENGTH_BYTES;
        self.consumed = end;
        Ok(Some(&self.buffer[start..end]))
    }

    fn frame_end(&self) -> io::Result<Option<usize>> {
        let rest = &self.buffer[self.consumed..];
        let Some(length) = rest.first_chunk::<LENGTH_BYTES>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*length) as usize;
        if length > FRAME_BYTES_MAX {
            let text = format!("a frame of {length} bytes (at most {FRAME_BYTES_MAX})");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let end = self.consumed + LENGTH_BYTES + length;
        Ok((end <= self.buffer.len()).then_some(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_all(bytes: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        let mut reader = FrameReader::new(bytes);
        let mut frames = Vec::new();
        while let Some(frame) = reader.next().await? {
            frames.push(frame.to_vec());
        }
        Ok(frames)
    }

    #[tokio::test]
    async fn frames_come_back_in_order_however_long() {
        let large = "x".repeat(100_000);
        let frames = [
            Frame::Message("a".to_owned()),
            Frame::Ping,
            Frame::Message(large),
        ];
        let bytes: Vec<u8> = frames
            .iter()
            .flat_map(|frame| encode(frame).unwrap())
            .collect();
        let read = read_all(&bytes).await.unwrap();
        let parsed: Vec<Frame<String>> = read
            .iter()
            .map(|payload| serde_json::from_slice(payload).unwrap())
            .collect();
        assert_eq!(parsed, frames);
    }

    #[tokio::test]
    async fn an_end_within_a_frame_is_an_error() {
        let bytes = encode_small(&Frame::Ping);
        for cut in 1..bytes.len() {
            let error = read_all(&bytes[..cut]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "cut at {cut}");
        }
    }

    #[tokio::test]
    async fn a_length_beyond_the_limit_is_refused_before_it_is_read() {
        let error = read_all(&u32::MAX.to_be_bytes()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_message_beyond_the_limit_is_not_encoded() {
        let text = "x".repeat(1000);
        assert!(encode_up_to(900, &Frame::Message(&text)).is_err());
        assert!(encode_up_to(1100, &Frame::Message(&text)).is_ok());
    }
}
