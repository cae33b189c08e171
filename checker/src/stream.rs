//! The same verdicts while the history is still being written.
//!
//! A [`Stream`] is told every call and every end in order, and knows at any time whether what it
//! was told so far is linearizable. It holds what is open and what every order may have led to, not
//! the history: memory is bounded by how much goes on at once, not by how long. Each key is watched
//! on its own (linearizability is local: Herlihy and Wing 1990, section 3.3): a register by the
//! zones of its values as long as these can be told apart (`stream/zoned.rs`), all else by search
//! (`stream/watch.rs`). There it is said why the verdicts are those of
//! [`check_recorded`](crate::check_recorded).
//!
//! The price is evidence: a stream keeps no witness and no counterexample. What it calls illegal, a
//! full check of the recording should confirm and explain.

mod frontier;
mod machine;
mod object;
mod rows;
mod watch;
mod zoned;

use std::sync::Arc;

use testimony_history::{Answer, Call, Model as Kind, Origin, Outcome, Value};

use crate::models::{Bundled, canonical, for_bundled};
use crate::table::Interner;
use crate::verdict::{Exhausted, Reason};
use frontier::Bounds;
use machine::{Machine, Move};
use object::{Object, Terms};
use watch::Standing;

/// A number of an event that ends an operation; they rise.
type EventId = u64;

/// A check that goes on while the history is written.
///
/// ```
/// use testimony_checker::{Stream, StreamLimits};
/// use testimony_history::{Answer, Call, Function, Model, Origin, Outcome, Value};
///
/// let mut stream = Stream::new(Model::Register, None, StreamLimits::default())?;
/// let read = Call { f: Function::Read, key: None, value: None };
/// let nobody_wrote = Answer { value: Some(Value::Int(7)), ..Answer::default() };
/// let ticket = stream.call(1, &read, &[]);
/// stream.end(ticket, &read, &Outcome::Completed(nobody_wrote), Origin { line: 3,
/// ..Origin::default() }); stream.catch_up();
/// assert_eq!(stream.violation().unwrap().event.line, 3);
/// # Ok::<(), String>(())
/// ```
pub struct Stream {
    keys: Box<dyn Watched>,
}

/// What a stream may spend before it gives a key up, honestly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamLimits {
    /// Configurations of one key.
    pub configurations: usize,
    /// Bytes of the states of one key.
    pub bytes: usize,
    /// Steps at one return.
    pub steps: u64,
    /// Events of one key held while an operation on it is open. An operation that is open for
    /// longer counts as one whose outcome is unknown.
    pub window: usize,
}

/// Names an operation that a [`Stream`] was told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    key: u32,
    op: u64,
}

/// The end of the shortest prefix that no order explains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The object.
    pub key: Option<Value>,
    /// The event, as the caller named it: the return, or the certain failure, that no order of the
    /// operations called until then explains.
    pub event: Origin,
}

/// What a stream knows when the history is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamVerdict {
    /// Some order explains everything.
    Linearizable,
    /// No order explains the events up to this one.
    Illegal(Violation),
    /// Some key was given up, and no violation was found.
    Undecided(Exhausted),
}

/// How much a stream holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamSize {
    /// Keys met.
    pub keys: usize,
    /// Events held, or values and reads of registers that are watched by zones.
    pub events: usize,
    /// Configurations, over all keys.
    pub configurations: usize,
    /// Bytes, about.
    pub bytes: usize,
}

impl Default for StreamLimits {
    fn default() -> Self {
        StreamLimits {
            configurations: 1 << 16,
            bytes: 32 << 20,
            steps: 1 << 21,
            window: 1 << 16,
        }
    }
}

impl StreamLimits {
    fn bounds(&self) -> Bounds {
        Bounds {
            configurations: self.configurations,
            bytes: self.bytes,
            steps: self.steps,
        }
    }
}

impl Stream {
    /// A stream for one of the bundled models. Each key is an object of its own, and starts as
    /// `initial`.
    ///
    /// # Errors
    /// Says why no object starts as `initial`.
    pub fn new(model: Kind, initial: Option<&Value>, limits: StreamLimits) -> Result<Self, String> {
        let keys: Box<dyn Watched> =
            for_bundled!(model, B => Box::new(Keys::new(B::starting_as(initial)?, limits)));
        Ok(Stream { keys })
    }

    /// A process calls an operation. `after` are operations that the same process completes at the
    /// very time of this call, in order: where calls rank before returns of the same time,
    /// positions do not say that they come first.
    ///
    /// Calls and ends are to be told in the order of their positions. A process that goes on after
    /// an unknown outcome counts as another one.
    pub fn call(&mut self, process: u64, call: &Call, after: &[Ticket]) -> Ticket {
        self.keys.call(process, call, after)
    }

    /// An operation ends; `call` is what it called, `event` the caller's name for this.
    ///
    /// Amortized time is that of the search for one event. The verdict may be put off until
    /// [`Stream::catch_up`], or until a few hundred more events of the key were told.
    pub fn end(&mut self, ticket: Ticket, call: &Call, outcome: &Outcome<Answer>, event: Origin) {
        self.keys.end(ticket, call, outcome, event);
    }

    /// Decides whether everything told so far is legal. O(what is open and what was told since it
    /// was called), for each key that something was told of since the last time.
    pub fn catch_up(&mut self) {
        self.keys.catch_up();
    }

    /// The first violation, if one was found.
    pub fn violation(&self) -> Option<&Violation> {
        self.keys.violation()
    }

    /// The verdict on everything told, whose open operations have unknown outcomes.
    pub fn finish(mut self) -> StreamVerdict {
        self.keys.catch_up();
        self.keys.verdict()
    }

    /// How much is held. O(number of keys).
    pub fn size(&self) -> StreamSize {
        self.keys.size()
    }
}

/// A stream whose model is known.
trait Watched: Send {
    fn call(&mut self, process: u64, call: &Call, after: &[Ticket]) -> Ticket;
    fn end(&mut self, ticket: Ticket, call: &Call, outcome: &Outcome<Answer>, event: Origin);
    fn catch_up(&mut self);
    fn violation(&self) -> Option<&Violation>;
    fn verdict(&self) -> StreamVerdict;
    fn size(&self) -> StreamSize;
}

/// The objects of a stream.
struct Keys<B: Bundled> {
    /// What the model is as a register, if it is one.
    terms: Option<Terms<B>>,
    machine: Machine<B>,
    limits: StreamLimits,
    names: Interner<Option<Value>>,
    objects: Vec<Object<B>>,
    /// Keys of which something is held, and which those are.
    lagging: Vec<u32>,
    lags: Vec<bool>,
    /// Operations ended.
    ended: EventId,
    found: Option<(EventId, Violation)>,
}

impl<B: Bundled> Keys<B> {
    fn new(model: B, limits: StreamLimits) -> Self {
        Keys {
            terms: model.as_register().map(Arc::new),
            machine: Machine::new(model),
            limits,
            names: Interner::new(),
            objects: Vec::new(),
            lagging: Vec::new(),
            lags: Vec::new(),
            ended: 0,
            found: None,
        }
    }

    fn key(&mut self, call: &Call) -> u32 {
        let (key, new) = self.names.intern(call.key.as_ref().map(canonical));
        if new {
            self.objects.push(Object::new(self.terms.as_ref()));
            self.lags.push(false);
        }
        key
    }

    /// Remembers that something is held of a key.
    fn note_lag(&mut self, key: u32) {
        let at = key as usize;
        if self.objects[at].lags() && !std::mem::replace(&mut self.lags[at], true) {
            self.lagging.push(key);
        }
    }

    /// Remembers the violation that was found of a key, if it is the earliest.
    fn note_violation(&mut self, key: u32) {
        let Standing::Illegal(at, event) = *self.objects[key as usize].standing() else {
            return;
        };
        if self.found.as_ref().is_none_or(|(earlier, _)| at < *earlier) {
            let key = self.names.get(key).clone();
            self.found = Some((at, Violation { key, event }));
        }
    }

    fn forget_unused(&mut self) {
        let mut to = Move::from(&self.machine);
        for object in &mut self.objects {
            object.move_to(&mut to);
        }
        self.machine = to.done();
    }

    /// Why some key is undecided, if one is: the smallest of those.
    fn undecided(&self) -> Option<Exhausted> {
        let reasons = self.objects.iter().map(|object| match object.standing() {
            Standing::GivenUp(reason) => Some(reason.clone()),
            _ if object.is_late() => Some(too_late()),
            _ => None,
        });
        let undecided: Vec<(&Option<Value>, Reason)> = (0..)
            .zip(reasons)
            .filter_map(|(key, reason)| Some((self.names.get(key), reason?)))
            .collect();
        let partitions = undecided.len();
        let (key, reason) = undecided.into_iter().min_by(|a, b| a.0.cmp(b.0))?;
        Some(Exhausted {
            key: key.clone(),
            partitions,
            ..Exhausted::because(reason)
        })
    }
}

fn too_late() -> Reason {
    Reason::NotCovered("an operation was open for longer than a stream remembers".to_owned())
}

impl<B: Bundled + Send> Watched for Keys<B> {
    fn call(&mut self, process: u64, call: &Call, after: &[Ticket]) -> Ticket {
        let key = self.key(call);
        let after = after.iter().rev().find(|after| after.key == key);
        let object = &mut self.objects[key as usize];
        let op = match B::decode_call(process, call) {
            Ok(input) => object.call(input, after.map(|after| after.op), self.ended),
            Err(problem) => {
                object.give_up(Reason::NotCovered(problem), self.ended);
                0
            }
        };
        self.note_lag(key);
        Ticket { key, op }
    }

    fn end(&mut self, ticket: Ticket, call: &Call, outcome: &Outcome<Answer>, event: Origin) {
        self.ended += 1;
        let object = &mut self.objects[ticket.key as usize];
        let outcome = match outcome {
            Outcome::Completed(answer) => B::decode_answer(call, answer).map(Outcome::Completed),
            Outcome::Failed => Ok(Outcome::Failed),
            Outcome::Unknown => Ok(Outcome::Unknown),
        };
        match outcome {
            Ok(outcome) => {
                let at = (self.ended, event);
                object.end(&mut self.machine, ticket.op, outcome, at, &self.limits);
            }
            Err(problem) => object.give_up(Reason::NotCovered(problem), self.ended),
        }
        if matches!(object.standing(), Standing::Illegal(..)) && self.found.is_none() {
            self.note_violation(ticket.key);
            self.catch_up();
        }
        self.note_lag(ticket.key);
        if self.machine.is_full() {
            self.forget_unused();
        }
    }

    fn catch_up(&mut self) {
        for key in std::mem::take(&mut self.lagging) {
            let at = key as usize;
            self.objects[at].catch_up(&mut self.machine, &self.limits);
            self.lags[at] = false;
            self.note_violation(key);
            self.note_lag(key);
        }
        if self.machine.is_full() {
            self.forget_unused();
        }
    }

    fn violation(&self) -> Option<&Violation> {
        self.found.as_ref().map(|(_, violation)| violation)
    }

    fn verdict(&self) -> StreamVerdict {
        if let Some(violation) = self.violation() {
            return StreamVerdict::Illegal(violation.clone());
        }
        match self.undecided() {
            Some(why) => StreamVerdict::Undecided(why),
            None => StreamVerdict::Linearizable,
        }
    }

    fn size(&self) -> StreamSize {
        let sum = |of: fn(&Object<B>) -> usize| self.objects.iter().map(of).sum::<usize>();
        StreamSize {
            keys: self.objects.len(),
            events: sum(Object::held),
            configurations: sum(Object::configurations),
            bytes: self.machine.bytes() + sum(Object::bytes),
        }
    }
}

#[cfg(test)]
mod tests;
