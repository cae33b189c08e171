//! One object of a stream: a register is watched by its zones as long as they cover it, everything
//! else by search.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use testimony_history::{Origin, Outcome};

use super::machine::{Machine, Move};
use super::watch::{Earlier, Fate, Standing, Watch};
use super::zoned::{Did, Judged, Past, Zoned};
use super::{EventId, StreamLimits};
use crate::model::Model;
use crate::models::register::AsRegister;
use crate::verdict::Reason;

/// How a model's operations are a register's.
pub(super) type Terms<M> = Arc<AsRegister<<M as Model>::Input, <M as Model>::Output>>;

/// An object that is watched.
pub(super) enum Object<M: Model> {
    ByZones(Terms<M>, Zoned),
    BySearch(Box<Watch<M>>, Numbers),
}

/// An event: its number, and the caller's name for it.
type At = (EventId, Origin);

impl<M: Model> Object<M> {
    /// An object that nobody has called.
    pub(super) fn new(terms: Option<&Terms<M>>) -> Self {
        match terms {
            Some(terms) => {
                let zoned = Zoned::new(terms.initial.clone());
                Object::ByZones(Arc::clone(terms), zoned)
            }
            None => Object::BySearch(Box::new(Watch::new()), Numbers::default()),
        }
    }

    pub(super) fn standing(&self) -> &Standing {
        match self {
            Object::ByZones(..) => &Standing::Fine,
            Object::BySearch(watch, _) => watch.standing(),
        }
    }

    /// Whether an operation that hung for too long did return in the end.
    pub(super) fn is_late(&self) -> bool {
        match self {
            Object::ByZones(_, zoned) => zoned.is_late(),
            Object::BySearch(watch, numbers) => watch.is_late() || numbers.late,
        }
    }

    /// Whether there is anything that catching up could find out.
    pub(super) fn lags(&self) -> bool {
        match self {
            Object::ByZones(..) => false,
            Object::BySearch(watch, _) => watch.lags(),
        }
    }

    /// Events that are held, or what takes their place.
    pub(super) fn held(&self) -> usize {
        match self {
            Object::ByZones(_, zoned) => zoned.held(),
            Object::BySearch(watch, _) => watch.held(),
        }
    }

    pub(super) fn configurations(&self) -> usize {
        match self {
            Object::ByZones(_, zoned) => zoned.possible_values(),
            Object::BySearch(watch, _) => watch.configurations(),
        }
    }

    /// Bytes in use, apart from what values own.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Object::ByZones(_, zoned) => zoned.bytes(),
            Object::BySearch(watch, numbers) => watch.bytes() + numbers.bytes(),
        }
    }

    /// An operation is called, after the event `last`; answers its number. `after` is the number of
    /// an earlier one that the same process completes at the same time.
    pub(super) fn call(&mut self, input: M::Input, after: Option<u64>, last: EventId) -> u64 {
        if let Object::ByZones(terms, zoned) = self {
            let access = (terms.access)(&input);
            if let Some(op) = access.and_then(|access| zoned.call(access, after)) {
                return op;
            }
        }
        let (watch, numbers) = self.by_search(last);
        let after = after.and_then(|after| numbers.of(after));
        let op = watch.call(input, after);
        numbers.called(op)
    }

    /// An operation ends.
    pub(super) fn end(
        &mut self,
        machine: &mut Machine<M>,
        op: u64,
        outcome: Outcome<M::Output>,
        at: At,
        limits: &StreamLimits,
    ) {
        let mut illegal = false;
        if let Object::ByZones(terms, zoned) = self {
            let heard = match &outcome {
                Outcome::Completed(output) => Outcome::Completed((terms.seen)(output.clone())),
                Outcome::Failed => Outcome::Failed,
                Outcome::Unknown => Outcome::Unknown,
            };
            match zoned.end(op, &heard) {
                Judged::Legal => return self.bound(at.0, limits),
                Judged::Illegal => illegal = true,
                Judged::NotCovered => {}
            }
        }
        let (watch, numbers) = self.by_search(at.0 - 1);
        match numbers.end(op) {
            Number::Watched(op) => watch.end(machine, op, outcome, at, limits),
            Number::Done
                if matches!(outcome, Outcome::Failed) && *watch.standing() == Standing::Fine =>
            {
                watch.condemn(at);
            }
            Number::Done => {}
            Number::Gone => numbers.late |= !matches!(outcome, Outcome::Unknown),
        }
        if illegal {
            confirm(watch, machine, at, limits);
        }
    }

    /// Lets reads go that have been open for too long, and gives up if that does not help.
    fn bound(&mut self, last: EventId, limits: &StreamLimits) {
        let Object::ByZones(_, zoned) = self else {
            return;
        };
        while zoned.window() > limits.window / 2 && zoned.let_go() {}
        if zoned.held() > limits.window {
            let unknown = "more writes with unknown outcomes than a stream remembers";
            let (watch, _) = self.by_search(last);
            watch.give_up(Reason::NotCovered(unknown.to_owned()));
        }
    }

    /// Finds out whether everything so far is legal.
    pub(super) fn catch_up(&mut self, machine: &mut Machine<M>, limits: &StreamLimits) {
        match self {
            Object::ByZones(..) => {}
            Object::BySearch(watch, _) => watch.catch_up(machine, limits),
        }
    }

    /// Gives up, saying why. The last event was `last`.
    pub(super) fn give_up(&mut self, reason: Reason, last: EventId) {
        self.by_search(last).0.give_up(reason);
    }

    /// Moves to another machine.
    pub(super) fn move_to(&mut self, to: &mut Move<'_, M>) {
        match self {
            Object::ByZones(..) => {}
            Object::BySearch(watch, _) => watch.move_to(to),
        }
    }

    /// Hands over to the search, if that has not been done. All up to the event `last` is legal.
    fn by_search(&mut self, last: EventId) -> (&mut Watch<M>, &mut Numbers) {
        if let Object::ByZones(terms, zoned) = self {
            let (past, done) = zoned.past();
            let numbers = Numbers::after(zoned, &past, &done);
            let earlier = past.into_iter().map(|past| earlier(terms, past)).collect();
            *self = Object::BySearch(Box::new(Watch::resume(earlier, last)), numbers);
        }
        match self {
            Object::BySearch(watch, numbers) => (watch, numbers),
            Object::ByZones(..) => unreachable!("it has just been handed over"),
        }
    }
}

/// Holds a contradiction between zones against the search.
fn confirm<M: Model>(
    watch: &mut Watch<M>,
    machine: &mut Machine<M>,
    at: At,
    limits: &StreamLimits,
) {
    watch.catch_up(machine, limits);
    match watch.standing() {
        Standing::Illegal(..) => {}
        // The search finds it too hard; zones never do.
        Standing::GivenUp(Reason::Steps) => watch.condemn(at),
        Standing::GivenUp(_) => {}
        Standing::Fine => watch.give_up(Reason::EvidenceFailed(
            "the search does not find what zones call a contradiction".to_owned(),
        )),
    }
}

/// An operation of the past in the terms of the model.
fn earlier<M: Model>(terms: &AsRegister<M::Input, M::Output>, past: Past) -> Earlier<M> {
    let (input, output) = match past.did {
        Did::Write(value) => (terms.write)(value),
        Did::Read(value) => (terms.read)(value.unwrap_or_default()),
    };
    let fate = match (past.returned, past.op) {
        (Some(_), _) => Fate::Completed(output),
        (None, Some(_)) => Fate::Open,
        (None, None) => Fate::Unknown,
    };
    Earlier {
        input,
        fate,
        called: past.called,
        returned: past.returned,
    }
}

/// How the operations that a caller was told of are numbered by the watch that took over.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// Those that were open then; `None` if the watch takes them for done.
    open: FxHashMap<u64, Option<u64>>,
    /// The first that was called since, and its number.
    since: u64,
    first: u64,
    /// Whether one has ended that had been given up.
    late: bool,
}

/// The number of an operation that ends.
enum Number {
    Watched(u64),
    /// It is known to have happened.
    Done,
    /// It was let go.
    Gone,
}

impl Numbers {
    fn after(zoned: &Zoned, past: &[Past], done: &[u64]) -> Self {
        let watched = (0..)
            .zip(past)
            .filter_map(|(number, past)| Some((past.op?, Some(number))));
        Numbers {
            open: watched.chain(done.iter().map(|&op| (op, None))).collect(),
            since: zoned.next(),
            first: past.len() as u64,
            late: zoned.is_late(),
        }
    }

    /// The watch's number of an operation, if it has one.
    fn of(&self, op: u64) -> Option<u64> {
        match op.checked_sub(self.since) {
            Some(since) => Some(self.first + since),
            None => self.open.get(&op).copied().flatten(),
        }
    }

    /// The number for the caller of an operation with this number.
    fn called(&self, number: u64) -> u64 {
        number - self.first + self.since
    }

    fn end(&mut self, op: u64) -> Number {
        match op.checked_sub(self.since) {
            Some(since) => Number::Watched(self.first + since),
            None => match self.open.remove(&op) {
                Some(Some(number)) => Number::Watched(number),
                Some(None) => Number::Done,
                None => Number::Gone,
            },
        }
    }

    fn bytes(&self) -> usize {
        self.open.capacity() * size_of::<(u64, Option<u64>)>()
    }
}
