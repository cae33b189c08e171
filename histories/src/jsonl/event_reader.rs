//! JSON lines that are still being written, or too long to be held: bytes in, events out.

use super::line::{self, EventLine};
use super::reader::{BYTE_ORDER_MARK, is_blank, is_torn, placed};
use crate::format::ReadProblem;
use crate::gather::Latest;
use crate::place::Place;
use crate::strings::Strings;
use crate::{Columns, Event, Header, ReadError, Warning};

/// Reads JSON lines as they come. It holds the bytes that were fed and not yet read, and the short
/// strings that recur; what it makes of a line, and what it refuses, is the same as for
/// [`read`](crate::read).
///
/// One thing it cannot do is to number the events anew where two have one `index`: that is known at
/// the end only. Lines always tell events apart.
#[derive(Debug, Default)]
pub struct EventReader {
    fed: Vec<u8>,
    /// How much of it has been read.
    read: usize,
    /// How much of it is known to hold no further end of a line.
    searched: usize,
    lines: Lines,
}

/// What is known from the lines so far.
#[derive(Debug, Default)]
struct Lines {
    number: u32,
    events: u64,
    header: Option<Header>,
    times: Latest,
    strings: Strings,
}

/// An event, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedEvent {
    /// The event. One without an index has been given its number among the events.
    pub event: Event,
    /// Its line, from 1.
    pub line: u32,
    /// Where its parts stand in the line.
    pub columns: Columns,
}

impl EventReader {
    /// A reader at the beginning of a history.
    pub fn new() -> Self {
        EventReader::default()
    }

    /// Takes the next bytes, which may end anywhere.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.fed.drain(..self.read);
        self.searched -= self.read;
        self.read = 0;
        self.fed.extend_from_slice(bytes);
    }

    /// The header, as soon as it has been read.
    pub fn header(&self) -> Option<&Header> {
        self.lines.header.as_ref()
    }

    /// The next event whose line is complete; `None` if there is none so far. The header is read on
    /// the way to the first.
    ///
    /// # Errors
    /// Names the place of what cannot be read.
    pub fn next_event(&mut self) -> Result<Option<PlacedEvent>, ReadError> {
        while let Some(end) = memchr::memchr(b'\n', &self.fed[self.searched..]) {
            let (start, end) = (self.read, self.searched + end);
            (self.read, self.searched) = (end + 1, end + 1);
            let event = self.lines.take(&self.fed[start..end])?;
            if event.is_some() {
                return Ok(event);
            }
        }
        self.searched = self.fed.len();
        Ok(None)
    }

    /// Takes what was fed for all there will ever be: reads a last line that has no newline. A torn
    /// one is dropped. The warning says either.
    ///
    /// # Errors
    /// Names the place of what cannot be read; so does the lack of a header.
    pub fn finish(&mut self) -> Result<(Option<PlacedEvent>, Option<Warning>), ReadError> {
        let line = self.fed.split_off(self.read);
        (self.read, self.searched) = (0, 0);
        self.fed.clear();
        if self.lines.is_torn(&line) {
            let line = self.lines.number.saturating_add(1);
            return Ok((None, Some(Warning::TornLastLine { line })));
        }
        let event = self.lines.take(&line)?;
        if self.lines.header.is_none() {
            let place = Place { line: 1, column: 1 };
            let problem = ReadProblem::Empty;
            return Err(ReadError { place, problem });
        }
        let warning = Warning::NoFinalNewline {
            line: self.lines.number,
        };
        Ok((event, (!is_blank(&line)).then_some(warning)))
    }
}

impl Lines {
    /// Reads the next line.
    fn take(&mut self, line: &[u8]) -> Result<Option<PlacedEvent>, ReadError> {
        let line = match self.number {
            0 => line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line),
            _ => line,
        };
        self.number = self.number.saturating_add(1);
        if is_blank(line) {
            return Ok(None);
        }
        if self.header.is_some() {
            return self.event(line).map(Some);
        }
        let header = line::header(line, &mut self.strings);
        self.header = Some(header.map_err(|error| placed(self.number, error))?);
        Ok(None)
    }

    fn event(&mut self, line: &[u8]) -> Result<PlacedEvent, ReadError> {
        let EventLine {
            mut event,
            columns,
            indexed,
            time: column,
        } = line::event(line, &mut self.strings).map_err(|error| placed(self.number, error))?;
        let line = self.number;
        if let Some(time) = event.time {
            let watched = self.times.watch(time, line);
            watched.map_err(|backwards| backwards.at(Place { line, column }))?;
        }
        if !indexed {
            event.index = self.events;
        }
        self.events += 1;
        Ok(PlacedEvent {
            event,
            line,
            columns,
        })
    }

    fn is_torn(&mut self, line: &[u8]) -> bool {
        self.header.is_some()
            && !is_blank(line)
            && line::event(line, &mut self.strings).is_err_and(|error| is_torn(line, &error))
    }
}
