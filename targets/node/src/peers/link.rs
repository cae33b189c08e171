//! The way to one peer: keeps a connection open and feeds it from the outbox, for ever.
//!
//! A connection that breaks is replaced within 100 ms. One that is silently dead is harder: nothing
//! distinguishes it from a slow one. So when a ping stays without an answer, *challengers* are
//! opened beside it, and the first one that is answered takes over. The silent connection is kept
//! until then: over a slow link its answers are only late, and if just the way back is cut, the
//! messages still arrive.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::connection::{Connection, Progress, Route};
use super::counters::Counter;
use super::outbox::Outbox;

/// Time between two attempts to connect.
const RETRY: Duration = Duration::from_millis(50);
/// How long one attempt may take; several may be under way.
const ATTEMPT: Duration = Duration::from_millis(500);
/// A connection is asked so often whether it lives.
const PING_EVERY: Duration = Duration::from_millis(100);
/// Without an answer for so long, a challenger is opened, and another one each time it passes
/// again.
const SILENCE: Duration = Duration::from_millis(150);

type Attempts = FuturesUnordered<BoxFuture<'static, io::Result<Connection>>>;

/// Carries messages to one peer.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) route: Route,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) sent: Counter,
}

impl Link {
    /// Runs until it is dropped.
    pub(crate) async fn run(self) {
        let mut next = None;
        loop {
            let connection = match next {
                Some(connection) => connection,
                None => self.connect().await,
            };
            next = self.feed(connection).await;
        }
    }

    /// Tries until a connection stands.
    async fn connect(&self) -> Connection {
        let mut attempts = Attempts::new();
        let mut retry = interval(RETRY);
        retry.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = retry.tick() => attempts.push(attempt(Connection::open(self.route))),
                Some(Ok(connection)) = attempts.next() => return connection,
            }
        }
    }

    /// Feeds the connection until it breaks, or until a challenger replaces it.
    async fn feed(&self, mut connection: Connection) -> Option<Connection> {
        let mut challengers = Attempts::new();
        let mut silence = Silence::default();
        let mut pings = interval(PING_EVERY);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let flushed = connection.is_flushed();
            tokio::select! {
                progress = connection.progress() => match progress {
                    Ok(Progress::Wrote) => {}
                    Ok(Progress::Pong) => {
                        silence = Silence::default();
                        challengers.clear();
                    }
                    Err(error) => {
                        tracing::debug!(to = %self.route.to, %error, "a connection broke");
                        return None;
                    }
                },
                batch = self.outbox.take(), if flushed => {
                    self.sent.add(batch.frames);
                    connection.load(batch);
                }
                _ = pings.tick() => match silence.tick() {
                    Step::Ping => connection.ping(),
                    Step::Wait => {}
                    Step::Challenge => {
                        challengers.push(attempt(Connection::open_proven(self.route)));
                    }
                },
                Some(Ok(challenger)) = challengers.next() => {
                    tracing::debug!(to = %self.route.to, "a silent connection was replaced");
                    return Some(challenger);
                }
            }
        }
    }
}

fn attempt(
    opening: impl Future<Output = io::Result<Connection>> + Send + 'static,
) -> BoxFuture<'static, io::Result<Connection>> {
    Box::pin(async move { timeout(ATTEMPT, opening).await? })
}

/// Since when a connection owes an answer.
#[derive(Debug, Default)]
struct Silence {
    asked: Option<Instant>,
}

/// What to do about a connection at a tick.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Ping,
    Wait,
    Challenge,
}

impl Silence {
    fn tick(&mut self) -> Step {
        match self.asked {
            None => {
                self.asked = Some(Instant::now());
                Step::Ping
            }
            Some(asked) if asked.elapsed() < SILENCE => Step::Wait,
            Some(_) => {
                self.asked = Some(Instant::now());
                Step::Challenge
            }
        }
    }
}
