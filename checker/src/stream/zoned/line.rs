//! The zones of a register's values in a line, by when they began: from the oldest value that may
//! still be there to the youngest.

use std::collections::VecDeque;
use std::collections::vec_deque::Iter;

use testimony_history::Value;

/// A moment in the register's time. No two events have one moment.
pub(super) type Moment = u64;

/// The zone of a value that an operation is known to have written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Zone {
    /// The first return of an operation that wrote or read it. It never changes, and names the
    /// zone.
    pub(super) f: Moment,
    /// The last call of such an operation.
    pub(super) s: Moment,
    pub(super) value: Value,
}

/// The zones of the values that may still be there, in the order of their first returns.
#[derive(Debug)]
pub(super) struct Line {
    zones: VecDeque<Zone>,
    /// No operation that was called earlier can still say what it read.
    horizon: Moment,
    /// The last call in a zone that began before the horizon, and the zone.
    last: (Moment, Moment),
    /// The last call in any other such zone.
    second: Moment,
}

impl Line {
    /// The line with the zone of the initial value, which was written before everything.
    pub(super) fn starting_with(initial: Value) -> Self {
        let initial = Zone {
            f: 0,
            s: 0,
            value: initial,
        };
        Line {
            zones: VecDeque::from([initial]),
            horizon: 0,
            last: (0, 0),
            second: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.zones.len()
    }

    pub(super) fn iter(&self) -> Iter<'_, Zone> {
        self.zones.iter()
    }

    pub(super) fn bytes(&self) -> usize {
        self.zones.capacity() * size_of::<Zone>()
    }

    /// Adds the zone of a value that is first known to be there now. It is in nobody's way: nothing
    /// has been called after now.
    pub(super) fn begin(&mut self, now: Moment, last_call: Moment, value: Value) {
        self.zones.push_back(Zone {
            f: now,
            s: last_call,
            value,
        });
    }

    /// The zone that began at `f` had another operation, called no earlier than the horizon.
    /// Whether it and all others can still be put in order.
    ///
    /// Only zones that began between its last call so far and this one have to be looked at: with
    /// the earlier ones it was compared before. Until there is a conflict, those of them that began
    /// after `f` have an operation that was open at `f`, and the others began while one operation
    /// of this zone was open. So the time is O(operations open at once), amortized.
    pub(super) fn extend(&mut self, f: Moment, called: Moment) -> bool {
        let at = self.began_before(f);
        let last_call = self.zones[at].s;
        if called <= last_call {
            return true;
        }
        let from = self.began_before(last_call.max(self.horizon));
        let mut since = self.zones.range(from..);
        let conflict = |zone: &Zone| zone.f != f && zone.s > f;
        if since
            .by_ref()
            .take_while(|zone| zone.f < called)
            .any(conflict)
        {
            return false;
        }
        self.zones[at].s = called;
        if f < self.horizon {
            self.note(f, called);
        }
        true
    }

    /// Moves the horizon, and forgets the zones of values that cannot be there any more.
    pub(super) fn move_horizon(&mut self, horizon: Moment, mut forget: impl FnMut(Zone)) {
        for at in self.began_before(self.horizon)..self.began_before(horizon) {
            let Zone { f, s, .. } = self.zones[at];
            self.note(f, s);
        }
        self.horizon = horizon;
        let mut at = 0;
        while let Some(zone) = self.zones.get(at)
            && zone.f < self.last.0
        {
            let another = if zone.f == self.last.1 {
                self.second
            } else {
                self.last.0
            };
            if zone.f < another {
                self.zones.remove(at).into_iter().for_each(&mut forget);
            } else {
                at += 1;
            }
        }
    }

    /// The last call in a zone that began before the horizon is this, at least.
    fn note(&mut self, f: Moment, called: Moment) {
        if f == self.last.1 {
            self.last.0 = self.last.0.max(called);
        } else if called > self.last.0 {
            self.second = self.last.0;
            self.last = (called, f);
        } else {
            self.second = self.second.max(called);
        }
    }

    /// How many zones began before a moment.
    fn began_before(&self, moment: Moment) -> usize {
        self.zones.partition_point(|zone| zone.f < moment)
    }
}
