//! What the lines of a block of JSON lines say, in rows of equal size.

use crate::jsonl::LineError;
use crate::{Event, Function, Kind, Value};

/// The lines of a block, scanned.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// The text, for whoever must look again.
    pub(crate) text: Vec<u8>,
    /// Its events in order, up to the first line that cannot be read.
    pub(crate) rows: Vec<Row>,
    /// Values that rows refer to.
    pub(crate) held: Vec<Value>,
    /// Lists of two that rows refer to.
    pub(crate) pairs: Vec<[Datum; 2]>,
    /// The events of processes with names, in order.
    pub(crate) named: Vec<Event>,
    /// How many lines it has, blank ones included.
    pub(crate) lines: u32,
    pub(crate) end: BatchEnd,
}

/// How a block ends.
#[derive(Debug, Default)]
pub(crate) enum BatchEnd {
    /// With a newline, or with nothing but white space behind it.
    #[default]
    Whole,
    /// With a complete line that has no newline.
    NoNewline {
        /// The line, counted from 0 within the block.
        line: u32,
    },
    /// With a line that breaks off.
    Torn {
        /// The line.
        line: u32,
    },
    /// With a line that cannot be read; nothing behind it was looked at.
    Bad {
        /// The line.
        line: u32,
        /// What is wrong with it.
        error: LineError,
    },
}

/// One event. Keys that are not judged are left out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// The line, counted from 0 within the block.
    pub(crate) line: u32,
    /// Where the line starts in the block's text.
    pub(crate) start: usize,
    pub(crate) who: Who,
    pub(crate) kind: Kind,
    pub(crate) word: Word,
    pub(crate) swapped: Option<bool>,
    pub(crate) index: Option<u64>,
    pub(crate) time: Option<u64>,
    pub(crate) key: Datum,
    pub(crate) value: Datum,
    pub(crate) result: Datum,
    pub(crate) actual: Datum,
}

/// Whose event a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// A client's.
    Client(u64),
    /// The next of [`Batch::named`].
    Named,
}

/// A value that a row tells, in canonical form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Datum {
    /// None.
    #[default]
    Absent,
    /// `null`.
    Null,
    /// A truth value.
    Truth(bool),
    /// An integer.
    Int(i64),
    /// The one at this place in [`Batch::held`].
    Held(u32),
    /// The one at this place in [`Batch::pairs`].
    Pair(u32),
}

impl Datum {
    /// The datum, unless it is absent or null.
    pub(crate) fn told(self) -> Option<Datum> {
        (!matches!(self, Datum::Absent | Datum::Null)).then_some(self)
    }

    /// The datum, unless it is absent.
    pub(crate) fn present(self) -> Option<Datum> {
        (self != Datum::Absent).then_some(self)
    }
}

impl Batch {
    /// The line of a row, without its newline.
    pub(crate) fn line(&self, row: &Row) -> &[u8] {
        let rest = &self.text[row.start..];
        let end = memchr::memchr(b'\n', rest);
        &rest[..end.unwrap_or(rest.len())]
    }

    /// The value that a datum is.
    pub(crate) fn value(&self, datum: Datum) -> Value {
        match datum {
            Datum::Absent | Datum::Null => Value::Null,
            Datum::Truth(truth) => Value::Bool(truth),
            Datum::Int(integer) => Value::Int(integer),
            Datum::Held(place) => self.held[place as usize].clone(),
            Datum::Pair(place) => {
                let pair = self.pairs[place as usize];
                Value::list(pair.map(|part| self.value(part)))
            }
        }
    }

    /// The parts of a list of two.
    pub(crate) fn pair(&self, datum: Datum) -> Option<[Value; 2]> {
        match self.value(datum) {
            Value::List(items) => <[Value; 2]>::try_from(items.to_vec()).ok(),
            _ => None,
        }
    }
}

/// The functions that some model knows, in its own words or in those of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Word {
    Read,
    Write,
    Cas,
    Contains,
    Remove,
    Append,
    Add,
    Increment,
    Decrement,
    Enqueue,
    Dequeue,
    Acquire,
    Release,
    Get,
    Set,
    Put,
    Delete,
    /// Any other.
    Other,
}

impl Word {
    pub(crate) const ALL: [Word; 18] = [
        Word::Read,
        Word::Write,
        Word::Cas,
        Word::Contains,
        Word::Remove,
        Word::Append,
        Word::Add,
        Word::Increment,
        Word::Decrement,
        Word::Enqueue,
        Word::Dequeue,
        Word::Acquire,
        Word::Release,
        Word::Get,
        Word::Set,
        Word::Put,
        Word::Delete,
        Word::Other,
    ];

    /// The word as it is written.
    fn text(self) -> &'static str {
        match self {
            Word::Read => "read",
            Word::Write => "write",
            Word::Cas => "cas",
            Word::Contains => "contains",
            Word::Remove => "remove",
            Word::Append => "append",
            Word::Add => "add",
            Word::Increment => "increment",
            Word::Decrement => "decrement",
            Word::Enqueue => "enqueue",
            Word::Dequeue => "dequeue",
            Word::Acquire => "acquire",
            Word::Release => "release",
            Word::Get => "get",
            Word::Set => "set",
            Word::Put => "put",
            Word::Delete => "delete",
            Word::Other => "",
        }
    }

    /// The word of that text.
    pub(crate) fn from_text(text: &[u8]) -> Self {
        match text {
            b"read" => Word::Read,
            b"write" => Word::Write,
            b"cas" => Word::Cas,
            b"contains" => Word::Contains,
            b"remove" => Word::Remove,
            b"append" => Word::Append,
            b"add" => Word::Add,
            b"increment" => Word::Increment,
            b"decrement" => Word::Decrement,
            b"enqueue" => Word::Enqueue,
            b"dequeue" => Word::Dequeue,
            b"acquire" => Word::Acquire,
            b"release" => Word::Release,
            b"get" => Word::Get,
            b"set" => Word::Set,
            b"put" => Word::Put,
            b"delete" => Word::Delete,
            _ => Word::Other,
        }
    }

    /// The function that it names; [`Word::Other`] names none that a model has.
    pub(crate) fn function(self) -> Function {
        Function::from_name(self.text())
    }
}
