//! The way of every message: between nodes through the simulated network, in real time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use testimony_engine::{Flaws, Link, Nanos, NodeName};
use tokio::sync::{Notify, mpsc};
use tokio::time::sleep_until;

use super::message::Message;
use super::services::{NAMES, Services};
use crate::clock::Clock;
use crate::link::Shape;
use crate::sim::{Network, Passage};

/// What comes and goes.
pub(crate) struct Post {
    clock: Clock,
    nodes: Vec<NodeName>,
    state: Mutex<State>,
    /// Something is to arrive earlier than all that was under way.
    changed: Notify,
}

struct State {
    network: Network,
    services: Services,
    /// By when it arrives, and in which order it was sent.
    under_way: BTreeMap<(Nanos, u64), Letter>,
    letters: u64,
    /// Where the lines for each node go, if it is there.
    inboxes: Vec<Option<mpsc::UnboundedSender<String>>>,
    clients: BTreeMap<String, mpsc::UnboundedSender<Message>>,
}

/// A message on its way.
struct Letter {
    to: Addressee,
    /// The part of the network that it is in.
    passage: Option<Passage>,
}

enum Addressee {
    Node(usize, String),
    Service(Message),
    /// A probe of the lab's own: it only tells when it arrived.
    Probe(mpsc::UnboundedSender<Nanos>),
}

/// Nobody of that name exists.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is for {0}, whom nobody knows")]
pub(crate) struct NoSuchAddressee(String);

impl Post {
    pub(crate) fn new(seed: u64, nodes: Vec<NodeName>) -> Arc<Self> {
        let state = State {
            network: Network::new(seed, nodes.len()),
            services: Services::new(seed),
            under_way: BTreeMap::new(),
            letters: 0,
            inboxes: vec![None; nodes.len()],
            clients: BTreeMap::new(),
        };
        Arc::new(Post {
            clock: Clock::start(),
            nodes,
            state: Mutex::new(state),
            changed: Notify::new(),
        })
    }

    /// Delivers, until it is dropped.
    pub(crate) async fn deliver(self: Arc<Self>) {
        loop {
            let next = self.deliver_due();
            let changed = self.changed.notified();
            match next {
                Some(next) => tokio::select! {
                    () = sleep_until(self.clock.instant(next)) => {}
                    () = changed => {}
                },
                None => changed.await,
            }
        }
    }

    /// Takes a message that the node at `from` has written.
    ///
    /// # Errors
    /// If it is for nobody.
    pub(crate) fn send(&self, from: usize, message: Message) -> Result<(), NoSuchAddressee> {
        let now = self.clock.now();
        let mut state = self.state();
        if let Some(to) = self.place(&message.dest) {
            let line = message.line();
            state.send(now, (from, to), line.len(), || {
                Addressee::Node(to, line.clone())
            });
        } else if let Some(client) = state.clients.get(&message.dest) {
            // A client that does not listen any more has had its time.
            let _ = client.send(message);
            return Ok(());
        } else if NAMES.contains(&message.dest.as_str()) {
            let arrives = now + state.network.latency();
            state.put(arrives, Addressee::Service(message), None);
        } else if !is_client(&message.dest) {
            return Err(NoSuchAddressee(message.dest));
        }
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Takes a message of a client. Whether the node was there to hear it.
    pub(crate) fn call(&self, message: &Message) -> bool {
        let place = self.place(&message.dest);
        let state = self.state();
        let inbox = place.and_then(|place| state.inboxes[place].as_ref());
        inbox.is_some_and(|inbox| inbox.send(message.line()).is_ok())
    }

    /// A client begins to listen.
    pub(crate) fn register(&self, client: &str) -> mpsc::UnboundedReceiver<Message> {
        let (sender, inbox) = mpsc::unbounded_channel();
        self.state().clients.insert(client.to_owned(), sender);
        inbox
    }

    /// A client will not listen any more.
    pub(crate) fn forget(&self, client: &str) {
        self.state().clients.remove(client);
    }

    /// A node is there, and hears; or it is gone, and what arrives for it is lost.
    pub(crate) fn attend(&self, place: usize, inbox: Option<mpsc::UnboundedSender<String>>) {
        self.state().inboxes[place] = inbox;
    }

    /// What a link does from now on.
    pub(crate) fn shape(&self, link: &Link, shape: Shape, flaws: Flaws) {
        if let Some((from, to)) = self.ends(link) {
            self.state().network.shape(from, to, shape, flaws);
        }
    }

    /// Loses all that is under way on a link, and with it a probe that was sent just before.
    pub(crate) fn reset(&self, link: &Link) -> Probe {
        let (sender, arrivals) = mpsc::unbounded_channel();
        let sent = self.clock.now();
        if let Some(ends) = self.ends(link) {
            // Nothing arrives in between.
            let mut state = self.state();
            state.send(sent, ends, 1, || Addressee::Probe(sender.clone()));
            state.network.reset(ends.0, ends.1);
        }
        Probe { sent, arrivals }
    }

    /// Sends a probe of so many bytes over a link. What comes out are the times of its arrivals,
    /// counted from when it was sent.
    pub(crate) fn probe(&self, link: &Link, bytes: usize) -> Probe {
        let (sender, arrivals) = mpsc::unbounded_channel();
        let sent = self.clock.now();
        if let Some(ends) = self.ends(link) {
            let probe = || Addressee::Probe(sender.clone());
            self.state().send(sent, ends, bytes, probe);
            self.changed.notify_one();
        }
        Probe { sent, arrivals }
    }

    fn deliver_due(&self) -> Option<Nanos> {
        let mut state = self.state();
        let now = self.clock.now();
        while let Some(first) = state.under_way.first_entry() {
            if first.key().0 > now {
                return Some(first.key().0);
            }
            let letter = first.remove();
            state.deliver(letter, now, |name| self.place(name));
        }
        None
    }

    fn ends(&self, link: &Link) -> Option<(usize, usize)> {
        Some((
            self.place(link.from.as_str())?,
            self.place(link.to.as_str())?,
        ))
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.as_str() == name)
    }

    /// The state stays whole at every step, so a panic elsewhere does not spoil it.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn send(
        &mut self,
        now: Nanos,
        (from, to): (usize, usize),
        bytes: usize,
        addressee: impl Fn() -> Addressee,
    ) {
        let (copies, passage) = self.network.send(now, from, to, bytes);
        for arrives in copies.into_iter().flatten() {
            self.put(arrives, addressee(), Some(passage));
        }
    }

    fn put(&mut self, arrives: Nanos, to: Addressee, passage: Option<Passage>) {
        self.letters += 1;
        let letter = Letter { to, passage };
        self.under_way.insert((arrives, self.letters), letter);
    }

    fn deliver(&mut self, letter: Letter, now: Nanos, place: impl Fn(&str) -> Option<usize>) {
        let is_lost = |passage| !self.network.arrives(passage);
        if letter.passage.is_some_and(is_lost) {
            return;
        }
        match letter.to {
            Addressee::Node(place, line) => {
                if let Some(inbox) = &self.inboxes[place] {
                    // A node that has just died hears nothing any more.
                    let _ = inbox.send(line);
                }
            }
            Addressee::Service(message) => {
                let answer = self.services.answer(&message);
                if let Some(to) = place(&answer.dest) {
                    let arrives = now + self.network.latency();
                    self.put(arrives, Addressee::Node(to, answer.line()), None);
                }
            }
            Addressee::Probe(arrivals) => {
                // Nobody waits for a probe that has shown enough.
                let _ = arrivals.send(now);
            }
        }
    }
}

/// A message of the lab's own over a link.
pub(crate) struct Probe {
    sent: Nanos,
    arrivals: mpsc::UnboundedReceiver<Nanos>,
}

impl Probe {
    /// Waits for its arrival; how long it took, or `None` if it is lost.
    pub(crate) async fn arrival(&mut self) -> Option<std::time::Duration> {
        self.arrivals.recv().await.map(|at| at.since(self.sent))
    }

    /// How many copies have arrived by now that nobody waited for.
    pub(crate) fn arrived(&mut self) -> usize {
        std::iter::from_fn(|| self.arrivals.try_recv().ok()).count()
    }
}

/// `c1`, `c2`, ...: also one who does not listen any more.
fn is_client(name: &str) -> bool {
    let number = name.strip_prefix('c').unwrap_or("");
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}
