//! A recording as a table, for spreadsheets and databases: CSV (RFC 4180), one row an operation.
//!
//! A table is for looking at a history, not for judging it: nothing is checked, what does not fit
//! is shown as it stands, and no reader takes it back.

use std::borrow::Cow;
use std::io;

use rustc_hash::FxHashMap;

use crate::{Event, Function, Kind, Process, Recording, Value};

const COLUMNS: &str = "index,process,f,key,value,old,new,answer,actual,outcome,call_time_ns,\
                       return_time_ns,node,error\r\n";

/// Writes the operations of a recording as CSV, in the order of their calls, behind a row with the
/// names of the columns. O(n).
///
/// An absent part and `null` are an empty field; a string stands as it is, an empty one in quotes;
/// lists and maps are JSON. Events of processes with names are left out. A completion that has no
/// call is a row without a time of call.
///
/// # Errors
/// Those of `out`.
pub fn write_csv(recording: &Recording, out: &mut impl io::Write) -> io::Result<()> {
    let mut text = String::from(COLUMNS);
    for row in rows(&recording.events) {
        row.append(&mut text);
        if text.len() > CHUNK {
            out.write_all(text.as_bytes())?;
            text.clear();
        }
    }
    out.write_all(text.as_bytes())
}

/// How many bytes are written at a time.
const CHUNK: usize = 1 << 16;

/// A call and what became of it; at least one of them.
#[derive(Clone, Copy)]
struct Row<'a> {
    call: Option<&'a Event>,
    end: Option<&'a Event>,
}

/// Pairs the events of each client, in the order of the calls.
fn rows(events: &[Event]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::with_capacity(events.len() / 2);
    let mut open: FxHashMap<u64, usize> = FxHashMap::default();
    for event in events {
        let Process::Client(process) = event.process else {
            continue;
        };
        if event.kind == Kind::Invoke {
            open.insert(process, rows.len());
            let call = Some(event);
            rows.push(Row { call, end: None });
        } else {
            let end = Some(event);
            match open.remove(&process) {
                Some(row) => rows[row].end = end,
                None => rows.push(Row { call: None, end }),
            }
        }
    }
    rows
}

impl Row<'_> {
    fn append(self, text: &mut String) {
        let Some(first) = self.call.or(self.end) else {
            return;
        };
        let process = match &first.process {
            Process::Client(number) => number.to_string(),
            Process::Named(name) => name.to_string(),
        };
        let (argument, [old, new]) = self.argument();
        let time = |event: Option<&Event>| {
            let time = event.and_then(|event| event.time);
            time.map_or_else(String::new, |time| time.to_string())
                .into()
        };
        let node = [self.call, self.end].into_iter().flatten();
        let node = node.filter_map(|event| event.node.as_deref()).next();
        let key = self.told(|event| event.key.as_ref());
        let fields: [Cow<'_, str>; 14] = [
            first.index.to_string().into(),
            process.into(),
            quoted(first.f.name().into()),
            some(key),
            some(argument),
            some(old),
            some(new),
            self.answer(),
            some(self.completed().and_then(|end| end.actual.as_ref())),
            self.outcome().into(),
            time(self.call),
            time(self.end),
            node.map_or("".into(), |node| quoted(node.into())),
            some(self.end.and_then(|end| end.error.as_ref())),
        ];
        for (number, field) in fields.iter().enumerate() {
            text.push_str(if number > 0 { "," } else { "" });
            text.push_str(field);
        }
        text.push_str("\r\n");
    }

    /// The argument of the call, and its parts if it compares and sets.
    fn argument(&self) -> (Option<&Value>, [Option<&Value>; 2]) {
        let argument = self.call.and_then(|call| call.value.as_ref());
        match (self.call.map(|call| &call.f), argument) {
            (Some(Function::Cas), Some(Value::List(pair))) if pair.len() == 2 => {
                (None, [pair.first(), pair.last()])
            }
            _ => (argument, [None, None]),
        }
    }

    fn answer(&self) -> Cow<'_, str> {
        let Some(end) = self.completed() else {
            return "".into();
        };
        if let Some(swapped) = end.swapped {
            return swapped.to_string().into();
        }
        let asked = self.call.and_then(|call| told(call.value.as_ref()));
        some(end.result.as_ref().or(match asked {
            Some(_) => None,
            None => end.value.as_ref(),
        }))
    }

    fn outcome(&self) -> &'static str {
        match self.end.map(|end| end.kind) {
            Some(Kind::Ok) => "completed",
            Some(Kind::Fail) => "failed",
            Some(Kind::Info | Kind::Invoke) | None => "unknown",
        }
    }

    fn completed(&self) -> Option<&Event> {
        self.end.filter(|end| end.kind == Kind::Ok)
    }

    /// What the call tells, or else the end.
    fn told<'b>(&'b self, part: impl Fn(&'b Event) -> Option<&'b Value>) -> Option<&'b Value> {
        let told_by = |event: Option<&'b Event>| event.and_then(|event| told(part(event)));
        told_by(self.call).or_else(|| told_by(self.end))
    }
}

fn told(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| **value != Value::Null)
}

fn some(value: Option<&Value>) -> Cow<'_, str> {
    told(value).map_or("".into(), field)
}

fn field(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => "".into(),
        Value::Str(text) => quoted(text.as_ref().into()),
        other => quoted(other.to_string().into()),
    }
}

/// A text as a field, in quotes where it needs them.
fn quoted(text: Cow<'_, str>) -> Cow<'_, str> {
    let special = |c: char| matches!(c, ',' | '"' | '\r' | '\n');
    let padded = text.starts_with(' ') || text.ends_with(' ');
    if !text.is_empty() && !padded && !text.contains(special) {
        return text;
    }
    format!("\"{}\"", text.replace('"', "\"\"")).into()
}
