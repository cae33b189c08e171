//! The files that hold a verdict's evidence, for a smaller program to check.

use std::collections::HashMap;
use std::io;

use testimony_checker::{Counterexample, Witness};
use testimony_history::{
    Answer, Call, Event, Format, Header, Kind, Model, Operation, Outcome, Position, Process,
    Recording, Value,
};

/// Writes `witness.jsonl`: for each partition a line `{"key":K,"order":[...]}`, the order by the
/// index of each invocation.
///
/// # Errors
/// Those of `out`.
pub fn write_witness(witness: &Witness, out: &mut impl io::Write) -> io::Result<()> {
    for partition in &witness.partitions {
        let key = partition.key.as_ref().unwrap_or(&Value::Null);
        write!(out, "{{\"key\":{key},\"order\":[")?;
        for (number, index) in partition.order.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            write!(out, "{comma}{index}")?;
        }
        out.write_all(b"]}\n")?;
    }
    Ok(())
}

/// Writes `counterexample.jsonl`: the counterexample as a history of its own, which says what the
/// counterexample says and nothing more. Operations keep the indices and times of `recording`.
///
/// # Errors
/// Those of `out`.
pub fn write_counterexample(
    found: &Counterexample,
    recording: &Recording,
    model: Model,
    initial: Option<&Value>,
    out: &mut impl io::Write,
) -> io::Result<()> {
    let header = Header {
        model: Some(model),
        initial: initial.cloned(),
        extra: vec![("counterexample".into(), Value::Bool(true))],
        ..recording.header.clone()
    };
    let evidence = Recording::from_events(header, events(found, recording));
    testimony_history::write(&evidence, Format::JsonLines, out)
}

/// The counterexample as text, for a page.
pub(crate) fn counterexample_lines(
    found: &Counterexample,
    recording: &Recording,
    model: Model,
    initial: Option<&Value>,
) -> String {
    let mut bytes = Vec::new();
    match write_counterexample(found, recording, model, initial, &mut bytes) {
        Ok(()) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => String::new(),
    }
}

/// One event to be written, with its place in the order.
struct Line {
    position: Position,
    /// The operation it is about, in the order of calls.
    operation: usize,
    event: Event,
}

impl Line {
    fn is_return(&self) -> bool {
        self.event.kind != Kind::Invoke
    }
}

/// The events of a counterexample in an order, and with times, that say the same.
///
/// In a file, equal times mean concurrent and the order of lines counts otherwise. The recorded
/// times are kept where they say exactly what the positions say; else they stand aside as
/// `time_recorded`.
fn events(found: &Counterexample, recording: &Recording) -> Vec<Event> {
    let originals: HashMap<u64, &Event> = recording
        .events
        .iter()
        .map(|event| (event.index, event))
        .collect();
    let (mut lines, mut unknown) = lines(found, &originals);
    lines.sort_by_key(|line| (line.position, line.is_return()));
    let operations = found.operations.operations();
    if !times_tell_the_order(&lines) {
        let of_lines = lines.iter_mut().map(|line| &mut line.event);
        of_lines
            .chain(unknown.values_mut())
            .for_each(set_time_aside);
        if operations.iter().any(|operation| operation.after.is_some()) {
            count_bursts(&mut lines);
        }
    }
    let timed = lines.first().is_some_and(|line| line.event.time.is_some());
    if timed {
        lines.sort_by_key(|line| (line.event.time, line.operation, line.is_return()));
    }
    with_news(lines, unknown, timed)
}

/// Gives times that say what the positions say, and leave room for a process that calls and
/// returns and calls at the same time: calls without a return between them, and the returns
/// behind them, are a burst in which all is concurrent.
fn count_bursts(lines: &mut [Line]) {
    let (mut burst, mut returning) = (0, false);
    for line in lines {
        burst += u64::from(returning && !line.is_return());
        returning = line.is_return();
        line.event.time = Some(burst);
    }
}

/// The process that each operation goes by in the file.
///
/// A process that goes on after an unknown outcome counts as a new one, which may still be tied
/// to what the old one completed at the same time. Only a process of the same name says so.
fn processes(operations: &[Operation<Call, Answer>]) -> Vec<u64> {
    let mut names: HashMap<u64, u64> = HashMap::new();
    let mut of: Vec<u64> = Vec::with_capacity(operations.len());
    for operation in operations {
        let name = names.entry(operation.process).or_insert(operation.process);
        if let Some(earlier) = operation.after {
            *name = of[earlier as usize];
        }
        of.push(*name);
    }
    of
}

/// The calls and answers, and for each operation of unknown outcome the news that nobody knows.
fn lines(
    found: &Counterexample,
    originals: &HashMap<u64, &Event>,
) -> (Vec<Line>, HashMap<usize, Event>) {
    let (mut lines, mut unknown) = (Vec::new(), HashMap::new());
    let mut unused = originals.keys().max().map_or(0, |last| last + 1);
    let operations = found.operations.operations();
    let processes = processes(operations);
    for (number, operation) in operations.iter().enumerate() {
        if operation.outcome == Outcome::Failed {
            continue;
        }
        let key = operation.input.key.clone().or_else(|| found.key.clone());
        let original = originals.get(&operation.call.index).copied();
        let call = invocation(operation, processes[number], key, original);
        let end = operation.end.map_or(unused, |end| end.index);
        unused += u64::from(operation.end.is_none());
        match (&operation.outcome, operation.returned) {
            (Outcome::Completed(answer), Some(position)) => {
                let event = completion(operation, &call, answer, end);
                lines.push(Line {
                    position,
                    operation: number,
                    event,
                });
            }
            _ => {
                let news = news(operation, &call, end, originals.get(&end).copied());
                unknown.insert(number, news);
            }
        }
        lines.push(Line {
            position: operation.called,
            operation: number,
            event: call,
        });
    }
    (lines, unknown)
}

/// Adds the news of unknown outcomes: where their process goes on, else at the end. They order
/// nothing, wherever they stand.
fn with_news(lines: Vec<Line>, mut unknown: HashMap<usize, Event>, timed: bool) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::with_capacity(lines.len() + unknown.len());
    let mut open: HashMap<Process, usize> = HashMap::new();
    for Line {
        operation, event, ..
    } in lines
    {
        if event.kind == Kind::Invoke {
            let before = open.insert(event.process.clone(), operation);
            if let Some(news) = before.and_then(|before| unknown.remove(&before)) {
                events.push(if timed {
                    Event {
                        time: event.time,
                        ..news
                    }
                } else {
                    news
                });
            }
        }
        events.push(event);
    }
    let mut last = events.iter().filter_map(|event| event.time).max();
    let mut rest: Vec<Event> = unknown.into_values().collect();
    rest.sort_by_key(|event| (event.time, event.index));
    for news in rest {
        last = last.max(news.time);
        events.push(if timed {
            Event { time: last, ..news }
        } else {
            news
        });
    }
    events
}

fn invocation(
    operation: &Operation<Call, Answer>,
    process: u64,
    key: Option<Value>,
    original: Option<&Event>,
) -> Event {
    Event {
        index: operation.call.index,
        time: operation.call.time,
        process: Process::Client(process),
        kind: Kind::Invoke,
        f: operation.input.f.clone(),
        key,
        value: operation.input.value.clone(),
        swapped: None,
        actual: None,
        result: None,
        node: original.and_then(|event| event.node.clone()),
        error: None,
        extra: None,
    }
}

fn completion(
    operation: &Operation<Call, Answer>,
    call: &Event,
    answer: &Answer,
    index: u64,
) -> Event {
    let Answer {
        value,
        swapped,
        actual,
        result,
    } = answer.clone();
    Event {
        index,
        time: operation.end.and_then(|end| end.time),
        kind: Kind::Ok,
        value: value.or_else(|| call.value.clone()),
        swapped,
        actual,
        result,
        node: None,
        ..call.clone()
    }
}

/// That nobody knows what became of an operation.
fn news(
    operation: &Operation<Call, Answer>,
    call: &Event,
    index: u64,
    original: Option<&Event>,
) -> Event {
    Event {
        index,
        time: operation.end.and_then(|end| end.time),
        kind: Kind::Info,
        node: None,
        error: original.and_then(|event| event.error.clone()),
        ..call.clone()
    }
}

/// Whether times alone, as a reader of the file takes them, give exactly the order of positions, in
/// which the lines are.
fn times_tell_the_order(lines: &[Line]) -> bool {
    let agrees = |pair: &[Line]| match (pair[0].event.time, pair[1].event.time) {
        (Some(a), Some(b)) if a == b => pair[0].is_return() <= pair[1].is_return(),
        (Some(a), Some(b)) => a < b,
        _ => false,
    };
    let first = lines.first();
    first.is_none_or(|line| line.event.time.is_some()) && lines.windows(2).all(agrees)
}

fn set_time_aside(event: &mut Event) {
    if let Some(time) = event.time.take() {
        let time = i64::try_from(time).map_or(Value::Null, Value::Int);
        event.extra = Some(Box::new([("time_recorded".into(), time)]));
    }
}
