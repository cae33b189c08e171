//! What a check answers: a verdict with its evidence, never a bool.

use std::fmt;

use testimony_history::{Answer, Call, History, Value};

use crate::explain::Explanation;

/// The answer to "is this history linearizable", and what it cost. The type parameters are those of
/// the history; for a recorded history they need not be named.
#[derive(Clone, Debug)]
pub struct Judgement<I = Call, O = Answer> {
    /// The answer.
    pub verdict: Verdict<I, O>,
    /// The operations of the history, failed ones included.
    pub operations: usize,
    /// The independent parts it was cut into.
    pub partitions: usize,
    /// The steps spent on deciding, over all partitions and rounds; shrinking and explaining
    /// excluded.
    pub steps: u64,
    /// The configurations that searches remembered meanwhile so as not to go on from them again: in
    /// depth, those from which nothing explains the rest; in breadth, all. With the width of the
    /// history it says where the memory goes. Algorithms that need no search remember none.
    pub stored: u64,
    /// The algorithms that decided a partition, each once.
    pub algorithms: Vec<Algorithm>,
}

/// Linearizable, illegal, or undecided.
#[derive(Clone, Debug)]
pub enum Verdict<I = Call, O = Answer> {
    /// One order explains everything; here it is, verified.
    Linearizable(Witness),
    /// No order explains it; here is a small part of it for which that is plain.
    Illegal(Box<Counterexample<I, O>>),
    /// The check gave up.
    Undecided(Exhausted),
}

/// How a partition was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// Windowed depth-first search; good for any model.
    WindowedSearch,
    /// The zones of a register's distinct values.
    Zones,
    /// No order of a part of the history, whatever came before it.
    WindowedRefutation,
    /// Windowed breadth-first search; good for any model, and sparing of memory.
    BreadthFirstSearch,
    /// The sweep over a queue's distinct values.
    QueueSweep,
    /// The greedy for a map's key with distinct values that are read, overwritten and removed.
    CellGreedy,
    /// The greedy for counters that only grow, or only shrink.
    CounterGreedy,
    /// The greedy for logs of which it is known which append made which element.
    LogGreedy,
    /// The holds of a mutex, which are in one order only.
    MutexHolds,
    /// The chain of what was read of a set that only grows.
    SetChain,
    /// The greedy for elements of a set, each on its own.
    SetGreedy,
}

/// An order of the operations that the model accepts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Witness {
    /// An order for each partition, by key.
    pub partitions: Vec<PartitionWitness>,
}

/// An order of the operations of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionWitness {
    /// The partition.
    pub key: Option<Value>,
    /// The `index` of each operation's invocation, in the order in which they took effect. Unknown
    /// operations that are absent did not take effect.
    pub order: Vec<u64>,
}

/// Why a check gave up, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exhausted {
    /// What ran out.
    pub reason: Reason,
    /// The partition; the smallest key of those undecided.
    pub key: Option<Value>,
    /// How many partitions are undecided.
    pub partitions: usize,
    /// The `index` of the invocation whose return no order tried got past, if any was.
    pub furthest: Option<u64>,
    /// Steps spent on that partition.
    pub steps: u64,
    /// What made it hard, if the search got stuck somewhere.
    pub difficulty: Option<Difficulty>,
}

/// What made a partition hard where the search got stuck: every set of open operations may have
/// happened, in many orders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difficulty {
    /// The `index` of the invocations of the operations that were open at the furthest return, and
    /// returned later or with it.
    pub open: Vec<u64>,
    /// The same of the operations called by then whose outcome is unknown: they stay open for good.
    pub unknown: Vec<u64>,
    /// How many states of the object were met.
    pub states: u64,
}

/// What ran out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The step budget.
    Steps,
    /// The memory budget.
    Bytes,
    /// The caller raised the stop flag.
    Stopped,
    /// No algorithm covers this history; says what is out of bounds.
    NotCovered(String),
    /// Evidence for a verdict did not hold: a defect of the checker, or of a model.
    EvidenceFailed(String),
}

/// A small history that no order explains, made from the judged one by sound steps only: whatever
/// explains the judged history would explain this one.
#[derive(Clone, Debug)]
pub struct Counterexample<I = Call, O = Answer> {
    /// The partition it is from.
    pub key: Option<Value>,
    /// The operations that contradict each other, with their original places in the file.
    pub operations: History<I, O>,
    /// What was relaxed, operation by operation.
    pub notes: Vec<Note>,
    /// What judged it again.
    pub confirmed_by: ConfirmedBy,
    /// The contradiction in words.
    pub explanation: Explanation,
    /// How many operations the partition had, failed ones excluded.
    pub original_operations: usize,
}

/// One relaxation of one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The `index` of its invocation.
    pub operation: u64,
    /// What was relaxed, such as "its return does not matter".
    pub text: String,
}

/// What judged a counterexample again, apart from the algorithm that found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConfirmedBy {
    /// Brute force over every order.
    Oracle,
    /// The search with every pruning off.
    Search,
    /// The same, where that takes too long, of operations of which those that differ in nothing but
    /// their times are put in order: of two that are open the one that returns first comes first.
    /// If they have any order, they have one like that: swap the two.
    OrderedSearch,
    /// The search with its prunings on; the plain one took too long.
    PrunedSearch,
}

impl Exhausted {
    /// One partition is undecided for this reason, and no more is known.
    pub fn because(reason: Reason) -> Self {
        Exhausted {
            reason,
            key: None,
            partitions: 1,
            furthest: None,
            steps: 0,
            difficulty: None,
        }
    }
}

impl Algorithm {
    /// A short name.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::WindowedSearch => "windowed-search",
            Algorithm::Zones => "zones",
            Algorithm::WindowedRefutation => "windowed-refutation",
            Algorithm::BreadthFirstSearch => "breadth-first-search",
            Algorithm::QueueSweep => "queue-sweep",
            Algorithm::CellGreedy => "cell-greedy",
            Algorithm::CounterGreedy => "counter-greedy",
            Algorithm::LogGreedy => "log-greedy",
            Algorithm::MutexHolds => "mutex-holds",
            Algorithm::SetChain => "set-chain",
            Algorithm::SetGreedy => "set-greedy",
        }
    }
}

impl ConfirmedBy {
    /// A short name.
    pub fn name(self) -> &'static str {
        match self {
            ConfirmedBy::Oracle => "oracle",
            ConfirmedBy::Search => "search",
            ConfirmedBy::OrderedSearch => "ordered-search",
            ConfirmedBy::PrunedSearch => "pruned-search",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Steps => f.write_str("the step budget ran out"),
            Reason::Bytes => f.write_str("the memory budget ran out"),
            Reason::Stopped => f.write_str("the check was stopped, at its time limit or by hand"),
            Reason::NotCovered(what) => write!(f, "no algorithm covers this history: {what}"),
            Reason::EvidenceFailed(what) => {
                write!(f, "the evidence did not hold, which is our bug: {what}")
            }
        }
    }
}
