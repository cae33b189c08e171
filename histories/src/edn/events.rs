//! What a form of EDN says of an event.

use std::sync::Arc;

use super::syntax::{Form, Parsed, SyntaxError, What};
use crate::entries::Entries;
use crate::format::ReadProblem;
use crate::place::excerpt;
use crate::{Event, Function, Kind, Process, Value};

/// An event as it stands in a file, before keys are told from values.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) event: Event,
    /// Whether it has an index of its own.
    pub(crate) indexed: bool,
    /// What its value has the look of.
    pub(crate) shape: Shape,
    /// Whether `:swapped` stands there, though it be nil.
    pub(crate) told_swapped: bool,
    /// Whether its error says that a comparison did not match.
    pub(crate) mismatch: bool,
    /// Whether its error says nothing else, in the word that we write ourselves.
    pub(crate) only_mismatch: bool,
    pub(crate) offsets: Offsets,
}

/// Whether a value may be a pair of key and value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shape {
    /// It cannot.
    #[default]
    Plain,
    /// It is a pair, and if it belongs to a cas, its second part is one as well.
    Pair,
    /// It says that it is.
    Tuple,
}

/// Where the parts of an event start in the text; 0 where they are absent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Offsets {
    pub(crate) event: usize,
    pub(crate) process: usize,
    pub(crate) f: usize,
    pub(crate) key: usize,
    pub(crate) value: usize,
    pub(crate) result: usize,
}

/// The parts of an event as they are found.
#[derive(Default)]
struct Parts {
    index: Option<u64>,
    time: Option<u64>,
    process: Option<Process>,
    kind: Option<Kind>,
    f: Option<Function>,
    key: Option<Value>,
    value: Option<Form>,
    swapped: Option<Option<bool>>,
    actual: Option<Value>,
    result: Option<Value>,
    node: Option<Arc<str>>,
    error: Option<Form>,
    extra: Entries,
    offsets: Offsets,
}

/// Reads an event from a map, tagged or not.
pub(crate) fn event(form: Form) -> Parsed<Draft> {
    let at = form.at;
    let form = form.untagged();
    let What::Map(entries) = form.what else {
        let found = excerpt(&form.value()?.to_string());
        let problem = ReadProblem::Expected {
            expected: "a map",
            found,
        };
        return Err(SyntaxError { at, problem });
    };
    let mut parts = Parts::default();
    parts.offsets.event = at;
    let mut seen = Entries::default();
    for (key, value) in entries {
        let Some(word) = key.word() else {
            let problem = ReadProblem::Expected {
                expected: "a keyword",
                found: excerpt(&key.value()?.to_string()),
            };
            return Err(SyntaxError { at, problem });
        };
        if !seen.push(Arc::clone(word), Value::Null) {
            let problem = ReadProblem::DuplicateKey(excerpt(word));
            return Err(SyntaxError {
                at: key.at,
                problem,
            });
        }
        parts.tell(word, value)?;
    }
    parts.finish()
}

impl Parts {
    fn tell(&mut self, key: &Arc<str>, form: Form) -> Parsed<()> {
        let at = form.at;
        match &**key {
            "index" => self.index = natural("index", form)?,
            "time" => self.time = natural("time", form)?,
            "process" => {
                self.process = Some(process(form)?);
                self.offsets.process = at;
            }
            "type" => self.kind = Some(kind(form)?),
            "f" => {
                self.f = Some(function(form)?);
                self.offsets.f = at;
            }
            "key" => {
                self.key = Some(form.value()?);
                self.offsets.key = at;
            }
            "value" => {
                self.value = Some(form);
                self.offsets.value = at;
            }
            "swapped" => self.swapped = Some(truth("swapped", form)?),
            "actual" => self.actual = Some(form.value()?),
            "result" => {
                self.result = Some(form.value()?);
                self.offsets.result = at;
            }
            "node" => self.node = name(form)?,
            "error" => self.error = Some(form),
            _ => {
                self.extra.push(Arc::clone(key), form.value()?);
            }
        }
        Ok(())
    }

    fn finish(self) -> Parsed<Draft> {
        let at = self.offsets.event;
        let missing = |key| SyntaxError {
            at,
            problem: ReadProblem::MissingKey(key),
        };
        let f = self.f.ok_or_else(|| missing("f"))?;
        let shape = self
            .value
            .as_ref()
            .map_or(Shape::Plain, |value| Shape::of(&f, value));
        let mismatch = self.error.as_ref().is_some_and(is_mismatch);
        let only_mismatch = self.error.as_ref().is_some_and(is_no_match);
        let extra = self.extra.list;
        Ok(Draft {
            indexed: self.index.is_some(),
            shape,
            told_swapped: self.swapped.is_some(),
            mismatch,
            only_mismatch,
            offsets: self.offsets,
            event: Event {
                index: self.index.unwrap_or_default(),
                time: self.time,
                process: self.process.ok_or_else(|| missing("process"))?,
                kind: self.kind.ok_or_else(|| missing("type"))?,
                f,
                key: self.key,
                value: self.value.map(Form::value).transpose()?,
                swapped: self.swapped.flatten(),
                actual: self.actual,
                result: self.result,
                node: self.node,
                error: self.error.map(error_value).transpose()?,
                extra: (!extra.is_empty()).then(|| extra.into()),
            },
        })
    }
}

impl Shape {
    pub(crate) fn of(f: &Function, form: &Form) -> Self {
        match &form.what {
            What::Tagged(tag, form) if is_tuple(tag) && pair(form).is_some() => Shape::Tuple,
            What::Tagged(_, form) => Shape::of(f, form),
            _ => match pair(form) {
                Some(second) if *f != Function::Cas || pair(second).is_some() => Shape::Pair,
                _ => Shape::Plain,
            },
        }
    }
}

/// The second part of a pair.
fn pair(form: &Form) -> Option<&Form> {
    match &form.what {
        What::List(items) => match &items[..] {
            [_, second] => Some(second),
            _ => None,
        },
        What::Tagged(_, form) => pair(form),
        _ => None,
    }
}

/// Tags such as `jepsen.independent/tuple`, `jepsen/tuple`, `clojure.lang.MapEntry`, `map-entry`.
fn is_tuple(tag: &str) -> bool {
    let last = tag.rsplit(['/', '.']).next().unwrap_or(tag);
    matches!(last, "tuple" | "Tuple" | "map-entry" | "MapEntry")
}

fn is_mismatch(error: &Form) -> bool {
    match &error.what {
        What::Keyword(word) => super::MISMATCHES.contains(&&**word),
        What::List(items) => {
            matches!(
                items.first(),
                Some(Form {
                    what: What::Keyword(_),
                    ..
                })
            ) && is_mismatch(&items[0])
        }
        _ => false,
    }
}

fn is_no_match(error: &Form) -> bool {
    matches!(&error.what, What::Keyword(word) if &**word == super::NO_MATCH)
}

/// An error for people: a keyword without its colon. `[:no-match error]`, which we write for a
/// comparison that did not match and has an error all the same, is that error.
pub(crate) fn error_value(form: Form) -> Parsed<Value> {
    match form.what {
        What::Keyword(word) => Ok(Value::Str(word)),
        What::List(mut items) if items.len() == 2 && is_no_match(&items[0]) => {
            items.remove(1).value()
        }
        what => Form { at: form.at, what }.value(),
    }
}

fn kind(form: Form) -> Parsed<Kind> {
    let kind = form.word().and_then(|word| Kind::from_name(word));
    kind.ok_or_else(|| wrong_type(form, "type", ":invoke, :ok, :fail or :info"))
}

pub(crate) fn function(form: Form) -> Parsed<Function> {
    let word = form.word().map(|word| Function::from_name(word));
    word.ok_or_else(|| wrong_type(form, "f", "a keyword"))
}

pub(crate) fn process(form: Form) -> Parsed<Process> {
    let process = match &form.what {
        What::Number(number) => number.to_u64().map(Process::Client),
        _ => form.word().map(|word| Process::Named(Arc::clone(word))),
    };
    let expected = "a whole number (a client) or a keyword";
    process.ok_or_else(|| wrong_type(form, "process", expected))
}

/// A number from 0 on; nil is none, and so is a negative one, which Jepsen writes for "absent".
fn natural(key: &'static str, form: Form) -> Parsed<Option<u64>> {
    match &form.what {
        What::Nil => Ok(None),
        What::Number(Value::Int(..0)) => Ok(None),
        What::Number(number) if number.to_u64().is_some() => Ok(number.to_u64()),
        _ => Err(wrong_type(form, key, "a whole number")),
    }
}

fn truth(key: &'static str, form: Form) -> Parsed<Option<bool>> {
    match form.what {
        What::Nil => Ok(None),
        What::Bool(truth) => Ok(Some(truth)),
        _ => Err(wrong_type(form, key, "true or false")),
    }
}

/// A node's name, whatever it is written as.
fn name(form: Form) -> Parsed<Option<Arc<str>>> {
    match form.word() {
        Some(word) => Ok(Some(Arc::clone(word))),
        None => Ok(match form.value()? {
            Value::Null => None,
            other => Some(Arc::from(other.to_string())),
        }),
    }
}

fn wrong_type(form: Form, key: &'static str, expected: &'static str) -> SyntaxError {
    let at = form.at;
    match form.value() {
        Ok(value) => {
            let found = excerpt(&value.to_string());
            SyntaxError {
                at,
                problem: ReadProblem::WrongType {
                    key,
                    expected,
                    found,
                },
            }
        }
        Err(error) => error,
    }
}
