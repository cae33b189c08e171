//! One object, watched while its history is still being written.
//!
//! # How a verdict is exact, and comes at once
//!
//! A search is small when answers are known where operations are called: a read that is known to
//! have seen 3 leaves one place for itself. So the *settled* frontier follows the events at a
//! distance, up to the call of the oldest operation that is still open. Every event passes it once.
//!
//! It knows more than was known when the events were written, though, and it lags behind an
//! operation that hangs. What is asked of a prefix of the events is whether *it* is linearizable,
//! with the operations that end later open: those are optional, and nobody knows their answers. A
//! *probe* decides that. It copies a frontier and plays the rest of the prefix, in which an
//! operation counts as completed if its return is part of the prefix, and as optional otherwise. An
//! optional read says nothing and is left out.
//!
//! Linearizability is closed under prefixes (an operation that completed is a special case of an
//! open one), so:
//!
//! - If the settled frontier is empty, so is that of a probe up to the present. The converse fails
//!   only until the oldest open operation ends. So a probe up to the present is made when the
//!   caller asks for it ([`Watch::catch_up`]), and whenever the events held have doubled.
//! - Which event made the prefix illegal is found by bisection over probes. They start from the
//!   *checkpoint*, the last frontier that rests on nothing later than a prefix known to be legal.
//!   The settled frontier itself would not do: it knows answers from the future.
//! - The last of these probes confirms the violation from the checkpoint on; should it not, that is
//!   our bug, and the object is given up rather than called illegal.
//!
//! # How memory stays bounded
//!
//! Events before the checkpoint are dropped, and it moves whenever a probe up to the present
//! succeeds or nothing is open. What is held is the events since the call of the oldest open
//! operation, at most [`StreamLimits::window`]. Beyond that the operation is taken as one whose
//! outcome stays unknown, which it is if its client died. That allows more orders, never fewer, so
//! violations stay violations. If it does end after all, its answer can no longer be checked: from
//! then on the object can be illegal or undecided, and not linearizable.

mod earlier;

use std::collections::VecDeque;

use testimony_history::{Origin, Outcome};

use super::frontier::{Frontier, Link, TooMany};
use super::machine::{Machine, Move};
use super::{EventId, StreamLimits};
use crate::model::Model;
use crate::verdict::Reason;
pub(super) use earlier::Earlier;

/// Fewer events than this are held without a probe.
const HELD: usize = 256;

/// One object.
pub(super) struct Watch<M: Model> {
    standing: Standing,
    /// Explains everything before the first event held, and rests on nothing that is not known to
    /// be part of a legal prefix.
    checkpoint: Frontier,
    /// Explains the events held up to `played`; `None` if that is none of them.
    settled: Option<Frontier>,
    played: usize,
    events: VecDeque<Event>,
    /// The operations called in the events held, in order.
    ops: VecDeque<Tracked<M::Input, M::Output>>,
    /// The number of the first of them.
    first: u64,
    /// The last event up to which the prefix is known to be legal.
    legal: EventId,
    /// So many events are held when the next probe is due.
    due: usize,
    late: bool,
}

/// What is known of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Legal so far, as far as it has been looked at.
    Fine,
    /// This event made the prefix illegal.
    Illegal(EventId, Origin),
    /// Nobody knows, and nobody will.
    GivenUp(Reason),
}

/// An event that is held. The number is the event's in the whole history.
#[derive(Clone, Copy, Debug)]
enum Event {
    Call(u64),
    End {
        op: u64,
        at: EventId,
        /// The caller's name for it.
        origin: Origin,
        completed: bool,
    },
}

/// An operation that was called in the events held.
struct Tracked<I, O> {
    input: I,
    fate: Fate<O>,
    ended: EventId,
    after: Option<u64>,
    before_another: bool,
}

/// What became of an operation, as far as it is known.
pub(super) enum Fate<O> {
    Open,
    Completed(O),
    Failed,
    /// Also of one that was open for too long.
    Unknown,
}

/// An event that a frontier has not survived, or a limit.
#[derive(Clone, Copy)]
enum Trouble {
    Dead,
    TooMany,
}

impl From<TooMany> for Trouble {
    fn from(_: TooMany) -> Self {
        Trouble::TooMany
    }
}

impl<M: Model> Watch<M> {
    /// An object that nobody has called.
    pub(super) fn new() -> Self {
        Watch {
            standing: Standing::Fine,
            checkpoint: Frontier::start(),
            settled: None,
            played: 0,
            events: VecDeque::new(),
            ops: VecDeque::new(),
            first: 0,
            legal: 0,
            due: HELD,
            late: false,
        }
    }

    pub(super) fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Whether an operation that hung for too long did return in the end.
    pub(super) fn is_late(&self) -> bool {
        self.late
    }

    /// Whether there is anything that a probe could find out.
    pub(super) fn lags(&self) -> bool {
        !self.events.is_empty()
    }

    /// Events that are held.
    pub(super) fn held(&self) -> usize {
        self.events.len()
    }

    pub(super) fn configurations(&self) -> usize {
        self.checkpoint.len() + self.settled.as_ref().map_or(0, Frontier::len)
    }

    /// Bytes in use, apart from what values own.
    pub(super) fn bytes(&self) -> usize {
        self.checkpoint.bytes()
            + self.settled.as_ref().map_or(0, Frontier::bytes)
            + self.events.capacity() * size_of::<Event>()
            + self.ops.capacity() * size_of::<Tracked<M::Input, M::Output>>()
    }

    /// An operation is called; answers its number. `after` is the number of an earlier one that the
    /// same process completes at the same time.
    pub(super) fn call(&mut self, input: M::Input, after: Option<u64>) -> u64 {
        let op = self.first + self.ops.len() as u64;
        if self.standing != Standing::Fine {
            return op;
        }
        if let Some(before) = after.and_then(|after| self.tracked_mut(after)) {
            before.before_another = true;
        }
        self.ops.push_back(Tracked {
            input,
            fate: Fate::Open,
            ended: EventId::MAX,
            after,
            before_another: false,
        });
        self.events.push_back(Event::Call(op));
        op
    }

    /// An operation ends.
    pub(super) fn end(
        &mut self,
        machine: &mut Machine<M>,
        op: u64,
        outcome: Outcome<M::Output>,
        (at, origin): (EventId, Origin),
        limits: &StreamLimits,
    ) {
        if self.standing != Standing::Fine {
            return;
        }
        let is_unknown = matches!(outcome, Outcome::Unknown);
        let Some(tracked) = self.tracked_mut(op).filter(|op| op.is_open()) else {
            self.late |= !is_unknown;
            return;
        };
        tracked.ended = at;
        tracked.fate = match outcome {
            Outcome::Completed(output) => Fate::Completed(output),
            Outcome::Failed => Fate::Failed,
            Outcome::Unknown => Fate::Unknown,
        };
        self.events.push_back(Event::End {
            op,
            at,
            origin,
            completed: matches!(self.tracked(op), Some(op) if op.is_completed()),
        });
        self.settle(machine, limits);
        if self.events.len() >= self.due {
            self.catch_up(machine, limits);
            self.let_go(machine, limits);
            self.due = HELD.max(self.events.len() * 2);
        }
    }

    fn tracked_mut(&mut self, op: u64) -> Option<&mut Tracked<M::Input, M::Output>> {
        let at = usize::try_from(op.checked_sub(self.first)?).ok()?;
        self.ops.get_mut(at)
    }

    fn tracked(&self, op: u64) -> Option<&Tracked<M::Input, M::Output>> {
        let at = usize::try_from(op.checked_sub(self.first)?).ok()?;
        self.ops.get(at)
    }

    /// Lets the settled frontier follow up to the call of the oldest open operation.
    fn settle(&mut self, machine: &mut Machine<M>, limits: &StreamLimits) {
        let may_play = |watch: &Self| match watch.events.get(watch.played) {
            None => false,
            Some(Event::End { .. }) => true,
            Some(Event::Call(op)) => watch.tracked(*op).is_some_and(|op| !op.is_open()),
        };
        if !may_play(self) {
            return;
        }
        let mut settled = self.settled.take();
        let frontier = settled.get_or_insert_with(|| self.checkpoint.clone());
        while may_play(self) {
            let event = self.events[self.played];
            if let Err(trouble) = self.play(machine, frontier, event, EventId::MAX, limits) {
                return self.stop(machine, trouble, limits);
            }
            self.played += 1;
        }
        self.settled = settled;
        if self.played == self.events.len() {
            self.move_checkpoint();
        }
    }

    /// Plays an event, as it was known at the event `limit`.
    fn play(
        &self,
        machine: &mut Machine<M>,
        frontier: &mut Frontier,
        event: Event,
        limit: EventId,
        limits: &StreamLimits,
    ) -> Result<(), Trouble> {
        match event {
            Event::Call(op) => {
                let Some(tracked) = self.tracked(op) else {
                    return Ok(());
                };
                self.play_call(machine, frontier, op, tracked, limit);
            }
            Event::End {
                op,
                completed: true,
                ..
            } => frontier.end(machine, op, limits.bounds())?,
            Event::End { .. } => {}
        }
        if frontier.is_dead() {
            return Err(Trouble::Dead);
        }
        Ok(())
    }

    fn play_call(
        &self,
        machine: &mut Machine<M>,
        frontier: &mut Frontier,
        op: u64,
        tracked: &Tracked<M::Input, M::Output>,
        limit: EventId,
    ) {
        match &tracked.fate {
            Fate::Failed if tracked.ended <= limit => {}
            Fate::Completed(output) if tracked.ended <= limit => {
                let label = machine.label(&tracked.input, Some(output));
                let link = Link {
                    op,
                    after: tracked.after,
                    before_another: tracked.before_another,
                };
                frontier.call(machine, link, label, tracked.ended);
            }
            Fate::Open | Fate::Unknown | Fate::Failed | Fate::Completed(_) => {
                let label = machine.label(&tracked.input, None);
                frontier.call_optional(machine, tracked.after, label);
            }
        }
    }

    /// Whether the prefix that ends with the event `limit` is legal, starting from a frontier
    /// before the event held at `from`.
    fn probe(
        &self,
        machine: &mut Machine<M>,
        (mut frontier, from): (Frontier, usize),
        limit: EventId,
        limits: &StreamLimits,
    ) -> Result<(), Trouble> {
        for event in self.events.iter().skip(from) {
            if matches!(event, Event::End { at, .. } if *at > limit) {
                break;
            }
            self.play(machine, &mut frontier, *event, limit, limits)?;
        }
        Ok(())
    }

    /// Finds out whether everything so far is legal.
    pub(super) fn catch_up(&mut self, machine: &mut Machine<M>, limits: &StreamLimits) {
        let last = self.events.iter().rev().find_map(|event| match event {
            Event::End { at, .. } => Some(*at),
            Event::Call(_) => None,
        });
        let Some(last) = last.filter(|&last| last > self.legal) else {
            return;
        };
        let from = match &self.settled {
            Some(settled) => (settled.clone(), self.played),
            None => (self.checkpoint.clone(), 0),
        };
        match self.probe(machine, from, last, limits) {
            Ok(()) => {
                self.legal = last;
                self.move_checkpoint();
            }
            Err(trouble) => self.stop(machine, trouble, limits),
        }
    }

    /// The settled frontier becomes the checkpoint. To be called when all events held make a legal
    /// prefix.
    fn move_checkpoint(&mut self) {
        if let Some(settled) = self.settled.take() {
            self.checkpoint = settled;
        }
        let mut calls = 0;
        for event in self.events.drain(..self.played) {
            match event {
                Event::Call(_) => calls += 1,
                Event::End { at, .. } => self.legal = self.legal.max(at),
            }
        }
        self.played = 0;
        self.ops.drain(..calls);
        self.first += calls as u64;
        if self.events.is_empty() {
            (self.events, self.ops) = (VecDeque::new(), VecDeque::new());
        }
    }

    /// Takes operations that have been open for too long as unknown for good.
    fn let_go(&mut self, machine: &mut Machine<M>, limits: &StreamLimits) {
        while self.standing == Standing::Fine && self.events.len() > limits.window / 2 {
            let Some(hanging) = self.ops.iter_mut().find(|op| op.is_open()) else {
                return;
            };
            hanging.fate = Fate::Unknown;
            hanging.ended = 0;
            self.settle(machine, limits);
            if self.standing == Standing::Fine {
                self.move_checkpoint();
            }
        }
    }

    /// A frontier has come to an end: says at which event, or gives up.
    fn stop(&mut self, machine: &mut Machine<M>, trouble: Trouble, limits: &StreamLimits) {
        self.standing = match trouble {
            Trouble::TooMany => Standing::GivenUp(Reason::Steps),
            Trouble::Dead => self.first_illegal(machine, limits),
        };
        self.forget();
    }

    fn first_illegal(&self, machine: &mut Machine<M>, limits: &StreamLimits) -> Standing {
        let ends: Vec<(EventId, Origin)> = self
            .events
            .iter()
            .filter_map(|event| match event {
                Event::End { at, origin, .. } if *at > self.legal => Some((*at, *origin)),
                Event::End { .. } | Event::Call(_) => None,
            })
            .collect();
        let (mut legal, mut illegal) = (0, ends.len());
        let mut known_illegal = false;
        // Everything before `legal` is, and nothing from `illegal` on; the last is looked at first,
        // since it confirms that there is anything to find.
        while legal < illegal {
            let middle = if known_illegal {
                legal + (illegal - legal) / 2
            } else {
                ends.len() - 1
            };
            let from = (self.checkpoint.clone(), 0);
            match self.probe(machine, from, ends[middle].0, limits) {
                Err(Trouble::TooMany) => return Standing::GivenUp(Reason::Steps),
                Err(Trouble::Dead) => (illegal, known_illegal) = (middle, true),
                Ok(()) => legal = middle + 1,
            }
        }
        match ends.get(illegal) {
            Some(&(at, origin)) => Standing::Illegal(at, origin),
            None => Standing::GivenUp(Reason::EvidenceFailed(
                "a violation was not confirmed from the last checkpoint".to_owned(),
            )),
        }
    }

    /// Calls the object illegal from an event on, which is known from elsewhere.
    pub(super) fn condemn(&mut self, (at, origin): (EventId, Origin)) {
        self.standing = Standing::Illegal(at, origin);
        self.forget();
    }

    /// Gives up, saying why.
    pub(super) fn give_up(&mut self, reason: Reason) {
        if self.standing == Standing::Fine {
            self.standing = Standing::GivenUp(reason);
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.first += self.ops.len() as u64;
        (self.events, self.ops) = (VecDeque::new(), VecDeque::new());
        (self.checkpoint, self.settled, self.played) = (Frontier::start(), None, 0);
    }

    /// Moves to another machine.
    pub(super) fn move_to(&mut self, to: &mut Move<'_, M>) {
        self.checkpoint.move_to(to);
        if let Some(settled) = &mut self.settled {
            settled.move_to(to);
        }
    }
}

impl<I, O> Tracked<I, O> {
    fn is_open(&self) -> bool {
        matches!(self.fate, Fate::Open)
    }

    fn is_completed(&self) -> bool {
        matches!(self.fate, Fate::Completed(_))
    }
}
