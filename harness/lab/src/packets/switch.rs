//! The thread that stands in the nodes' cables.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use testimony_engine::Chance;

use super::line::{Counts, Line};
use super::port::Port;
use super::{Treatment, frame};

/// From whom to whom.
type Pair = (Ipv4Addr, Ipv4Addr);

/// How many frames of one port are read before the others have their turn.
const TURN: usize = 64;
/// Larger than any frame, also where an interface was left to make large ones.
const FRAME_BYTES_MAX: usize = 1 << 17;
/// Nothing is due for so long at most.
const IDLE: Duration = Duration::from_secs(1);

/// A thread that carries frames between the two ends of each node's cable. Dropping it ends the
/// thread, and no frame passes any more.
#[derive(Debug)]
pub struct Switch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    lines: Mutex<Lines>,
    /// Rings when something has changed.
    bell: OwnedFd,
}

#[derive(Debug, Default)]
struct Lines {
    lines: BTreeMap<Pair, Line>,
    /// Whether some are treated otherwise than before.
    changed: bool,
    /// Why the thread has ended, or that it shall.
    ended: Option<String>,
}

/// A cable that was cut open: the end at the node, and the end at the bridge.
struct Cable {
    node: Port,
    bridge: Port,
}

/// A frame on its way to the bridge. Those that come out at the same time keep their order.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    arrival: Instant,
    number: u64,
    cable: usize,
    pair: Pair,
    /// How often the line had been told how to treat when the frame came.
    orders: u64,
    frame: Vec<u8>,
}

impl Switch {
    /// Begins to carry frames between the ends of each cable, both named by their interface in this
    /// thread's network namespace: the end at the node, the end at the bridge. `seed` decides which
    /// frames are lost, doubled, late or damaged once some are to be.
    ///
    /// # Errors
    /// If there is no such interface, or this process may not hear it.
    pub fn start(cables: &[(String, String)], seed: u64) -> io::Result<Switch> {
        let open = |(node, bridge): &(String, String)| {
            let (node, bridge) = (Port::open(node)?, Port::open(bridge)?);
            Ok(Cable { node, bridge })
        };
        let cables = cables.iter().map(open).collect::<io::Result<Vec<_>>>()?;
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let shared = Arc::new(Shared {
            lines: Mutex::default(),
            bell: eventfd(0, flags)?,
        });
        let work = Work {
            cables,
            shared: Arc::clone(&shared),
            chance: Chance::new(seed, "packets"),
            waiting: BinaryHeap::new(),
            sent: 0,
            buffer: vec![0; FRAME_BYTES_MAX],
        };
        let builder = thread::Builder::new().name("switch".to_owned());
        let thread = Some(builder.spawn(|| work.run())?);
        Ok(Switch { shared, thread })
    }

    /// Treats the packets from one address to another so, from now on. What waits on its way is
    /// let go.
    pub fn treat(&self, from: Ipv4Addr, to: Ipv4Addr, treatment: Treatment) {
        let mut lines = self.shared.lines();
        lines.lines.entry((from, to)).or_default().treat(treatment);
        lines.changed = true;
        drop(lines);
        self.shared.ring();
    }

    /// What was done to packets from one address to another since the start.
    pub fn counts(&self, from: Ipv4Addr, to: Ipv4Addr) -> Counts {
        let lines = self.shared.lines();
        lines
            .lines
            .get(&(from, to))
            .map(|line| line.counts)
            .unwrap_or_default()
    }

    /// Why it carries no frames any more, if it does not.
    pub fn failure(&self) -> Option<String> {
        self.shared.lines().ended.clone()
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        self.shared.end("it was asked to".to_owned());
        self.shared.ring();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, why: String) {
        self.lines().ended.get_or_insert(why);
    }

    /// Wakes the thread. A bell that is too full to ring is ringing already.
    fn ring(&self) {
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }
}

/// What the thread has.
struct Work {
    cables: Vec<Cable>,
    shared: Arc<Shared>,
    chance: Chance,
    waiting: BinaryHeap<Reverse<Waiting>>,
    sent: u64,
    buffer: Vec<u8>,
}

impl Work {
    fn run(mut self) {
        while self.shared.lines().ended.is_none() {
            if let Err(error) = self.round() {
                tracing::error!(%error, "no frame passes between nodes any more");
                self.shared.end(error.to_string());
            }
        }
    }

    fn round(&mut self) -> io::Result<()> {
        self.rest()?;
        let _ = rustix::io::read(&self.shared.bell, &mut [0_u8; 8]);
        for cable in 0..self.cables.len() {
            self.carry_in(cable)?;
            self.carry_out(cable)?;
        }
        self.hasten();
        self.deliver();
        Ok(())
    }

    /// Until a frame has come, something has changed, or the next frame is due.
    fn rest(&self) -> io::Result<()> {
        let next = self.waiting.peek().map(|Reverse(waiting)| waiting.arrival);
        let until = next.map_or(IDLE, |arrival| arrival.saturating_duration_since(now()));
        let limit = Timespec {
            tv_sec: i64::try_from(until.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: until.subsec_nanos().into(),
        };
        let ports = self
            .cables
            .iter()
            .flat_map(|cable| [&cable.node, &cable.bridge]);
        let mut heard: Vec<PollFd<'_>> =
            ports.map(|port| PollFd::new(port, PollFlags::IN)).collect();
        heard.push(PollFd::new(&self.shared.bell, PollFlags::IN));
        match poll(&mut heard, Some(&limit)) {
            Err(error) if error != rustix::io::Errno::INTR => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// What comes from the bridge has been treated when it was sent.
    fn carry_in(&mut self, cable: usize) -> io::Result<()> {
        let cable = &self.cables[cable];
        for _ in 0..TURN {
            let Some(length) = cable.bridge.receive(&mut self.buffer)? else {
                break;
            };
            cable.node.send(&self.buffer[..length]);
        }
        Ok(())
    }

    fn carry_out(&mut self, cable: usize) -> io::Result<()> {
        for _ in 0..TURN {
            let Some(length) = self.cables[cable].node.receive(&mut self.buffer)? else {
                break;
            };
            self.treat(cable, length);
        }
        Ok(())
    }

    /// What the frame in the buffer meets on its way to the bridge.
    fn treat(&mut self, cable: usize, length: usize) {
        let frame = &self.buffer[..length];
        let ends = frame::ends(frame);
        let mut lines = self.shared.lines();
        let line = ends.and_then(|pair| Some((pair, lines.lines.get_mut(&pair)?)));
        // Whatever is not between two nodes passes: requests for addresses, clients.
        let Some((pair, line)) = line else {
            drop(lines);
            self.cables[cable].bridge.send(frame);
            return;
        };
        let (fate, orders) = (line.admit(now(), length, &mut self.chance), line.orders);
        drop(lines);
        let Some(arrival) = fate.arrival else {
            return;
        };
        let mut frame = frame.to_vec();
        if fate.damaged {
            frame::damage(&mut frame, &mut self.chance);
        }
        for _ in 0..=u32::from(fate.doubled) {
            self.sent += 1;
            let (number, frame) = (self.sent, frame.clone());
            self.waiting.push(Reverse(Waiting {
                arrival,
                number,
                cable,
                pair,
                orders,
                frame,
            }));
        }
    }

    /// Lets those go at once that came before their link was to be treated otherwise.
    fn hasten(&mut self) {
        let mut lines = self.shared.lines();
        if !std::mem::take(&mut lines.changed) {
            return;
        }
        let at_once = now();
        let mut waiting = std::mem::take(&mut self.waiting).into_vec();
        for Reverse(frame) in &mut waiting {
            let line = lines.lines.get(&frame.pair);
            if line.is_some_and(|line| line.orders > frame.orders) {
                frame.arrival = frame.arrival.min(at_once);
            }
        }
        self.waiting = waiting.into();
    }

    fn deliver(&mut self) {
        let now = now();
        while let Some(Reverse(next)) = self.waiting.peek() {
            if next.arrival > now {
                break;
            }
            if let Some(Reverse(next)) = self.waiting.pop() {
                self.cables[next.cable].bridge.send(&next.frame);
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "frames are delayed in real time")]
fn now() -> Instant {
    Instant::now()
}
