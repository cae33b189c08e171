//! How a run goes, for whoever watches.

use std::collections::VecDeque;
use std::time::Duration;

use testimony_engine::{ClusterStatus, FaultKind, Nanos, NodeName, Phase};
use testimony_history::Ending;

/// A look at a run, about ten times a second.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Where it stands.
    pub phase: Phase,
    /// How long it has been going on.
    pub elapsed: Duration,
    /// Operations that ended in the last second.
    pub operations_per_second: u64,
    /// Operations that were answered so far.
    pub completed: u64,
    /// Operations that certainly did not happen.
    pub failed: u64,
    /// Operations that may have happened.
    pub unknown: u64,
    /// Who leads, as far as is known.
    pub leader: Option<NodeName>,
    /// The highest term that a node told.
    pub term: Option<u64>,
    /// The kinds of the faults that are in effect.
    pub faults: Vec<FaultKind>,
}

/// How far back the rate looks.
const WINDOW: Duration = Duration::from_secs(1);

/// Counts what has ended.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    completed: u64,
    failed: u64,
    unknown: u64,
    /// Earlier counts of ended operations, with their times.
    past: VecDeque<(Nanos, u64)>,
}

impl Tally {
    pub(crate) fn count(&mut self, ending: &Ending) {
        match ending {
            Ending::Ok(_) => self.completed += 1,
            Ending::Fail(_) => self.failed += 1,
            Ending::Info(_) => self.unknown += 1,
        }
    }

    pub(crate) fn progress(
        &mut self,
        now: Nanos,
        phase: Phase,
        status: &ClusterStatus,
        faults: Vec<FaultKind>,
    ) -> Progress {
        Progress {
            phase,
            elapsed: now.into(),
            operations_per_second: self.rate(now),
            completed: self.completed,
            failed: self.failed,
            unknown: self.unknown,
            leader: status.leader().cloned(),
            term: status.term(),
            faults,
        }
    }

    /// Operations that ended within the window.
    fn rate(&mut self, now: Nanos) -> u64 {
        let ended = self.completed + self.failed + self.unknown;
        self.past.push_back((now, ended));
        while self.past.len() > 1 && self.past[0].0 + WINDOW < now {
            self.past.pop_front();
        }
        let (since, before) = self.past[0];
        let millis = u64::try_from(now.since(since).as_millis()).unwrap_or(u64::MAX);
        ((ended - before) * 1000).checked_div(millis).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_second() {
        let mut tally = Tally::default();
        let failed = Ending::Fail("refused".into());
        let status = ClusterStatus::default();
        let mut rate = 0;
        for tick in 0..40 {
            // Ten in each tenth of a second, for two seconds; then one.
            let ended = if tick < 20 { 10 } else { 1 };
            (0..ended).for_each(|_| tally.count(&failed));
            let now = Nanos::from_millis(tick * 100);
            let progress = tally.progress(now, Phase::Faults, &status, Vec::new());
            rate = progress.operations_per_second;
            if tick == 19 {
                assert_eq!(rate, 100);
            }
        }
        assert_eq!(rate, 10);
        assert_eq!(tally.failed, 220);
    }
}
