//! Why a counterexample cannot be explained, in words and as data.

/// The contradiction, for a tired person. Sentences are true statements about the counterexample.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// The contradiction in one sentence.
    pub headline: String,
    /// What happened, step by step.
    pub sentences: Vec<String>,
    /// The `index` of the invocation of each operation that takes part in the contradiction.
    pub marked: Vec<u64>,
    /// The contradiction as a cycle of "must come before", where it is one.
    pub cycle: Option<Vec<CycleEdge>>,
}

/// One step of a cycle: `from` must take effect before `to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CycleEdge {
    /// The `index` of an operation's invocation.
    pub from: u64,
    /// The `index` of an operation's invocation.
    pub to: u64,
    /// Why.
    pub why: Why,
}

/// Why one operation must take effect before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Why {
    /// It ended before the other began.
    RealTime,
    /// The other observed what it wrote.
    ReadsFrom,
    /// What it wrote, or observed, was replaced by what the other wrote or observed.
    WriteOrder,
}

impl Why {
    /// A short name.
    pub fn name(self) -> &'static str {
        match self {
            Why::RealTime => "real-time",
            Why::ReadsFrom => "reads-from",
            Why::WriteOrder => "write-order",
        }
    }
}
