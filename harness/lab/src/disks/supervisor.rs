//! The thread that decides what becomes of the nodes' saves.

use std::collections::BTreeMap;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketFlags, SocketType,
    recvmsg, socketpair,
};
use testimony_engine::NodeName;

use crate::kernel;

/// Nothing is due for so long at most.
const IDLE: Duration = Duration::from_secs(1);

/// What becomes of a node's saves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Saves {
    /// They are carried out.
    #[default]
    AsUsual,
    /// They are carried out so much later.
    Late(Duration),
    /// They fail with an input/output error.
    Fail,
}

/// How many saves a node has made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SaveCounts {
    /// All of them.
    pub asked: u64,
    /// Those that were carried out late, or will be.
    pub delayed: u64,
    /// Those that failed because they were to.
    pub failed: u64,
}

/// Decides what becomes of saves. Dropping it ends the thread; then no save works any more.
#[derive(Debug)]
pub struct Supervisor {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    orders: Mutex<Orders>,
    /// Rings when something has changed.
    bell: OwnedFd,
}

#[derive(Debug, Default)]
struct Orders {
    /// What is decided at present, and how often anything was.
    saves: BTreeMap<NodeName, (Saves, u64)>,
    counts: BTreeMap<NodeName, SaveCounts>,
    /// Processes that nobody listens to yet.
    newcomers: Vec<Process>,
    ended: bool,
}

/// A process of a node. Its children are heard of in the same place.
#[derive(Debug)]
struct Process {
    node: NodeName,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// It has not said yet where it is to be listened to; it does so here.
    Announced(OwnedFd),
    /// It is listened to here.
    Heard(Arc<OwnedFd>),
}

/// A save that goes on later.
struct Waiting {
    due: Instant,
    node: NodeName,
    /// How often anything had been decided for the node when it came.
    decisions: u64,
    listener: Arc<OwnedFd>,
    id: u64,
}

impl Supervisor {
    /// Begins to listen.
    ///
    /// # Errors
    /// If the machine has no more threads or descriptors.
    pub fn start() -> io::Result<Supervisor> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let shared = Arc::new(Shared {
            orders: Mutex::default(),
            bell: eventfd(0, flags)?,
        });
        let work = Work {
            shared: Arc::clone(&shared),
            processes: Vec::new(),
            waiting: Vec::new(),
        };
        let thread = thread::Builder::new().name("supervisor".to_owned());
        let thread = Some(thread.spawn(|| work.run())?);
        Ok(Supervisor { shared, thread })
    }

    /// Will listen to a process of a node. What is returned is to be the standard input of that
    /// process, which is to call [`announce_saves`](super::announce_saves).
    ///
    /// # Errors
    /// If the machine has no more descriptors.
    pub fn expect(&self, node: &NodeName) -> io::Result<OwnedFd> {
        let flags = SocketFlags::CLOEXEC;
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        let stage = Stage::Announced(ours);
        self.shared.orders().newcomers.push(Process {
            node: node.clone(),
            stage,
        });
        self.shared.ring();
        Ok(theirs)
    }

    /// Decides so on what a node saves, from now on and in every incarnation. What waits goes on.
    pub fn decide(&self, node: &NodeName, saves: Saves) {
        let mut orders = self.shared.orders();
        let decided = orders.saves.entry(node.clone()).or_default();
        *decided = (saves, decided.1 + 1);
        drop(orders);
        self.shared.ring();
    }

    /// How many saves the node has made since the start.
    pub fn counts(&self, node: &NodeName) -> SaveCounts {
        self.shared
            .orders()
            .counts
            .get(node)
            .copied()
            .unwrap_or_default()
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.shared.orders().ended = true;
        self.shared.ring();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the thread. A bell that is too full to ring is ringing already.
    fn ring(&self) {
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }
}

/// What the thread has.
struct Work {
    shared: Arc<Shared>,
    processes: Vec<Process>,
    waiting: Vec<Waiting>,
}

impl Work {
    fn run(mut self) {
        while !self.shared.orders().ended {
            self.processes.append(&mut self.shared.orders().newcomers);
            let heard = match self.rest() {
                Ok(heard) => heard,
                Err(error) => {
                    tracing::error!(%error, "nobody decides on the nodes' saves any more");
                    return;
                }
            };
            let _ = rustix::io::read(&self.shared.bell, &mut [0_u8; 8]);
            self.hear(&heard);
            self.go_on();
        }
    }

    /// Until somebody saves, something has changed, or a save is due. What was heard of each
    /// process.
    fn rest(&self) -> io::Result<Vec<PollFlags>> {
        let next = self.waiting.iter().map(|waiting| waiting.due).min();
        let until = next.map_or(IDLE, |due| due.saturating_duration_since(now()));
        let limit = Timespec {
            tv_sec: i64::try_from(until.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: until.subsec_nanos().into(),
        };
        let processes = self.processes.iter().map(Process::as_fd);
        let all = processes.chain([self.shared.bell.as_fd()]);
        let mut heard: Vec<_> = all
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
            .collect();
        match poll(&mut heard, Some(&limit)) {
            Err(error) if error != rustix::io::Errno::INTR => Err(error.into()),
            _ => Ok(heard.iter().map(PollFd::revents).collect()),
        }
    }

    fn hear(&mut self, heard: &[PollFlags]) {
        let processes = std::mem::take(&mut self.processes);
        for (process, flags) in processes.into_iter().zip(heard) {
            let next = if flags.is_empty() {
                Some(process)
            } else {
                self.listen(process, *flags)
            };
            self.processes.extend(next);
        }
    }

    /// What is to be listened to from now on; `None` if the process has ended.
    fn listen(&mut self, process: Process, flags: PollFlags) -> Option<Process> {
        let Process { node, stage } = process;
        match stage {
            Stage::Announced(socket) => {
                let listener = Arc::new(receive(&socket)?);
                Some(Process {
                    node,
                    stage: Stage::Heard(listener),
                })
            }
            Stage::Heard(listener) => {
                if !flags.contains(PollFlags::IN) {
                    return None;
                }
                let call = kernel::next_stopped_call(&*listener);
                match call {
                    Ok(Some(call)) => self.save(&node, &listener, call.id),
                    Ok(None) => {}
                    Err(error) => tracing::warn!(%node, %error, "a save was not heard"),
                }
                Some(Process {
                    node,
                    stage: Stage::Heard(listener),
                })
            }
        }
    }

    fn save(&mut self, node: &NodeName, listener: &Arc<OwnedFd>, id: u64) {
        let mut orders = self.shared.orders();
        let (saves, decisions) = orders.saves.get(node).copied().unwrap_or_default();
        let counts = orders.counts.entry(node.clone()).or_default();
        counts.asked += 1;
        match saves {
            Saves::AsUsual => {}
            Saves::Late(_) => counts.delayed += 1,
            Saves::Fail => counts.failed += 1,
        }
        drop(orders);
        match saves {
            Saves::AsUsual => decide(listener, id, None),
            Saves::Fail => decide(listener, id, Some(libc::EIO)),
            Saves::Late(delay) => self.waiting.push(Waiting {
                due: now() + delay,
                node: node.clone(),
                decisions,
                listener: Arc::clone(listener),
                id,
            }),
        }
    }

    /// Lets those saves go on that have waited long enough, or came before the last decision.
    fn go_on(&mut self) {
        let orders = self.shared.orders();
        let decisions = |node: &NodeName| {
            orders
                .saves
                .get(node)
                .map_or(0, |(_, decisions)| *decisions)
        };
        let now = now();
        let is_due = |waiting: &mut Waiting| {
            waiting.due <= now || decisions(&waiting.node) > waiting.decisions
        };
        for waiting in self.waiting.extract_if(.., is_due) {
            decide(&waiting.listener, waiting.id, None);
        }
    }
}

impl AsFd for Process {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.stage {
            Stage::Announced(socket) => socket.as_fd(),
            Stage::Heard(listener) => listener.as_fd(),
        }
    }
}

fn decide(listener: &OwnedFd, id: u64, error: Option<i32>) {
    if let Err(error) = kernel::decide(listener, id, error) {
        tracing::warn!(%error, "a save was not decided on");
    }
}

/// What the process sends before it becomes a node; `None` if it has ended instead.
fn receive(socket: &OwnedFd) -> Option<OwnedFd> {
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut rights = RecvAncillaryBuffer::new(&mut space);
    let buffers = &mut [IoSliceMut::new(&mut byte)];
    recvmsg(socket, buffers, &mut rights, RecvFlags::CMSG_CLOEXEC).ok()?;
    rights.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    })
}

#[expect(clippy::disallowed_methods, reason = "saves are late in real time")]
fn now() -> Instant {
    Instant::now()
}
