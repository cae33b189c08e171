//! One counter to which nothing is ever added that makes it smaller, or nothing that makes it
//! greater.
//!
//! Such a counter has only one way to go. Without restriction it grows: one that shrinks is looked
//! at with every sign changed. An answer shows a sum, not which adds are in it, so fewer questions
//! can be decided than of a log.

use testimony_history::{Operation, Outcome, Value};

use super::sessions::acts_of_sessions;
use super::staleness::Stale;
use super::tally::{
    MONOTONIC_READS, MONOTONIC_WRITES, READ_YOUR_WRITES, SEQUENTIAL, Tally, WRITES_FOLLOW_READS,
};
use super::versions::Moment;
use super::{Answers, Doubt, Span};
use crate::models::counter::{CounterInput, CounterOutput};
use crate::models::{Counter, Decoded, KeyedInput};

type Op = Operation<KeyedInput<CounterInput>, CounterOutput>;

/// An operation that may have happened.
#[derive(Clone, Copy, Debug)]
struct Act {
    source: u32,
    process: u64,
    start: Moment,
    end: Option<Moment>,
    /// How much it adds; 0 for a read.
    amount: i128,
    /// The value that it found, beyond the initial one.
    found: Option<i128>,
    /// Whether it cannot have found that by then.
    wrong: bool,
}

/// One counter.
#[derive(Debug)]
pub(super) struct Sum {
    /// In the order of their calls.
    acts: Vec<Act>,
    /// Whether it goes both ways, so that nothing can be asked.
    wavers: bool,
}

impl Sum {
    /// The counter whose operations have these numbers, in the order of their calls.
    pub(super) fn of(
        counter: &Counter,
        history: &Decoded<Counter>,
        numbers: &[u32],
        spans: &[Span],
    ) -> Self {
        let operation = |source: u32| &history.operations()[source as usize];
        let amounts = || numbers.iter().map(|&source| amount(operation(source)));
        let (grows, shrinks) = (amounts().any(|it| it > 0), amounts().any(|it| it < 0));
        let sign = if shrinks { -1 } else { 1 };
        let act = |&source: &u32| {
            let (start, end) = spans[source as usize];
            let operation = operation(source);
            Act {
                source,
                process: operation.process,
                start,
                end,
                amount: sign * amount(operation),
                found: found(operation).map(|value| sign * (value - counter.initial())),
                wrong: false,
            }
        };
        let mut sum = Sum {
            acts: numbers.iter().map(act).collect(),
            wavers: grows && shrinks,
        };
        sum.find_wrong();
        sum
    }

    /// An answer below the start, or above all that had been called by then, is wrong.
    fn find_wrong(&mut self) {
        let mut called = vec![0];
        let mut sum = 0;
        for act in &self.acts {
            sum += act.amount;
            called.push(sum);
        }
        for number in 0..self.acts.len() {
            let Act {
                found, end, amount, ..
            } = self.acts[number];
            let (Some(found), Some(end), false) = (found, end, self.wavers) else {
                continue;
            };
            let most = called[self.acts.partition_point(|act| act.start <= end)] - amount;
            self.acts[number].wrong = found < 0 || found > most;
        }
    }

    /// How many answers show what.
    pub(super) fn answers(&self) -> Answers {
        let mut answers = Answers::default();
        for act in self.acts.iter().filter(|act| act.found.is_some()) {
            answers.all += 1;
            match (self.wavers, act.wrong) {
                (true, _) => answers.ambiguous += 1,
                (false, true) => answers.unexplained += 1,
                (false, false) => answers.asked += 1,
            }
        }
        answers
    }

    /// What was found, if it can be asked about.
    fn asked(&self, act: &Act) -> Option<i128> {
        act.found.filter(|_| !act.wrong && !self.wavers)
    }

    /// The answers below what had surely been added before they were asked for, in the order of
    /// their calls. What others merely read is no evidence: theirs may be too much. O(n log n).
    pub(super) fn stale(&self) -> Vec<Stale> {
        let adds = self.acts.iter().filter(|act| act.amount > 0);
        let mut ends: Vec<(Moment, u32, i128)> = adds
            .filter_map(|act| Some((act.end?, act.source, act.amount)))
            .collect();
        ends.sort_unstable();
        let most = ends.iter().map(|it| it.2).max().unwrap_or(1);
        let sums: Vec<i128> = ends
            .iter()
            .scan(0, |sum, it| {
                *sum += it.2;
                Some(*sum)
            })
            .collect();
        let mut stale = Vec::new();
        for act in &self.acts {
            let Some(found) = self.asked(act) else {
                continue;
            };
            let before = ends.partition_point(|&(end, ..)| end < act.start);
            let enough = sums[..before].partition_point(|&sum| sum <= found);
            let Some(&(since, by, _)) = ends[..before].get(enough) else {
                continue;
            };
            let missing = (sums[before - 1] - found + most - 1) / most;
            stale.push(Stale {
                read: act.source,
                by,
                lag: act.start.abs_diff(since),
                versions: u64::try_from(missing).unwrap_or(u64::MAX),
            });
        }
        stale
    }

    /// Notes what becomes of each promise; whether the counter is sequentially consistent is left
    /// open if the answer is `true`.
    ///
    /// *Read your writes* is broken if an answer is below what its session had added; *monotonic
    /// reads* if it is below what its session had found. If all adds are of one amount and tell
    /// nothing, a sum is a number of adds: which ones may be chosen so that its session's own are
    /// among them if there are enough, or those that were chosen before. Otherwise, and for the
    /// other two promises, nobody can tell.
    pub(super) fn judge(&self, name: &Option<Value>, tally: &mut Tally) -> bool {
        let mut adds = self.acts.iter().filter(|act| act.amount > 0);
        let unit = adds.next().map_or(1, |act| act.amount);
        let told = |act: &Act| act.amount > 0 && act.found.is_some();
        let plain = adds.all(|act| act.amount == unit) && !self.acts.iter().any(told);
        let fits = |act: &Act| act.found.is_none_or(|found| found % unit == 0);
        if !plain || !self.acts.iter().all(fits) {
            tally.doubt(READ_YOUR_WRITES, Doubt::SumsOnly);
            tally.doubt(MONOTONIC_READS, Doubt::SumsOnly);
        }
        tally.doubt(MONOTONIC_WRITES, Doubt::SumsOnly);
        tally.doubt(WRITES_FOLLOW_READS, Doubt::SumsOnly);
        let answers = self.answers();
        for promise in [READ_YOUR_WRITES, MONOTONIC_READS] {
            tally.hide(promise, answers.ambiguous + answers.unexplained);
        }
        let mut broken = [false; 5];
        for session in self.sessions() {
            tally.test(SEQUENTIAL, session.len() as u64 - 1);
            for (promise, acts) in self.went_back(&session, tally) {
                for promise in [promise, SEQUENTIAL] {
                    if !std::mem::replace(&mut broken[promise], true) {
                        let sources = acts.iter().map(|&act| self.acts[act as usize].source);
                        tally.found(promise, name, sources.collect(), acts.len() == 2);
                    }
                }
            }
        }
        !broken[SEQUENTIAL]
    }

    /// The first answer of a session that is below what the session had added, with the adds; and
    /// the first that is below what it had found, with who found that.
    fn went_back(&self, session: &[u32], tally: &mut Tally) -> Vec<(usize, Vec<u32>)> {
        let (mut own, mut most) = (0, None);
        let mut adds: Vec<u32> = Vec::new();
        let mut broken: [Option<Vec<u32>>; 2] = [None, None];
        for &number in session {
            let act = &self.acts[number as usize];
            if let Some(found) = self.asked(act) {
                tally.test(READ_YOUR_WRITES, u64::from(!adds.is_empty()));
                tally.test(MONOTONIC_READS, u64::from(most.is_some()));
                if found < own && broken[0].is_none() {
                    broken[0] = Some(self.more_than(found, &adds, number));
                }
                if let Some((before, by)) = most
                    && found < before
                    && broken[1].is_none()
                {
                    broken[1] = Some(vec![by, number]);
                }
                if most.is_none_or(|(before, _)| found > before) {
                    most = Some((found, number));
                }
            }
            if act.amount > 0 && !self.wavers {
                own += act.amount;
                adds.push(number);
            }
        }
        let promises = [READ_YOUR_WRITES, MONOTONIC_READS];
        let found = promises.into_iter().zip(broken);
        found
            .filter_map(|(promise, acts)| Some((promise, acts?)))
            .collect()
    }

    /// The first adds that make more than was found, and who found it.
    fn more_than(&self, found: i128, adds: &[u32], number: u32) -> Vec<u32> {
        let mut sum = 0;
        let enough = adds.iter().take_while(|&&add| {
            let short = sum <= found;
            sum += self.acts[add as usize].amount;
            short
        });
        enough.copied().chain([number]).collect()
    }

    fn sessions(&self) -> Vec<Vec<u32>> {
        let acts = self.acts.iter();
        acts_of_sessions(acts.map(|act| (act.process, act.end.is_some())))
    }
}

fn amount(operation: &Op) -> i128 {
    match operation.input.input {
        CounterInput::Add(amount) => amount,
        CounterInput::Read => 0,
    }
}

/// The value that a completed operation found.
fn found(operation: &Op) -> Option<i128> {
    match &operation.outcome {
        Outcome::Completed(CounterOutput::Value(value)) => Some(value - amount(operation)),
        Outcome::Completed(CounterOutput::Done) | Outcome::Failed | Outcome::Unknown => None,
    }
}
