//! What has been found on the keys looked at so far.

use testimony_history::{RecordedHistory, Value};

use super::attribution::Rule;
use super::growing::Growing;
use super::sum::Sum;
use super::tally::{SEQUENTIAL, Tally};
use super::timeless::{Search, Timeless};
use super::versions::{Moment, Versions};
use super::{Answers, Counted, Doubt, Examination, StaleRead, Staleness, Unit};
use super::{delta, staleness};
use crate::models::{Cell, Decoded};

/// What has been found on the keys so far.
pub(super) struct Findings<'a> {
    history: &'a RecordedHistory,
    answers: Answers,
    stale: Vec<StaleRead>,
    /// The operation numbers of the worst stale answer: who replaced its value, and itself.
    worst: Option<((u64, u64), [u32; 2])>,
    delta: delta::Search,
    sessions: Tally,
    timeless: Search,
}

impl<'a> Findings<'a> {
    pub(super) fn new(history: &'a RecordedHistory, timeless: Search) -> Self {
        Findings {
            history,
            answers: Answers::default(),
            stale: Vec::new(),
            worst: None,
            delta: delta::Search::default(),
            sessions: Tally::default(),
            timeless,
        }
    }

    /// Looks at one more key of registers or maps.
    pub(super) fn add(
        &mut self,
        key: &Option<Value>,
        versions: &Versions,
        history: &Decoded<Cell>,
    ) {
        let here = versions.answers();
        self.count(&here);
        for stale in staleness::stale_reads(versions) {
            self.add_stale(key, stale);
        }
        self.delta.add(versions, &here);
        let open = here.ambiguous + here.partial > 0;
        let rules = [Rule::Latest, Rule::Settled].into_iter().filter(|_| open);
        let attributed = rules.filter_map(|rule| versions.attributed(history, rule));
        let attributed: Vec<Versions> = attributed.collect();
        self.sessions.add(key, versions, &here, &attributed);
    }

    /// Looks at one more key of logs or sets, with these operations.
    pub(super) fn add_growing(&mut self, key: &Option<Value>, grown: &Growing, numbers: &[u32]) {
        let here = grown.answers();
        self.count(&here);
        let mut lag = 0;
        for stale in grown.stale() {
            lag = lag.max(stale.lag);
            self.add_stale(key, stale);
        }
        self.delta.at_least(
            Moment::try_from(lag).unwrap_or(Moment::MAX),
            here.unexplained > 0,
        );
        if grown.judge(key, &mut self.sessions) {
            self.without_times(key, numbers);
        }
    }

    /// Looks at one more counter, with these operations.
    pub(super) fn add_sum(&mut self, key: &Option<Value>, sum: &Sum, numbers: &[u32]) {
        let here = sum.answers();
        self.count(&here);
        let mut lag = 0;
        for stale in sum.stale() {
            lag = lag.max(stale.lag);
            self.add_stale(key, stale);
        }
        self.delta.at_least(
            Moment::try_from(lag).unwrap_or(Moment::MAX),
            here.unexplained > 0,
        );
        if sum.judge(key, &mut self.sessions) {
            self.without_times(key, numbers);
        }
    }

    /// Finds out by search whether a key is sequentially consistent.
    fn without_times(&mut self, key: &Option<Value>, numbers: &[u32]) {
        match self.timeless.judge(self.history, numbers) {
            Timeless::Explained => {}
            Timeless::Broken(operations) => {
                self.sessions.found(SEQUENTIAL, key, operations, false);
            }
            Timeless::Open => self.sessions.doubt(SEQUENTIAL, Doubt::TooLong),
        }
    }

    fn count(&mut self, here: &Answers) {
        self.answers.all += here.all;
        self.answers.asked += here.asked;
        self.answers.ambiguous += here.ambiguous;
        self.answers.partial += here.partial;
        self.answers.unexplained += here.unexplained;
    }

    fn add_stale(&mut self, key: &Option<Value>, stale: staleness::Stale) {
        let operations = self.history.operations();
        let [replacer, reader] = [stale.by, stale.read].map(|op| &operations[op as usize]);
        let badness = (stale.lag, stale.versions);
        if self.worst.is_none_or(|(worst, _)| worst < badness) {
            self.worst = Some((badness, [stale.by, stale.read]));
        }
        self.stale.push(StaleRead {
            operation: reader.call.index,
            key: key.clone(),
            process: reader.process,
            lag: stale.lag,
            versions: stale.versions,
            replaced_by: replacer.call.index,
        });
    }

    pub(super) fn conclude(mut self, unit: Unit, counted: Counted) -> Examination {
        if counted != Counted::Versions {
            self.delta.at_least(0, false);
        }
        let operations = self.history.operations();
        let mut reads = self.stale;
        reads.sort_by_key(|read| {
            let worst_first = std::cmp::Reverse((read.lag, read.versions));
            (worst_first, read.operation)
        });
        let worst = self.worst.into_iter().flat_map(|(_, pair)| pair);
        let staleness = Staleness {
            histogram: staleness::histogram(&reads),
            worst: worst.map(|op| operations[op as usize].clone()).collect(),
            reads,
        };
        Examination {
            unit,
            counted,
            answers: self.answers,
            staleness,
            delta: self.delta.conclude(),
            guarantees: self.sessions.conclude(self.history),
        }
    }
}
