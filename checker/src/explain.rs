//! Why a counterexample cannot be explained, in words and as data.
//!
//! Every sentence is a true statement about the counterexample, and so about the history it is
//! from.

#[cfg(test)]
mod agrees;
pub(crate) mod frontier;
mod growth;
pub(crate) mod objects;
mod order;
pub(crate) mod words;

use testimony_history::{Model as Kind, RecordedHistory, Value};

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

impl Explanation {
    /// The same contradiction, where all that happened before an operation (by index) was left out.
    pub(crate) fn starting_at(
        mut self,
        kind: Kind,
        original: &RecordedHistory,
        anchor: u64,
    ) -> Self {
        let words = Words::of_original(kind, original, original);
        let place = original
            .operations()
            .iter()
            .position(|op| op.call.index == anchor);
        if let Some(place) = place {
            let deed = words.deed(place);
            self.headline = format!("after {deed}: {}", self.headline);
            let start = words.sentence(place);
            let start = format!("Nothing that came before this matters, or is counted: {start}.");
            self.sentences.insert(0, start);
        }
        self
    }
}

/// Explains a small illegal recorded history of one key, in the words of the original.
pub(crate) fn explain_recorded<B: Bundled>(
    kind: Kind,
    initial: &Value,
    object: &B,
    history: &RecordedHistory,
    original: &RecordedHistory,
) -> Explanation {
    let words = Words::of_original(kind, history, original);
    let known = match kind {
        Kind::Register | Kind::CasRegister | Kind::Kv => {
            order::explain(initial, history, original, &words)
        }
        Kind::Counter | Kind::Set | Kind::Queue | Kind::Mutex | Kind::Log => {
            objects::explain(kind, initial, history, &words)
        }
    };
    known.unwrap_or_else(|| by_orders(object, history, &words))
}

/// Explains by how far an order gets.
fn by_orders<B: Bundled>(object: &B, history: &RecordedHistory, words: &Words<'_>) -> Explanation {
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
