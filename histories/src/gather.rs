//! Puts the events that a reader finds together into a recording: numbers them where they have no
//! number, and watches over their times.

use rustc_hash::FxHashSet;

use crate::format::ReadProblem;
use crate::place::Place;
use crate::{Columns, Event, Header, Order, ReadError, Recording, Warning};

/// A recording in the making.
pub(crate) struct Gather {
    recording: Recording,
    sort_by_time: bool,
    latest: Latest,
    /// The highest index so far.
    highest: Option<u64>,
    /// Whether each index was above all before it.
    rising: bool,
}

/// The latest time so far, and its line.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Latest(Option<(u64, u32)>);

/// A time before an earlier one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backwards {
    time: u64,
    earlier: u64,
    line: u32,
}

impl Latest {
    /// The next event has this time.
    pub(crate) fn watch(&mut self, time: u64, at: u32) -> Result<(), Backwards> {
        match self.0 {
            Some((earlier, line)) if time < earlier => Err(Backwards {
                time,
                earlier,
                line,
            }),
            _ => {
                self.0 = Some((time, at));
                Ok(())
            }
        }
    }
}

impl Backwards {
    /// The error about a time that stands there.
    pub(crate) fn at(self, place: Place) -> ReadError {
        let Backwards {
            time,
            earlier,
            line,
        } = self;
        let problem = ReadProblem::TimeBackwards {
            time,
            earlier,
            line,
        };
        ReadError { place, problem }
    }
}

impl Gather {
    pub(crate) fn new(header: Header, order: Order, sort_by_time: bool) -> Self {
        let recording = Recording {
            header,
            order,
            ..Recording::default()
        };
        Gather {
            recording,
            sort_by_time,
            latest: Latest::default(),
            highest: None,
            rising: true,
        }
    }

    /// Makes room for so many events.
    pub(crate) fn reserve(&mut self, events: usize) {
        self.recording.events.reserve(events);
        self.recording.lines.reserve(events);
        self.recording.columns.reserve(events);
    }

    pub(crate) fn warn(&mut self, warning: Warning) {
        self.recording.warnings.push(warning);
    }

    /// Takes the next event. `time` is where its time stands.
    pub(crate) fn push(
        &mut self,
        mut event: Event,
        indexed: bool,
        line: u32,
        columns: Columns,
        time: Place,
    ) -> Result<(), ReadError> {
        if let Some(now) = event.time {
            self.watch(now, line, time)?;
        }
        if !indexed {
            event.index = self.recording.events.len() as u64;
        }
        self.rising &= self.highest.is_none_or(|highest| highest < event.index);
        self.highest = self.highest.max(Some(event.index));
        self.recording.events.push(event);
        self.recording.lines.push(line);
        self.recording.columns.push(columns);
        Ok(())
    }

    fn watch(&mut self, time: u64, line: u32, place: Place) -> Result<(), ReadError> {
        let watched = self.latest.watch(time, line);
        let matters = self.recording.order == Order::Time && !self.sort_by_time;
        watched
            .or_else(|backwards| if matters { Err(backwards) } else { Ok(()) })
            .map_err(|backwards| backwards.at(place))
    }

    pub(crate) fn finish(mut self) -> Result<Recording, ReadError> {
        if !self.rising {
            self.renumber_repeated();
        }
        if self.sort_by_time {
            self.recording.sort_by_time();
        }
        Ok(self.recording)
    }

    /// Evidence names events by their index, so no two may share one.
    fn renumber_repeated(&mut self) {
        let mut seen = FxHashSet::default();
        let events = &mut self.recording.events;
        let Some(repeated) = events.iter().position(|event| !seen.insert(event.index)) else {
            return;
        };
        for (index, event) in (0..).zip(events) {
            event.index = index;
        }
        let line = self.recording.lines[repeated];
        self.recording
            .warnings
            .push(Warning::IndicesRepeat { line });
    }
}
