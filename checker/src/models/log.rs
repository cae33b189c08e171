//! An append-only list.

use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use rustc_hash::FxBuildHasher;
use testimony_history::{Answer, Call, Function, Value};

use super::{Bundled, argument, canonical, elements, owned_bytes, starting_elements, unknown_word};
use crate::expert::Expert;
use crate::expert::log::LogExpert;
use crate::model::Model;

/// A log whose elements have offsets 0, 1, 2 and so on.
#[derive(Clone, Debug, Default)]
pub struct Log {
    initial: Vec<Value>,
}

/// What is asked of a [`Log`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LogInput {
    /// This element at the end.
    Append(Value),
    /// All elements?
    Read,
    /// The element at this offset?
    ReadAt(u64),
}

/// What a [`Log`] answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LogOutput {
    /// Done; to an append that tells nothing.
    Done,
    /// The offset that the element got.
    Offset(u64),
    /// All elements.
    Elements(Arc<[Value]>),
    /// The element; `null` past the end.
    Element(Value),
}

/// The elements of a [`Log`], sharing their beginning with the log they were appended to.
#[derive(Clone, Default)]
pub struct LogState(Option<Arc<Node>>);

struct Node {
    before: LogState,
    /// An earlier state, so that any is reached in O(log n) jumps (Myers 1983).
    jump: LogState,
    element: Value,
    length: u64,
    hash: u64,
}

impl Log {
    /// A log that starts with elements.
    pub fn new(initial: impl IntoIterator<Item = Value>) -> Self {
        Log {
            initial: initial.into_iter().collect(),
        }
    }

    pub(crate) fn initial(&self) -> &[Value] {
        &self.initial
    }

    /// Whether an element is there from the start.
    pub(crate) fn starts_with(&self, element: &Value) -> bool {
        self.initial.contains(element)
    }
}

impl LogState {
    /// The number of elements.
    pub fn length(&self) -> u64 {
        self.0.as_ref().map_or(0, |node| node.length)
    }

    fn with(&self, element: Value) -> Self {
        let before = self.0.as_ref().map_or(0, |node| node.hash);
        let hash = FxBuildHasher.hash_one((before, &element));
        let length = self.length() + 1;
        let jump = self.jump();
        let farther = jump.jump();
        let as_far = self.length() - jump.length() == jump.length() - farther.length();
        LogState(Some(Arc::new(Node {
            before: self.clone(),
            jump: if as_far { farther } else { self.clone() },
            element,
            length,
            hash,
        })))
    }

    /// The elements, the last first.
    fn backwards(&self) -> impl Iterator<Item = &Node> {
        std::iter::successors(self.0.as_deref(), |node| node.before.0.as_deref())
    }

    fn is(&self, elements: &[Value]) -> bool {
        self.length() == elements.len() as u64
            && self
                .backwards()
                .zip(elements.iter().rev())
                .all(|(node, e)| node.element == *e)
    }

    /// The logs that some elements begin with, from the empty one to all of them.
    pub(crate) fn beginnings(elements: &[Value]) -> impl Iterator<Item = LogState> {
        (0..=elements.len()).scan(LogState::default(), |log, length| {
            if length > 0 {
                *log = log.with(elements[length - 1].clone());
            }
            Some(log.clone())
        })
    }

    /// Whether elements begin with these.
    fn begins(&self, elements: &[Value]) -> bool {
        usize::try_from(self.length())
            .ok()
            .and_then(|length| elements.get(..length))
            .is_some_and(|start| self.is(start))
    }

    fn jump(&self) -> LogState {
        self.0
            .as_ref()
            .map_or_else(LogState::default, |node| node.jump.clone())
    }

    fn at(&self, offset: u64) -> Option<&Value> {
        let mut node = self.0.as_deref().filter(|node| node.length > offset)?;
        while node.length - 1 != offset {
            let far = node.jump.0.as_deref().filter(|far| far.length > offset);
            node = far.or(node.before.0.as_deref())?;
        }
        Some(&node.element)
    }
}

impl fmt::Debug for LogState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut elements: Vec<&Value> = self.backwards().map(|node| &node.element).collect();
        elements.reverse();
        f.debug_list().entries(elements).finish()
    }
}

impl PartialEq for LogState {
    fn eq(&self, other: &Self) -> bool {
        let (mut a, mut b) = (self, other);
        loop {
            match (&a.0, &b.0) {
                (None, None) => return true,
                (Some(x), Some(y)) if Arc::ptr_eq(x, y) => return true,
                (Some(x), Some(y))
                    if x.hash == y.hash && x.length == y.length && x.element == y.element =>
                {
                    (a, b) = (&x.before, &y.before);
                }
                _ => return false,
            }
        }
    }
}

impl Eq for LogState {}

impl Hash for LogState {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.0.as_ref().map_or(0, |node| node.hash));
    }
}

/// Frees a long log in a loop: one call per element would overflow the stack. What a node jumps to
/// is held by those before it, so letting go of the jump first never frees anything.
impl Drop for Node {
    fn drop(&mut self) {
        drop(self.jump.0.take());
        let mut next = self.before.0.take();
        while let Some(mut node) = next.and_then(Arc::into_inner) {
            drop(node.jump.0.take());
            next = node.before.0.take();
        }
    }
}

impl Model for Log {
    type Input = LogInput;
    type Output = LogOutput;
    type State = LogState;

    fn init(&self) -> LogState {
        self.initial
            .iter()
            .fold(LogState::default(), |log, element| {
                log.with(element.clone())
            })
    }

    fn step(
        &self,
        state: &LogState,
        input: &LogInput,
        seen: Option<&LogOutput>,
    ) -> Option<LogState> {
        let same = |legal: bool| legal.then(|| state.clone());
        match (input, seen) {
            (LogInput::Append(element), None | Some(LogOutput::Done)) => {
                Some(state.with(element.clone()))
            }
            (LogInput::Append(element), Some(LogOutput::Offset(offset))) => {
                (state.length() == *offset).then(|| state.with(element.clone()))
            }
            (LogInput::Read | LogInput::ReadAt(_), None) => Some(state.clone()),
            (LogInput::Read, Some(LogOutput::Elements(elements))) => same(state.is(elements)),
            (LogInput::ReadAt(offset), Some(LogOutput::Element(element))) => {
                same(state.at(*offset).unwrap_or(&Value::Null) == element)
            }
            (LogInput::Append(_), Some(LogOutput::Elements(_) | LogOutput::Element(_)))
            | (
                LogInput::Read,
                Some(LogOutput::Done | LogOutput::Offset(_) | LogOutput::Element(_)),
            )
            | (
                LogInput::ReadAt(_),
                Some(LogOutput::Done | LogOutput::Offset(_) | LogOutput::Elements(_)),
            ) => None,
        }
    }

    fn is_pure(&self, input: &LogInput, _seen: Option<&LogOutput>) -> bool {
        matches!(input, LogInput::Read | LogInput::ReadAt(_))
    }

    fn grows(&self, input: &LogInput, _seen: Option<&LogOutput>) -> bool {
        matches!(input, LogInput::Append(_))
    }

    /// What is there stays where it is.
    fn is_lost(&self, state: &LogState, input: &LogInput, seen: Option<&LogOutput>) -> bool {
        match (input, seen) {
            (LogInput::Read, Some(LogOutput::Elements(elements))) => !state.begins(elements),
            (LogInput::ReadAt(offset), Some(LogOutput::Element(element))) => {
                state.at(*offset).is_some_and(|there| there != element)
            }
            (LogInput::Append(_), Some(LogOutput::Offset(offset))) => state.length() > *offset,
            _ => false,
        }
    }

    fn tells_growth(&self, _input: &LogInput, seen: Option<&LogOutput>) -> bool {
        !matches!(seen, None | Some(LogOutput::Done))
    }

    fn state_bytes(&self, state: &LogState) -> usize {
        size_of::<LogState>()
            + state.0.as_ref().map_or(0, |node| {
                32 + size_of::<Node>() + owned_bytes(&node.element)
            })
    }
}

impl Bundled for Log {
    fn starting_as(initial: Option<&Value>) -> Result<Self, String> {
        Ok(Log::new(starting_elements(initial)?))
    }

    fn decode_call(_process: u64, call: &Call) -> Result<LogInput, String> {
        match (&call.f, &call.value) {
            (Function::Append, _) => Ok(LogInput::Append(argument(call)?)),
            (Function::Read, None | Some(Value::Null)) => Ok(LogInput::Read),
            (Function::Read, Some(offset)) => Ok(LogInput::ReadAt(offset_of(offset)?)),
            _ => Err(unknown_word(call)),
        }
    }

    fn decode_answer(call: &Call, answer: &Answer) -> Result<LogOutput, String> {
        match (&call.f, &call.value) {
            (Function::Read, None | Some(Value::Null)) => {
                Ok(LogOutput::Elements(elements(answer.value.as_ref())?.into()))
            }
            (Function::Read, Some(_)) => {
                let element = answer.result.as_ref().ok_or("it has no `result`")?;
                Ok(LogOutput::Element(canonical(element)))
            }
            _ => match &answer.result {
                None | Some(Value::Null) => Ok(LogOutput::Done),
                Some(offset) => Ok(LogOutput::Offset(offset_of(offset)?)),
            },
        }
    }

    fn state_in_words(state: &LogState) -> String {
        let mut elements: Vec<Value> = state.backwards().map(|node| node.element.clone()).collect();
        elements.reverse();
        Value::list(elements).to_string()
    }

    fn expert() -> Box<dyn Expert<Self>> {
        Box::new(LogExpert)
    }
}

fn offset_of(value: &Value) -> Result<u64, String> {
    match value {
        Value::Int(offset) => u64::try_from(*offset).ok(),
        _ => None,
    }
    .ok_or_else(|| format!("{value} is no offset"))
}
