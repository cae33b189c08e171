//! A recorded history in columns: what a million operations need, and nothing per operation on the
//! heap.
//!
//! A [`RecordedHistory`] spends some three hundred bytes on an operation, which is fine for a
//! thousand and too much for ten million. Here an operation is a row across a few columns of
//! numbers, some fifty bytes in all, and every value is kept once and named by a [`ValueId`]. Ids
//! are dense and given in the order of first appearance, so that a judge may use them as indices.
//! Any part can be had as ordinary operations again.

pub(crate) mod origins;
mod values;

use rustc_hash::FxHashMap;

use crate::place::index32;
use crate::{
    Answer, Call, Function, Model, Operation, Origin, Outcome, Position, RecordedHistory, Value,
};
use origins::Origins;
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

impl Fate {
    /// Whether the operation is known to have happened.
    pub fn happened(self) -> bool {
        matches!(self, Fate::Completed | Fate::Swapped | Fate::NotSwapped)
    }
}

/// What an operation asked, in numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placement {
    pub(crate) action: Action,
    pub(crate) key: ValueId,
    pub(crate) argument: ValueId,
    pub(crate) replacement: ValueId,
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
    /// Who called each operation, as a place among `processes`.
    pub(crate) caller: Vec<u32>,
    pub(crate) processes: Vec<u64>,
    pub(crate) origins: Origins,
    /// Operation, and the one it comes after although positions do not say so; by operation.
    pub(crate) after: Vec<(u32, u32)>,
}

impl CompactHistory {
    /// The same history in columns. Calls and answers must be those of the model, as
    /// [`Recording::history`](crate::Recording::history) makes them. O(n log n).
    pub fn of(model: Model, history: &RecordedHistory) -> Self {
        let mut compact = CompactHistory::new(model);
        let mut codes = FxHashMap::default();
        for operation in history.operations() {
            let fresh = index32(codes.len());
            let code = *codes.entry(operation.process).or_insert(fresh);
            if code == fresh {
                compact.processes.push(operation.process);
            }
            compact.push(operation, code);
        }
        compact.number_events(history);
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
            caller: Vec::new(),
            processes: Vec::new(),
            origins: Origins::default(),
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
        self.origins.index(operation)
    }

    /// One operation. `after` is that of the whole history.
    pub fn operation(&self, number: usize) -> Operation<Call, Answer> {
        let returned = self.returned[number];
        Operation {
            process: self.processes[self.caller[number] as usize],
            input: self.call(number),
            outcome: self.outcome(number),
            called: self.called[number],
            returned: (returned != NEVER).then_some(returned),
            after: self.link(number),
            call: self.origins.of_call(number),
            end: self.origins.of_end(number),
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

    /// What an operation asked.
    pub(crate) fn call(&self, number: usize) -> Call {
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
        (id != ValueId::ABSENT).then(|| self.values.get(id))
    }

    fn push(&mut self, operation: &Operation<Call, Answer>, caller: u32) {
        let number = index32(self.len());
        let placement = self.place(&operation.input);
        self.begin(placement, caller);
        let (fate, answer) = fate(&operation.outcome);
        let answer = self.values.intern_some(answer);
        let place = number as usize;
        (self.fate[place], self.answer[place]) = (fate, answer);
        self.called[place] = operation.called;
        self.returned[place] = operation.returned.unwrap_or(NEVER);
        self.after
            .extend(operation.after.map(|before| (number, before)));
    }

    /// A call in numbers; its values get some if they have none.
    pub(crate) fn place(&mut self, call: &Call) -> Placement {
        let action = Action::of(&call.f).expect("the functions of a history are resolved");
        let (argument, replacement) = match (&call.value, action) {
            (Some(Value::List(pair)), Action::Cas) => (pair.first(), pair.get(1)),
            (argument, _) => (argument.as_ref(), None),
        };
        Placement {
            action,
            key: self.values.intern_some(call.key.as_ref()),
            argument: self.values.intern_some(argument),
            replacement: self.values.intern_some(replacement),
        }
    }

    /// Adds an operation of which nothing but its call is known yet.
    pub(crate) fn begin(&mut self, placement: Placement, caller: u32) {
        self.called.push(0);
        self.returned.push(NEVER);
        self.action.push(placement.action);
        self.fate.push(Fate::Unknown);
        self.key.push(placement.key);
        self.argument.push(placement.argument);
        self.replacement.push(placement.replacement);
        self.answer.push(ValueId::ABSENT);
        self.caller.push(caller);
    }

    /// Numbers the events of operations in the order of the file, as far as it shows.
    fn number_events(&mut self, history: &RecordedHistory) {
        let operations = history.operations();
        let calls = (0..).zip(operations).map(|(at, it)| (it.call, at, false));
        let ends = (0..).zip(operations);
        let ends = ends.filter_map(|(at, it)| Some((it.end?, at, true)));
        let mut events: Vec<(Origin, usize, bool)> = calls.chain(ends).collect();
        events.sort_by_key(|(origin, ..)| (origin.line, origin.index));
        let mut numbers = vec![0; operations.len()];
        for (number, &(origin, operation, is_end)) in (0..).zip(&events) {
            self.origins.event(number, origin);
            if !is_end {
                numbers[operation] = number;
            }
        }
        for (operation, number) in operations.iter().zip(numbers) {
            self.origins.call(number, operation.call.time);
        }
        for (number, &(origin, operation, is_end)) in (0..).zip(&events) {
            if is_end {
                self.origins.end(operation, number, origin.time);
            }
        }
    }
}

fn fate(outcome: &Outcome<Answer>) -> (Fate, Option<&Value>) {
    match outcome {
        Outcome::Completed(answer) => completed(answer),
        Outcome::Failed => (Fate::Failed, None),
        Outcome::Unknown => (Fate::Unknown, None),
    }
}

/// The fate that an answer shows, and the value that it tells.
pub(crate) fn completed(answer: &Answer) -> (Fate, Option<&Value>) {
    match answer.swapped {
        Some(true) => (Fate::Swapped, None),
        Some(false) => (Fate::NotSwapped, answer.actual.as_ref()),
        None => {
            let told = answer.value.as_ref().or(answer.result.as_ref());
            (Fate::Completed, told)
        }
    }
}

impl Action {
    /// Every action, in the order of its bytes.
    pub(crate) const ALL: [Action; 11] = [
        Action::Read,
        Action::Write,
        Action::Cas,
        Action::Contains,
        Action::Remove,
        Action::Append,
        Action::Add,
        Action::Enqueue,
        Action::Dequeue,
        Action::Acquire,
        Action::Release,
    ];

    /// The action that a call of a function is; increments and decrements are adds.
    pub(crate) fn of_call(function: &Function) -> Option<Self> {
        match function {
            Function::Increment | Function::Decrement => Some(Action::Add),
            other => Action::of(other),
        }
    }

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
