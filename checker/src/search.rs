//! The general search: windowed, depth-first, good for any model.
//!
//! A configuration is a position (the next return to get past), the set of open operations that
//! have already happened, the optional operations used, and the object's state. It stands for
//! exactly one set of operations that have happened (see [`window`]), at the price of a few words.
//! From each configuration the search tries to let one more operation happen; a configuration from
//! which everything failed is remembered as dead, and compared whole, never by its hash. The stack
//! is explicit and is the witness when the end is reached. Lowe (2017) calls this just-in-time
//! linearization; the cache is Wing and Gong's and Lowe's, with a smaller key.
//!
//! # What is pruned, and why nothing is lost
//!
//! Call an order of the remaining operations a *completion*. Among the completions of a
//! configuration choose one that is least by: length; then pairs of an optional operation before a
//! required one; then the places of pure ones; then the returns in the order of their places. Each
//! rule below says that the least completion obeys it, so all of them may be used at once.
//!
//! - *Eager.* A pure operation that is legal now happens now. Moved to the front, it changes no
//!   state, everything that must precede it has happened, and it can be too early for nothing.
//! - *Alike.* Of two open operations with the same label the one that returns first goes first, a
//!   required one before an optional one. Swapping the two in a completion changes no state, and
//!   each is at a place that its own times allow. Operations with an `after` link are left alone.
//! - *Affected.* An optional operation happens only if it changes the state, and is followed at
//!   once by an open operation that could not have come before it to the same effect: one that
//!   would have been illegal, or would have led to another state. Any other follower moves in front
//!   of it, or makes it superfluous so that it is dropped; either makes the completion less.
//! - *Lookahead.* Where objects only grow, a state that is no beginning of what must still be seen
//!   has no completion at all; see [`lookahead`].
//! - *Dominance.* What is dead with some optional operations used is dead with more of them used.

mod breadth;
mod candidates;
mod configuration;
mod found;
mod limits;
mod lookahead;
mod prunings;
mod window;
mod work;

use crate::automaton::{Automaton, StateId};
use crate::model::Model;
use crate::partition::{Op, narrow};
use crate::table::DeadTable;
use crate::verdict::Reason;
use breadth::Breadth;
use candidates::Lister;
use configuration::Configuration;
pub(crate) use found::{Answer, Found};
pub(crate) use limits::Limits;
use lookahead::Lookahead;
pub(crate) use prunings::Prunings;
use window::{NONE, Window};
use work::LOOKS_PER_STEP;
pub(crate) use work::Work;

/// Searches for an order of the operations that the model accepts, depth first.
pub(crate) fn search<M: Model>(
    model: &M,
    ops: &[Op<M::Input, M::Output>],
    prunings: Prunings,
    limits: Limits<'_>,
) -> Found {
    let mut automaton = Automaton::new(model);
    match Window::new(ops, &mut automaton, prunings.alike) {
        Some(window) => Search::new(&window, &mut automaton, prunings, limits).run(),
        None => Found::impossible(),
    }
}

/// The unknown operations without which the search finds no order in the very same way, since it
/// never lets them happen; `None` unless there is no order.
pub(crate) fn idle<M: Model>(
    model: &M,
    ops: &[Op<M::Input, M::Output>],
    limits: Limits<'_>,
) -> Option<Vec<u32>> {
    let mut automaton = Automaton::new(model);
    let window = Window::new(ops, &mut automaton, true)?;
    let mut search = Search::new(&window, &mut automaton, Prunings::ALL, limits);
    let found = search.run();
    let idle = |&op: &u32| window.is_optional(op) && !search.tried[op as usize];
    (found.answer == Answer::NoOrder).then(|| (0..narrow(ops.len())).filter(idle).collect())
}

/// The same as [`search`], breadth first: memory is bounded by the configurations at one position
/// rather than by those that are dead.
pub(crate) fn search_breadth<M: Model>(
    model: &M,
    ops: &[Op<M::Input, M::Output>],
    prunings: Prunings,
    limits: Limits<'_>,
) -> Found {
    sweep(model, [model.init()], ops, prunings, limits)
}

/// Whether the operations have an order that begins in one of some states; if so, one.
pub(crate) fn sweep<M: Model>(
    model: &M,
    starts: impl IntoIterator<Item = M::State>,
    ops: &[Op<M::Input, M::Output>],
    prunings: Prunings,
    limits: Limits<'_>,
) -> Found {
    let mut automaton = Automaton::new(model);
    match Window::new(ops, &mut automaton, prunings.alike) {
        Some(window) => {
            let starts: Vec<StateId> = starts.into_iter().map(|s| automaton.state(s)).collect();
            Breadth::new(&window, &mut automaton, prunings, limits).run(&starts)
        }
        None => Found::impossible(),
    }
}

/// The answer, unless the model has broken its word about purity.
fn honest<M: Model>(automaton: &Automaton<'_, M>, answer: Answer) -> Answer {
    match automaton.dishonest() {
        Some(op) => Answer::GaveUp(Reason::EvidenceFailed(format!(
            "the model calls an operation pure that changes the state: {op}"
        ))),
        None => answer,
    }
}

struct Search<'a, 'm, M: Model> {
    window: &'a Window,
    automaton: &'a mut Automaton<'m, M>,
    prunings: Prunings,
    limits: Limits<'a>,
    here: Configuration<'a>,
    lister: Lister<'a>,
    lookahead: Lookahead,
    dead: DeadTable,
    /// Positions at which some configuration is dead.
    any_dead: Vec<bool>,
    frames: Vec<Frame>,
    /// The `done` sets of the frames, one after the other.
    saved: Vec<u64>,
    /// The candidates of the frames, one after the other; the next to try is last.
    candidates: Vec<u32>,
    /// The operations that have happened, in order.
    trail: Vec<u32>,
    steps: u64,
    turns: u64,
    furthest: u32,
    /// Optional operations that were tried.
    tried: Vec<bool>,
    /// Scratch: the key of a configuration.
    key: Vec<u64>,
}

/// A configuration from which the search is trying candidates.
struct Frame {
    position: u32,
    state: StateId,
    /// The length of the trail.
    trail: usize,
    /// Where its candidates start.
    candidates: usize,
    /// The operation that led to the next frame.
    applied: u32,
    /// The state before the optional operation that led here, where what follows must be affected.
    before: Option<StateId>,
    stage: Stage,
}

/// What a frame has tried.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Nothing,
    /// The operation that returns next.
    Returning,
    /// Whatever is no longer in its list of candidates.
    Others,
}

impl<'a, 'm, M: Model> Search<'a, 'm, M> {
    fn new(
        window: &'a Window,
        automaton: &'a mut Automaton<'m, M>,
        prunings: Prunings,
        limits: Limits<'a>,
    ) -> Self {
        let here = Configuration::start(window);
        let (slot_words, used_words) = (here.words(), here.used.len());
        Search {
            window,
            prunings,
            limits,
            here,
            lister: Lister::new(window, prunings, limits.budget, automaton.labels()),
            lookahead: Lookahead::new(window, automaton, prunings),
            automaton,
            dead: DeadTable::new(1 + slot_words, used_words, prunings.dominance),
            any_dead: vec![false; window.returns.len()],
            frames: Vec::new(),
            saved: Vec::new(),
            candidates: Vec::new(),
            trail: Vec::new(),
            steps: 0,
            turns: 0,
            furthest: 0,
            tried: vec![false; window.optional_end()],
            key: Vec::new(),
        }
    }

    fn run(&mut self) -> Found {
        if self.advance() {
            return self.found_order();
        }
        self.push(None);
        while !self.frames.is_empty() {
            if let Some(reason) = self.exhausted() {
                return self.found(Answer::GaveUp(reason));
            }
            let Some(op) = self.next_candidate() else {
                self.bury();
                continue;
            };
            let state = self.here.state;
            if !self.apply(op) {
                continue;
            }
            let happened = self.trail.len();
            if self.advance() {
                return self.found_order();
            }
            if self.is_dead() || self.is_hopeless() {
                self.restore();
            } else {
                let unfollowed = self.window.is_optional(op) && self.trail.len() == happened;
                self.push((self.prunings.affected && unfollowed).then_some(state));
            }
        }
        if self.lister.stopped {
            return self.found(Answer::GaveUp(Reason::Stopped));
        }
        self.found(Answer::NoOrder)
    }

    fn found_order(&mut self) -> Found {
        let order = std::mem::take(&mut self.trail);
        self.found(Answer::Order(order))
    }

    fn found(&self, answer: Answer) -> Found {
        let answer = honest(self.automaton, answer);
        let furthest = self.window.returns.get(self.furthest as usize).copied();
        Found {
            answer,
            work: Work {
                steps: self.steps(),
                stored: self.dead.sets(),
            },
            furthest,
            states: self.automaton.states(),
        }
    }

    fn exhausted(&mut self) -> Option<Reason> {
        self.turns += 1;
        let (limits, bytes) = (self.limits, || self.bytes());
        limits.exhausted(self.steps(), self.turns, bytes)
    }

    /// Steps taken. Where many operations are open, what is looked at counts as well.
    fn steps(&self) -> u64 {
        self.steps + self.automaton.looked() / LOOKS_PER_STEP
    }

    /// Memory in use, counting what the next growth of each part would add.
    fn bytes(&self) -> u64 {
        let frames = self.frames.capacity() * size_of::<Frame>();
        let words = self.saved.capacity() * size_of::<u64>();
        let numbers = (self.candidates.capacity() + self.trail.capacity()) * size_of::<u32>();
        let stacks = (frames + words + numbers) * 3;
        (stacks + self.dead.bytes() + self.automaton.bytes() + self.window.bytes()) as u64
    }

    /// The next operation to try from the top frame: the one that returns next, then all others.
    fn next_candidate(&mut self) -> Option<u32> {
        let frame = self.frames.last_mut()?;
        if frame.stage == Stage::Nothing {
            frame.stage = Stage::Returning;
            let op = self.here.returning();
            let affected = frame.before.is_none_or(|before| {
                let change = (before, frame.state);
                self.lister
                    .is_affected(&self.here, self.automaton, op, change)
            });
            if affected && self.lister.may_try(&self.here, op) {
                return Some(op);
            }
        }
        if frame.stage == Stage::Returning {
            frame.stage = Stage::Others;
            let Search {
                lister,
                here,
                automaton,
                candidates,
                ..
            } = self;
            lister.list(here, automaton, frame.before, candidates);
        }
        if self.candidates.len() > frame.candidates {
            self.candidates.pop()
        } else {
            None
        }
    }

    /// Lets an operation happen, if it is legal.
    fn apply(&mut self, op: u32) -> bool {
        let Some(next) = self.automaton.step(self.here.state, self.here.label(op)) else {
            return false;
        };
        if let Some(frame) = self.frames.last_mut() {
            frame.applied = op;
        }
        self.steps += 1;
        if self.window.is_optional(op) {
            self.tried[op as usize] = true;
        }
        self.here.state = next;
        self.here.mark(op);
        self.trail.push(op);
        true
    }

    /// Lets pure operations happen and gets past every return whose operation has happened. Whether
    /// that was the last.
    fn advance(&mut self) -> bool {
        if self.prunings.eager {
            self.absorb();
        }
        while !self.here.at_end() {
            if !self.here.has_happened(self.here.returning()) {
                self.furthest = self.furthest.max(self.here.position);
                return false;
            }
            self.here.pass();
            if self.prunings.eager {
                self.absorb_new();
            }
        }
        true
    }

    /// Lets every open pure operation happen that is legal. One may be what another waits for.
    fn absorb(&mut self) {
        let mut again = true;
        while again {
            again = false;
            for word in 0..self.here.words() {
                let mut slots = self.here.pending_pure(word);
                while slots != 0 {
                    let op = self.here.take(word, &mut slots);
                    if self.absorb_one(op) {
                        again |= self.window.linked[op as usize];
                    }
                }
            }
        }
    }

    /// The same, after getting past a return: the state is as it was, so only those that were
    /// called since can be legal, or what waited for another.
    fn absorb_new(&mut self) {
        if self.window.has_links {
            self.absorb();
            return;
        }
        for op in self.here.arrivals() {
            if self.window.pure[op as usize] && !self.window.is_optional(op) {
                self.absorb_one(op);
            }
        }
    }

    fn absorb_one(&mut self, op: u32) -> bool {
        let legal = self.here.precursor_done(op)
            && self
                .automaton
                .step(self.here.state, self.here.label(op))
                .is_some();
        if legal {
            self.here.mark(op);
            self.trail.push(op);
        }
        legal
    }

    fn push(&mut self, before: Option<StateId>) {
        self.saved.extend_from_slice(&self.here.done);
        self.frames.push(Frame {
            position: self.here.position,
            state: self.here.state,
            trail: self.trail.len(),
            candidates: self.candidates.len(),
            applied: NONE,
            before,
            stage: Stage::Nothing,
        });
    }

    /// Goes back to the top frame's configuration.
    fn restore(&mut self) {
        let Some(frame) = self.frames.last() else {
            return;
        };
        self.here.state = frame.state;
        self.trail.truncate(frame.trail);
        self.here.rewind(frame.position);
        let start = self.saved.len() - self.here.done.len();
        self.here.done.copy_from_slice(&self.saved[start..]);
        self.here.unmark_optional(frame.applied);
    }

    /// Goes back from the top frame, whose configuration is dead unless only some of what may
    /// follow was tried.
    fn bury(&mut self) {
        if self
            .frames
            .pop()
            .is_some_and(|frame| frame.before.is_none())
        {
            self.write_key();
            self.dead.insert(&self.key, &self.here.used);
            self.any_dead[self.here.position as usize] = true;
        }
        self.saved.truncate(self.saved.len() - self.here.done.len());
        self.restore();
    }

    fn is_dead(&mut self) -> bool {
        if !self.any_dead[self.here.position as usize] {
            return false;
        }
        self.write_key();
        self.dead.contains(&self.key, &self.here.used)
    }

    /// Whether some operation that must still happen has no place any more.
    fn is_hopeless(&mut self) -> bool {
        let never = self
            .lookahead
            .hopeless(self.window, &self.here, self.automaton);
        self.furthest = self.furthest.max(never.unwrap_or(0));
        never.is_some()
    }

    fn write_key(&mut self) {
        self.key.clear();
        self.key
            .push(u64::from(self.here.position) << 32 | u64::from(self.here.state));
        self.key.extend_from_slice(&self.here.done);
    }
}

#[cfg(test)]
mod tests;
