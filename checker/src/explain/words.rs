//! Operations and times in words.

use rustc_hash::FxHashMap;
use testimony_history::{
    Answer, Call, Function, Model as Kind, Operation, Origin, Outcome, RecordedHistory, Value,
};

/// How to speak of the operations of one small history: as they were recorded, also where a
/// counterexample has relaxed them.
pub(crate) struct Words<'a> {
    kind: Kind,
    operations: Vec<&'a Operation<Call, Answer>>,
    /// The same as they are in the counterexample.
    relaxed: &'a [Operation<Call, Answer>],
    /// Decimals of a second; `None` where times cannot be trusted and events are named instead.
    decimals: Option<usize>,
}

impl<'a> Words<'a> {
    /// Words for the operations of a history as they are in it.
    #[cfg(test)]
    pub(crate) fn new(kind: Kind, history: &'a RecordedHistory) -> Self {
        Words::of_original(kind, history, history)
    }

    /// Words for the operations of a history, as they are in the original.
    pub(crate) fn of_original(
        kind: Kind,
        history: &'a RecordedHistory,
        original: &'a RecordedHistory,
    ) -> Self {
        let recorded = original.operations().iter();
        let recorded: FxHashMap<u64, &Operation<Call, Answer>> =
            recorded.map(|op| (op.call.index, op)).collect();
        let recorded =
            |op: &'a Operation<Call, Answer>| recorded.get(&op.call.index).copied().unwrap_or(op);
        let operations: Vec<_> = history.operations().iter().map(recorded).collect();
        let decimals = decimals(&operations);
        Words {
            kind,
            operations,
            relaxed: history.operations(),
            decimals,
        }
    }

    /// The object: "register", or the key of a map.
    pub(crate) fn object(&self) -> String {
        let key = self.operations.first().and_then(|op| op.input.key.as_ref());
        let noun = match self.kind {
            Kind::Register | Kind::CasRegister => "register",
            Kind::Kv => "key",
            Kind::Counter => "counter",
            Kind::Set => "set",
            Kind::Queue => "queue",
            Kind::Mutex => "mutex",
            Kind::Log => "log",
        };
        key.map_or_else(|| noun.to_owned(), |key| format!("{noun} {}", plain(key)))
    }

    /// Who did what, and when: "p3 read x=1 (1.900 s to 1.950 s)".
    pub(crate) fn sentence(&self, op: usize) -> String {
        let operation = self.operations[op];
        let from = self.time(&operation.call);
        match (&operation.outcome, operation.returned, &operation.end) {
            (Outcome::Completed(_), Some(_), Some(end)) => {
                format!("{} ({from} to {})", self.deed(op), self.time(end))
            }
            _ => format!("{} (from {from}, outcome unknown)", self.deed(op)),
        }
    }

    /// Who did what: "p3 read x=1".
    pub(crate) fn deed(&self, op: usize) -> String {
        format!("p{} {}", self.operations[op].process, self.did(op))
    }

    /// Who: "p3".
    pub(crate) fn process(&self, op: usize) -> String {
        format!("p{}", self.operations[op].process)
    }

    /// "made" or "seen": what an operation did to the value that was there after it.
    pub(crate) fn made_or_seen(&self, op: usize) -> &'static str {
        let operation = &self.operations[op];
        let told = match &operation.outcome {
            Outcome::Completed(answer) => Some(answer),
            Outcome::Failed | Outcome::Unknown => None,
        };
        let updates = match operation.input.f {
            Function::Read | Function::Contains => false,
            Function::Cas => told.is_none_or(|answer| answer.swapped == Some(true)),
            Function::Remove => told.is_none_or(|answer| answer.result != Some(Value::Bool(false))),
            _ => true,
        };
        if updates { "made" } else { "seen" }
    }

    /// An operation as a noun: "p3's write of x=1".
    pub(crate) fn doing(&self, op: usize) -> String {
        let call = &self.operations[op].input;
        let nothing = Value::Null;
        let argument = call.value.as_ref().unwrap_or(&nothing);
        let it = self.it(op);
        let noun = match (&call.f, &self.operations[op].outcome) {
            (
                Function::Read,
                Outcome::Completed(Answer {
                    value: Some(value), ..
                }),
            ) => {
                format!("read of {}", self.value(op, value))
            }
            (Function::Write, _) => format!("write of {}", self.value(op, argument)),
            (Function::Cas, _) => match argument {
                Value::List(pair) if pair.len() == 2 => {
                    format!("swap of {it} from {} to {}", pair[0], pair[1])
                }
                _ => format!("swap of {it}"),
            },
            (Function::Append, _) => format!("append of {argument} to {it}"),
            (f, _) => format!("{f} of {it}"),
        };
        format!("{}'s {noun}", self.process(op))
    }

    /// When an operation was called.
    pub(crate) fn began(&self, op: usize) -> String {
        self.time(&self.operations[op].call)
    }

    /// When an operation returned.
    pub(crate) fn ended(&self, op: usize) -> String {
        self.operations[op]
            .end
            .as_ref()
            .map_or_else(|| "never".to_owned(), |end| self.time(end))
    }

    fn time(&self, origin: &Origin) -> String {
        match (self.decimals, origin.time) {
            (Some(decimals), Some(time)) => seconds(time, decimals),
            _ => format!("event {}", origin.index),
        }
    }

    /// "x=1" with a key, "1" without.
    pub(crate) fn value(&self, op: usize, value: &Value) -> String {
        match &self.operations[op].input.key {
            Some(key) => format!("{}={value}", plain(key)),
            None => value.to_string(),
        }
    }

    /// The predicate: "read x=1".
    fn did(&self, op: usize) -> String {
        let Operation {
            input: call,
            outcome,
            ..
        } = self.operations[op];
        let nothing = Value::Null;
        let argument = call.value.as_ref().unwrap_or(&nothing);
        let answer = match outcome {
            Outcome::Completed(answer) => Some(answer),
            Outcome::Failed | Outcome::Unknown => None,
        };
        let told = answer.and_then(|answer| answer.result.as_ref());
        let it = self.it(op);
        match &call.f {
            Function::Read => self.read(op, answer, argument),
            Function::Write => format!("wrote {}", self.value(op, argument)),
            Function::Cas => self.cas(op, argument, answer),
            Function::Contains if self.kind == Kind::Set => match told {
                Some(Value::Bool(true)) => format!("found {argument} in {it}"),
                Some(_) => format!("did not find {argument} in {it}"),
                None => format!("asked for {argument} in {it}"),
            },
            Function::Contains => match told {
                Some(Value::Bool(true)) => format!("found {it} present"),
                Some(_) => format!("found {it} absent"),
                None => format!("asked whether {it} is present"),
            },
            Function::Remove if self.kind == Kind::Set => match told {
                Some(Value::Bool(true)) => format!("removed {argument} from {it}, where it was"),
                Some(Value::Bool(false)) => {
                    format!("removed {argument} from {it}, where it was not")
                }
                _ => format!("removed {argument} from {it}"),
            },
            Function::Remove => match told {
                Some(Value::Bool(true)) => format!("removed {it}, which was present"),
                Some(Value::Bool(false)) => format!("removed {it}, which was absent"),
                _ => format!("removed {it}"),
            },
            Function::Append => match told {
                Some(offset) if *offset != Value::Null => {
                    format!("appended {argument} to {it} at offset {offset}")
                }
                _ => format!("appended {argument} to {it}"),
            },
            Function::Add if self.kind == Kind::Set => match told {
                Some(Value::Bool(true)) => format!("added {argument} to {it}, where it was not"),
                Some(Value::Bool(false)) => format!("added {argument} to {it}, where it was"),
                _ => format!("added {argument} to {it}"),
            },
            Function::Add => with_result(format!("added {argument} to {it}"), told),
            Function::Increment => with_result(format!("added 1 to {it}"), told),
            Function::Decrement => with_result(format!("added -1 to {it}"), told),
            Function::Enqueue => format!("enqueued {argument} to {it}"),
            Function::Dequeue => match answer.and_then(|answer| answer.value.as_ref()) {
                Some(Value::Null) => format!("found {it} empty"),
                Some(value) => format!("dequeued {value} from {it}"),
                None => format!("dequeued from {it}"),
            },
            Function::Acquire => match (answer, told) {
                (_, Some(Value::Bool(false))) => format!("was refused {it}, as held"),
                (_, Some(token @ Value::Int(_))) => format!("acquired {it} with token {token}"),
                (None, _) => format!("tried to acquire {it}"),
                _ => format!("acquired {it}"),
            },
            Function::Release => format!("released {it}"),
            Function::Other(word) => word.to_string(),
        }
    }

    fn it(&self, op: usize) -> String {
        match (&self.operations[op].input.key, self.kind) {
            (Some(key), Kind::Kv) => plain(key),
            _ => format!("the {}", self.object()),
        }
    }

    fn read(&self, op: usize, answer: Option<&Answer>, offset: &Value) -> String {
        match answer {
            None => format!("read {}", self.it(op)),
            Some(Answer {
                result: Some(element),
                ..
            }) if self.kind == Kind::Log => {
                format!("read {element} at offset {offset} of {}", self.it(op))
            }
            Some(Answer { value, .. }) => {
                let value = value.as_ref().unwrap_or(&Value::Null);
                format!(
                    "read {}",
                    self.elided(op, value)
                        .unwrap_or_else(|| self.value(op, value))
                )
            }
        }
    }

    /// A list of which the counterexample has left out elements: those that it has kept, and dots.
    fn elided(&self, op: usize, whole: &Value) -> Option<String> {
        let Outcome::Completed(answer) = &self.relaxed[op].outcome else {
            return None;
        };
        let (Value::List(whole), Some(Value::List(kept))) = (whole, &answer.value) else {
            return None;
        };
        if kept.len() == whole.len() {
            return None;
        }
        let kept = kept
            .iter()
            .map(|element| format!("{element}, "))
            .collect::<String>();
        Some(format!("[{kept}...]"))
    }

    fn cas(&self, op: usize, argument: &Value, answer: Option<&Answer>) -> String {
        let pair = match argument {
            Value::List(pair) if pair.len() == 2 => format!("{} to {}", pair[0], pair[1]),
            other => other.to_string(),
        };
        let it = self.it(op);
        match answer {
            Some(Answer {
                swapped: Some(true),
                ..
            }) => format!("swapped {it} from {pair}"),
            Some(Answer {
                actual: Some(actual),
                ..
            }) => {
                format!("tried to swap {it} from {pair} and was told that it was {actual}")
            }
            Some(_) => format!("tried to swap {it} from {pair} and was told that it did not match"),
            None => format!("tried to swap {it} from {pair}"),
        }
    }
}

fn with_result(deed: String, told: Option<&Value>) -> String {
    match told {
        Some(result) if *result != Value::Null => format!("{deed}, which made it {result}"),
        _ => deed,
    }
}

/// A key without the quotes of a string.
pub(crate) fn plain(key: &Value) -> String {
    match key {
        Value::Str(text) => text.to_string(),
        other => other.to_string(),
    }
}

/// Nanoseconds as seconds, cut (not rounded, so that order survives) to some decimals.
fn seconds(nanoseconds: u64, decimals: usize) -> String {
    let (whole, rest) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
    let digits = format!("{rest:09}");
    format!("{whole}.{} s", &digits[..decimals])
}

/// The fewest decimals, 3 at least, that keep different times apart. `None` if some event has no
/// time or times contradict the order of events.
fn decimals(operations: &[&Operation<Call, Answer>]) -> Option<usize> {
    let mut times = Vec::new();
    for operation in operations {
        times.push((operation.called, operation.call.time?));
        if let (Some(returned), Some(end)) = (operation.returned, &operation.end) {
            times.push((returned, end.time?));
        }
    }
    times.sort_unstable();
    let times: Vec<u64> = times.into_iter().map(|(_, time)| time).collect();
    let distinct = |decimals: u32| {
        let unit = 10_u64.pow(9 - decimals);
        times
            .windows(2)
            .all(|pair| pair[0] == pair[1] || pair[0] / unit < pair[1] / unit)
    };
    if !times.is_sorted() {
        return None;
    }
    [3, 6, 9]
        .into_iter()
        .find(|&decimals| distinct(decimals))
        .map(|decimals| decimals as usize)
}
