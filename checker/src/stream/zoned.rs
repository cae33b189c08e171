//! A register that is watched by the zones of its values, while its history is written.
//!
//! [`crate::zones`] says what zones are and why they decide: a value's operations stand together,
//! from the first return among them, *f*, to the last call, *s*; two values are in conflict exactly
//! if each has an *s* after the other's *f*; and there is an order exactly if no two are. An
//! operation whose outcome is not known counts if its value was read.
//!
//! Event by event this is little work. At the end of an operation its value's *f* is fixed, if it
//! was not; that makes no conflict, since nobody has called anything after now. If it was, *s* may
//! rise, and the value is compared with those that began in between ([`Line::extend`]). So the
//! verdict on each prefix is exact, and there at once. A value that is read before anybody has
//! called its write, and a write that is read and then fails, are the other two contradictions.
//!
//! # What is forgotten, and why nothing is lost
//!
//! Let the *horizon* be the call of the oldest read that is open, or else the present: what an open
//! or later operation is still to say was called no earlier. (An open write says nothing new about
//! other values, so one that hangs holds nothing up.) A value *u* is *closed* if there is another
//! value *v* that began before the horizon (*f* of *v* < horizon) and was there after *u* had been
//! (*s* of *v* > *f* of *u*). Whoever says later that it read *u* was called after *f* of *v*, so
//! *u* and *v* are in conflict. Closed values are forgotten: their operations are struck out.
//!
//! Let *H* be a history without repeated values that is legal, *H'* the same with closed values
//! struck out, and *K* whatever is called and answered later, on any values, in any way. Then *HK*
//! is legal exactly if *H'K* is:
//!
//! - In an order of *HK* the operations of a closed value stand together, and none of *K*'s is
//!   among them, as was just said. Without them it is an order of *H'K*.
//! - Given an order of *H'K*, put the closed values in front of all else, in an order of their own:
//!   as part of *H* they have one. No rule of real time is broken: let *S* be the last call in a
//!   zone that began before the horizon, of the value *m*. Each closed *u* has *s* ≤ *S*: either it
//!   is one of these, or it began later, was closed by some *v*, and *s* of *u* ≤ *f* of *v* < *S*,
//!   since they are in no conflict. What is not closed, but for *m*, has *f* ≥ *S*, or *m* would
//!   close it. And should *m* itself not be closed, then each *u* began before *S* and is in no
//!   conflict with it, so *s* of *u* ≤ *f* of *m*. So nothing of *H'K* returned before the last
//!   call of a closed value. The initial value is no exception: it began before everything, and
//!   once anything is closed it is as well.
//!
//! It follows that a value may be written again as soon as it is closed. It is taken for a new one,
//! and that is no assumption: nobody can still mean the old one. A read of a closed value that was
//! not written again is a read of a value that nobody wrote.
//!
//! What is held is open operations, values that began since the horizon, a few that may still be
//! there, and unknown writes that nobody has read: there is no end to the time they may take.
//!
//! # What zones do not cover
//!
//! A value that is written while an equal one is not closed; compare-and-sets and whatever else is
//! neither read nor write; positions that do not tell which of two operations of a process was
//! first. Then the [search](super::watch) takes over. By the above it needs no history: of each
//! value that is held a write and a read are made up with the same zone ([`Zoned::past`]).

mod line;

use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use testimony_history::{Outcome, Value};

use crate::models::register::Access;
use line::{Line, Moment, Zone};

/// A register whose values are told apart by when they were written.
pub(super) struct Zoned {
    /// The last event.
    now: Moment,
    /// The number of the next operation.
    next: u64,
    open: FxHashMap<u64, Doing>,
    /// The reads that were called since the oldest open one, and when.
    reads: VecDeque<(u64, Moment)>,
    /// The values that may be there, now or later.
    values: FxHashMap<Value, Written>,
    line: Line,
    late: bool,
}

/// An operation that has not ended.
#[derive(Clone, Debug)]
enum Doing {
    Read {
        called: Moment,
    },
    Write {
        value: Value,
        called: Moment,
        /// Whether the value was read, so that the write happened.
        seen: bool,
    },
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug)]
struct Written {
    /// The write, if it is open.
    writer: Option<u64>,
    called: Moment,
    /// When its zone began, if anybody knows that it was written.
    began: Option<Moment>,
}

/// What an event makes of the history so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    Legal,
    Illegal,
    NotCovered,
}

/// An operation that stands for some of a register's past, with when it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Past {
    pub(super) did: Did,
    /// Its number, if it is open.
    pub(super) op: Option<u64>,
    pub(super) called: Moment,
    /// If it neither returned nor is open, its outcome is unknown.
    pub(super) returned: Option<Moment>,
}

/// What an operation of the past did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Did {
    Write(Value),
    /// It read this value, if that is known.
    Read(Option<Value>),
}

impl Zoned {
    /// A register that nobody has called.
    pub(super) fn new(initial: Value) -> Self {
        let start = Written {
            writer: None,
            called: 0,
            began: Some(0),
        };
        Zoned {
            now: 0,
            next: 0,
            open: FxHashMap::default(),
            reads: VecDeque::new(),
            values: FxHashMap::from_iter([(initial.clone(), start)]),
            line: Line::starting_with(initial),
            late: false,
        }
    }

    /// The number of the next operation.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Whether an operation that hung for too long did return in the end.
    pub(super) fn is_late(&self) -> bool {
        self.late
    }

    /// How many values may be there now.
    pub(super) fn possible_values(&self) -> usize {
        self.line.len()
    }

    /// How much is held because of open reads.
    pub(super) fn window(&self) -> usize {
        self.line.len() + self.reads.len()
    }

    /// How much is held.
    pub(super) fn held(&self) -> usize {
        self.values.len() + self.reads.len()
    }

    /// Bytes in use, apart from what values own.
    pub(super) fn bytes(&self) -> usize {
        self.line.bytes()
            + self.open.capacity() * size_of::<(u64, Doing)>()
            + self.values.capacity() * size_of::<(Value, Written)>()
            + self.reads.capacity() * size_of::<(u64, Moment)>()
    }

    /// An operation is called; answers its number, or `None` if it is not covered. `after` is an
    /// earlier one that comes first although positions do not say so.
    pub(super) fn call(&mut self, access: Access<'_>, after: Option<u64>) -> Option<u64> {
        if after.is_some_and(|after| self.open.contains_key(&after)) {
            return None;
        }
        let called = self.now + 1;
        let doing = match access {
            Access::Read => {
                self.reads.push_back((self.next, called));
                Doing::Read { called }
            }
            Access::Write(value) => {
                if self.values.contains_key(value) {
                    return None;
                }
                let written = Written {
                    writer: Some(self.next),
                    called,
                    began: None,
                };
                self.values.insert(value.clone(), written);
                Doing::Write {
                    value: value.clone(),
                    called,
                    seen: false,
                }
            }
        };
        self.now = called;
        self.open.insert(self.next, doing);
        self.next += 1;
        Some(self.next - 1)
    }

    /// An operation ends. Unless that is legal, all is as it was before.
    pub(super) fn end(&mut self, op: u64, outcome: &Outcome<Option<Value>>) -> Judged {
        let Some(doing) = self.open.remove(&op) else {
            self.late |= !matches!(outcome, Outcome::Unknown);
            return Judged::Legal;
        };
        let judged = match (&doing, outcome) {
            (Doing::Read { .. }, Outcome::Failed | Outcome::Unknown) => Judged::Legal,
            (Doing::Read { called }, Outcome::Completed(Some(value))) => self.saw(value, *called),
            (Doing::Write { value, called, .. }, Outcome::Completed(None)) => {
                self.wrote(op, value, *called)
            }
            (Doing::Write { seen: true, .. }, Outcome::Failed) => Judged::Illegal,
            (Doing::Write { value, .. }, Outcome::Failed) => {
                self.values.remove(value);
                Judged::Legal
            }
            (Doing::Write { value, .. }, Outcome::Unknown) => {
                self.ended(op, value);
                Judged::Legal
            }
            (Doing::Read { .. }, Outcome::Completed(None))
            | (Doing::Write { .. }, Outcome::Completed(Some(_))) => Judged::NotCovered,
        };
        if judged == Judged::Legal {
            self.now += 1;
            self.move_horizon();
        } else {
            self.open.insert(op, doing);
        }
        judged
    }

    /// A read that was called at a moment has seen a value.
    fn saw(&mut self, value: &Value, called: Moment) -> Judged {
        let Some(written) = self.values.get_mut(value) else {
            return Judged::Illegal;
        };
        if let Some(began) = written.began {
            return if self.line.extend(began, called) {
                Judged::Legal
            } else {
                Judged::Illegal
            };
        }
        let now = self.now + 1;
        written.began = Some(now);
        self.line
            .begin(now, called.max(written.called), value.clone());
        if let Some(op) = written.writer
            && let Some(Doing::Write { seen, .. }) = self.open.get_mut(&op)
        {
            *seen = true;
        }
        Judged::Legal
    }

    /// A write has returned. If its value was read, that says nothing new.
    fn wrote(&mut self, op: u64, value: &Value, called: Moment) -> Judged {
        let now = self.now + 1;
        if let Some(written) = self.ended(op, value)
            && written.began.is_none()
        {
            written.began = Some(now);
            self.line.begin(now, called, value.clone());
        }
        Judged::Legal
    }

    /// The writer of a value has ended. Answers nothing if the value is forgotten.
    fn ended(&mut self, op: u64, value: &Value) -> Option<&mut Written> {
        let written = self.values.get_mut(value)?;
        (written.writer == Some(op)).then(|| {
            written.writer = None;
            written
        })
    }

    /// Forgets what nobody can speak of any more.
    fn move_horizon(&mut self) {
        let Zoned {
            open,
            reads,
            values,
            line,
            ..
        } = self;
        while reads
            .pop_front_if(|(op, _)| !open.contains_key(op))
            .is_some()
        {}
        let horizon = reads.front().map_or(self.now, |(_, called)| *called);
        line.move_horizon(horizon, |zone| {
            values.remove(&zone.value);
        });
        if values.capacity() > 64 && values.capacity() / 8 > values.len() {
            values.shrink_to_fit();
        }
    }

    /// Takes the outcome of the oldest open read as unknown for good. Whether there was one.
    pub(super) fn let_go(&mut self) -> bool {
        let Some((op, _)) = self.reads.front() else {
            return false;
        };
        self.open.remove(op);
        self.move_horizon();
        true
    }

    /// A history of which the same may follow as of the one that was told, in the order of calls;
    /// and the open writes that it takes for done, since their values were read.
    pub(super) fn past(&self) -> (Vec<Past>, Vec<u64>) {
        let mut past = Vec::new();
        for Zone { f, s, value } in self.line.iter() {
            // Of the initial value nobody wrote more than that it was there from the start.
            if *f > 0 {
                past.push(Past::done(Did::Write(value.clone()), *f.min(s), *f));
            }
            if f < s {
                past.push(Past::done(Did::Read(Some(value.clone())), *s, *s));
            }
        }
        for (value, written) in self.values.iter().filter(|(_, it)| it.began.is_none()) {
            past.push(Past {
                did: Did::Write(value.clone()),
                op: written.writer,
                called: written.called,
                returned: None,
            });
        }
        let mut done = Vec::new();
        for (&op, doing) in &self.open {
            match doing {
                Doing::Read { called } => past.push(Past {
                    did: Did::Read(None),
                    op: Some(op),
                    called: *called,
                    returned: None,
                }),
                Doing::Write { seen, .. } => done.extend(seen.then_some(op)),
            }
        }
        // No two are called at one moment, so the order is not that of the tables.
        past.sort_by_key(|past| past.called);
        done.sort_unstable();
        (past, done)
    }
}

impl Past {
    fn done(did: Did, called: Moment, returned: Moment) -> Self {
        Past {
            did,
            op: None,
            called,
            returned: Some(returned),
        }
    }
}
