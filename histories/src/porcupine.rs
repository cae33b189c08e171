//! The two formats of Porcupine's test data.
//!
//! Logs of Jepsen's etcd test: lines such as `INFO  jepsen.util - 3 :invoke :cas [0 1]`. There a
//! failed `cas` did not match, a failed read timed out, and `:info` is unknown. And EDN, one map a
//! line, of a map from keys to strings in which each key starts as the empty string.

use crate::edn::{self, Form, SyntaxError, What};
use crate::format::ReadProblem;
use crate::gather::Gather;
use crate::place::{Place, excerpt, ordinal};
use crate::{
    Columns, Event, Function, Header, Kind, Model, Order, Process, ReadError, ReadOptions,
    Recording, Value, Warning,
};

/// Reads a log. O(n) in its length.
pub(crate) fn read_log(bytes: &[u8], options: &ReadOptions) -> Result<Recording, ReadError> {
    let text = std::str::from_utf8(bytes).map_err(|error| ReadError {
        place: Place::of(bytes, error.valid_up_to()),
        problem: ReadProblem::NotUtf8,
    })?;
    let header = Header {
        model: Some(Model::CasRegister),
        ..Header::default()
    };
    let mut gather = Gather::new(header, Order::Lines, options.sort_by_time);
    let mut skipped: Option<(u32, u64)> = None;
    let mut events = 0;
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        let Some((event, columns)) = event_line(line).map_err(|error| ReadError {
            place: Place {
                line: number,
                column: ordinal(error.at),
            },
            problem: error.problem,
        })?
        else {
            skipped.get_or_insert((number, 0)).1 += 1;
            continue;
        };
        events += 1;
        let time = Place {
            line: number,
            column: columns.event,
        };
        gather.push(event, false, number, columns, time)?;
    }
    if events == 0 {
        return Err(no_event(text));
    }
    if let Some((line, times)) = skipped {
        gather.warn(Warning::LinesSkipped { line, times });
    }
    gather.finish()
}

fn no_event(text: &str) -> ReadError {
    let place = Place { line: 1, column: 1 };
    let expected = "an event such as INFO  jepsen.util - 3 :invoke :write 2";
    let problem = match text.lines().next() {
        None => ReadProblem::Empty,
        Some(line) => ReadProblem::Expected {
            expected,
            found: excerpt(line),
        },
    };
    ReadError { place, problem }
}

/// The event of a line, if the line has the look of one.
fn event_line(line: &str) -> Result<Option<(Event, Columns)>, SyntaxError> {
    let Some(start) = event_start(line) else {
        return Ok(None);
    };
    let rest = &line[start..];
    let mut words = rest.split_whitespace();
    let (process, kind) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let Some(kind) = kind.strip_prefix(':').and_then(Kind::from_name) else {
        return Ok(None);
    };
    if !process.starts_with(|first: char| first.is_ascii_digit() || first == ':') {
        return Ok(None);
    }
    let forms = edn::forms(rest).map_err(|error| shifted(error, start))?;
    from_forms(forms, kind, start)
        .map(Some)
        .map_err(|error| shifted(error, start))
}

fn shifted(error: SyntaxError, by: usize) -> SyntaxError {
    SyntaxError {
        at: error.at + by,
        ..error
    }
}

/// Where the event starts in a line such as `INFO  jepsen.util - 3 :ok :read 1`.
fn event_start(line: &str) -> Option<usize> {
    let rest = line.trim_start();
    let rest = rest
        .trim_start_matches(|next: char| next.is_ascii_uppercase())
        .trim_start();
    let rest = rest
        .strip_prefix("jepsen.util")?
        .trim_start()
        .strip_prefix('-')?
        .trim_start();
    Some(line.len() - rest.len())
}

/// Process, kind, function, value, and perhaps an error.
fn from_forms(forms: Vec<Form>, kind: Kind, start: usize) -> Result<(Event, Columns), SyntaxError> {
    let mut forms = forms.into_iter();
    let mut missing = |key| {
        forms.next().ok_or(SyntaxError {
            at: 0,
            problem: ReadProblem::MissingKey(key),
        })
    };
    let (process, _, f) = (missing("process")?, missing("type")?, missing("f")?);
    let value = missing("value")?;
    let columns = Columns {
        event: ordinal(start),
        process: ordinal(start + process.at),
        f: ordinal(start + f.at),
        value: ordinal(start + value.at),
        ..Columns::default()
    };
    let mut event = Event::new(edn::process(process)?, kind, edn::function(f)?);
    match value {
        // What an operation says that timed out.
        Form {
            what: What::Keyword(error),
            ..
        } if kind == Kind::Info => {
            event.error = Some(Value::Str(error));
        }
        value => event.value = Some(value.value()?),
    }
    if let Some(error) = forms.next() {
        event.error = Some(edn::error_value(error)?);
    }
    if event.f == Function::Cas && matches!(event.process, Process::Client(_)) {
        match kind {
            Kind::Ok => event.swapped = Some(true),
            Kind::Fail => edn::refuse(&mut event),
            Kind::Invoke | Kind::Info => {}
        }
    }
    Ok((event, columns))
}

/// Reads a map from keys to strings. O(n) in its length.
pub(crate) fn read_kv(bytes: &[u8], options: &ReadOptions) -> Result<Recording, ReadError> {
    let mut recording = edn::read(bytes, options)?;
    recording.header.model.get_or_insert(Model::Kv);
    // Where an absent key reads as nil, it is some other system's history in the same words.
    let nil = recording.events.iter().any(|event| {
        event.kind == Kind::Ok
            && matches!(&event.f, Function::Other(word) if &**word == "get")
            && !matches!(event.value, Some(Value::Str(_)))
    });
    if !nil && recording.header.initial.is_none() {
        recording.header.initial = Some(Value::str(""));
        recording.warnings.push(Warning::StartsAsEmptyString);
    }
    Ok(recording)
}
