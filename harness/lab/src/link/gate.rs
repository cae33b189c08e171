//! The one place where bytes of a directed link pass, or do not.
//!
//! Every byte that crosses a link is written while the gate's lock is held, by a call that does not
//! block. So when [`Gate::set`] returns, the old shape has let its last byte through: a cut holds
//! from that instant on, and the counts that prove it cannot be a moment late.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;

/// What a link does to the bytes that want to cross it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Nothing crosses.
    pub cut: bool,
    /// Each byte arrives at least this much later.
    pub delay: Duration,
    /// Up to this much is added to the delay, drawn for each message; the order is kept.
    pub jitter: Duration,
    /// No more than this many bytes cross in a second.
    pub bytes_per_second: Option<u64>,
}

impl Shape {
    /// Two shapes at once: cut if either is, delays added up, the narrower of two throttles.
    pub fn with(self, other: Shape) -> Shape {
        Shape {
            cut: self.cut || other.cut,
            delay: self.delay + other.delay,
            jitter: self.jitter + other.jitter,
            bytes_per_second: match (self.bytes_per_second, other.bytes_per_second) {
                (Some(one), Some(two)) => Some(one.min(two)),
                (one, two) => one.or(two),
            },
        }
    }

    /// How long it takes at least until so many bytes that are sent at once have all crossed.
    pub fn time_min(&self, bytes: usize) -> Duration {
        let throttled = match (self.bytes_per_second, self.piece()) {
            (Some(rate), Some(piece)) => {
                let waiting = (bytes as u64).saturating_sub(piece);
                Duration::from_nanos(waiting.saturating_mul(1_000_000_000) / rate.max(1))
            }
            _ => Duration::ZERO,
        };
        self.delay + throttled
    }

    /// How many bytes a throttled link passes at once; `None` if it is not throttled.
    pub(crate) fn piece(&self) -> Option<u64> {
        let rate = self.bytes_per_second?;
        Some((rate / THROTTLE_PIECES_PER_SECOND).max(THROTTLE_PIECE_MIN))
    }
}

/// Counts of one direction of one link.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    arrived_bytes: AtomicU64,
    passed_bytes: AtomicU64,
    passed_messages: AtomicU64,
    connections: AtomicU64,
}

/// What has happened on one direction of a link since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes that reached the link; those that have not passed are waiting in it.
    pub arrived_bytes: u64,
    /// Bytes that crossed.
    pub passed_bytes: u64,
    /// Pieces in which they crossed; about one for each message of a quiet sender.
    pub passed_messages: u64,
    /// Connections that were attempted over it.
    pub connections: u64,
}

impl Counters {
    pub(crate) fn arrived(&self, bytes: usize) {
        self.arrived_bytes.fetch_add(bytes as u64, Ordering::SeqCst);
    }

    pub(crate) fn connected(&self) {
        self.connections.fetch_add(1, Ordering::SeqCst);
    }

    fn passed(&self, bytes: usize) {
        self.passed_bytes.fetch_add(bytes as u64, Ordering::SeqCst);
        self.passed_messages.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn read(&self) -> Traffic {
        Traffic {
            arrived_bytes: self.arrived_bytes.load(Ordering::SeqCst),
            passed_bytes: self.passed_bytes.load(Ordering::SeqCst),
            passed_messages: self.passed_messages.load(Ordering::SeqCst),
            connections: self.connections.load(Ordering::SeqCst),
        }
    }
}

/// What the gate answered to bytes that want to pass.
#[derive(Debug)]
pub(crate) enum Turn {
    /// So many of them crossed.
    Passed(usize),
    /// Ask again at that time, or when the shape changes.
    Until(Instant),
    /// Ask again when the shape changes.
    Cut,
    /// The receiver takes no more at the moment.
    Full,
    /// The receiver is gone.
    Broken,
}

/// One direction of a link, shared by all connections whose bytes cross it.
#[derive(Debug)]
pub(crate) struct Gate {
    state: Mutex<State>,
    changes: watch::Sender<()>,
}

#[derive(Debug)]
struct State {
    shape: Shape,
    /// When the throttle lets the next byte through.
    free_at: Option<Instant>,
}

/// A throttled link passes at most what it may carry in this time at once, and at least this much.
const THROTTLE_PIECES_PER_SECOND: u64 = 50;
const THROTTLE_PIECE_MIN: u64 = 64;

impl Gate {
    pub(crate) fn new() -> Self {
        let state = State {
            shape: Shape::default(),
            free_at: None,
        };
        Gate {
            state: Mutex::new(state),
            changes: watch::Sender::new(()),
        }
    }

    /// Changes the shape. When this returns, no byte passes any more under the old one.
    pub(crate) fn set(&self, shape: Shape) {
        self.lock().shape = shape;
        self.changes.send_replace(());
    }

    pub(crate) fn shape(&self) -> Shape {
        self.lock().shape
    }

    /// Sees every change of the shape from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Offers bytes that reached the link at `arrived` and drew `luck` (0 to 1) for their jitter.
    pub(crate) fn pass(&self, offer: &Offer<'_>, now: Instant, receiver: &TcpStream) -> Turn {
        let mut state = self.lock();
        let most = match state.admit(offer, now) {
            Ok(most) => most.min(offer.bytes.len()),
            Err(turn) => return turn,
        };
        match receiver.try_write(&offer.bytes[..most]) {
            Ok(written) => {
                state.charge(written, now);
                offer.counters.passed(written);
                Turn::Passed(written)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Turn::Full,
            Err(_) => Turn::Broken,
        }
    }

    /// Whether the end of a stream may cross now: it travels like a byte, but weighs nothing.
    pub(crate) fn pass_end(&self, offer: &Offer<'_>, now: Instant) -> Turn {
        match self.lock().admit(offer, now) {
            Ok(_) => Turn::Passed(0),
            Err(turn) => turn,
        }
    }

    /// The state stays whole at every step, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes at the front of a connection's queue.
pub(crate) struct Offer<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) arrived: Instant,
    pub(crate) luck: f64,
    pub(crate) counters: &'a Counters,
}

impl State {
    /// How many bytes may go now, or what to wait for.
    fn admit(&self, offer: &Offer<'_>, now: Instant) -> Result<usize, Turn> {
        if self.shape.cut {
            return Err(Turn::Cut);
        }
        let due = offer.arrived + self.shape.delay + self.shape.jitter.mul_f64(offer.luck);
        if now < due {
            return Err(Turn::Until(due));
        }
        match (self.shape.bytes_per_second, self.free_at) {
            (Some(_), Some(free_at)) if now < free_at => Err(Turn::Until(free_at)),
            _ => {
                let piece = self.shape.piece().unwrap_or(u64::MAX);
                Ok(usize::try_from(piece).unwrap_or(usize::MAX))
            }
        }
    }

    fn charge(&mut self, bytes: usize, now: Instant) {
        self.free_at = self.shape.bytes_per_second.map(|rate| {
            let nanos = (bytes as u64).saturating_mul(1_000_000_000) / rate.max(1);
            now + Duration::from_nanos(nanos)
        });
    }
}
