//! Events to JSON lines, keys in one canonical order.

use std::io::{self, Write as _};
use std::sync::Arc;

use crate::order::Raise;
use crate::{Event, Header, Order, Process, Recording, Value};

/// Writes a whole recording.
pub(crate) fn write(recording: &Recording, out: &mut impl io::Write) -> io::Result<()> {
    let mut line = Vec::new();
    write_header(&mut line, &recording.header);
    let mut raise = Raise::default();
    for event in &recording.events {
        match recording.order {
            Order::Time => write_event(&mut line, event),
            Order::Lines => write_event(&mut line, &raise.event(event)),
        }
        if line.len() > CHUNK {
            out.write_all(&line)?;
            line.clear();
        }
    }
    out.write_all(&line)
}

/// How many bytes are written at a time.
const CHUNK: usize = 1 << 16;

/// Appends the header's line.
pub(crate) fn write_header(out: &mut Vec<u8>, header: &Header) {
    header_object(out, header);
    out.push(b'\n');
}

fn header_object(out: &mut Vec<u8>, header: &Header) {
    out.extend_from_slice(b"{\"testimony\":1");
    if let Some(model) = header.model {
        string_field(out, "model", model.name());
    }
    value_field(out, "initial", header.initial.as_ref());
    for (key, text) in [("started", &header.started), ("run", &header.run)] {
        if let Some(text) = text {
            string_field(out, key, text);
        }
    }
    if let Some(seed) = header.seed {
        number_field(out, "seed", seed);
    }
    if !header.nodes.is_empty() {
        key_of(out, "nodes");
        list(out, &header.nodes, |out, node| string(out, node));
    }
    extra_fields(out, &header.extra);
    out.push(b'}');
}

/// Appends an event's line.
pub(crate) fn write_event(out: &mut Vec<u8>, event: &Event) {
    out.extend_from_slice(b"{\"index\":");
    number(out, event.index);
    if let Some(time) = event.time {
        number_field(out, "time", time);
    }
    match &event.process {
        Process::Client(client) => number_field(out, "process", *client),
        Process::Named(name) => string_field(out, "process", name),
    }
    string_field(out, "type", event.kind.name());
    string_field(out, "f", event.f.name());
    value_field(out, "key", event.key.as_ref());
    value_field(out, "value", event.value.as_ref());
    if let Some(swapped) = event.swapped {
        key_of(out, "swapped");
        out.extend_from_slice(if swapped { b"true" } else { b"false" });
    }
    value_field(out, "actual", event.actual.as_ref());
    value_field(out, "result", event.result.as_ref());
    if let Some(node) = &event.node {
        string_field(out, "node", node);
    }
    value_field(out, "error", event.error.as_ref());
    extra_fields(out, event.extra.as_deref().unwrap_or_default());
    out.extend_from_slice(b"}\n");
}

/// Appends a value as compact JSON.
pub(crate) fn value(out: &mut Vec<u8>, given: &Value) {
    match given {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Int(int) => number(out, int),
        Value::Number(digits) => out.extend_from_slice(digits.as_bytes()),
        Value::Str(text) => string(out, text),
        Value::List(items) => list(out, items, value),
        Value::Map(entries) => {
            out.push(b'{');
            for (i, (key, item)) in entries.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                string(out, key);
                out.push(b':');
                value(out, item);
            }
            out.push(b'}');
        }
    }
}

/// Appends a quoted string.
pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\' | ..0x20))
    {
        out.extend_from_slice(&rest[..at]);
        escape(out, rest[at]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn escape(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        other => {
            append(out, format_args!("\\u{other:04x}"));
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

fn list<T>(out: &mut Vec<u8>, items: &[T], mut write: impl FnMut(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

fn key_of(out: &mut Vec<u8>, key: &str) {
    out.push(b',');
    string(out, key);
    out.push(b':');
}

fn string_field(out: &mut Vec<u8>, key: &str, text: &str) {
    key_of(out, key);
    string(out, text);
}

fn number_field(out: &mut Vec<u8>, key: &str, given: u64) {
    key_of(out, key);
    number(out, given);
}

fn value_field(out: &mut Vec<u8>, key: &str, given: Option<&Value>) {
    if let Some(given) = given {
        key_of(out, key);
        value(out, given);
    }
}

fn extra_fields(out: &mut Vec<u8>, extra: &[(Arc<str>, Value)]) {
    for (key, given) in extra {
        value_field(out, key, Some(given));
    }
}

/// Appends a number.
pub(crate) fn number(out: &mut Vec<u8>, given: impl std::fmt::Display) {
    append(out, format_args!("{given}"));
}

fn append(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a vector takes every byte");
}
