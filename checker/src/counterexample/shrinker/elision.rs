//! Leaving out elements and making offsets smaller, by [`erasure`](crate::erasure).

use std::slice;

use rustc_hash::{FxHashMap, FxHashSet};
use testimony_history::{Operation, Outcome, Value};

use super::{STEPS_PER_OPERATION, Shrinker};
use crate::counterexample::select;
use crate::court::Court;
use crate::verdict::Note;

/// The most elements of one operation that are suspected.
const FEW: usize = 2;

const ELIDED: &str =
    "elements that play no part are left out of its answer, and offsets count without them";

impl<I: Clone + Eq, O: Clone + Eq, C: Court<I, O>> Shrinker<'_, I, O, C> {
    /// Leaves out elements: all but one, if one will do, or else in ever smaller groups.
    pub(super) fn erase(&mut self) {
        if self.is_tired() {
            return;
        }
        let elements = self.court.elements(&self.exhibits);
        let all: FxHashSet<Value> = elements.iter().cloned().collect();
        // What nothing gets past is most likely about an element of its own, unless it is a read of
        // them all.
        let last = self.exhibits.iter().max_by_key(|op| op.returned);
        let own = last.map_or_else(Vec::new, |op| self.court.elements(slice::from_ref(op)));
        let suspects = if own.len() <= FEW { &*own } else { &[] };
        for element in suspects.iter().chain(elements.iter().rev()) {
            if self.is_tired() {
                return;
            }
            let gone = all.iter().filter(|other| *other != element).cloned();
            let gone: FxHashSet<Value> = gone.collect();
            if !gone.is_empty() && self.erase_these(&gone) {
                return;
            }
        }
        let mut size = elements.len().div_ceil(2);
        while size > 0 && !self.is_tired() {
            for group in elements.chunks(size) {
                self.erase_these(&group.iter().cloned().collect());
            }
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
    }

    fn erase_these(&mut self, gone: &FxHashSet<Value>) -> bool {
        self.spent += self.exhibits.len() as u64 * STEPS_PER_OPERATION;
        let (left, keep) = self.court.without(&self.exhibits, gone);
        let changed = left != self.exhibits || keep.contains(&false);
        changed && self.accept_elided(select(&left, &keep))
    }

    /// Makes offsets smaller.
    pub(super) fn shift(&mut self) {
        if let Some(shifted) = self.court.shifted(&self.exhibits) {
            self.accept_elided(shifted);
        }
    }

    /// Goes over to other operations if they are illegal too, and notes whose outcome is another.
    fn accept_elided(&mut self, operations: Vec<Operation<I, O>>) -> bool {
        let before = self.exhibits.clone();
        let accepted = self.accept(operations);
        if accepted {
            let was: FxHashMap<u64, &Outcome<O>> = before
                .iter()
                .map(|op| (op.call.index, &op.outcome))
                .collect();
            for operation in &self.exhibits {
                let index = operation.call.index;
                if was
                    .get(&index)
                    .is_some_and(|was| **was != operation.outcome)
                {
                    self.notes.push(Note {
                        operation: index,
                        text: ELIDED.to_owned(),
                    });
                }
            }
        }
        accepted
    }
}
