//! A recorded history in columns: what a million operations need, and nothing per operation on the
//! heap.
//!
//! A [`RecordedHistory`] spends some three hundred bytes on an operation, which is fine for a
//! thousand and too much for ten million. Here an operation is a row across a few columns of
//! numbers, some fifty bytes in all, and every value is kept once and named by a [`ValueId`]. Ids
//! are dense and given in the order of first appearance, so that a judge may use them as indices.
//! Any part can be had as ordinary operations again.

mod values;

use crate::{
    Answer, Call, Function, Model, Operation, Origin, Outcome, Position, RecordedHistory, Value,
};
pub use values::{ValueId, Values};

/// The function of an operation, synonyms resolved, in a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Action {
    /// [`Function::Read`].
    Read,
    /// [`Function::Write`].
    Write,
    /// [`Function::Cas`].
    Cas,
    /// [`Function::Contains`].
    Contains,
    /// [`Function::Remove`].
    Remove,
    /// [`Function::Append`].
    Append,
    /// [`Function::Add`]; increments and decrements are adds.
    Add,
    /// [`Function::Enqueue`].
    Enqueue,
    /// [`Function::Dequeue`].
    Dequeue,
    /// [`Function::Acquire`].
    Acquire,
    /// [`Function::Release`].
    Release,
}

/// What became of an operation, in a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Fate {
    /// It happened; any but a compare-and-set.
    Completed,
    /// A compare-and-set that matched.
    Swapped,
    /// A compare-and-set that did not match.
    NotSwapped,
    /// It did not happen and never will.
    Failed,
    /// It may have happened at any time after its call, or never.
    Unknown,
}

/// The return of an operation that never returned.
pub const NEVER: Position = Position::MAX;

/// Operations in the order of their calls, in columns of equal length. Row `n` of each column is
/// about operation `n`.
#[derive(Clone, Debug)]
pub struct CompactHistory {
    pub(crate) model: Model,
    pub(crate) values: Values,
    pub(crate) called: Vec<Position>,
    pub(crate) returned: Vec<Position>,
    pub(crate) action: Vec<Action>,
    pub(crate) fate: Vec<Fate>,
    pub(crate) key: Vec<ValueId>,
    pub(crate) argument: Vec<ValueId>,
    pub(crate) replacement: Vec<ValueId>,
    pub(crate) answer: Vec<ValueId>,
    pub(crate) process: Vec<u64>,
    pub(crate) called_at: Vec<Moment>,
    pub(crate) ended_at: Vec<Moment>,
    /// Operation, and the one it comes after although positions do not say so; by operation.
    pub(crate) after: Vec<(u32, u32)>,
}

/// Where and when an event stood in its file, as [`Origin`], in 24 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) index: u64,
    /// [`Moment::UNTIMED`] without a time.
    pub(crate) time: u64,
    pub(crate) line: u32,
}

impl CompactHistory {
    /// The same history in columns. Calls and answers must be those of the model, as
    /// [`Recording::history`](crate::Recording::history) makes them. O(n).
    pub fn of(model: Model, history: &RecordedHistory) -> Self {
        let mut compact = CompactHistory::new(model);
        for operation in history.operations() {
            compact.push(operation);
        }
        compact
    }

    pub(crate) fn new(model: Model) -> Self {
        CompactHistory {
            model,
            values: Values::default(),
            called: Vec::new(),
            returned: Vec::new(),
            action: Vec::new(),
            fate: Vec::new(),
            key: Vec::new(),
            argument: Vec::new(),
            replacement: Vec::new(),
            answer: Vec::new(),
            process: Vec::new(),
            called_at: Vec::new(),
            ended_at: Vec::new(),
            after: Vec::new(),
        }
    }

    /// How many operations there are.
    pub fn len(&self) -> usize {
        self.called.len()
    }

    /// Whether there is no operation.
    pub fn is_empty(&self) -> bool {
        self.called.is_empty()
    }

    /// The object that the clients used.
    pub fn model(&self) -> Model {
        self.model
    }

    /// Every value of the history, once.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// When each operation was called.
    pub fn called(&self) -> &[Position] {
        &self.called
    }

    /// When each operation returned; [`NEVER`] for an unknown outcome.
    pub fn returned(&self) -> &[Position] {
        &self.returned
    }

    /// What each operation did.
    pub fn actions(&self) -> &[Action] {
        &self.action
    }

    /// What became of each operation.
    pub fn fates(&self) -> &[Fate] {
        &self.fate
    }

    /// The object that each operation was called on; [`ValueId::ABSENT`] is the history's only one.
    pub fn keys(&self) -> &[ValueId] {
        &self.key
    }

    /// The argument of each operation; of a compare-and-set the old value.
    pub fn arguments(&self) -> &[ValueId] {
        &self.argument
    }

    /// The new value of each compare-and-set.
    pub fn replacements(&self) -> &[ValueId] {
        &self.replacement
    }

    /// What each operation was answered: a value or a result; the actual value of a compare-and-set
    /// that did not match.
    pub fn answers(&self) -> &[ValueId] {
        &self.answer
    }

    /// Pairs of an operation and the earlier one that it comes after although positions do not say
    /// so, in the order of the first; see [`Operation::after`].
    pub fn links(&self) -> &[(u32, u32)] {
        &self.after
    }

    /// The `index` of an operation's invocation.
    pub fn index(&self, operation: usize) -> u64 {
        self.called_at[operation].index
    }

    /// One operation. `after` is that of the whole history.
    pub fn operation(&self, number: usize) -> Operation<Call, Answer> {
        let (returned, ended) = (self.returned[number], self.ended_at[number]);
        Operation {
            process: self.process[number],
            input: self.call(number),
            outcome: self.outcome(number),
            called: self.called[number],
            returned: (returned != NEVER).then_some(returned),
            after: self.link(number),
            call: self.called_at[number].origin(),
            end: (ended != Moment::NONE).then(|| ended.origin()),
        }
    }

    /// Some operations as a history of their own, in the order of their calls. `numbers` rise. A
    /// link to an operation that is left out is taken over from it. O(k) for k operations.
    pub fn select(&self, numbers: &[u32]) -> RecordedHistory {
        let operations = numbers.iter().map(|&number| {
            let mut operation = self.operation(number as usize);
            operation.after = self.linked_among(number, numbers);
            operation
        });
        RecordedHistory::from_operations(operations.collect())
    }

    /// All operations. O(n).
    pub fn expand(&self) -> RecordedHistory {
        let operations = (0..self.len()).map(|number| self.operation(number));
        RecordedHistory::from_operations(operations.collect())
    }

    fn link(&self, number: usize) -> Option<u32> {
        let at = self
            .after
            .binary_search_by_key(&number, |&(later, _)| later as usize);
        at.ok().map(|at| self.after[at].1)
    }

    /// The nearest operation that links lead to among the chosen ones, by its place there.
    fn linked_among(&self, number: u32, numbers: &[u32]) -> Option<u32> {
        let mut link = self.link(number as usize);
        while let Some(before) = link {
            if let Ok(place) = numbers.binary_search(&before) {
                return u32::try_from(place).ok();
            }
            if self.fate[before as usize] == Fate::Unknown {
                return None;
            }
            link = self.link(before as usize);
        }
        None
    }

    fn call(&self, number: usize) -> Call {
        let argument = self.value(self.argument[number]);
        let value = match self.action[number] {
            Action::Cas => {
                let pair = [argument, self.value(self.replacement[number])];
                Some(Value::list(pair.map(Option::unwrap_or_default)))
            }
            _ => argument,
        };
        Call {
            f: self.action[number].function(),
            key: self.value(self.key[number]),
            value,
        }
    }

    fn outcome(&self, number: usize) -> Outcome<Answer> {
        let told = self.value(self.answer[number]);
        let compared = |swapped, actual| {
            Outcome::Completed(Answer {
                swapped: Some(swapped),
                actual,
                ..Answer::default()
            })
        };
        match self.fate[number] {
            Fate::Failed => Outcome::Failed,
            Fate::Unknown => Outcome::Unknown,
            Fate::Swapped => compared(true, None),
            Fate::NotSwapped => compared(false, told),
            Fate::Completed if self.tells_value(number) => Outcome::Completed(Answer {
                value: told,
                ..Answer::default()
            }),
            Fate::Completed => Outcome::Completed(Answer {
                result: told,
                ..Answer::default()
            }),
        }
    }

    /// Whether the answer is a `value`; else it is a `result`, as that of a log read at an offset.
    fn tells_value(&self, number: usize) -> bool {
        match self.action[number] {
            Action::Dequeue => true,
            Action::Read => self.argument[number] == ValueId::ABSENT,
            _ => false,
        }
    }

    fn value(&self, id: ValueId) -> Option<Value> {
        (id != ValueId::ABSENT).then(|| self.values.get(id).clone())
    }

    fn push(&mut self, operation: &Operation<Call, Answer>) {
        let number = u32::try_from(self.len()).expect("a history holds at most 2^32 events");
        let call = &operation.input;
        let action = Action::of(&call.f).expect("the functions of a history are resolved");
        let (argument, replacement) = match (&call.value, action) {
            (Some(Value::List(pair)), Action::Cas) => (pair.first(), pair.get(1)),
            (argument, _) => (argument.as_ref(), None),
        };
        let (fate, answer) = fate(&operation.outcome);
        let key = self.values.intern_some(call.key.as_ref());
        let argument = self.values.intern_some(argument);
        let replacement = self.values.intern_some(replacement);
        let answer = self.values.intern_some(answer);
        self.called.push(operation.called);
        self.returned.push(operation.returned.unwrap_or(NEVER));
        self.action.push(action);
        self.fate.push(fate);
        self.key.push(key);
        self.argument.push(argument);
        self.replacement.push(replacement);
        self.answer.push(answer);
        self.process.push(operation.process);
        self.called_at.push(Moment::of(operation.call));
        self.ended_at
            .push(operation.end.map_or(Moment::NONE, Moment::of));
        self.after
            .extend(operation.after.map(|before| (number, before)));
    }
}

fn fate(outcome: &Outcome<Answer>) -> (Fate, Option<&Value>) {
    let answer = match outcome {
        Outcome::Completed(answer) => answer,
        Outcome::Failed => return (Fate::Failed, None),
        Outcome::Unknown => return (Fate::Unknown, None),
    };
    match answer.swapped {
        Some(true) => (Fate::Swapped, None),
        Some(false) => (Fate::NotSwapped, answer.actual.as_ref()),
        None => {
            let told = answer.value.as_ref().or(answer.result.as_ref());
            (Fate::Completed, told)
        }
    }
}

impl Moment {
    const UNTIMED: u64 = u64::MAX;
    /// No event.
    pub(crate) const NONE: Moment = Moment {
        index: u64::MAX,
        time: Moment::UNTIMED,
        line: u32::MAX,
    };

    fn of(origin: Origin) -> Self {
        Moment {
            index: origin.index,
            time: origin.time.unwrap_or(Moment::UNTIMED),
            line: origin.line,
        }
    }

    fn origin(self) -> Origin {
        Origin {
            index: self.index,
            time: (self.time != Moment::UNTIMED).then_some(self.time),
            line: self.line,
        }
    }
}

impl Action {
    /// The action that a function is, if it is a resolved one.
    pub fn of(function: &Function) -> Option<Self> {
        Some(match function {
            Function::Read => Action::Read,
            Function::Write => Action::Write,
            Function::Cas => Action::Cas,
            Function::Contains => Action::Contains,
            Function::Remove => Action::Remove,
            Function::Append => Action::Append,
            Function::Add => Action::Add,
            Function::Enqueue => Action::Enqueue,
            Function::Dequeue => Action::Dequeue,
            Function::Acquire => Action::Acquire,
            Function::Release => Action::Release,
            Function::Increment | Function::Decrement | Function::Other(_) => return None,
        })
    }

    /// The function.
    pub fn function(self) -> Function {
        match self {
            Action::Read => Function::Read,
            Action::Write => Function::Write,
            Action::Cas => Function::Cas,
            Action::Contains => Function::Contains,
            Action::Remove => Function::Remove,
            Action::Append => Function::Append,
            Action::Add => Function::Add,
            Action::Enqueue => Function::Enqueue,
            Action::Dequeue => Function::Dequeue,
            Action::Acquire => Function::Acquire,
            Action::Release => Function::Release,
        }
    }
}
