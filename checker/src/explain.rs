//! Why a counterexample cannot be explained, in words and as data.
//!
//! Every sentence is a true statement about the counterexample, and so about the history it is from.

pub(crate) mod frontier;
pub(crate) mod words;

use testimony_history::{Model as Kind, RecordedHistory};

use crate::models::{Bundled, Keyed, decode};
use words::Words;

/// The contradiction, for a tired person.
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
    /// The value that it wrote or observed was current before the value that the other wrote.
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

/// Explains a small illegal recorded history of one key.
pub(crate) fn explain_recorded<B: Bundled>(
    kind: Kind,
    object: &B,
    history: &RecordedHistory,
) -> Explanation {
    let words = Words::new(kind, history);
    let Ok(decoded) = decode::<B>(history) else {
        return Explanation::default();
    };
    frontier::explain(
        &Keyed(object.clone()),
        &decoded,
        |op| words.sentence(op),
        |state| format!("the {} is {}", words.object(), B::state_in_words(state)),
    )
}
