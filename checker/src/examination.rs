//! More questions of the same history: how stale its answers are, and which weaker promises it
//! keeps. Asked when a history is not linearizable, so that a person learns how bad it is.
//!
//! Registers, compare-and-set registers and maps are covered, logs, sets and counters, each key for
//! itself. What can be asked of registers and maps are the answers that show a value which only one
//! operation can have made: that operation is then known. Values that several operations may have
//! made (`null`, where keys are removed) are counted and left out; nothing is claimed to hold that
//! they could have broken. Logs, sets and counters show what was carried out; what is asked of them
//! is said in `growing` and `sum`.
//!
//! # Time
//!
//! Everything is measured from call to return as the recording has it: in nanoseconds where every
//! event has a time and times never go backwards, in events otherwise (see [`Unit`]).

mod attribution;
mod blocks;
mod delta;
mod findings;
mod growing;
mod order;
mod ranges;
mod sequence;
mod sessions;
mod staleness;
mod sum;
mod tally;
mod timeless;
mod versions;

use std::collections::BTreeMap;

use testimony_history::{
    Answer as Told, Call, Model as Kind, Operation, Outcome, RecordedHistory, Value,
};

use crate::models::{Bundled, Cell, Counter, Decoded, Log, Set, decode};
use crate::partition::malformed;
use findings::Findings;
use growing::Growing;
use sum::Sum;
use timeless::Search;
use versions::Versions;

/// The most operations that are examined, so that it is done within seconds and a gigabyte.
pub const MOST_OPERATIONS: usize = 2_000_000;

/// What a history is besides not linearizable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examination {
    /// What lags and Δ are counted in.
    pub unit: Unit,
    /// What a stale answer lacks.
    pub counted: Counted,
    /// How many answers there were, and how many of them could be asked about.
    pub answers: Answers,
    /// How far behind answers were.
    pub staleness: Staleness,
    /// The least Δ for which the history is Δ-atomic.
    pub delta: Delta,
    /// What still holds.
    pub guarantees: Guarantees,
}

/// What lags and Δ are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds of the recording's times.
    Nanoseconds,
    /// Events of the recording, where an event has no time or times go backwards.
    Events,
}

/// What is counted in [`StaleRead::versions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Versions of a register or a key, each made by an update.
    Versions,
    /// Elements of a log or a set.
    Elements,
    /// Adds to a counter.
    Adds,
}

/// Completed operations whose answer says something about a value: reads, comparisons (also those
/// that matched: they saw the old value), `contains` and `remove` where they tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// All of them.
    pub all: u64,
    /// Those that show a value which exactly one operation can have made (or which was there from
    /// the start). Only these can be found stale.
    pub asked: u64,
    /// Those that show a value which several operations can have made.
    pub ambiguous: u64,
    /// Those that only say that a value is there, or which it is not.
    pub partial: u64,
    /// Those that show a value which nothing can have made, or nothing that had been called before
    /// the answer came, and comparisons that did not match what they expected and found. They are
    /// wrong, but not stale.
    pub unexplained: u64,
}

/// How far behind answers were. An answer is *stale* if its value had surely been replaced when the
/// operation was called: the value had been there (its maker, or somebody who saw it, had ended),
/// after that an update was called, and that update had taken effect (it, or somebody who saw its
/// value, had ended). Each stale answer contradicts linearizability by itself, with at most four
/// other operations. Not every violation has a stale answer; reads that contradict each other do
/// not show which of them is the stale one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Staleness {
    /// The stale answers, worst first: by lag, then by versions, then in the order of calls.
    pub reads: Vec<StaleRead>,
    /// Their lags in buckets, from the least lag to the greatest; none if no answer is stale.
    pub histogram: Vec<Bucket>,
    /// The worst of them and who replaced its value: two operations of the history, the stale one
    /// last.
    pub worst: Vec<Operation<Call, Told>>,
}

/// An answer whose value had been replaced before it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaleRead {
    /// The `index` of its invocation.
    pub operation: u64,
    /// Its key.
    pub key: Option<Value>,
    /// The process that asked.
    pub process: u64,
    /// How long ago, when it was called, its value had surely been replaced, in the examination's
    /// [`Unit`]; above 0. A lower bound: it may have been replaced earlier.
    pub lag: u64,
    /// How many newer versions surely lay between its value and its call; at least 1. A lower
    /// bound too.
    pub versions: u64,
    /// The `index` of the invocation whose return shows that the value had been replaced.
    pub replaced_by: u64,
}

/// How many stale answers had a lag in a range. Bounds are 1, 2, 5, 10, 20, 50, ...
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The least lag in it.
    pub from: u64,
    /// The least lag above it.
    pub below: u64,
    /// Stale answers.
    pub reads: u64,
}

/// The least Δ for which a history is Δ-atomic (Golab, Li and Shah, "Analyzing consistency
/// properties for fun and profit", PODC 2011): it would be linearizable if every read had been
/// called Δ earlier. For this question a compare-and-set is a read of what it saw and a write of
/// its own, so two that replace the same value count for nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delta {
    /// Exactly this much, in the examination's [`Unit`].
    Least(u64),
    /// At least this much: some answers could not be asked about.
    AtLeast(u64),
    /// No Δ is enough: an answer shows a value that nobody had asked to make by then.
    Never,
}

/// Promises weaker than linearizability, each for every key by itself: what a process did on one
/// key is not compared with what it did on another.
///
/// The *versions* of a key are its initial value and what its updates made. The session guarantees
/// (Terry et al., "Session guarantees for weakly consistent replicated data", PDIS 1994) are about
/// the order of versions. No history shows that order, so a guarantee *holds* if there is one in
/// which it holds. Orders considered put the initial value first, and what a compare-and-set or an
/// append made after what it saw.
///
/// A process is a session. One that goes on after an unknown outcome counts as a new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guarantees {
    /// One order of all operations explains every answer and keeps the order of each process, but
    /// not that of real time (Lamport 1979).
    pub sequential_consistency: Answer,
    /// What a process reads is not older than what it made before. Older is told by real time: an
    /// order is considered only if an update that had taken effect before another was called comes
    /// before it.
    pub read_your_writes: Answer,
    /// What a process reads is not older than what it had read before; older as above.
    pub monotonic_reads: Answer,
    /// What a process makes comes after what it had made before. Only readers show that, so an
    /// order is asked for in which this, read your writes and monotonic reads hold at once, real
    /// time aside.
    pub monotonic_writes: Answer,
    /// What a process makes comes after what it had read before; asked for in the same way.
    pub writes_follow_reads: Answer,
}

/// Whether a promise was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was put to the test and kept on every key.
    Holds {
        /// How many pairs of operations of one process could have broken it.
        tested: u64,
    },
    /// It was broken.
    Broken {
        /// On how many keys.
        keys: u64,
        /// A short proof.
        example: Box<Example>,
    },
    /// Nobody can tell.
    Unknown {
        /// Why not.
        why: Doubt,
        /// How many pairs were tested all the same.
        tested: u64,
    },
}

/// Why nobody can tell whether a promise was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// No process did on one key what it takes to break it.
    NothingToTest,
    /// It was not seen broken, but so many answers could not be asked about.
    AnswersNotAsked(u64),
    /// Not all of read your writes, monotonic reads and this one can hold, and which of them does
    /// not is for a reader of versions to say who sees the system inside.
    ReadsContradict,
    /// Of a counter nobody sees which adds are in a sum.
    SumsOnly,
    /// To find out takes too long.
    TooLong,
}

/// Operations that cannot all keep a promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// Their key.
    pub key: Option<Value>,
    /// The operations, with their places in the file. If `direct`, one process called the first
    /// and then the second, and the second saw a version older than that of the first.
    pub operations: Vec<Operation<Call, Told>>,
    /// Whether the first two operations suffice.
    pub direct: bool,
}

/// Examines a recorded history of registers, maps, logs, sets or counters. Each key starts as
/// `initial`. O(n log n) time and O(n) memory in the number of operations and the length of all
/// answers, whatever the verdict, and a bounded search.
///
/// # Errors
/// A text that says why the history cannot be examined: another model, an operation that makes no
/// sense to the model, or more than [`MOST_OPERATIONS`].
pub fn examine(
    model: Kind,
    initial: Option<&Value>,
    history: &RecordedHistory,
) -> Result<Examination, String> {
    covers(model, history.operations().len())?;
    if let Some(problem) = malformed(history) {
        return Err(problem);
    }
    let (unit, spans) = spans(history);
    let mut found = Findings::new(history, Search::new(model, initial));
    let counted = match model {
        Kind::Log => {
            let log = Log::starting_as(initial)?;
            each_key::<Log>(history, |key, all, numbers| {
                let grown = Growing::of_log(&log, all, numbers, &spans);
                found.add_growing(key, &grown, numbers);
            })?;
            Counted::Elements
        }
        Kind::Set => {
            let set = Set::starting_as(initial)?;
            each_key::<Set>(history, |key, all, numbers| {
                let grown = Growing::of_set(&set, all, numbers, &spans);
                found.add_growing(key, &grown, numbers);
            })?;
            Counted::Elements
        }
        Kind::Counter => {
            let counter = Counter::starting_as(initial)?;
            each_key::<Counter>(history, |key, all, numbers| {
                found.add_sum(key, &Sum::of(&counter, all, numbers, &spans), numbers);
            })?;
            Counted::Adds
        }
        Kind::Register | Kind::CasRegister | Kind::Kv | Kind::Queue | Kind::Mutex => {
            let cell = Cell::starting_as(initial)?;
            each_key::<Cell>(history, |key, all, numbers| {
                found.add(
                    key,
                    &Versions::of(cell.initial(), all, numbers, &spans),
                    all,
                );
            })?;
            Counted::Versions
        }
    };
    Ok(found.conclude(unit, counted))
}

/// Calls `look` with each key, the history as its model reads it, and which operations are on the
/// key.
fn each_key<B: Bundled>(
    history: &RecordedHistory,
    mut look: impl FnMut(&Option<Value>, &Decoded<B>, &[u32]),
) -> Result<(), String> {
    let decoded = decode::<B>(history)?;
    for (key, numbers) in by_key::<B>(&decoded) {
        look(key, &decoded, &numbers);
    }
    Ok(())
}

/// Whether a history of this model with so many operations is examined at all.
///
/// # Errors
/// A text that says why not.
pub fn covers(model: Kind, operations: usize) -> Result<(), String> {
    if matches!(model, Kind::Queue | Kind::Mutex) {
        return Err(format!(
            "how stale answers are, and what a process may rely on, is asked of objects that are \
             read, not of the model {model}"
        ));
    }
    if operations > MOST_OPERATIONS {
        return Err(format!(
            "the history has {operations} operations, and more than {MOST_OPERATIONS} take too long"
        ));
    }
    Ok(())
}

/// When an operation was called and when it ended, on the axis that everything is measured on.
type Span = (versions::Moment, Option<versions::Moment>);

/// The spans of all operations. An unknown operation has no end.
fn spans(history: &RecordedHistory) -> (Unit, Vec<Span>) {
    let operations = history.operations();
    let by_time: Option<Vec<Span>> = operations.iter().map(timed).collect();
    if let Some(spans) = by_time
        && never_backwards(history, &spans)
    {
        return (Unit::Nanoseconds, spans);
    }
    let ranked = |op: &Operation<Call, Told>| (op.called.into(), ended(op).map(Into::into));
    (Unit::Events, operations.iter().map(ranked).collect())
}

fn ended(operation: &Operation<Call, Told>) -> Option<testimony_history::Position> {
    match operation.outcome {
        Outcome::Completed(_) => operation.returned,
        Outcome::Failed | Outcome::Unknown => None,
    }
}

/// Nothing if an event that counts has no time.
fn timed(operation: &Operation<Call, Told>) -> Option<Span> {
    let moment = |time: Option<u64>| i64::try_from(time?).ok().filter(|&at| at < i64::MAX / 4);
    let start = moment(operation.call.time)?;
    if ended(operation).is_none() {
        return Some((start, None));
    }
    Some((start, Some(moment(operation.end?.time)?)))
}

/// Whether times agree with positions, so that an order by time is one by position as well.
fn never_backwards(history: &RecordedHistory, spans: &[Span]) -> bool {
    let mut events: Vec<(u32, versions::Moment)> = Vec::with_capacity(spans.len() * 2);
    for (operation, span) in history.operations().iter().zip(spans) {
        events.push((operation.called, span.0));
        events.extend(ended(operation).zip(span.1));
    }
    events.sort_unstable();
    events.windows(2).all(|pair| pair[0].1 <= pair[1].1)
}

/// The operations that may have happened, by key, in the order of their calls.
fn by_key<B: Bundled>(history: &Decoded<B>) -> BTreeMap<&Option<Value>, Vec<u32>> {
    let mut numbers: rustc_hash::FxHashMap<&Option<Value>, usize> = Default::default();
    let mut lists: Vec<(&Option<Value>, Vec<u32>)> = Vec::new();
    for (number, operation) in (0..).zip(history.operations()) {
        if operation.outcome == Outcome::Failed {
            continue;
        }
        let key = &operation.input.key;
        let list = *numbers.entry(key).or_insert_with(|| {
            lists.push((key, Vec::new()));
            lists.len() - 1
        });
        lists[list].1.push(number);
    }
    lists.into_iter().collect()
}
