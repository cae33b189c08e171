//! The search in breadth: all configurations at one position, then all at the next.
//!
//! It keeps only the configurations at the present position, so its memory is bounded by how many
//! of them there are, however long the history. It begins in any number of states, which is what
//! the refutation of a window needs. A configuration is let go on only until the operation that
//! returns next has happened (Lowe 2017, just-in-time linearization).
//!
//! The prunings are those of the depth-first search, by the same arguments: each says that the
//! least completion of a configuration obeys it, and says so of one configuration at a time.
//! Dominance holds among the configurations of a position as it holds among dead ones: what can be
//! completed with some optional operations used can be completed with fewer used.

use crate::automaton::{Automaton, StateId};
use crate::model::Model;
use crate::partition::narrow;
use crate::table::DeadTable;
use crate::verdict::Reason;

use super::candidates::Lister;
use super::configuration::Configuration;
use super::lookahead::Lookahead;
use super::window::{NONE, Window};
use super::{Answer, Found, LOOKS_PER_STEP, Limits, Prunings, Work, honest};

/// The search for an order in breadth.
pub(super) struct Breadth<'a, 'm, M: Model> {
    window: &'a Window,
    automaton: &'a mut Automaton<'m, M>,
    prunings: Prunings,
    limits: Limits<'a>,
    here: Configuration<'a>,
    lister: Lister<'a>,
    lookahead: Lookahead,
    /// Configurations at the present position that are to be gone on from.
    work: Rows,
    /// Configurations at the next position.
    next: Rows,
    /// Configurations at the present position that were gone on from.
    seen: DeadTable,
    trails: Trails,
    candidates: Vec<u32>,
    key: Vec<u64>,
    /// The furthest return that some configuration never gets past, as far as was looked ahead.
    never: u32,
    steps: u64,
    /// How many were seen, at all positions.
    stored: u64,
    turns: u64,
}

/// What a configuration has besides the operations that have happened.
#[derive(Clone, Copy)]
struct Head {
    state: StateId,
    /// The state before the optional operation that led here, if what follows must be affected by
    /// it; or `NONE`.
    before: StateId,
    /// The end of its trail.
    trail: u32,
}

/// Configurations: heads, and the sets of operations that have happened.
#[derive(Default)]
struct Rows {
    heads: Vec<Head>,
    done: Vec<u64>,
    used: Vec<u64>,
}

impl<'a, 'm, M: Model> Breadth<'a, 'm, M> {
    pub(super) fn new(
        window: &'a Window,
        automaton: &'a mut Automaton<'m, M>,
        prunings: Prunings,
        limits: Limits<'a>,
    ) -> Self {
        let here = Configuration::start(window);
        let (slot_words, used_words) = (here.words(), here.used.len());
        Breadth {
            window,
            prunings,
            limits,
            here,
            lister: Lister::new(window, prunings, limits.budget, automaton.labels()),
            lookahead: Lookahead::new(window, automaton, prunings),
            automaton,
            work: Rows::default(),
            next: Rows::default(),
            seen: DeadTable::new(1 + slot_words, used_words, prunings.dominance),
            trails: Trails::default(),
            candidates: Vec::new(),
            key: Vec::new(),
            never: 0,
            steps: 0,
            stored: 0,
            turns: 0,
        }
    }

    /// Searches from these states.
    pub(super) fn run(mut self, starts: &[StateId]) -> Found {
        for &state in starts {
            let head = Head {
                state,
                before: NONE,
                trail: NONE,
            };
            self.work.push(head, &self.here.done, &self.here.used);
        }
        while !self.here.at_end() {
            if let Some(reason) = self.position() {
                return self.found(Answer::GaveUp(reason));
            }
            if self.next.heads.is_empty() {
                return self.found(Answer::NoOrder);
            }
            self.here.pass();
            std::mem::swap(&mut self.work, &mut self.next);
            self.seen.clear();
            self.trails.collect(&mut self.work);
        }
        let order = self.work.heads.first();
        let order = order.map_or(Answer::NoOrder, |head| {
            Answer::Order(self.trails.trail(head.trail))
        });
        self.found(order)
    }

    /// Goes on from every configuration at the present position. The reason, if it gives up.
    fn position(&mut self) -> Option<Reason> {
        while let Some(mut head) = self.work.pop(&mut self.here) {
            if let Some(reason) = self.exhausted() {
                return Some(reason);
            }
            if self.prunings.eager && self.absorb(&mut head) {
                head.before = NONE;
            }
            let returning = self.here.returning();
            if self.here.has_happened(returning) {
                self.pass_on(head, returning);
            } else if !self.is_hopeless(head) && self.is_new(head) {
                self.go_on(head, returning);
            }
        }
        self.lister.stopped.then_some(Reason::Stopped)
    }

    /// Keeps a configuration for the next position.
    fn pass_on(&mut self, head: Head, returning: u32) {
        self.here.free(returning);
        self.next.push(head, &self.here.done, &self.here.used);
    }

    /// Whether some operation that must still happen has no place any more.
    fn is_hopeless(&mut self, head: Head) -> bool {
        self.here.state = head.state;
        let never = self
            .lookahead
            .hopeless(self.window, &self.here, self.automaton);
        self.never = self.never.max(never.unwrap_or(0));
        never.is_some()
    }

    fn is_new(&mut self, head: Head) -> bool {
        self.key.clear();
        self.key
            .push(u64::from(head.before) << 32 | u64::from(head.state));
        self.key.extend_from_slice(&self.here.done);
        let known = self.seen.contains(&self.key, &self.here.used);
        if !known {
            self.seen.insert(&self.key, &self.here.used);
            self.stored += 1;
        }
        !known
    }

    /// Lets each candidate happen. The one that returns next is put last, to be taken first.
    fn go_on(&mut self, head: Head, returning: u32) {
        let before = (head.before != NONE).then_some(head.before);
        self.candidates.clear();
        let Breadth {
            lister,
            here,
            automaton,
            candidates,
            ..
        } = self;
        lister.list(here, automaton, before, candidates);
        let change = before.map(|before| (before, head.state));
        let affected =
            change.is_none_or(|change| lister.is_affected(here, automaton, returning, change));
        if affected && lister.may_try(here, returning) {
            candidates.push(returning);
        }
        for at in 0..self.candidates.len() {
            self.apply(head, self.candidates[at]);
        }
    }

    fn apply(&mut self, head: Head, op: u32) {
        let Some(state) = self.automaton.step(head.state, self.here.label(op)) else {
            return;
        };
        self.steps += 1;
        let must_affect = self.prunings.affected && self.window.is_optional(op);
        let next = Head {
            state,
            before: if must_affect { head.state } else { NONE },
            trail: self.trails.push(head.trail, op),
        };
        self.here.mark(op);
        self.work.push(next, &self.here.done, &self.here.used);
        self.here.unmark(op);
    }

    /// Lets every open pure operation happen that is legal. Whether there was one.
    fn absorb(&mut self, head: &mut Head) -> bool {
        let (mut any, mut again) = (false, true);
        while again {
            again = false;
            for word in 0..self.here.words() {
                let mut slots = self.here.pending_pure(word);
                while slots != 0 {
                    let op = self.here.take(word, &mut slots);
                    let legal = self.here.precursor_done(op)
                        && self
                            .automaton
                            .step(head.state, self.here.label(op))
                            .is_some();
                    if legal {
                        self.here.mark(op);
                        head.trail = self.trails.push(head.trail, op);
                        any = true;
                        again |= self.window.linked[op as usize];
                    }
                }
            }
        }
        any
    }

    fn exhausted(&mut self) -> Option<Reason> {
        self.turns += 1;
        let (limits, bytes) = (self.limits, || self.bytes());
        limits.exhausted(self.steps(), self.turns, bytes)
    }

    fn steps(&self) -> u64 {
        self.steps + self.automaton.looked() / LOOKS_PER_STEP
    }

    fn bytes(&self) -> u64 {
        let rows = self.work.bytes() + self.next.bytes() + self.trails.bytes();
        let tables = self.seen.bytes() + self.automaton.bytes();
        (rows + tables + self.window.bytes()) as u64
    }

    fn found(&self, answer: Answer) -> Found {
        let position = self.here.position.max(self.never) as usize;
        Found {
            answer: honest(self.automaton, answer),
            work: Work {
                steps: self.steps(),
                stored: self.stored,
            },
            furthest: self.window.returns.get(position).copied(),
            states: self.automaton.states(),
        }
    }
}

impl Rows {
    fn push(&mut self, head: Head, done: &[u64], used: &[u64]) {
        self.heads.push(head);
        self.done.extend_from_slice(done);
        self.used.extend_from_slice(used);
    }

    /// Takes the last, and goes there.
    fn pop(&mut self, here: &mut Configuration<'_>) -> Option<Head> {
        let head = self.heads.pop()?;
        let done = self.done.len() - here.done.len();
        let used = self.used.len() - here.used.len();
        here.load(head.state, &self.done[done..], &self.used[used..]);
        self.done.truncate(done);
        self.used.truncate(used);
        Some(head)
    }

    /// Bytes, counting what growing would add.
    fn bytes(&self) -> usize {
        let words = self.done.capacity() + self.used.capacity();
        (self.heads.capacity() * size_of::<Head>() + words * size_of::<u64>()) * 3
    }
}

/// Which operations led to each configuration, as chains that share their beginnings.
#[derive(Default)]
struct Trails {
    links: Vec<Link>,
    /// How many links there may be before those that lead nowhere are dropped.
    room: usize,
}

#[derive(Clone, Copy)]
struct Link {
    before: u32,
    op: u32,
}

impl Trails {
    /// The least room.
    const ROOM: usize = 1 << 16;

    fn push(&mut self, before: u32, op: u32) -> u32 {
        self.links.push(Link { before, op });
        narrow(self.links.len() - 1)
    }

    /// The operations that lead to a link, in order.
    fn trail(&self, end: u32) -> Vec<u32> {
        let first = (end != NONE).then_some(end);
        let links = std::iter::successors(first, |&at| {
            let before = self.links[at as usize].before;
            (before != NONE).then_some(before)
        });
        let mut trail: Vec<u32> = links.map(|at| self.links[at as usize].op).collect();
        trail.reverse();
        trail
    }

    /// Drops the links that lead to none of the configurations, once there are many.
    fn collect(&mut self, rows: &mut Rows) {
        if self.links.len() < self.room.max(Self::ROOM) {
            return;
        }
        let mut place = vec![NONE; self.links.len()];
        for head in rows.heads.iter().filter(|head| head.trail != NONE) {
            let mut at = head.trail;
            while at != NONE && place[at as usize] == NONE {
                place[at as usize] = 0;
                at = self.links[at as usize].before;
            }
        }
        let mut kept = 0;
        for at in 0..self.links.len() {
            if place[at] != NONE {
                let Link { before, op } = self.links[at];
                // Links lead backwards, so what is before has its place already.
                let before = if before == NONE {
                    NONE
                } else {
                    place[before as usize]
                };
                self.links[kept] = Link { before, op };
                place[at] = narrow(kept);
                kept += 1;
            }
        }
        self.links.truncate(kept);
        self.room = kept * 2;
        for head in rows.heads.iter_mut().filter(|head| head.trail != NONE) {
            head.trail = place[head.trail as usize];
        }
    }

    /// Bytes, counting what growing and dropping would add.
    fn bytes(&self) -> usize {
        self.links.capacity() * (size_of::<Link>() * 3 + size_of::<u32>())
    }
}
