//! What a search tries next from a configuration, and in which order.

use crate::automaton::{Automaton, Label, StateId};
use crate::budget::Budget;
use crate::model::Model;

use super::Prunings;
use super::configuration::Configuration;
use super::window::{NONE, Window};

/// Lists candidates; holds the scratch memory for it.
pub(super) struct Lister<'w> {
    window: &'w Window,
    prunings: Prunings,
    budget: &'w Budget,
    /// Whether the stop flag was up while candidates were listed: some may be missing.
    pub(super) stopped: bool,
    /// Labels that some candidate stands for, as far as they carry the current stamp.
    stamped: Vec<u64>,
    stamp: u64,
    hopeful: Vec<u32>,
    rest: Vec<u32>,
}

impl<'w> Lister<'w> {
    pub(super) fn new(
        window: &'w Window,
        prunings: Prunings,
        budget: &'w Budget,
        labels: usize,
    ) -> Self {
        let (hopeful, rest) = (Vec::new(), Vec::new());
        Lister {
            window,
            prunings,
            budget,
            stopped: false,
            stamped: vec![0; labels],
            stamp: 0,
            hopeful,
            rest,
        }
    }

    /// Whether a required operation may be tried, as far as order goes. With eager pruning a pure
    /// operation that is legal has happened already.
    pub(super) fn may_try(&self, here: &Configuration<'_>, op: u32) -> bool {
        !(self.prunings.eager && self.window.pure[op as usize]) && here.precursor_done(op)
    }

    /// Appends what may happen next, other than the operation that returns next. Those after which
    /// that one is legal come last, to be taken first. `before` is the state before an optional
    /// operation that has just happened and must be followed by one that it affects.
    pub(super) fn list<M: Model>(
        &mut self,
        here: &Configuration<'_>,
        automaton: &mut Automaton<'_, M>,
        before: Option<StateId>,
        candidates: &mut Vec<u32>,
    ) {
        let start = candidates.len();
        self.stamp += 1;
        self.list_required(here, automaton, candidates);
        self.list_optional(here, automaton, candidates);
        if let Some(before) = before {
            let mut kept = start;
            for at in start..candidates.len() {
                let op = candidates[at];
                if self.is_affected(here, automaton, op, (before, here.state)) {
                    candidates[kept] = op;
                    kept += 1;
                }
            }
            candidates.truncate(kept);
        }
        let forced = here.label(here.returning());
        self.hopeful.clear();
        self.rest.clear();
        for op in candidates.drain(start..).rev() {
            let next = automaton.step(here.state, here.label(op));
            let enables = next.is_some_and(|next| automaton.step(next, forced).is_some());
            if enables {
                self.hopeful.push(op);
            } else {
                self.rest.push(op);
            }
        }
        candidates.append(&mut self.rest);
        candidates.append(&mut self.hopeful);
    }

    fn list_required<M: Model>(
        &mut self,
        here: &Configuration<'_>,
        automaton: &mut Automaton<'_, M>,
        candidates: &mut Vec<u32>,
    ) {
        let start = candidates.len();
        let forced = here.returning();
        for word in 0..here.words() {
            let mut slots = if self.prunings.eager {
                here.pending_updates(word)
            } else {
                here.pending(word)
            };
            while slots != 0 {
                let op = here.take(word, &mut slots);
                if op != forced
                    && self.may_try(here, op)
                    && automaton.step(here.state, here.label(op)).is_some()
                {
                    candidates.push(op);
                }
            }
        }
        candidates[start..].sort_unstable_by_key(|&op| self.window.rank[op as usize]);
        if self.prunings.alike {
            self.keep_first_of_each_label(forced, start, candidates);
        }
    }

    /// Drops candidates for which one alike returns earlier.
    fn keep_first_of_each_label(&mut self, forced: u32, start: usize, candidates: &mut Vec<u32>) {
        self.stamp(forced);
        let mut kept = start;
        for at in start..candidates.len() {
            let op = candidates[at];
            if self.window.linked[op as usize] || self.stamp(op) {
                candidates[kept] = op;
                kept += 1;
            }
        }
        candidates.truncate(kept);
    }

    /// Lets an operation stand for all alike. Whether it is the first to do so.
    fn stamp(&mut self, op: u32) -> bool {
        if self.window.linked[op as usize] {
            return false;
        }
        let label = self.window.label[op as usize];
        std::mem::replace(&mut self.stamped[label as usize], self.stamp) != self.stamp
    }

    fn list_optional<M: Model>(
        &mut self,
        here: &Configuration<'_>,
        automaton: &mut Automaton<'_, M>,
        candidates: &mut Vec<u32>,
    ) {
        for class in 0..self.window.classes.len() {
            // Where many are unknown, to look at each beside each other one takes long.
            if self.budget.stopped() {
                self.stopped = true;
                return;
            }
            let Some(op) = here.next_of_class(class, 0) else {
                continue;
            };
            if !self.window.linked[op as usize] && self.stood_for(here.label(op)) {
                continue;
            }
            let Some(next) = automaton.step(here.state, here.label(op)) else {
                continue;
            };
            let useful = !self.prunings.affected
                || next != here.state && self.affects(here, automaton, class, next);
            if useful {
                candidates.push(op);
            }
        }
    }

    /// Whether a required operation with this label is a candidate.
    fn stood_for(&self, label: Label) -> bool {
        self.prunings.alike && self.stamped[label as usize] == self.stamp
    }

    /// Whether some open operation can follow the next one of the class at once, which leads to
    /// `next`, that could not have come before it to the same effect.
    fn affects<M: Model>(
        &self,
        here: &Configuration<'_>,
        automaton: &mut Automaton<'_, M>,
        class: usize,
        next: StateId,
    ) -> bool {
        for word in 0..here.words() {
            let mut slots = here.pending(word);
            while slots != 0 {
                let other = here.take(word, &mut slots);
                if here.precursor_done(other)
                    && self.is_affected(here, automaton, other, (here.state, next))
                {
                    return true;
                }
            }
        }
        (0..self.window.classes.len()).any(|other_class| {
            let skip = usize::from(other_class == class);
            let other = here.next_of_class(other_class, skip);
            other.is_some_and(|other| self.is_affected(here, automaton, other, (here.state, next)))
        })
    }

    /// Whether an operation can happen after a change of state, and could not have come before it
    /// to the same effect.
    pub(super) fn is_affected<M: Model>(
        &self,
        here: &Configuration<'_>,
        automaton: &mut Automaton<'_, M>,
        other: u32,
        (before, next): (StateId, StateId),
    ) -> bool {
        let label = here.label(other);
        let Some(after) = automaton.step(next, label) else {
            return false;
        };
        if self.window.class[other as usize] != NONE && after == next {
            return false;
        }
        match automaton.step(before, label) {
            None => true,
            Some(_) if self.window.pure[other as usize] => false,
            Some(without) => without != after,
        }
    }
}
