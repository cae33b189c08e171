//! Events to EDN, one map a line, as Jepsen prints them.
//!
//! The header stands in a comment, which other readers pass over. A comparison that did not match
//! is written as Jepsen's clients would: a `:fail`, with `:error :no-match`.

use std::io;

use super::{EQUAL_TIMES, HEADER, NO_MATCH};
use crate::jsonl;
use crate::{Event, Function, Kind, Order, Process, Recording, Value};

/// Writes a recording.
pub(crate) fn write(recording: &Recording, out: &mut impl io::Write) -> io::Result<()> {
    let mut text = Vec::from(HEADER);
    jsonl::write_header(&mut text, &recording.header);
    if recording.order == Order::Time {
        text.extend_from_slice(EQUAL_TIMES.as_bytes());
        text.push(b'\n');
    }
    for event in &recording.events {
        write_event(&mut text, event);
        if text.len() > CHUNK {
            out.write_all(&text)?;
            text.clear();
        }
    }
    out.write_all(&text)
}

/// How many bytes are written at a time.
const CHUNK: usize = 1 << 16;

fn write_event(out: &mut Vec<u8>, event: &Event) {
    let refused = event.f == Function::Cas
        && event.kind == Kind::Ok
        && event.swapped == Some(false)
        && matches!(event.process, Process::Client(_));
    let kind = if refused { Kind::Fail } else { event.kind };
    out.extend_from_slice(b"{:index ");
    number(out, event.index);
    if let Some(time) = event.time {
        out.extend_from_slice(b", :time ");
        number(out, time);
    }
    out.extend_from_slice(b", :process ");
    match &event.process {
        Process::Client(client) => number(out, *client),
        Process::Named(name) => word(out, name),
    }
    out.extend_from_slice(b", :type ");
    word(out, kind.name());
    out.extend_from_slice(b", :f ");
    word(out, event.f.name());
    field(out, "key", event.key.as_ref());
    field(out, "value", event.value.as_ref());
    if !refused {
        swapped(out, event);
    }
    field(out, "actual", event.actual.as_ref());
    field(out, "result", event.result.as_ref());
    if let Some(node) = &event.node {
        field(out, "node", Some(&Value::Str(node.clone())));
    }
    match (refused, &event.error) {
        (true, error) => no_match(out, error.as_ref()),
        (false, error) => field(out, "error", error.as_ref()),
    }
    for (key, value) in event.extra.as_deref().unwrap_or_default() {
        field(out, key, Some(value));
    }
    out.extend_from_slice(b"}\n");
}

/// An `:ok` cas has swapped unless it says otherwise.
fn swapped(out: &mut Vec<u8>, event: &Event) {
    let completed = event.f == Function::Cas
        && event.kind == Kind::Ok
        && matches!(event.process, Process::Client(_));
    match event.swapped {
        Some(true) if completed => {}
        None if !completed => {}
        None => field(out, "swapped", Some(&Value::Null)),
        Some(swapped) => field(out, "swapped", Some(&Value::Bool(swapped))),
    }
}

fn no_match(out: &mut Vec<u8>, error: Option<&Value>) {
    out.extend_from_slice(b", :error ");
    match error {
        None => word(out, NO_MATCH),
        Some(error) => {
            out.push(b'[');
            word(out, NO_MATCH);
            out.push(b' ');
            value(out, error);
            out.push(b']');
        }
    }
}

fn field(out: &mut Vec<u8>, key: &str, given: Option<&Value>) {
    if let Some(given) = given {
        out.extend_from_slice(b", ");
        word(out, key);
        out.push(b' ');
        value(out, given);
    }
}

/// A keyword if it can be one, else a string.
fn word(out: &mut Vec<u8>, text: &str) {
    if is_keyword(text) {
        out.push(b':');
        out.extend_from_slice(text.as_bytes());
    } else {
        string(out, text);
    }
}

fn is_keyword(text: &str) -> bool {
    let starts = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let plain = |next: char| next.is_ascii_alphanumeric() || "*!_?$%&=<>.+-/".contains(next);
    starts && text.chars().all(plain) && !text.ends_with('/')
}

fn value(out: &mut Vec<u8>, given: &Value) {
    match given {
        Value::Null => out.extend_from_slice(b"nil"),
        Value::Bool(truth) => out.extend_from_slice(if *truth { b"true" } else { b"false" }),
        Value::Int(int) => number(out, int),
        Value::Number(digits) => {
            out.extend_from_slice(digits.as_bytes());
            if !digits.contains(['.', 'e', 'E']) {
                out.push(b'N');
            }
        }
        Value::Str(text) => string(out, text),
        Value::List(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b' ');
                }
                value(out, item);
            }
            out.push(b']');
        }
        Value::Map(entries) => {
            out.push(b'{');
            for (i, (key, item)) in entries.iter().enumerate() {
                out.extend_from_slice(if i > 0 { b", " } else { b"" });
                string(out, key);
                out.push(b' ');
                value(out, item);
            }
            out.push(b'}');
        }
    }
}

/// EDN's strings have the escapes of JSON's.
fn string(out: &mut Vec<u8>, text: &str) {
    jsonl::string(out, text);
}

fn number(out: &mut Vec<u8>, given: impl std::fmt::Display) {
    jsonl::number(out, given);
}
