//! A stretch of a partition, cut out of its middle.

use testimony_history::Position;

use crate::partition::Op;

/// The most states that are worth trying at the beginning of a stretch.
pub(crate) const MOST_STATES: usize = 512;

/// The operations of a stretch, and what came before.
pub(crate) struct Stretch<'a, I, O> {
    /// What must have happened before it begins.
    pub(crate) old: Vec<&'a Op<I, O>>,
    /// When the last of these returned. What was called by then and is not old may have happened
    /// before the stretch begins, or happens in it, or never.
    pub(crate) begins: Position,
    /// What was called since, and what may have been called before; but for what is pure and may
    /// have been.
    pub(crate) ops: Vec<Op<I, O>>,
}

impl<I, O> Stretch<'_, I, O> {
    /// What may have happened before it begins.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Op<I, O>> {
        self.ops.iter().filter(|op| op.called <= self.begins)
    }

    /// Of the operations that must happen in it, and for which there is an answer to `what`, the
    /// one that returns first, with that answer.
    pub(crate) fn first<'s, T>(
        &'s self,
        what: impl Fn(&'s Op<I, O>) -> Option<T>,
    ) -> Option<(Position, T)> {
        let found = |op: &'s Op<I, O>| Some((op.returned?, what(op)?));
        self.ops
            .iter()
            .filter_map(found)
            .min_by_key(|(end, _)| *end)
    }
}
