//! What the vocabulary says about a model, asked once.

use super::row::Word;
use crate::Model;
use crate::compact::Action;
use crate::vocabulary::{self, Takes, Tells};

/// The rules of a model, by word and by action.
pub(super) struct Rules {
    pub(super) calls: [Option<(Action, Takes)>; Word::ALL.len()],
    /// Words with the same number mean the same function.
    pub(super) functions: [usize; Word::ALL.len()],
    /// Without an argument, and with one.
    pub(super) tells: [[Tells; 2]; Action::ALL.len()],
    pub(super) silent: [[bool; 2]; Action::ALL.len()],
}

impl Rules {
    /// The rules of a model.
    pub(super) fn of(model: Model) -> Self {
        let function = |word: Word| vocabulary::function(model, &word.function());
        let call = |word: Word| {
            let f = function(word)?;
            let takes = vocabulary::takes(model, &f);
            Some((Action::of_call(&f)?, takes))
        };
        let number = |word: Word| {
            let f = function(word);
            let same = Word::ALL.iter().position(|&other| function(other) == f);
            same.unwrap_or_default()
        };
        let with_or_without = [false, true];
        Rules {
            calls: Word::ALL.map(call),
            functions: Word::ALL.map(number),
            tells: Action::ALL.map(|action| {
                with_or_without.map(|with| vocabulary::tells(model, &action.function(), with))
            }),
            silent: Action::ALL.map(|action| {
                with_or_without.map(|with| vocabulary::is_silent(&action.function(), with))
            }),
        }
    }
}
