//! Times in the order of events, and events in the order of times.

use std::borrow::Cow;
use std::sync::Arc;

use crate::{Event, Kind, Process, Recording, Value};

/// The key under which a raised time keeps what was recorded.
pub(crate) const TIME_RECORDED: &str = "time_recorded";

impl Recording {
    /// Sorts the events by their times; events with equal times keep their order, and an event
    /// without a time stays behind the one before it. O(n log n).
    pub fn sort_by_time(&mut self) {
        let mut latest = 0;
        let mut keys: Vec<(u64, usize)> = Vec::with_capacity(self.events.len());
        for (index, event) in self.events.iter().enumerate() {
            latest = event.time.unwrap_or(latest);
            keys.push((latest, index));
        }
        if keys.is_sorted() {
            return;
        }
        keys.sort_unstable();
        let places = keys.iter().map(|&(_, index)| index);
        self.lines = reordered(&self.lines, places.clone());
        self.columns = reordered(&self.columns, places.clone());
        self.events = reordered(&self.events, places);
    }
}

/// Nothing where there is nothing: recordings that come from no file have no places.
fn reordered<T: Clone>(items: &[T], places: impl Iterator<Item = usize>) -> Vec<T> {
    places
        .filter_map(|index| items.get(index).cloned())
        .collect()
}

/// Gives events whose lines alone are ordered times that say the same order.
///
/// A time that goes backwards is raised to the latest so far. Equal times mean "concurrent" in JSON
/// lines, so a call that follows the return of another process must come later than it: it is
/// raised by one nanosecond more. Otherwise the same history could be illegal in one format and
/// linearizable in the other.
#[derive(Debug, Default)]
pub(crate) struct Raise {
    latest: Option<u64>,
    /// Who returned at the latest time.
    returned: Returned,
    /// Whether an event without a time follows the latest time: an equal time behind it would draw
    /// it into the tie.
    untimed: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Returned {
    #[default]
    Nobody,
    One(u64),
    Several,
}

impl Raise {
    /// The event at its time; to be called with each event in order.
    pub(crate) fn event<'a>(&mut self, event: &'a Event) -> Cow<'a, Event> {
        let Some(recorded) = event.time else {
            self.untimed = true;
            return Cow::Borrowed(event);
        };
        let latest = self.latest.unwrap_or(0);
        let mut time = recorded.max(latest);
        if time == latest && self.latest.is_some() && (self.untimed || self.follows_return(event)) {
            time = time.saturating_add(1);
        }
        if time > latest {
            (self.returned, self.untimed) = (Returned::Nobody, false);
        }
        self.latest = Some(time);
        self.note_return(event);
        if time == recorded {
            Cow::Borrowed(event)
        } else {
            Cow::Owned(raised(event, time))
        }
    }

    /// Whether the event is a call, and at the latest time another process has returned.
    fn follows_return(&self, event: &Event) -> bool {
        let Process::Client(process) = event.process else {
            return false;
        };
        event.kind == Kind::Invoke
            && match self.returned {
                Returned::Nobody => false,
                Returned::One(other) => other != process,
                Returned::Several => true,
            }
    }

    fn note_return(&mut self, event: &Event) {
        let Process::Client(process) = event.process else {
            return;
        };
        self.returned = match (event.kind, self.returned) {
            (Kind::Invoke, returned) => returned,
            (Kind::Ok | Kind::Fail, Returned::Nobody) => Returned::One(process),
            (Kind::Ok | Kind::Fail, Returned::One(same)) if same == process => Returned::One(same),
            // Goes on as another process, if at all.
            (Kind::Info, Returned::Nobody) => Returned::Nobody,
            (_, Returned::One(_) | Returned::Several) => Returned::Several,
        };
    }
}

fn raised(event: &Event, time: u64) -> Event {
    let mut extra = event.extra.clone().map(Vec::from).unwrap_or_default();
    if let Some(recorded) = event.time
        && !extra.iter().any(|(key, _)| &**key == TIME_RECORDED)
    {
        extra.push((Arc::from(TIME_RECORDED), Value::from(recorded)));
    }
    Event {
        time: Some(time),
        extra: Some(extra.into()),
        ..event.clone()
    }
}
