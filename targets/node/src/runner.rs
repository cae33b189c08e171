//! The one thread that owns the core: it steps it, saves what it wants saved, and only then lets
//! messages and answers leave.
//!
//! Inputs that wait together are stepped together and share one write to the disk (group commit). A
//! thread of its own, since a write blocks until the disk has it, and nothing else should.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use testimony_consensus::machine::store::{Command, Store};
use testimony_consensus::raft::{Envelope, Event, Input, Output, Raft, Reply, Request, Status};
use tokio::sync::{oneshot, watch};

use crate::peers::Sender;
use crate::storage::{DurableLog, HardState, Record, StorageError};
use crate::ticker::Ticker;

/// So many inputs share a commit at most.
const BATCH_MAX: usize = 512;
/// Answers that nobody waits for any more are forgotten when so many were added.
const SWEEP_EVERY: usize = 1024;

/// What other threads want from the core.
pub(crate) enum Work {
    /// A message of a peer.
    Message(Envelope<Command>),
    /// A request of a client, and who waits for the reply.
    Request(Request<Store>, oneshot::Sender<Reply<Store>>),
}

/// The thread's state.
pub(crate) struct Runner {
    pub(crate) core: Raft<Store>,
    pub(crate) log: DurableLog<Command>,
    pub(crate) work: Receiver<Work>,
    pub(crate) sender: Sender,
    pub(crate) status: watch::Sender<Status>,
    pub(crate) ticker: Ticker,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) waiting: Waiting,
    pub(crate) forgetfulness: Option<Forgetfulness>,
}

impl Runner {
    /// Runs until it is told to stop, or until the disk fails.
    pub(crate) fn run(mut self) -> Result<(), StorageError> {
        let mut batch = Vec::new();
        while !self.stop.load(Ordering::Relaxed) && self.gather(&mut batch) {
            let outputs = self.step(&mut batch);
            self.execute(outputs)?;
            self.status.send_replace(self.core.status());
        }
        self.log.commit()
    }

    /// Waits for inputs, at most until the next tick. False when nobody can send any.
    fn gather(&mut self, batch: &mut Vec<Work>) -> bool {
        let wait = self.ticker.next().saturating_duration_since(now());
        match self.work.recv_timeout(wait) {
            Ok(work) => batch.push(work),
            Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
        batch.extend(self.work.try_iter().take(BATCH_MAX - 1));
        true
    }

    /// Steps the core with ticks first: an input that has waited while the process was stopped must
    /// not be handled at the time before the stop.
    fn step(&mut self, batch: &mut Vec<Work>) -> Vec<Output<Store>> {
        let mut outputs = Vec::new();
        for _ in 0..self.ticker.due(now()) {
            outputs.extend(self.core.step(Input::Tick));
        }
        for work in batch.drain(..) {
            let input = match work {
                Work::Message(envelope) => Input::Message(envelope),
                Work::Request(request, reply) => Input::Request {
                    ticket: self.waiting.add(reply),
                    request,
                },
            };
            outputs.extend(self.core.step(input));
        }
        outputs
    }

    /// Saves first; what leaves the node leaves afterwards.
    fn execute(&mut self, outputs: Vec<Output<Store>>) -> Result<(), StorageError> {
        let mut leaving = Vec::new();
        for output in outputs {
            match output {
                Output::SaveHardState { term, vote } => {
                    self.log.stage(Record::HardState(HardState { term, vote }));
                }
                Output::AppendEntries { entries } => self.log.stage(Record::Entries(entries)),
                Output::SaveSnapshot(snapshot) => self.log.save_snapshot(&snapshot)?,
                output => leaving.push(output),
            }
        }
        self.commit()?;
        leaving.into_iter().for_each(|output| self.release(output));
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StorageError> {
        if let Some(forgetfulness) = &mut self.forgetfulness
            && !forgetfulness.is_over(self.log.has_staged(), now())
        {
            return Ok(());
        }
        self.log.commit()
    }

    fn release(&mut self, output: Output<Store>) {
        match output {
            Output::Send(envelope) => self.sender.send(envelope.to, &envelope),
            Output::Reply { ticket, reply } => self.waiting.answer(ticket, reply),
            Output::Event(event) => tell(&event),
            Output::SaveHardState { .. } | Output::AppendEntries { .. } => {}
            Output::SaveSnapshot(_) => {}
        }
    }
}

fn tell(event: &Event) {
    match event {
        Event::BecameLeader { term } => tracing::info!(term, "leads"),
        Event::Voted { term } => tracing::debug!(term, "has voted"),
        Event::SteppedDown { term } => tracing::info!(term, "leads no more"),
        Event::Campaigning { term, pre } => tracing::info!(term, pre, "campaigns"),
        Event::MembersChanged { voters } => tracing::info!(?voters, "the members have changed"),
        Event::SnapshotTaken { index } => tracing::info!(index, "took a snapshot"),
        Event::SnapshotInstalled { index } => tracing::info!(index, "took over a snapshot"),
        Event::CommittedLost { index } => {
            tracing::error!(
                index,
                "committed entries were overwritten, as the planted bug wants"
            );
        }
    }
}

/// Who waits for which reply.
#[derive(Default)]
pub(crate) struct Waiting {
    replies: HashMap<u64, oneshot::Sender<Reply<Store>>>,
    tickets: u64,
    swept: usize,
}

impl Waiting {
    fn add(&mut self, reply: oneshot::Sender<Reply<Store>>) -> u64 {
        if self.replies.len() >= self.swept + SWEEP_EVERY {
            self.replies.retain(|_, reply| !reply.is_closed());
            self.swept = self.replies.len();
        }
        self.tickets += 1;
        self.replies.insert(self.tickets, reply);
        self.tickets
    }

    /// One who no longer waits is not told.
    fn answer(&mut self, ticket: u64, reply: Reply<Store>) {
        if let Some(waiting) = self.replies.remove(&ticket) {
            drop(waiting.send(reply));
        }
    }
}

/// The planted bug of a server that acknowledges before the disk has it: what should be durable
/// stays in the memory of the process for a while, and is lost when the process is killed.
#[derive(Debug)]
pub(crate) struct Forgetfulness {
    period: Duration,
    since: Option<Instant>,
}

impl Forgetfulness {
    pub(crate) fn new(period: Duration) -> Self {
        Forgetfulness {
            period,
            since: None,
        }
    }

    /// Whether what is staged has been kept back long enough.
    fn is_over(&mut self, has_staged: bool, now: Instant) -> bool {
        if !has_staged {
            self.since = None;
            return false;
        }
        let since = *self.since.get_or_insert(now);
        let over = now.saturating_duration_since(since) >= self.period;
        if over {
            self.since = None;
        }
        over
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the core's clock is driven here, at the edge"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{SyncSender, sync_channel};

    use tempfile::TempDir;
    use testimony_consensus::NodeId;
    use testimony_consensus::raft::Config;

    use super::*;
    use crate::storage::{Identity, Opened};

    /// The runner of a cluster of one, and the way to it.
    fn alone(folder: &TempDir) -> (Runner, SyncSender<Work>, watch::Receiver<Status>) {
        let id = NodeId(1);
        let identity = Identity {
            id,
            voters: [id].into(),
        };
        let Opened {
            log,
            durable,
            voters,
        } = DurableLog::open(folder.path(), &identity).unwrap();
        let core = Raft::new(Config::new(id, voters), durable).unwrap();
        let (sender, work) = sync_channel(8);
        let (status, watched) = watch::channel(core.status());
        let runner = Runner {
            core,
            log,
            work,
            sender: Sender::default(),
            status,
            ticker: Ticker::new(Duration::from_millis(1), now(), 1),
            stop: Arc::default(),
            waiting: Waiting::default(),
            forgetfulness: None,
        };
        (runner, sender, watched)
    }

    /// Lets the core lead.
    fn elect(runner: &mut Runner) {
        while runner.core.status().commit == 0 {
            let outputs = runner.core.step(Input::Tick);
            runner.execute(outputs).unwrap();
        }
    }

    #[test]
    fn a_request_is_answered_when_the_disk_has_it() {
        let folder = TempDir::new().unwrap();
        let (mut runner, work, _) = alone(&folder);
        elect(&mut runner);
        let (sender, reply) = oneshot::channel();
        work.send(Work::Request(Request::OpenSession, sender))
            .unwrap();
        drop(work);
        runner.run().unwrap();
        assert!(matches!(reply.blocking_recv(), Ok(Reply::Session(_))));
    }

    #[test]
    fn nothing_is_answered_when_the_disk_fails() {
        let folder = TempDir::new().unwrap();
        let (mut runner, work, status) = alone(&folder);
        elect(&mut runner);
        let before = status.borrow().commit;
        runner.log.fill_disk();
        let (sender, reply) = oneshot::channel();
        work.send(Work::Request(Request::OpenSession, sender))
            .unwrap();
        let error = runner.run().unwrap_err();
        assert!(matches!(error, StorageError::Io { .. }), "{error}");
        assert!(
            reply.blocking_recv().is_err(),
            "nobody is told what may be lost"
        );
        assert_eq!(status.borrow().commit, before);
    }

    #[test]
    fn forgetfulness_holds_back_for_its_period_and_begins_anew() {
        let period = Duration::from_millis(800);
        let (start, mut forgetfulness) = (now(), Forgetfulness::new(period));
        assert!(!forgetfulness.is_over(false, start));
        assert!(!forgetfulness.is_over(true, start + period));
        assert!(!forgetfulness.is_over(true, start + period * 3 / 2));
        assert!(forgetfulness.is_over(true, start + period * 2));
        assert!(!forgetfulness.is_over(true, start + period * 5 / 2));
        assert!(!forgetfulness.is_over(false, start + period * 9));
    }

    #[test]
    fn those_who_wait_no_longer_are_forgotten() {
        let mut waiting = Waiting::default();
        for _ in 0..SWEEP_EVERY * 3 {
            let (sender, _) = oneshot::channel();
            waiting.add(sender);
        }
        assert!(waiting.replies.len() <= SWEEP_EVERY);
        let (sender, mut reply) = oneshot::channel();
        let ticket = waiting.add(sender);
        waiting.answer(ticket, Reply::Session(4));
        assert!(matches!(reply.try_recv(), Ok(Reply::Session(4))));
        waiting.answer(ticket, Reply::Session(4));
    }
}
