//! Where a search is: which operations have happened, and in which state that leaves the object.

use std::ops::Range;

use crate::automaton::{Label, StateId};

use super::window::{Class, NONE, Window};
use crate::partition::narrow;

/// A configuration, and what is needed to move to a neighbouring one and back.
pub(super) struct Configuration<'w> {
    window: &'w Window,
    /// The next return to get past.
    pub(super) position: u32,
    pub(super) state: StateId,
    /// Slots whose operation has happened.
    pub(super) done: Vec<u64>,
    /// Slots whose operation is open: called, and its return not got past.
    open: Vec<u64>,
    /// Slots whose operation is open and pure.
    pure: Vec<u64>,
    /// The operation in each slot.
    current: Vec<u32>,
    /// Bits of the optional operations that have happened.
    pub(super) used: Vec<u64>,
    /// How many operations of each class have happened.
    used_count: Vec<u32>,
}

impl<'w> Configuration<'w> {
    /// The configuration before anything has happened.
    pub(super) fn start(window: &'w Window) -> Self {
        let mut start = Configuration {
            window,
            position: 0,
            state: 0,
            done: vec![0; window.slots.div_ceil(64)],
            open: vec![0; window.slots.div_ceil(64)],
            pure: vec![0; window.slots.div_ceil(64)],
            current: vec![NONE; window.slots],
            used: vec![0; window.optional.div_ceil(64)],
            used_count: vec![0; window.classes.len()],
        };
        start.arrive();
        start
    }

    /// Whether every return has been got past.
    pub(super) fn at_end(&self) -> bool {
        self.position as usize == self.window.returns.len()
    }

    /// The operation that returns next.
    pub(super) fn returning(&self) -> u32 {
        self.window.returns[self.position as usize]
    }

    pub(super) fn label(&self, op: u32) -> Label {
        self.window.label[op as usize]
    }

    /// How many words hold the slots.
    pub(super) fn words(&self) -> usize {
        self.done.len()
    }

    /// The slots of one word whose operation is open and has not happened.
    pub(super) fn pending(&self, word: usize) -> u64 {
        self.open[word] & !self.done[word]
    }

    /// Those of them whose operation is pure.
    pub(super) fn pending_pure(&self, word: usize) -> u64 {
        self.pure[word] & !self.done[word]
    }

    /// Those whose operation is not.
    pub(super) fn pending_updates(&self, word: usize) -> u64 {
        self.open[word] & !self.pure[word] & !self.done[word]
    }

    /// The operation in the lowest slot of a set of slots from one word, which it leaves.
    pub(super) fn take(&self, word: usize, slots: &mut u64) -> u32 {
        let slot = word * 64 + slots.trailing_zeros() as usize;
        *slots &= *slots - 1;
        self.current[slot]
    }

    /// Whether what must come before an operation has happened.
    pub(super) fn precursor_done(&self, op: u32) -> bool {
        if !self.window.has_links {
            return true;
        }
        let before = self.window.after[op as usize];
        if before == NONE || self.window.rank[before as usize] < self.position {
            return true;
        }
        let slot = self.window.slot[before as usize] as usize;
        self.current[slot] == before && bit(&self.done, slot)
    }

    /// Whether an operation whose return was not got past has happened.
    pub(super) fn has_happened(&self, op: u32) -> bool {
        bit(&self.done, self.window.slot[op as usize] as usize)
    }

    /// The next unused operation of a class, passing over `skip`, if it has been called.
    pub(super) fn next_of_class(&self, class: usize, skip: usize) -> Option<u32> {
        let count = self.used_count[class] as usize + skip;
        let op = *self.window.classes[class].ops.get(count)?;
        let arrived = op < self.window.arrived[self.position as usize];
        (arrived && self.precursor_done(op)).then_some(op)
    }

    /// Whether an operation of a class has been called and not been used.
    pub(super) fn may_use(&self, class: &Class) -> bool {
        let used = ones(&self.used, class.first_bit, class.ops.len());
        let next = class.ops.get(used as usize);
        next.is_some_and(|&op| op < self.window.arrived[self.position as usize])
    }

    /// Lets an operation happen; the state is the caller's business.
    pub(super) fn mark(&mut self, op: u32) {
        match self.window.class[op as usize] {
            NONE => set(&mut self.done, self.window.slot[op as usize] as usize),
            class => {
                let count = self.used_count[class as usize] as usize;
                set(
                    &mut self.used,
                    self.window.classes[class as usize].first_bit + count,
                );
                self.used_count[class as usize] += 1;
            }
        }
    }

    /// Takes back the last operation.
    pub(super) fn unmark(&mut self, op: u32) {
        if self.window.class[op as usize] == NONE {
            self.free(op);
        } else {
            self.unmark_optional(op);
        }
    }

    /// Forgets that a required operation has happened.
    pub(super) fn free(&mut self, op: u32) {
        clear(&mut self.done, self.window.slot[op as usize] as usize);
    }

    /// Takes back the last optional operation; for required ones `done` is restored whole.
    pub(super) fn unmark_optional(&mut self, op: u32) {
        let class = self.window.class[op as usize];
        if class != NONE {
            self.used_count[class as usize] -= 1;
            let count = self.used_count[class as usize] as usize;
            clear(
                &mut self.used,
                self.window.classes[class as usize].first_bit + count,
            );
        }
    }

    /// Takes over what has happened from a configuration at the same position.
    pub(super) fn load(&mut self, state: StateId, done: &[u64], used: &[u64]) {
        self.state = state;
        self.done.copy_from_slice(done);
        self.used.copy_from_slice(used);
        for (class, count) in self.window.classes.iter().zip(&mut self.used_count) {
            *count = ones(used, class.first_bit, class.ops.len());
        }
    }

    /// Gets past the next return, whose operation has happened.
    pub(super) fn pass(&mut self) {
        let slot = self.window.slot[self.returning() as usize] as usize;
        clear(&mut self.done, slot);
        clear(&mut self.open, slot);
        clear(&mut self.pure, slot);
        self.position += 1;
        self.arrive();
    }

    /// Goes back to an earlier position; `done` is restored by the caller.
    pub(super) fn rewind(&mut self, position: u32) {
        while self.position > position {
            for op in self.arrivals().rev() {
                if self.window.rank[op as usize] != NONE {
                    let slot = self.window.slot[op as usize] as usize;
                    clear(&mut self.open, slot);
                    clear(&mut self.pure, slot);
                    self.current[slot] = self.window.previous[op as usize];
                }
            }
            self.position -= 1;
            let returning = self.returning() as usize;
            let slot = self.window.slot[returning] as usize;
            set(&mut self.open, slot);
            if self.window.pure[returning] {
                set(&mut self.pure, slot);
            }
        }
    }

    /// Opens what was called since the last return.
    fn arrive(&mut self) {
        for op in self.arrivals() {
            if self.window.rank[op as usize] != NONE {
                let slot = self.window.slot[op as usize] as usize;
                self.current[slot] = op;
                set(&mut self.open, slot);
                if self.window.pure[op as usize] {
                    set(&mut self.pure, slot);
                }
            }
        }
    }

    /// What was called since the last return.
    pub(super) fn arrivals(&self) -> Range<u32> {
        let position = self.position as usize;
        let from = if position == 0 {
            0
        } else {
            self.window.arrived[position - 1]
        };
        from..self.window.arrived.get(position).copied().unwrap_or(from)
    }
}

fn bit(words: &[u64], at: usize) -> bool {
    words[at / 64] >> (at % 64) & 1 == 1
}

fn set(words: &mut [u64], at: usize) {
    words[at / 64] |= 1 << (at % 64);
}

fn clear(words: &mut [u64], at: usize) {
    words[at / 64] &= !(1 << (at % 64));
}

/// How many of some bits are set. They are set from the first on.
fn ones(words: &[u64], first: usize, length: usize) -> u32 {
    let set = (first..first + length).take_while(|&at| bit(words, at));
    narrow(set.count())
}
