//! A whole file of EDN: maps, bare or in a vector or list.

use super::events::{self, Draft, Offsets, Shape};
use super::syntax::{Form, Parsed, Syntax, SyntaxError};
use super::{EQUAL_TIMES, HEADER};
use crate::format::{FailedCas, Keyed, ReadProblem};
use crate::gather::Gather;
use crate::place::{Place, excerpt, ordinal};
use crate::strings::Strings;
use crate::{
    Columns, Event, Function, Header, Kind, Order, Process, ReadError, ReadOptions, Recording,
    Value, Warning, jsonl,
};

/// Reads a history. O(n) in its length.
pub(crate) fn read(bytes: &[u8], options: &ReadOptions) -> Result<Recording, ReadError> {
    let text = std::str::from_utf8(bytes).map_err(|error| ReadError {
        place: Place::of(bytes, error.valid_up_to()),
        problem: ReadProblem::NotUtf8,
    })?;
    let placed = |error: SyntaxError| ReadError {
        place: Place::of(bytes, error.at),
        problem: error.problem,
    };
    let start = if text.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    let own = own_header(&text[start..])?;
    // What we wrote ourselves names its keys.
    let ours = own.is_some() && options.keyed == Keyed::Detect;
    let keyed = if ours { Keyed::No } else { options.keyed };
    if text[start..].trim().is_empty() {
        return Err(ReadError {
            place: Place { line: 1, column: 1 },
            problem: ReadProblem::Empty,
        });
    }
    let drafts = drafts(text, start).map_err(placed)?;
    let (header, order) = own.unwrap_or((Header::default(), Order::Lines));
    let keyed = is_keyed(&drafts, keyed);
    let mut gather = Gather::new(header, order, options.sort_by_time);
    gather.reserve(drafts.len());
    if keyed {
        gather.warn(Warning::KeyedValues);
    }
    let mut places = Places::of(bytes);
    for draft in drafts {
        let offsets = draft.offsets;
        let indexed = draft.indexed;
        let event = settle(draft, keyed, options.failed_cas).map_err(placed)?;
        let (line, columns) = places.columns(offsets);
        let time = Place {
            line,
            column: columns.event,
        };
        gather.push(event, indexed, line, columns, time)?;
    }
    gather.finish()
}

/// The header that our own EDN keeps in a comment, and what order its events have.
fn own_header(text: &str) -> Result<Option<(Header, Order)>, ReadError> {
    let mut lines = text.lines();
    let Some(json) = lines.next().and_then(|line| line.strip_prefix(HEADER)) else {
        return Ok(None);
    };
    let header = jsonl::header(json.as_bytes(), &mut Strings::default());
    let header = header.map_err(|error| ReadError {
        place: Place {
            line: 1,
            column: ordinal(HEADER.len() + error.at),
        },
        problem: error.problem,
    })?;
    let ties = lines
        .next()
        .is_some_and(|line| line.trim_end() == EQUAL_TIMES);
    Ok(Some((
        header,
        if ties { Order::Time } else { Order::Lines },
    )))
}

/// The events of a file, in order.
fn drafts(text: &str, start: usize) -> Parsed<Vec<Draft>> {
    let mut syntax = Syntax::new(text);
    syntax.at = start;
    let mut drafts = Vec::new();
    while let Some(byte) = syntax.next()? {
        let opening = syntax.at;
        if byte == b'#' && is_tagged_container(text, opening)? {
            syntax.tag()?;
            continue;
        }
        match byte {
            b'[' => container(&mut syntax, b']', "a vector", &mut drafts)?,
            b'(' => container(&mut syntax, b')', "a list", &mut drafts)?,
            _ => drafts.push(events::event(syntax.form()?)?),
        }
    }
    Ok(drafts)
}

/// Whether a tag is followed by a vector or a list, such as `#jepsen.history.DenseHistory [...]`.
fn is_tagged_container(text: &str, at: usize) -> Parsed<bool> {
    if matches!(text.as_bytes().get(at + 1), Some(b'{' | b'"' | b'#')) {
        return Ok(false);
    }
    let mut ahead = Syntax::new(text);
    ahead.at = at;
    ahead.tag()?;
    Ok(matches!(ahead.next()?, Some(b'[' | b'(')))
}

fn container(
    syntax: &mut Syntax<'_>,
    close: u8,
    what: &'static str,
    drafts: &mut Vec<Draft>,
) -> Parsed<()> {
    let start = syntax.at;
    syntax.at += 1;
    loop {
        match syntax.next()? {
            None => {
                return Err(SyntaxError {
                    at: start,
                    problem: ReadProblem::Unclosed(what),
                });
            }
            Some(byte) if byte == close => {
                syntax.at += 1;
                return Ok(());
            }
            Some(_) => drafts.push(events::event(syntax.form()?)?),
        }
    }
}

/// Whether values are pairs of key and value: they say so, or all have the look. What an info or a
/// fail has for a value does not count.
fn is_keyed(drafts: &[Draft], keyed: Keyed) -> bool {
    let mut clients = drafts
        .iter()
        .filter(|draft| matches!(draft.event.process, Process::Client(_)))
        .filter(|draft| matches!(draft.event.kind, Kind::Invoke | Kind::Ok))
        .peekable();
    match keyed {
        Keyed::Yes => true,
        Keyed::No => false,
        Keyed::Detect => {
            clients.peek().is_some()
                && clients.clone().all(|draft| draft.event.key.is_none())
                && (clients.clone().any(|draft| draft.shape == Shape::Tuple)
                    || clients.all(|draft| draft.shape == Shape::Pair))
        }
    }
}

/// The event that a draft means.
fn settle(mut draft: Draft, keyed: bool, failed_cas: FailedCas) -> Parsed<Event> {
    if matches!(draft.event.process, Process::Named(_)) {
        return Ok(draft.event);
    }
    if keyed {
        split(&mut draft)?;
    }
    let Draft {
        mut event,
        told_swapped,
        mismatch,
        only_mismatch,
        ..
    } = draft;
    if event.f == Function::Cas {
        let mismatch = mismatch || failed_cas == FailedCas::Mismatch;
        match event.kind {
            Kind::Ok if !told_swapped => event.swapped = Some(true),
            Kind::Fail if mismatch => {
                refuse(&mut event);
                event.error.take_if(|_| only_mismatch);
            }
            _ => {}
        }
    }
    Ok(event)
}

/// A comparison that did not match is an answer.
pub(crate) fn refuse(event: &mut Event) {
    event.kind = Kind::Ok;
    event.swapped = Some(false);
    event
        .error
        .take_if(|error| *error == Value::str(super::NO_MATCH));
}

/// Takes the key out of a value. What an info or a fail has for a value does not matter.
fn split(draft: &mut Draft) -> Parsed<()> {
    let event = &mut draft.event;
    if let (Some(Value::List(items)), Shape::Pair | Shape::Tuple) = (&event.value, draft.shape)
        && let [key, value] = &items[..]
    {
        (event.key, event.value) = (Some(key.clone()), Some(value.clone()));
        return Ok(());
    }
    if matches!(event.kind, Kind::Info | Kind::Fail) || event.key.is_some() {
        return Ok(());
    }
    let found = event
        .value
        .as_ref()
        .map_or("nothing".to_owned(), Value::to_string);
    let at = draft.offsets.value.max(draft.offsets.event);
    Err(SyntaxError {
        at,
        problem: ReadProblem::NotKeyed(excerpt(&found)),
    })
}

/// The places of offsets that grow, each byte looked at once.
struct Places<'a> {
    text: &'a [u8],
    line: u32,
    /// Where the line starts, and where it ends.
    start: usize,
    end: usize,
}

impl<'a> Places<'a> {
    fn of(text: &'a [u8]) -> Self {
        Places {
            text,
            line: 1,
            start: 0,
            end: line_end(text, 0),
        }
    }

    fn columns(&mut self, offsets: Offsets) -> (u32, Columns) {
        while self.end < offsets.event {
            self.line = self.line.saturating_add(1);
            self.start = self.end + 1;
            self.end = line_end(self.text, self.start);
        }
        // A part on a later line has no column on this one.
        let column = |offset: usize| match offset {
            0 => 0,
            offset if offset < self.end => ordinal(offset - self.start),
            _ => 0,
        };
        let columns = Columns {
            event: ordinal(offsets.event - self.start),
            process: column(offsets.process),
            f: column(offsets.f),
            key: column(offsets.key),
            value: column(offsets.value),
            result: column(offsets.result),
        };
        (self.line, columns)
    }
}

fn line_end(text: &[u8], start: usize) -> usize {
    let rest = &text[start..];
    start + memchr::memchr(b'\n', rest).unwrap_or(rest.len())
}

/// Reads all the forms of a text.
pub(crate) fn forms(text: &str) -> Parsed<Vec<Form>> {
    let mut syntax = Syntax::new(text);
    let mut forms = Vec::new();
    while syntax.next()?.is_some() {
        forms.push(syntax.form()?);
    }
    Ok(forms)
}
