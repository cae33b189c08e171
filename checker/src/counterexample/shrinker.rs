//! Shrinking by sound steps: whatever explains the history before a step explains it after, so that
//! the result being illegal proves that the recorded history is. A write is never just dropped: the
//! read that saw it would look like a read from nowhere.
//!
//! Let an order of the history be given. Each step leaves an order:
//!
//! - *Cut* to a prefix: later calls are dropped, later returns made unknown. Of the order, keep
//!   what comes before the first operation that is dropped; it holds all that returned.
//! - *Anchor*: after some operations the state is known, whatever it was before. All that returned
//!   before the anchor's call is dropped, what overlaps it is made unknown (pure ones dropped), and
//!   the
//!   anchor is replaced by a write of that state, or dropped if it is the initial one. Of the
//!   order,
//!   keep what comes after the anchor.
//! - *Elements* that play no part are left out; see [`erasure`](crate::erasure).
//! - Offsets in a log are *shifted*, without elements that stand before all of them; see
//!   [`erasure`](crate::erasure).
//! - A pure operation is *dropped*: it changes no state.
//! - A completed operation is *opened*, made unknown: the same order holds.
//! - An operation is replaced by a *weaker* form, by its meaning.
//! - An unknown operation that no other can notice is dropped; each model's expert proves that.
//!
//! Last, unknown operations are hidden that an exhaustive search of what is left never lets happen:
//! without them it is the same search, and finds nothing either.
//!
//! A long history is first cut where it was found that nothing gets past, and anchored near there.
//! So most judgements are of a few dozen operations, however long the history.

mod elision;

use rustc_hash::FxHashSet;
use testimony_history::{History, Operation, Outcome, Position};

use super::prefix::{open, prefix};
use super::select;
use crate::budget::Budget;
use crate::court::{Court, Ruled};
use crate::relaxation::Anchor;
use crate::search::Limits;
use crate::verdict::Note;

/// The least that one judgement may cost, in steps; it may also cost some times what the first did.
const STEPS_EACH: u64 = 50_000;
const TIMES_FIRST: u64 = 2;
/// The same for all judgements of one phase of shrinking.
const STEPS_ALL: u64 = 300_000;
const TIMES_FIRST_ALL: u64 = 8;
/// What a judgement costs for each operation, beyond the steps of its search.
const STEPS_PER_OPERATION: u64 = 10;

/// How many judgements of the whole cutting and anchoring it may cost.
const LOCALIZE: u64 = 24;
/// The most operations among which those that never happen are looked for.
const HIDE_MOST: usize = 512;
/// More operations than this are cut and anchored first.
const LONG: usize = 64;
/// How many operations come after the first anchor that is tried, and how many times as many after
/// each next one.
const NEAREST: usize = 16;
const FARTHER: usize = 4;

/// The most operations that a person takes in at once.
const SMALL: usize = 10;

const LEFT_OPEN: &str = "whether and when it returned is left open";

/// What shrinking leaves.
pub(super) struct Shrunk<I, O> {
    pub(super) operations: Vec<Operation<I, O>>,
    pub(super) notes: Vec<Note>,
    /// The `index` of the invocation of the operation before which nothing matters, if there is
    /// one.
    pub(super) anchor: Option<u64>,
}

/// A history being shrunk.
pub(super) struct Shrinker<'a, I, O, C> {
    court: &'a C,
    budget: &'a Budget,
    spent: u64,
    steps_each: u64,
    steps_all: u64,
    /// What is left; known to be illegal.
    exhibits: Vec<Operation<I, O>>,
    notes: Vec<Note>,
    anchor: Option<u64>,
    /// The end of a prefix that is probably illegal.
    until: Option<Position>,
}

impl<'a, I: Clone + Eq, O: Clone + Eq, C: Court<I, O>> Shrinker<'a, I, O, C> {
    /// To shrink operations of one key that the court found illegal.
    pub(super) fn new(
        court: &'a C,
        budget: &'a Budget,
        exhibits: Vec<Operation<I, O>>,
        until: Option<Position>,
    ) -> Self {
        let (steps_each, steps_all) = (u64::MAX, u64::MAX);
        let (notes, anchor) = (Vec::new(), None);
        Shrinker {
            court,
            budget,
            spent: 0,
            steps_each,
            steps_all,
            exhibits,
            notes,
            anchor,
            until,
        }
    }

    /// What is left in the end, and what was relaxed.
    pub(super) fn shrink(mut self) -> Shrunk<I, O> {
        if self.exhibits.len() > LONG {
            self.localize();
        }
        if self.budget.stopped() || !self.is_illegal(&self.exhibits.clone()) {
            return self.shrunk();
        }
        let first = self.spent;
        self.steps_each = STEPS_EACH.max(first.saturating_mul(TIMES_FIRST));
        self.steps_all = STEPS_ALL.max(first.saturating_mul(TIMES_FIRST_ALL));
        self.afresh().hide();
        self.afresh().erase();
        self.afresh().cut();
        let start = self.shrunk();
        self.afresh().relax();
        let from_start = self.shrunk();
        // What begins at the beginning is easier to follow than a start in the middle, unless long.
        if from_start.operations.len() <= SMALL {
            return from_start;
        }
        (self.exhibits, self.notes) = (start.operations, start.notes);
        self.anchor = start.anchor;
        if self.afresh().anchor() {
            self.relax();
        }
        let anchored = self.exhibits.len() < from_start.operations.len();
        if anchored { self.shrunk() } else { from_start }
    }

    /// Goes over to few operations that are probably illegal, without ever judging the whole.
    fn localize(&mut self) {
        let whole = self.exhibits.len() as u64;
        self.steps_each = STEPS_EACH + whole * 2;
        self.steps_all = STEPS_ALL + whole * STEPS_PER_OPERATION * LOCALIZE;
        if let Some(until) = self.until
            && !self.accept(prefix(&self.exhibits, until))
        {
            self.until = None;
        }
        if self.until.is_none() {
            self.cut();
        }
        let mut after = NEAREST;
        while after < self.exhibits.len() && !self.budget.stopped() {
            if self.anchor_before(after) {
                break;
            }
            after *= FARTHER;
        }
        (self.steps_each, self.steps_all, self.spent) = (u64::MAX, u64::MAX, 0);
    }

    /// Starts at the briefest anchor that so many operations come after, or up to twice as many, if
    /// what follows is illegal.
    fn anchor_before(&mut self, after: usize) -> bool {
        let last = self.exhibits.len() - after;
        let length = |op: &Operation<I, O>| op.returned.map(|returned| returned - op.called);
        let places = last.saturating_sub(after)..last;
        let briefest = places
            .filter(|&place| length(&self.exhibits[place]).is_some())
            .filter_map(|place| Some((place, self.court.anchor(&self.exhibits[place])?)))
            .min_by_key(|(place, _)| length(&self.exhibits[*place]));
        briefest.is_some_and(|(place, anchor)| self.start_at(place, &anchor))
    }

    /// Hides unknown operations that an exhaustive search never lets happen.
    fn hide(&mut self) {
        let any = self
            .exhibits
            .iter()
            .any(|op| op.outcome == Outcome::Unknown);
        if !any || self.exhibits.len() > HIDE_MOST || self.is_tired() {
            return;
        }
        let history = History::from_operations(self.exhibits.clone());
        let limits = Limits {
            steps: self.steps_each.min(self.budget.steps),
            bytes: self.budget.bytes,
            budget: self.budget,
        };
        let Some(idle) = self.court.idle(&history, limits) else {
            return;
        };
        let keep: Vec<bool> = idle.iter().map(|idle| !idle).collect();
        if keep.contains(&false) {
            self.accept(select(&self.exhibits, &keep));
        }
    }

    /// With all of its steps to spend.
    fn afresh(&mut self) -> &mut Self {
        self.spent = 0;
        self
    }

    fn shrunk(&self) -> Shrunk<I, O> {
        let (operations, notes) = (self.exhibits.clone(), self.notes.clone());
        Shrunk {
            operations,
            notes,
            anchor: self.anchor,
        }
    }

    fn relax(&mut self) {
        while !self.is_tired() {
            let before = self.exhibits.clone();
            self.exhibits = self.noticed(&self.exhibits);
            self.relax_groups();
            self.weaken_each();
            self.cut();
            self.hide();
            self.shift();
            if self.exhibits == before {
                return;
            }
        }
    }

    fn is_tired(&self) -> bool {
        self.spent >= self.steps_all || self.budget.stopped()
    }

    /// Goes over to other operations if they are illegal too.
    fn accept(&mut self, operations: Vec<Operation<I, O>>) -> bool {
        let illegal = self.is_illegal(&operations);
        if illegal {
            let before = std::mem::replace(&mut self.exhibits, operations);
            self.note_opened(&before);
        }
        illegal
    }

    fn is_illegal(&mut self, operations: &[Operation<I, O>]) -> bool {
        if self.is_tired() {
            return false;
        }
        let steps = self.steps_each.min(self.budget.steps);
        let budget = Budget {
            steps,
            threads: 1,
            ..self.budget.clone()
        };
        let history = History::from_operations(operations.to_vec());
        let Ok(ruling) = self.court.rule(&history, &budget) else {
            return false;
        };
        self.spent += ruling.work.steps + operations.len() as u64 * STEPS_PER_OPERATION;
        matches!(ruling.decision, Ruled::Illegal(..))
    }

    fn note_opened(&mut self, before: &[Operation<I, O>]) {
        let was_open = |op: &&Operation<I, O>| op.outcome == Outcome::Unknown;
        let index = |op: &Operation<I, O>| op.call.index;
        let before: FxHashSet<u64> = before.iter().filter(was_open).map(index).collect();
        let opened = self.exhibits.iter().filter(was_open).map(index);
        let opened = opened.filter(|index| !before.contains(index));
        self.notes.extend(opened.map(|operation| Note {
            operation,
            text: LEFT_OPEN.to_owned(),
        }));
    }

    /// Cuts to the shortest prefix that is illegal, by bisection: what explains a longer prefix
    /// explains a shorter one.
    fn cut(&mut self) {
        let mut ends: Vec<Position> = self.exhibits.iter().filter_map(|op| op.returned).collect();
        ends.sort_unstable();
        ends.dedup();
        let (mut legal, mut illegal) = (0, ends.len());
        while legal + 1 < illegal && !self.is_tired() {
            let middle = legal.midpoint(illegal);
            let prefix = prefix(&self.exhibits, ends[middle - 1]);
            let found = self.is_illegal(&prefix);
            *(if found { &mut illegal } else { &mut legal }) = middle;
        }
        if illegal < ends.len() && !self.is_tired() {
            self.accept(prefix(&self.exhibits, ends[illegal - 1]));
        }
    }

    /// Starts at the last operation after which the state is known and the rest is still illegal.
    /// Whether there is one.
    fn anchor(&mut self) -> bool {
        for place in (0..self.exhibits.len()).rev() {
            if self.is_tired() {
                return false;
            }
            if let Some(anchor) = self.court.anchor(&self.exhibits[place])
                && self.start_at(place, &anchor)
            {
                return true;
            }
        }
        false
    }

    /// Starts at an anchor, if what follows is illegal.
    fn start_at(&mut self, place: usize, anchor: &Anchor<I, O>) -> bool {
        let anchored = self.anchored_at(place, anchor);
        let operation = self.exhibits[place].call.index;
        if anchored.len() >= self.exhibits.len() || !self.accept(anchored) {
            return false;
        }
        if let Anchor::State(weaker) = anchor {
            self.notes.push(Note {
                operation,
                text: weaker.text.to_owned(),
            });
        }
        self.anchor = Some(operation);
        true
    }

    fn anchored_at(&self, place: usize, anchor: &Anchor<I, O>) -> Vec<Operation<I, O>> {
        let Operation {
            called,
            returned,
            call,
            ..
        } = &self.exhibits[place];
        let overlaps = |op: &Operation<I, O>| {
            op.returned.is_some() && Some(op.called) <= *returned && op.call != *call
        };
        let keep: Vec<bool> = self
            .exhibits
            .iter()
            .enumerate()
            .map(|(other, op)| match anchor {
                Anchor::Start if other == place => false,
                _ if other == place => true,
                _ if op.returned.is_some_and(|end| end < *called) => false,
                _ => !(overlaps(op) && self.court.is_pure(op)),
            })
            .collect();
        let mut anchored = select(&self.exhibits, &keep);
        for operation in &mut anchored {
            if overlaps(operation) {
                open(operation);
            } else if let Anchor::State(weaker) = anchor
                && operation.call == *call
            {
                operation.input = weaker.input.clone();
                operation.outcome = weaker.outcome.clone();
            }
        }
        self.noticed(&anchored)
    }

    /// Without the unknown operations that nobody can notice.
    fn noticed(&self, operations: &[Operation<I, O>]) -> Vec<Operation<I, O>> {
        let history = History::from_operations(operations.to_vec());
        let matters = self.court.matters(&history, self.budget);
        let keep: Vec<bool> = operations
            .iter()
            .zip(matters)
            .map(|(op, matters)| matters || op.outcome != Outcome::Unknown)
            .collect();
        select(operations, &keep)
    }

    /// Drops pure operations and opens others, in ever smaller groups.
    fn relax_groups(&mut self) {
        let mut size = self.exhibits.len().div_ceil(2).max(1);
        loop {
            let mut start = 0;
            while start < self.exhibits.len() && !self.is_tired() {
                let end = (start + size).min(self.exhibits.len());
                if !self.relax_group(start..end) {
                    start += size;
                }
            }
            if size == 1 || self.is_tired() {
                return;
            }
            size = size.div_ceil(2);
        }
    }

    /// Relaxes a group of operations if that leaves the whole illegal. Whether any was left out, so
    /// that the group's place is taken by others.
    fn relax_group(&mut self, group: std::ops::Range<usize>) -> bool {
        let count = self.exhibits.len();
        let mut relaxed = self.exhibits.clone();
        let mut keep = vec![true; count];
        let mut any = false;
        for place in group {
            if relaxed[place].returned.is_some() && self.is_free(place) {
                any = true;
                keep[place] = !self.court.is_pure(&relaxed[place]);
                // One that is dropped still hands on whom it came after.
                if keep[place] {
                    open(&mut relaxed[place]);
                }
            }
        }
        if !any {
            return false;
        }
        let relaxed = self.noticed(&select(&relaxed, &keep));
        self.accept(relaxed) && self.exhibits.len() < count
    }

    /// Whether an operation is not the one that all others are seen from.
    fn is_free(&self, place: usize) -> bool {
        Some(self.exhibits[place].call.index) != self.anchor
    }

    fn weaken_each(&mut self) {
        for place in 0..self.exhibits.len() {
            if self.is_tired() {
                return;
            }
            if !self.is_free(place) {
                continue;
            }
            for weaker in self.court.weaker(&self.exhibits[place]) {
                let mut operations = self.exhibits.clone();
                operations[place].input = weaker.input;
                operations[place].outcome = weaker.outcome;
                let operation = operations[place].call.index;
                if self.accept(operations) {
                    self.notes.push(Note {
                        operation,
                        text: weaker.text.to_owned(),
                    });
                }
            }
        }
    }
}
