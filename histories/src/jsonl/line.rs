//! One line of a JSON lines history: the header, or an event. Pure: a line's meaning depends on
//! nothing but the line.

use std::sync::Arc;

use super::syntax::{LineError, Parsed, Syntax, duplicate};
use crate::entries::Entries;
use crate::format::ReadProblem;
use crate::place::{excerpt, ordinal};
use crate::strings::Strings;
use crate::{Columns, Event, Function, Header, Kind, Model, Process, Value};

/// An event and where its parts stand.
pub(crate) struct EventLine {
    pub(crate) event: Event,
    pub(crate) columns: Columns,
    /// Whether the event has an index of its own.
    pub(crate) indexed: bool,
    /// The column of its time.
    pub(crate) time: u32,
}

/// The keys that the format knows.
#[derive(Clone, Copy)]
enum Field {
    Index,
    Time,
    Process,
    Type,
    F,
    Key,
    Value,
    Swapped,
    Actual,
    Result,
    Node,
    Error,
}

/// The parts of an event as they are found.
#[derive(Default)]
struct Parts {
    /// A bit for each [`Field`] met.
    seen: u16,
    index: Option<u64>,
    time: Option<u64>,
    process: Option<Process>,
    kind: Option<Kind>,
    f: Option<Function>,
    key: Option<Value>,
    value: Option<Value>,
    swapped: Option<bool>,
    actual: Option<Value>,
    result: Option<Value>,
    node: Option<Arc<str>>,
    error: Option<Value>,
    extra: Entries,
    columns: Columns,
    time_column: u32,
}

/// The text of a line.
pub(crate) fn utf8(line: &[u8]) -> Parsed<&str> {
    std::str::from_utf8(line).map_err(|error| LineError {
        at: error.valid_up_to(),
        problem: ReadProblem::NotUtf8,
    })
}

/// Reads an event. O(n) in the length of the line.
pub(crate) fn event(line: &[u8], strings: &mut Strings) -> Parsed<EventLine> {
    let mut syntax = Syntax::new(utf8(line)?, strings);
    let start = object_start(&mut syntax)?;
    let mut parts = Parts::default();
    parts.columns.event = ordinal(start);
    syntax.object(|syntax, at, key| parts.field(syntax, at, key))?;
    syntax.end()?;
    parts.finish(start)
}

/// Reads the header. O(n) in the length of the line.
pub(crate) fn header(line: &[u8], strings: &mut Strings) -> Parsed<Header> {
    let mut syntax = Syntax::new(utf8(line)?, strings);
    let start = syntax.at_next();
    if syntax.next() != Some(b'{') {
        return Err(syntax.error(ReadProblem::NoHeader));
    }
    let mut header = Header::default();
    let mut entries = Entries::default();
    let mut version = None;
    syntax.object(|syntax, at, key| {
        let value_at = syntax.at;
        let key = syntax.shared(key);
        let value = syntax.value()?;
        if !entries.push(Arc::clone(&key), value.clone()) {
            return Err(duplicate(at, &key));
        }
        let told = match &*key {
            "testimony" => {
                version = Some((value_at, value));
                Ok(())
            }
            _ => tell_header(&mut header, key, value),
        };
        told.map_err(|problem| LineError {
            at: value_at,
            problem,
        })
    })?;
    syntax.end()?;
    match version {
        Some((_, Value::Int(1))) => Ok(header),
        Some((at, other)) => Err(LineError {
            at,
            problem: ReadProblem::Version(excerpt(&other.to_string())),
        }),
        None => Err(LineError {
            at: start,
            problem: ReadProblem::NoHeader,
        }),
    }
}

fn object_start(syntax: &mut Syntax<'_, '_>) -> Parsed<usize> {
    match syntax.next() {
        Some(b'{') => Ok(syntax.at),
        _ => {
            let found = syntax.value()?;
            let problem = ReadProblem::Expected {
                expected: "an object",
                found: excerpt(&found.to_string()),
            };
            Err(LineError { at: 0, problem })
        }
    }
}

fn tell_header(header: &mut Header, key: Arc<str>, value: Value) -> Result<(), ReadProblem> {
    match &*key {
        "model" => {
            let name = text("model", value)?;
            let known = name
                .as_deref()
                .map(|name| Model::from_name(name).ok_or(name));
            header.model = known.transpose().map_err(|name| ReadProblem::WrongType {
                key: "model",
                expected: "register, cas-register, kv, counter, set, queue, mutex or log",
                found: excerpt(name),
            })?;
        }
        "initial" => header.initial = Some(value),
        "started" => header.started = text("started", value)?,
        "run" => header.run = text("run", value)?,
        "seed" => header.seed = natural("seed", &value)?,
        "nodes" => header.nodes = nodes(&value)?,
        _ => header.extra.push((key, value)),
    }
    Ok(())
}

fn nodes(value: &Value) -> Result<Vec<Arc<str>>, ReadProblem> {
    let wrong = || wrong_type("nodes", "a list of strings", value);
    match value {
        Value::Null => Ok(Vec::new()),
        Value::List(items) => items
            .iter()
            .map(|item| match item {
                Value::Str(name) => Ok(Arc::clone(name)),
                _ => Err(wrong()),
            })
            .collect(),
        _ => Err(wrong()),
    }
}

impl Parts {
    fn field(&mut self, syntax: &mut Syntax<'_, '_>, at: usize, key: &str) -> Parsed<()> {
        let Some(field) = Field::from_name(key) else {
            let key = syntax.shared(key);
            let value = syntax.value()?;
            return match self.extra.push(Arc::clone(&key), value) {
                true => Ok(()),
                false => Err(duplicate(at, &key)),
            };
        };
        let bit = 1 << field as u16;
        if self.seen & bit != 0 {
            return Err(duplicate(at, key));
        }
        self.seen |= bit;
        let value_at = syntax.at;
        let told = self.known(syntax, field, ordinal(value_at))?;
        told.map_err(|problem| LineError {
            at: value_at,
            problem,
        })
    }

    /// Reads the value of a known key. The outer error is one of syntax.
    fn known(
        &mut self,
        syntax: &mut Syntax<'_, '_>,
        field: Field,
        column: u32,
    ) -> Parsed<Result<(), ReadProblem>> {
        match field {
            Field::Key => {
                self.key = Some(syntax.recurring()?);
                self.columns.key = column;
            }
            Field::Value => {
                self.value = Some(syntax.value()?);
                self.columns.value = column;
            }
            Field::Result => {
                self.result = Some(syntax.value()?);
                self.columns.result = column;
            }
            Field::Actual => self.actual = Some(syntax.value()?),
            Field::Error => self.error = Some(syntax.recurring()?),
            Field::Type if syntax.next() == Some(b'"') => {
                let word = syntax.string("a type")?;
                self.kind = Kind::from_name(&word);
                let found = || ReadProblem::WrongType {
                    key: "type",
                    expected: KINDS,
                    found: excerpt(&word),
                };
                return Ok(self.kind.map(|_| ()).ok_or_else(found));
            }
            Field::F if syntax.next() == Some(b'"') => {
                self.f = Some(Function::from_name(&syntax.string("a function")?));
                self.columns.f = column;
            }
            _ => {
                let value = syntax.recurring()?;
                return Ok(self.plain(field, value, column));
            }
        }
        Ok(Ok(()))
    }

    fn plain(&mut self, field: Field, value: Value, column: u32) -> Result<(), ReadProblem> {
        match field {
            Field::Index => self.index = natural("index", &value)?,
            Field::Time => {
                self.time = natural("time", &value)?;
                self.time_column = column;
            }
            Field::Process => {
                self.process = Some(process(value)?);
                self.columns.process = column;
            }
            Field::Node => self.node = text("node", value)?,
            Field::Swapped => {
                self.swapped = match value {
                    Value::Null => None,
                    Value::Bool(swapped) => Some(swapped),
                    other => return Err(wrong_type("swapped", "true or false", &other)),
                }
            }
            Field::Type => return Err(wrong_type("type", KINDS, &value)),
            Field::F => return Err(wrong_type("f", "a string", &value)),
            Field::Key | Field::Value | Field::Result | Field::Actual | Field::Error => {}
        }
        Ok(())
    }

    fn finish(self, start: usize) -> Parsed<EventLine> {
        let missing = |key| LineError {
            at: start,
            problem: ReadProblem::MissingKey(key),
        };
        let extra = self.extra.list;
        Ok(EventLine {
            indexed: self.index.is_some(),
            columns: self.columns,
            time: self.time_column,
            event: Event {
                index: self.index.unwrap_or_default(),
                time: self.time,
                process: self.process.ok_or_else(|| missing("process"))?,
                kind: self.kind.ok_or_else(|| missing("type"))?,
                f: self.f.ok_or_else(|| missing("f"))?,
                key: self.key,
                value: self.value,
                swapped: self.swapped,
                actual: self.actual,
                result: self.result,
                node: self.node,
                error: self.error,
                extra: (!extra.is_empty()).then(|| extra.into()),
            },
        })
    }
}

impl Field {
    fn from_name(key: &str) -> Option<Self> {
        Some(match key {
            "index" => Field::Index,
            "time" => Field::Time,
            "process" => Field::Process,
            "type" => Field::Type,
            "f" => Field::F,
            "key" => Field::Key,
            "value" => Field::Value,
            "swapped" => Field::Swapped,
            "actual" => Field::Actual,
            "result" => Field::Result,
            "node" => Field::Node,
            "error" => Field::Error,
            _ => return None,
        })
    }
}

const KINDS: &str = "invoke, ok, fail or info";

fn process(value: Value) -> Result<Process, ReadProblem> {
    if let Value::Str(name) = value {
        return Ok(Process::Named(name));
    }
    let wrong = || wrong_type("process", "a whole number (a client) or a string", &value);
    value.to_u64().map(Process::Client).ok_or_else(wrong)
}

/// A number from 0 on; null is none.
fn natural(key: &'static str, value: &Value) -> Result<Option<u64>, ReadProblem> {
    match value {
        Value::Null => Ok(None),
        other => {
            let wrong = || wrong_type(key, "a whole number from 0 to 2^64 - 1", other);
            other.to_u64().map(Some).ok_or_else(wrong)
        }
    }
}

/// A string; null is none.
fn text(key: &'static str, value: Value) -> Result<Option<Arc<str>>, ReadProblem> {
    match value {
        Value::Null => Ok(None),
        Value::Str(text) => Ok(Some(text)),
        other => Err(wrong_type(key, "a string", &other)),
    }
}

fn wrong_type(key: &'static str, expected: &'static str, found: &Value) -> ReadProblem {
    ReadProblem::WrongType {
        key,
        expected,
        found: excerpt(&found.to_string()),
    }
}
