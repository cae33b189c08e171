//! Where the events of a history stood in its file, and when they were.

use crate::Origin;
use crate::runs::Runs;

/// The [`Origin`]s of the calls and ends of operations.
///
/// The events of a file are numbered from 0. Most files have one event a line and count their
/// `index` up with them, so lines and indices are kept as their distance from that number, where
/// it changes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    line_ahead: Runs<u32>,
    index_ahead: Runs<u64>,
    is_timed: Runs<bool>,
    call: Vec<u32>,
    call_time: Vec<u64>,
    end: Vec<u32>,
    end_time: Vec<u64>,
}

/// The end of an operation that has none.
const NONE: u32 = u32::MAX;

impl Origins {
    /// There is an event of this number, above all before it.
    pub(crate) fn event(&mut self, number: u32, origin: Origin) {
        let index_ahead = origin.index.wrapping_sub(u64::from(number));
        self.line_ahead
            .push(number, origin.line.wrapping_sub(number));
        self.index_ahead.push(number, index_ahead);
        self.is_timed.push(number, origin.time.is_some());
    }

    /// The event calls the next operation.
    pub(crate) fn call(&mut self, event: u32, time: Option<u64>) {
        self.call.push(event);
        self.call_time.push(time.unwrap_or(0));
        self.end.push(NONE);
        self.end_time.push(0);
    }

    /// The event ends an operation.
    pub(crate) fn end(&mut self, operation: usize, event: u32, time: Option<u64>) {
        self.end[operation] = event;
        self.end_time[operation] = time.unwrap_or(0);
    }

    /// Where an operation was called.
    pub(crate) fn of_call(&self, operation: usize) -> Origin {
        self.of(self.call[operation], self.call_time[operation])
    }

    /// Where an operation ended, if it did.
    pub(crate) fn of_end(&self, operation: usize) -> Option<Origin> {
        let event = self.end[operation];
        (event != NONE).then(|| self.of(event, self.end_time[operation]))
    }

    /// The index of an operation's call.
    pub(crate) fn index(&self, operation: usize) -> u64 {
        self.index_of(self.call[operation])
    }

    /// The line of an operation's call.
    pub(crate) fn line(&self, operation: usize) -> u32 {
        self.line_of(self.call[operation])
    }

    /// The line of an event.
    pub(crate) fn line_of(&self, event: u32) -> u32 {
        event.wrapping_add(self.line_ahead.get(event))
    }

    /// The runs of indices that count up, for this many events: the first event of each, the one
    /// behind its last, and the index of the first.
    pub(crate) fn index_runs(&self, events: u32) -> impl Iterator<Item = (u32, u32, u64)> + '_ {
        let runs = self.index_ahead.below(events);
        runs.map(|(start, end, ahead)| (start, end, u64::from(start).wrapping_add(ahead)))
    }

    /// Every event's index is its number from now on.
    pub(crate) fn renumber(&mut self) {
        self.index_ahead = Runs::default();
    }

    fn index_of(&self, event: u32) -> u64 {
        u64::from(event).wrapping_add(self.index_ahead.get(event))
    }

    fn of(&self, event: u32, time: u64) -> Origin {
        Origin {
            index: self.index_of(event),
            time: self.is_timed.get(event).then_some(time),
            line: self.line_of(event),
        }
    }
}
