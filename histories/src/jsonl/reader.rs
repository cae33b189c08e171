//! A whole JSON lines history: the header, the events, and a last line that may be torn.

use super::line::{self, EventLine};
use super::syntax::{LineError, Parsed};
use crate::format::ReadProblem;
use crate::gather::Gather;
use crate::place::{Place, ordinal};
use crate::strings::Strings;
use crate::{Header, Order, ReadError, ReadOptions, Recording, Warning};

/// What some editors write at the beginning of a file.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a history. O(n) in its length.
pub(crate) fn read(bytes: &[u8], options: &ReadOptions) -> Result<Recording, ReadError> {
    let mut lines = Lines::of(bytes);
    let mut strings = Strings::default();
    let header = header(&mut lines, &mut strings)?;
    let mut gather = Gather::new(header, Order::Time, options.sort_by_time);
    gather.reserve(memchr::memchr_iter(b'\n', bytes).count());
    for (number, line) in lines.by_ref() {
        match line::event(line, &mut strings) {
            Ok(EventLine {
                event,
                columns,
                indexed,
                time,
            }) => {
                let time = Place {
                    line: number,
                    column: time,
                };
                gather.push(event, indexed, number, columns, time)?;
            }
            Err(error) if is_last(bytes, line) && is_torn(line, &error) => {
                gather.warn(Warning::TornLastLine { line: number });
                return gather.finish();
            }
            Err(error) => return Err(placed(number, error)),
        }
    }
    if let Some(line) = lines.unfinished {
        gather.warn(Warning::NoFinalNewline { line });
    }
    gather.finish()
}

fn header(lines: &mut Lines<'_>, strings: &mut Strings) -> Result<Header, ReadError> {
    let place = Place { line: 1, column: 1 };
    let (number, line) = lines.next().ok_or(ReadError {
        place,
        problem: ReadProblem::Empty,
    })?;
    let header: Parsed<Header> = line::header(line, strings);
    header.map_err(|error| placed(number, error))
}

pub(crate) fn placed(line: u32, error: LineError) -> ReadError {
    ReadError {
        place: Place {
            line,
            column: ordinal(error.at),
        },
        problem: error.problem,
    }
}

/// Whether a line has no newline behind it.
fn is_last(bytes: &[u8], line: &[u8]) -> bool {
    bytes.as_ptr_range().end == line.as_ptr_range().end
}

/// Whether a line without a final newline is the beginning of an event that was never written to
/// its end: the text runs out in the middle of something, or (after a loss of power) turns to
/// zeros.
pub(crate) fn is_torn(line: &[u8], error: &LineError) -> bool {
    match error.problem {
        ReadProblem::Unfinished(_) => true,
        ReadProblem::NotUtf8 => {
            std::str::from_utf8(line).is_err_and(|error| error.error_len().is_none())
        }
        _ => line
            .get(error.at..)
            .is_some_and(|rest| !rest.is_empty() && rest.iter().all(|byte| *byte == 0)),
    }
}

/// Whether a line holds nothing but white space.
pub(crate) fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
}

/// The lines that are not blank, with their numbers from 1.
struct Lines<'a> {
    rest: &'a [u8],
    number: u32,
    /// The number of the last line, if it has no newline and is not blank.
    unfinished: Option<u32>,
}

impl<'a> Lines<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        let rest = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        Lines {
            rest,
            number: 0,
            unfinished: None,
        }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = (u32, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            self.number = self.number.saturating_add(1);
            let end = memchr::memchr(b'\n', self.rest);
            let (line, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
            self.rest = rest.get(1..).unwrap_or_default();
            if !is_blank(line) {
                self.unfinished = end.is_none().then_some(self.number);
                return Some((self.number, line));
            }
        }
        None
    }
}
