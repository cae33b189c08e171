//! Lines to rows.
//!
//! Nearly all lines of a recording have the same few keys, plain strings and integers. These are
//! read here in one pass over their bytes. Whatever is not certain to be such a line goes to the
//! reader of single lines, which knows the whole format and every error; so nothing is said twice
//! about what a line means.

use std::sync::Arc;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;
use std::hash::BuildHasher;

use super::row::{Batch, BatchEnd, Datum, Row, Who, Word};
use crate::jsonl::{EventLine, event, is_blank, is_torn};
use crate::place::index32;
use crate::strings::Strings;
use crate::{Kind, Process, Value};

/// Reads blocks of lines.
#[derive(Default)]
pub(crate) struct Scanner {
    strings: Strings,
    /// Places of strings among the values of the present batch.
    places: HashTable<u32>,
    batch: Batch,
}

impl Scanner {
    /// Reads a block of whole lines; only the last of a file may lack its newline. O(n).
    pub(crate) fn scan(&mut self, text: Vec<u8>) -> Batch {
        self.places.clear();
        self.batch = Batch::default();
        self.batch.rows.reserve(text.len() / LIKELY_LENGTH);
        let mut start = 0;
        while start < text.len() && matches!(self.batch.end, BatchEnd::Whole) {
            let rest = &text[start..];
            let newline = memchr::memchr(b'\n', rest);
            let line = &rest[..newline.unwrap_or(rest.len())];
            self.line(line, start, newline.is_none());
            start += line.len() + 1;
            self.batch.lines += 1;
        }
        self.batch.text = text;
        std::mem::take(&mut self.batch)
    }

    fn line(&mut self, line: &[u8], start: usize, is_last: bool) {
        let row = Row {
            line: self.batch.lines,
            start,
            ..EMPTY
        };
        let number = row.line;
        if let Some(row) = self.plain(line, row) {
            self.batch.rows.push(row);
        } else if is_blank(line) {
            return;
        } else {
            match event(line, &mut self.strings) {
                Ok(known) => self.known(known, row),
                Err(error) if is_last && is_torn(line, &error) => {
                    self.batch.end = BatchEnd::Torn { line: number };
                    return;
                }
                Err(error) => {
                    let line = number;
                    self.batch.end = BatchEnd::Bad { line, error };
                    return;
                }
            }
        }
        if is_last {
            self.batch.end = BatchEnd::NoNewline { line: number };
        }
    }

    /// Makes a row of an event that was read otherwise.
    fn known(&mut self, line: EventLine, row: Row) {
        let event = line.event;
        let who = match event.process {
            Process::Client(process) => Who::Client(process),
            Process::Named(_) => Who::Named,
        };
        let row = Row {
            who,
            kind: event.kind,
            word: Word::from_text(event.f.name().as_bytes()),
            swapped: event.swapped,
            index: line.indexed.then_some(event.index),
            time: event.time,
            key: self.datum(event.key.as_ref()),
            value: self.datum(event.value.as_ref()),
            result: self.datum(event.result.as_ref()),
            actual: self.datum(event.actual.as_ref()),
            ..row
        };
        self.batch.rows.push(row);
        if who == Who::Named {
            self.batch.named.push(event);
        }
    }

    fn datum(&mut self, value: Option<&Value>) -> Datum {
        match value {
            None => Datum::Absent,
            Some(Value::Null) => Datum::Null,
            Some(Value::Bool(truth)) => Datum::Truth(*truth),
            Some(Value::Int(integer)) => Datum::Int(*integer),
            Some(Value::Str(text)) => self.text(text.as_bytes(), || Arc::clone(text)),
            Some(other) => self.hold(other.canonical()),
        }
    }

    fn hold(&mut self, value: Value) -> Datum {
        let place = index32(self.batch.held.len());
        self.batch.held.push(value);
        Datum::Held(place)
    }

    /// The only copy of a string in the batch; `make` makes it.
    fn text(&mut self, bytes: &[u8], make: impl FnOnce() -> Arc<str>) -> Datum {
        let Scanner { places, batch, .. } = self;
        let bytes_at = |place: &u32| match &batch.held[*place as usize] {
            Value::Str(text) => text.as_bytes(),
            _ => &[],
        };
        let hash = FxBuildHasher.hash_one(bytes);
        if let Some(&place) = places.find(hash, |place| bytes_at(place) == bytes) {
            return Datum::Held(place);
        }
        let place = index32(batch.held.len());
        let rehash = |place: &u32| FxBuildHasher.hash_one(bytes_at(place));
        places.insert_unique(hash, place, rehash);
        self.batch.held.push(Value::Str(make()));
        Datum::Held(place)
    }

    /// A client's event in the ordinary shape, or nothing if it is not certain to be one.
    fn plain(&mut self, line: &[u8], mut row: Row) -> Option<Row> {
        let mut cursor = Cursor { line, at: 0 };
        let mut seen = 0_u16;
        cursor.eat(b'{')?;
        loop {
            let key = cursor.string()?;
            cursor.eat(b':')?;
            cursor.skip_spaces();
            let field = self.field(key, &mut cursor, &mut row)?;
            if seen & field != 0 {
                return None;
            }
            seen |= field;
            cursor.skip_spaces();
            match cursor.next()? {
                b',' => cursor.skip_spaces(),
                b'}' => break,
                _ => return None,
            }
        }
        let whole = seen & MANDATORY == MANDATORY && is_blank(&line[cursor.at..]);
        whole.then_some(row)
    }

    /// Reads the value of a key into the row. Answers the key's bit.
    fn field(&mut self, key: &[u8], cursor: &mut Cursor<'_>, row: &mut Row) -> Option<u16> {
        Some(match key {
            b"process" => {
                row.who = Who::Client(cursor.natural()?);
                PROCESS
            }
            b"type" => {
                row.kind = kind(cursor.string()?)?;
                TYPE
            }
            b"f" => {
                row.word = Word::from_text(cursor.string()?);
                F
            }
            b"index" => {
                row.index = Some(cursor.natural()?);
                1 << 3
            }
            b"time" => {
                row.time = Some(cursor.natural()?);
                1 << 4
            }
            b"key" => {
                row.key = self.value(cursor)?;
                1 << 5
            }
            b"value" => {
                row.value = self.value_or_pair(cursor)?;
                1 << 6
            }
            b"result" => {
                row.result = self.value(cursor)?;
                1 << 7
            }
            b"actual" => {
                row.actual = self.value(cursor)?;
                1 << 8
            }
            b"swapped" => {
                row.swapped = Some(cursor.truth()?);
                1 << 9
            }
            b"node" => {
                cursor.string()?;
                1 << 10
            }
            b"error" => {
                cursor.string()?;
                1 << 11
            }
            _ => return None,
        })
    }

    fn value_or_pair(&mut self, cursor: &mut Cursor<'_>) -> Option<Datum> {
        if cursor.peek()? != b'[' {
            return self.value(cursor);
        }
        cursor.at += 1;
        let first = self.value(cursor)?;
        cursor.eat(b',')?;
        cursor.skip_spaces();
        let second = self.value(cursor)?;
        cursor.eat(b']')?;
        let place = index32(self.batch.pairs.len());
        self.batch.pairs.push([first, second]);
        Some(Datum::Pair(place))
    }

    fn value(&mut self, cursor: &mut Cursor<'_>) -> Option<Datum> {
        match cursor.peek()? {
            b'"' => {
                let bytes = cursor.string()?;
                let text = std::str::from_utf8(bytes).ok()?;
                Some(self.text(bytes, || Arc::from(text)))
            }
            b'-' => {
                cursor.at += 1;
                let natural = i64::try_from(cursor.natural()?).ok()?;
                Some(Datum::Int(-natural))
            }
            b'0'..=b'9' => Some(Datum::Int(i64::try_from(cursor.natural()?).ok()?)),
            b'n' => cursor.word(b"null").map(|()| Datum::Null),
            _ => cursor.truth().map(Datum::Truth),
        }
    }
}

/// How many bytes a line has at least in most files.
const LIKELY_LENGTH: usize = 64;

const PROCESS: u16 = 1 << 0;
const TYPE: u16 = 1 << 1;
const F: u16 = 1 << 2;
const MANDATORY: u16 = PROCESS | TYPE | F;

const EMPTY: Row = Row {
    line: 0,
    start: 0,
    who: Who::Named,
    kind: Kind::Invoke,
    word: Word::Other,
    swapped: None,
    index: None,
    time: None,
    key: Datum::Absent,
    value: Datum::Absent,
    result: Datum::Absent,
    actual: Datum::Absent,
};

fn kind(word: &[u8]) -> Option<Kind> {
    match word {
        b"invoke" => Some(Kind::Invoke),
        b"ok" => Some(Kind::Ok),
        b"fail" => Some(Kind::Fail),
        b"info" => Some(Kind::Info),
        _ => None,
    }
}

/// A place in a line. Every method gives up on what is not plain.
struct Cursor<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn skip_spaces(&mut self) {
        while self.peek() == Some(b' ') {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let found = self.line[self.at..].starts_with(word);
        self.at += word.len();
        found.then_some(())
    }

    fn truth(&mut self) -> Option<bool> {
        let truth = self.peek()? == b't';
        self.word(if truth { b"true" } else { b"false" })?;
        Some(truth)
    }

    /// A string of ASCII without escapes.
    fn string(&mut self) -> Option<&'a [u8]> {
        self.eat(b'"')?;
        let rest = &self.line[self.at..];
        let length = rest.iter().position(|&byte| !IS_PLAIN[byte as usize])?;
        self.at += length + 1;
        (rest[length] == b'"').then_some(&rest[..length])
    }

    /// A number of at most 18 digits, without a leading zero.
    fn natural(&mut self) -> Option<u64> {
        let start = self.at;
        let mut number = 0;
        while let Some(byte @ b'0'..=b'9') = self.peek() {
            number = 10 * number + u64::from(byte - b'0');
            self.at += 1;
            if self.at - start > 18 {
                return None;
            }
        }
        let length = self.at - start;
        let canonical = length == 1 || (length > 1 && self.line[start] != b'0');
        canonical.then_some(number)
    }
}

/// Bytes that stand for themselves in a string.
const IS_PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0x20;
    while byte < 0x80 {
        plain[byte] = byte != b'"' as usize && byte != b'\\' as usize;
        byte += 1;
    }
    plain
};
