//! One simulated node: a core, its disk, and what waits for either.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use testimony_consensus::replica::{
    Audit, Breach, Disk, Input, Output, Replica, Setup, StartError,
};
use testimony_engine::{Nanos, NodeName};

/// A node, running or not.
pub(super) struct Node<R: Replica> {
    pub(super) name: NodeName,
    pub(super) setup: Setup,
    /// The core; `None` while the node is down.
    pub(super) core: Option<R>,
    /// Counts the starts, so that what belongs to an earlier life is not taken for this one's.
    pub(super) life: u32,
    pub(super) paused: bool,
    pub(super) inbox: VecDeque<Input<R>>,
    pub(super) disk: R::Disk,
    /// What the core wants done once the disk has what comes before it.
    pub(super) held: Vec<Output<R>>,
    /// Whether the disk is writing.
    pub(super) writing: bool,
    /// Records that were acknowledged and are not on the disk: only a planted bug does that.
    pub(super) unsynced: Vec<R::Record>,
    /// Dies after so many more outputs.
    pub(super) fuse: Option<usize>,
    /// The requests that it owes an answer.
    pub(super) owed: BTreeSet<u64>,
    pub(super) clock: Clock,
    /// How much longer than usual its disk takes.
    pub(super) disk_delay: Duration,
    /// Whether its disk refuses to save, which kills it.
    pub(super) disk_fails: bool,
    /// Whether it tells others what is not true.
    pub(super) lies: bool,
    /// What it sent last while it lied.
    pub(super) said: Option<R::Message>,
}

/// A node's own clock: runs fast or slow, and jumps.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    /// When the rate was set, by the true clock and by this one.
    since: (Nanos, i64),
    /// How many millionths faster than the true clock; negative: slower.
    drift: i64,
}

impl<R: Replica> Node<R> {
    pub(super) fn new(name: NodeName, setup: Setup) -> Self {
        Node {
            name,
            setup,
            core: None,
            life: 0,
            paused: false,
            inbox: VecDeque::new(),
            disk: R::Disk::default(),
            held: Vec::new(),
            writing: false,
            unsynced: Vec::new(),
            fuse: None,
            owed: BTreeSet::new(),
            clock: Clock::default(),
            disk_delay: Duration::ZERO,
            disk_fails: false,
            lies: false,
            said: None,
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.core.is_some()
    }

    /// Starts with what the disk kept.
    pub(super) fn start(&mut self) -> Result<(), StartError> {
        self.life += 1;
        self.core = Some(R::start(&self.setup, &self.disk)?);
        Ok(())
    }

    /// Dies. Of what the disk was writing, the first `kept` records are on it: a torn or reordered
    /// sector is told by its checksum, and what lies behind it is cut off.
    pub(super) fn die(&mut self, kept: usize) {
        let writing = self.held.iter().filter_map(|output| match output {
            Output::Save(record) => Some(record),
            _ => None,
        });
        let writing = writing.take(if self.writing { kept } else { 0 });
        for record in writing {
            self.disk.save(record);
        }
        self.core = None;
        self.inbox.clear();
        self.held.clear();
        self.unsynced.clear();
        (self.writing, self.fuse) = (false, None);
    }

    /// How many records the disk is writing.
    pub(super) fn under_way(&self) -> usize {
        let saves = |output: &&Output<R>| matches!(output, Output::Save(_));
        self.held.iter().filter(saves).count()
    }

    /// What lies in the inbox, done one after the other; what the core wants done about it. The
    /// audit looks at each step, until something does not hold.
    pub(super) fn work(&mut self, now: Nanos, audit: &mut R::Audit) -> Done<R> {
        let shown = self.clock.shows(now);
        let mut done = Done {
            outputs: Vec::new(),
            breach: None,
        };
        let Some(core) = &mut self.core else {
            return done;
        };
        for input in self.inbox.drain(..) {
            let before = done.outputs.len();
            core.step(shown, input, &mut done.outputs);
            if done.breach.is_none() {
                let fresh = &done.outputs[before..];
                done.breach = audit.stepped(self.setup.id, core, fresh).err();
            }
        }
        done
    }
}

/// What came of the inputs of a node.
pub(super) struct Done<R: Replica> {
    pub(super) outputs: Vec<Output<R>>,
    pub(super) breach: Option<Breach>,
}

impl Clock {
    /// What it shows.
    pub(super) fn shows(&self, now: Nanos) -> Duration {
        let passed = i64::try_from(now.since(self.since.0).as_nanos()).unwrap_or(i64::MAX);
        let gained = i128::from(passed) * i128::from(self.drift) / 1_000_000;
        let shown = i128::from(self.since.1) + i128::from(passed) + gained;
        Duration::from_nanos(u64::try_from(shown.max(0)).unwrap_or(u64::MAX))
    }

    /// How long by the true clock a span of this one is.
    pub(super) fn true_span(&self, span: Duration) -> Duration {
        let rate = u64::try_from((1_000_000 + self.drift).max(1)).unwrap_or(1);
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(nanos.saturating_mul(1_000_000) / rate)
    }

    /// Jumps, and runs at another rate from now on.
    pub(super) fn set(&mut self, now: Nanos, jump: i64, drift: i64) {
        let shown = i64::try_from(self.shows(now).as_nanos()).unwrap_or(i64::MAX);
        *self = Clock {
            since: (now, shown.saturating_add(jump)),
            drift,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_runs_fast_gains_on_the_true_one() {
        let mut clock = Clock::default();
        clock.set(Nanos::from_secs(10), 0, 100_000);
        assert_eq!(clock.shows(Nanos::from_secs(20)), Duration::from_secs(21));
        clock.set(Nanos::from_secs(20), -5_000_000_000, 0);
        assert_eq!(clock.shows(Nanos::from_secs(21)), Duration::from_secs(17));
        let ten = Duration::from_millis(10);
        clock.set(Nanos::from_secs(30), 0, 1_000_000);
        assert_eq!(clock.true_span(ten), ten / 2);
    }
}
