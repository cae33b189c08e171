//! One direction of one connection: reads from the sender, queues, and passes the gate in order.

use std::collections::VecDeque;
use std::io;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use super::gate::{Counters, Gate, Offer, Turn};

/// A link holds at most this many bytes of a connection; then the sender has to wait, as it would
/// for a full socket buffer.
const QUEUE_BYTES: usize = 256 * 1024;
const READ_BYTES: usize = 16 * 1024;

/// Why a direction of a connection carries no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The end of the sender's stream has crossed.
    Crossed,
    /// The receiver takes no more.
    Broken,
}

/// Carries everything from `sender` to `receiver` through the gate.
pub(crate) async fn carry(
    sender: &TcpStream,
    receiver: &TcpStream,
    (gate, counters): (&Gate, &Counters),
    mut luck: ChaCha8Rng,
) -> End {
    let mut changes = gate.changes();
    let mut queue = Queue::default();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        // Marked as seen before the gate is asked: a change after the question wakes the wait.
        changes.mark_unchanged();
        let turn = queue.advance(gate, counters, receiver);
        if matches!(turn, Some(Turn::Broken)) {
            return End::Broken;
        }
        if queue.finished() {
            return End::Crossed;
        }
        tokio::select! {
            readable = sender.readable(), if queue.takes_more() => {
                if readable.is_ok() {
                    queue.fill(sender, &mut buffer, counters, &mut luck);
                } else {
                    queue.close(luck.random());
                }
            }
            () = wait(turn, receiver) => {}
            // The gate outlives the connections that cross it, so this is a change.
            _ = changes.changed() => {}
        }
    }
}

/// Waits for what the gate asked to wait for; the caller watches for changes and new bytes.
async fn wait(turn: Option<Turn>, receiver: &TcpStream) {
    match turn {
        Some(Turn::Until(time)) => sleep_until(time).await,
        Some(Turn::Full) => drop(receiver.writable().await),
        Some(Turn::Passed(_) | Turn::Broken) => {}
        Some(Turn::Cut) | None => std::future::pending().await,
    }
}

/// Bytes on their way, in the order in which they came.
#[derive(Default)]
struct Queue {
    pieces: VecDeque<Piece>,
    bytes: usize,
    closed: bool,
}

struct Piece {
    /// Empty: the end of the stream.
    bytes: Vec<u8>,
    passed: usize,
    arrived: Instant,
    luck: f64,
}

impl Queue {
    fn takes_more(&self) -> bool {
        !self.closed && self.bytes < QUEUE_BYTES
    }

    /// Everything has crossed, the end of the stream included.
    fn finished(&self) -> bool {
        self.closed && self.pieces.is_empty()
    }

    fn fill(
        &mut self,
        sender: &TcpStream,
        buffer: &mut [u8],
        counters: &Counters,
        luck: &mut ChaCha8Rng,
    ) {
        match sender.try_read(buffer) {
            Ok(0) => self.close(luck.random()),
            Ok(read) => {
                counters.arrived(read);
                self.bytes += read;
                self.push(buffer[..read].to_vec(), luck.random());
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => self.close(luck.random()),
        }
    }

    fn close(&mut self, luck: f64) {
        self.closed = true;
        self.push(Vec::new(), luck);
    }

    fn push(&mut self, bytes: Vec<u8>, luck: f64) {
        self.pieces.push_back(Piece {
            bytes,
            passed: 0,
            arrived: Instant::now(),
            luck,
        });
    }

    /// Passes as much as the gate allows; says what the first piece that stays waits for.
    fn advance(&mut self, gate: &Gate, counters: &Counters, receiver: &TcpStream) -> Option<Turn> {
        while let Some(piece) = self.pieces.front_mut() {
            match piece.offer(gate, counters, receiver) {
                Turn::Passed(written) => {
                    piece.passed += written;
                    self.bytes -= written;
                    if piece.passed == piece.bytes.len() {
                        self.pieces.pop_front();
                    }
                }
                turn => return Some(turn),
            }
        }
        None
    }
}

impl Piece {
    fn offer(&self, gate: &Gate, counters: &Counters, receiver: &TcpStream) -> Turn {
        let bytes = &self.bytes[self.passed..];
        let offer = Offer {
            bytes,
            arrived: self.arrived,
            luck: self.luck,
            counters,
        };
        if self.bytes.is_empty() {
            gate.pass_end(&offer, Instant::now())
        } else {
            gate.pass(&offer, Instant::now(), receiver)
        }
    }
}
