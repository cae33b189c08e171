//! What became of each promise on the keys looked at so far.

use testimony_history::{RecordedHistory, Value};

use super::{Answer, Doubt, Example, Guarantees};

/// The promises, in the order of [`Guarantees`].
pub(super) const SEQUENTIAL: usize = 0;
pub(super) const READ_YOUR_WRITES: usize = 1;
pub(super) const MONOTONIC_READS: usize = 2;
pub(super) const MONOTONIC_WRITES: usize = 3;
pub(super) const WRITES_FOLLOW_READS: usize = 4;
/// How many there are.
pub(super) const PROMISES: usize = 5;

/// Operations of a key that break a promise, by number in the history.
struct Broken {
    key: Option<Value>,
    operations: Vec<u32>,
    direct: bool,
}

/// One promise over the keys looked at so far.
#[derive(Default)]
struct Count {
    tested: u64,
    broken: u64,
    /// Why it cannot be said to hold, apart from answers that could not be checked.
    doubt: Option<Doubt>,
    /// How many answers could not be checked, and might have broken it.
    hidden: u64,
    example: Option<Broken>,
}

/// All promises over the keys looked at so far.
#[derive(Default)]
pub(super) struct Tally {
    counts: [Count; PROMISES],
}

impl Tally {
    /// Notes that a promise is broken on a key. The example with the fewest operations is kept, a
    /// direct one before all others.
    pub(super) fn found(
        &mut self,
        promise: usize,
        key: &Option<Value>,
        operations: Vec<u32>,
        direct: bool,
    ) {
        let count = &mut self.counts[promise];
        count.broken += 1;
        let better =
            |known: &Broken| (!direct, operations.len()) < (!known.direct, known.operations.len());
        if count.example.as_ref().is_none_or(better) {
            count.example = Some(Broken {
                key: key.clone(),
                operations,
                direct,
            });
        }
    }

    /// Notes that so many more steps could have broken a promise.
    pub(super) fn test(&mut self, promise: usize, steps: u64) {
        self.counts[promise].tested += steps;
    }

    /// Notes that so many more answers could not be checked, and might have broken a promise.
    pub(super) fn hide(&mut self, promise: usize, answers: u64) {
        self.counts[promise].hidden += answers;
    }

    /// Notes why a promise cannot be said to hold.
    pub(super) fn doubt(&mut self, promise: usize, why: Doubt) {
        self.counts[promise].doubt.get_or_insert(why);
    }

    pub(super) fn conclude(self, history: &RecordedHistory) -> Guarantees {
        let [sequential, own_writes, reads, writes, following] = self.counts;
        Guarantees {
            sequential_consistency: sequential.conclude(history),
            read_your_writes: own_writes.conclude(history),
            monotonic_reads: reads.conclude(history),
            monotonic_writes: writes.conclude(history),
            writes_follow_reads: following.conclude(history),
        }
    }
}

impl Count {
    fn conclude(self, history: &RecordedHistory) -> Answer {
        let tested = self.tested;
        if let Some(broken) = self.example {
            let operations = broken.operations.iter();
            let operation = |&op: &u32| history.operations()[op as usize].clone();
            return Answer::Broken {
                keys: self.broken,
                example: Box::new(Example {
                    key: broken.key,
                    operations: operations.map(operation).collect(),
                    direct: broken.direct,
                }),
            };
        }
        let why = match (self.doubt, self.hidden, tested) {
            (Some(why), ..) => why,
            (None, hidden @ 1.., _) => Doubt::AnswersNotAsked(hidden),
            (None, 0, 0) => Doubt::NothingToTest,
            (None, 0, 1..) => return Answer::Holds { tested },
        };
        Answer::Unknown { why, tested }
    }
}
