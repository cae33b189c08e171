//! All configurations that an object can be in after the events so far.
//!
//! This is Lowe's (2017) just-in-time linearization, breadth first. A call opens a slot and changes
//! nothing else. At a return, every configuration in which the operation has not happened yet is
//! followed through all sequences of open operations that end with it; those that get there make
//! the next frontier. An empty frontier means that no order explains the events.
//!
//! Answers are known when an operation is called here (the caller sees to that, see
//! [`super::watch`]), or will never matter: then the operation is optional. So the argument of
//! [`crate::search`] for its prunings carries over word for word: take the least completion of the
//! whole history; each closure follows every sequence that obeys the rules, so the configuration
//! that the least completion has at this return is in the next frontier.

use super::machine::{Label, Machine, Move, StateId};
use super::rows::{self, NONE, Rows};
use crate::model::Model;

/// More configurations, or more steps at one return, than were allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany;

/// What one frontier may grow to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) configurations: usize,
    /// Bytes of their states.
    pub(super) bytes: usize,
    /// Steps at one return.
    pub(super) steps: u64,
}

/// An operation's number, and what its own process does at the same time: positions do not order
/// that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) op: u64,
    /// The operation that must come before.
    pub(super) after: Option<u64>,
    /// Whether it must come before another one.
    pub(super) before_another: bool,
}

/// The configurations, and which operations their bits and counts stand for.
#[derive(Clone, Debug)]
pub(super) struct Frontier {
    slots: Vec<Option<Slot>>,
    classes: Vec<Class>,
    rows: Rows,
}

/// An open operation that must happen, and whose answer is known.
#[derive(Clone, Debug)]
struct Slot {
    op: u64,
    label: Label,
    pure: bool,
    /// The event of its return.
    returns: u64,
    /// The slot of the operation that must come before, until that has returned.
    after: Option<usize>,
    /// Whether it is part of such a pair, either way.
    linked: bool,
}

/// Optional operations that behave alike. Of two alike, the one called first can stand wherever the
/// other can, so a count says which were used.
#[derive(Clone, Debug)]
struct Class {
    label: Label,
    available: u32,
    after: Option<usize>,
    /// Whether others may join it.
    alone: bool,
}

impl Frontier {
    /// The object as it starts.
    pub(super) fn start() -> Self {
        let mut rows = Rows::new(1, 0);
        rows.insert(&[NONE, 0, 0], true);
        Frontier {
            slots: Vec::new(),
            classes: Vec::new(),
            rows,
        }
    }

    /// How many configurations there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no order explains the events.
    pub(super) fn is_dead(&self) -> bool {
        self.rows.is_empty()
    }

    /// Bytes in use.
    pub(super) fn bytes(&self) -> usize {
        self.rows.bytes()
            + self.slots.capacity() * size_of::<Option<Slot>>()
            + self.classes.capacity() * size_of::<Class>()
    }

    /// An operation is called that must happen, and returns at the event `returns`.
    pub(super) fn call<M: Model>(
        &mut self,
        machine: &mut Machine<M>,
        link: Link,
        label: Label,
        returns: u64,
    ) {
        let after = link.after.and_then(|after| self.slot_of(after));
        let slot = self.free_slot();
        self.slots[slot] = Some(Slot {
            op: link.op,
            label,
            pure: machine.is_pure(label),
            returns,
            after,
            linked: link.before_another || after.is_some(),
        });
        if !machine.is_pure(label) {
            return;
        }
        let (slots, rows) = (&self.slots, &mut self.rows);
        for row in rows.iter_mut() {
            absorb(slots, machine, row);
        }
    }

    /// An operation is called that may happen at any later time, or never.
    pub(super) fn call_optional<M: Model>(
        &mut self,
        machine: &Machine<M>,
        after: Option<u64>,
        label: Label,
    ) {
        if machine.is_pure(label) {
            return;
        }
        let after = after.and_then(|after| self.slot_of(after));
        let alike = |class: &&mut Class| class.label == label && !class.alone;
        if after.is_none()
            && let Some(class) = self.classes.iter_mut().find(alike)
        {
            class.available += 1;
            return;
        }
        self.classes.push(Class {
            label,
            available: 1,
            after,
            alone: after.is_some(),
        });
        self.rows.widen(self.rows.mask_words(), self.classes.len());
    }

    /// An operation returns: only configurations in which it has happened remain.
    pub(super) fn end<M: Model>(
        &mut self,
        machine: &mut Machine<M>,
        op: u64,
        bounds: Bounds,
    ) -> Result<(), TooMany> {
        let slot = self
            .slot_of(op)
            .expect("an operation that returns was called");
        if !self.rows.iter().all(|row| rows::has(row, slot)) {
            self.rows = Closure::of(self, machine, slot, bounds).run()?;
        }
        self.free(slot);
        self.forget_used_up();
        Ok(())
    }

    fn slot_of(&self, op: u64) -> Option<usize> {
        self.slots
            .iter()
            .position(|slot| slot.as_ref().is_some_and(|slot| slot.op == op))
    }

    /// The lowest slot that is free.
    fn free_slot(&mut self) -> usize {
        if let Some(free) = self.slots.iter().position(Option::is_none) {
            return free;
        }
        self.slots.push(None);
        let words = self.slots.len().div_ceil(32);
        if words > self.rows.mask_words() {
            self.rows.widen(words, self.classes.len());
        }
        self.slots.len() - 1
    }

    fn free(&mut self, slot: usize) {
        for row in self.rows.iter_mut() {
            rows::clear(row, slot);
        }
        self.slots[slot] = None;
        for other in self.slots.iter_mut().flatten() {
            other.after = other.after.filter(|&after| after != slot);
        }
        for class in &mut self.classes {
            class.after = class.after.filter(|&after| after != slot);
        }
        if self.slots.iter().all(Option::is_none) {
            self.slots = Vec::new();
        }
    }

    /// What every configuration has used is no longer optional, and need not be remembered.
    fn forget_used_up(&mut self) {
        for class in (0..self.classes.len()).rev() {
            let at = self.rows.width() - self.classes.len() + class;
            let used = self.rows.iter().map(|row| row[at]).min().unwrap_or(0);
            if used == 0 {
                continue;
            }
            self.classes[class].available -= used;
            for row in self.rows.iter_mut() {
                row[at] -= used;
            }
            if self.classes[class].available == 0 {
                self.classes.remove(class);
                self.rows.drop_class(class);
            }
        }
    }

    /// Moves to another machine.
    pub(super) fn move_to<M: Model>(&mut self, to: &mut Move<'_, M>) {
        for slot in self.slots.iter_mut().flatten() {
            slot.label = to.label(slot.label);
        }
        for class in &mut self.classes {
            class.label = to.label(class.label);
        }
        for row in self.rows.iter_mut() {
            row[1] = to.state(row[1]);
        }
    }
}

/// Lets every open pure operation happen that is legal. Whether there was one.
fn absorb<M: Model>(slots: &[Option<Slot>], machine: &mut Machine<M>, row: &mut [u32]) -> bool {
    let (mut again, mut any) = (true, false);
    while std::mem::take(&mut again) {
        for (number, slot) in slots.iter().enumerate() {
            let Some(slot) = slot.as_ref().filter(|slot| slot.pure) else {
                continue;
            };
            if !may_happen(row, number, slot.after)
                || machine.step(rows::state(row), slot.label).is_none()
            {
                continue;
            }
            rows::set(row, number);
            any = true;
            again |= slot.linked;
        }
    }
    any
}

/// Whether an operation has not happened, and the one before it has.
fn may_happen(row: &[u32], slot: usize, after: Option<usize>) -> bool {
    !rows::has(row, slot) && after.is_none_or(|after| rows::has(row, after))
}

/// The configurations reachable before one return.
struct Closure<'f, M: Model> {
    slots: &'f [Option<Slot>],
    classes: &'f [Class],
    machine: &'f mut Machine<M>,
    /// The slot that returns.
    returning: usize,
    bounds: Bounds,
    /// Configurations in which it has not happened; each is followed once.
    seen: Rows,
    /// Those in which it has.
    next: Rows,
    steps: u64,
}

impl<'f, M: Model> Closure<'f, M> {
    fn of(
        frontier: &'f Frontier,
        machine: &'f mut Machine<M>,
        returning: usize,
        bounds: Bounds,
    ) -> Self {
        let mut closure = Closure {
            slots: &frontier.slots,
            classes: &frontier.classes,
            machine,
            returning,
            bounds,
            seen: frontier.rows.empty_like(),
            next: frontier.rows.empty_like(),
            steps: 0,
        };
        for row in frontier.rows.iter() {
            closure.reach(row);
        }
        closure
    }

    fn run(mut self) -> Result<Rows, TooMany> {
        let mut at = 0;
        while at < self.seen.len() {
            let row = self.seen.row(at).to_vec();
            self.follow(&row);
            at += 1;
            if self.is_too_much() {
                return Err(TooMany);
            }
        }
        Ok(self.next)
    }

    fn is_too_much(&self) -> bool {
        let configurations = self.seen.len() + self.next.len();
        self.steps > self.bounds.steps
            || configurations > self.bounds.configurations
            || configurations * self.machine.bytes_of_a_state() > self.bounds.bytes
    }

    /// A configuration that has been reached.
    fn reach(&mut self, row: &[u32]) {
        if rows::has(row, self.returning) {
            self.next.insert(row, true);
        } else {
            self.seen.insert(row, false);
        }
    }

    /// Lets one more operation happen, in each way that the rules allow.
    fn follow(&mut self, row: &[u32]) {
        let (slots, classes) = (self.slots, self.classes);
        for (number, slot) in slots.iter().enumerate() {
            let Some(slot) = slot.as_ref().filter(|slot| !slot.pure) else {
                continue;
            };
            if may_happen(row, number, slot.after) && self.goes_first(row, slot) {
                self.apply(row, number, slot);
            }
        }
        for (number, class) in classes.iter().enumerate() {
            let unused = self.used(row, number) < class.available;
            if unused && class.after.is_none_or(|after| rows::has(row, after)) {
                self.apply_optional(row, number, class);
            }
        }
    }

    fn used(&self, row: &[u32], class: usize) -> u32 {
        row[row.len() - self.classes.len() + class]
    }

    /// Whether no other open operation that behaves alike returns earlier.
    fn goes_first(&self, row: &[u32], slot: &Slot) -> bool {
        let earlier = |(number, other): (usize, &Option<Slot>)| {
            other.as_ref().is_some_and(|other| {
                other.label == slot.label
                    && other.returns < slot.returns
                    && !other.linked
                    && !rows::has(row, number)
            })
        };
        slot.linked || !self.slots.iter().enumerate().any(earlier)
    }

    fn apply(&mut self, row: &[u32], number: usize, slot: &Slot) {
        self.steps += 1;
        let state = rows::state(row);
        let before = Some(row[0]).filter(|&before| before != NONE);
        let Some(next) = self.machine.step(state, slot.label) else {
            return;
        };
        if before.is_some_and(|before| !self.differs(slot.label, before, next)) {
            return;
        }
        let mut after = row.to_vec();
        (after[0], after[1]) = (NONE, next);
        rows::set(&mut after, number);
        if next != state || slot.linked {
            absorb(self.slots, self.machine, &mut after);
        }
        self.reach(&after);
    }

    fn apply_optional(&mut self, row: &[u32], number: usize, class: &Class) {
        self.steps += 1;
        let state = rows::state(row);
        let Some(next) = self.machine.step(state, class.label) else {
            return;
        };
        let before = Some(row[0]).filter(|&before| before != NONE);
        if next == state
            || before.is_some_and(|before| !self.differs(class.label, before, next))
            || !self.affects_another(row, number, next)
        {
            return;
        }
        let mut after = row.to_vec();
        after[1] = next;
        let used = after.len() - self.classes.len() + number;
        after[used] += 1;
        let followed = absorb(self.slots, self.machine, &mut after);
        after[0] = if followed { NONE } else { state };
        self.reach(&after);
    }

    /// Whether an operation that now leads to `next` would have been illegal, or would have led
    /// elsewhere, in the state `before`.
    fn differs(&mut self, label: Label, before: StateId, next: StateId) -> bool {
        self.machine.step(before, label) != Some(next)
    }

    /// Whether some operation can follow the next one of a class, which leads to `next`, that could
    /// not have come before it to the same effect.
    fn affects_another(&mut self, row: &[u32], class: usize, next: StateId) -> bool {
        let state = rows::state(row);
        let (slots, classes) = (self.slots, self.classes);
        for (number, slot) in slots.iter().enumerate() {
            let Some(slot) = slot else { continue };
            if may_happen(row, number, slot.after)
                && self.is_affected(slot.label, slot.pure, (state, next))
            {
                return true;
            }
        }
        for (number, other) in classes.iter().enumerate() {
            let used = self.used(row, number) + u32::from(number == class);
            let may = used < other.available
                && other.after.is_none_or(|after| rows::has(row, after))
                && self.machine.step(next, other.label) != Some(next);
            if may && self.is_affected(other.label, false, (state, next)) {
                return true;
            }
        }
        false
    }

    fn is_affected(
        &mut self,
        label: Label,
        pure: bool,
        (before, next): (StateId, StateId),
    ) -> bool {
        self.steps += 1;
        let Some(after) = self.machine.step(next, label) else {
            return false;
        };
        match self.machine.step(before, label) {
            None => true,
            Some(without) => !pure && without != after,
        }
    }
}
