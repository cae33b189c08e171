//! One line of a recording: a process invoked something, or learnt what became of it.

use std::fmt;
use std::sync::Arc;

use crate::Value;

/// Who an event is about. Only clients are judged; a nemesis writes down what it broke.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Process {
    /// A logical, sequential client.
    Client(u64),
    /// Anything with a name, such as `nemesis`; never judged.
    Named(Arc<str>),
}

/// What an event says of its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The call was made.
    Invoke,
    /// It happened, and here is its answer.
    Ok,
    /// It did not happen and never will.
    Fail,
    /// Nobody knows: it may take effect at any later time, or never.
    Info,
}

/// What is called. The words of all models; `get`, `set`/`put`, `delete` are read as `read`,
/// `write`, `remove` where the model is a register or a map.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Function {
    /// Read a value, a set, a counter, a log.
    Read,
    /// Write a value.
    Write,
    /// Compare and set: `[old, new]`.
    Cas,
    /// Is the key, or the element, there?
    Contains,
    /// Remove a key or an element.
    Remove,
    /// Append to a string or a log.
    Append,
    /// Add a number to a counter, or an element to a set.
    Add,
    /// Add 1.
    Increment,
    /// Add -1.
    Decrement,
    /// Put a value at the end of a queue.
    Enqueue,
    /// Take a value from the front of a queue.
    Dequeue,
    /// Take a mutex.
    Acquire,
    /// Give a mutex back.
    Release,
    /// Any other word: a nemesis's, or one that no model has.
    Other(Arc<str>),
}

/// The objects a history can be judged against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Model {
    /// Read and write.
    Register,
    /// Read, write, compare-and-set.
    CasRegister,
    /// A map from keys to values.
    Kv,
    /// A number that is added to.
    Counter,
    /// A set of elements.
    Set,
    /// First in, first out.
    Queue,
    /// A lock with an owner.
    Mutex,
    /// An append-only list.
    Log,
}

/// What a client asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// The function called.
    pub f: Function,
    /// The object it was called on; absent means the history's only object.
    pub key: Option<Value>,
    /// Its argument, if the function has one.
    pub value: Option<Value>,
}

/// What the system answered. Which fields are present depends on the function; see the table of the
/// history format.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Answer {
    /// What was read or dequeued.
    pub value: Option<Value>,
    /// Whether a compare-and-set matched.
    pub swapped: Option<bool>,
    /// The value that a compare-and-set found instead.
    pub actual: Option<Value>,
    /// Any other result: a truth value, an offset, a token, a number.
    pub result: Option<Value>,
}

/// Keys that the format does not know, with their values, in the order of the file.
pub type Extra = Box<[(Arc<str>, Value)]>;

/// One event as it stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number in the recording.
    pub index: u64,
    /// Nanoseconds since the run's start, on one monotonic clock.
    pub time: Option<u64>,
    /// Who.
    pub process: Process,
    /// Whether it is a call or what became of it.
    pub kind: Kind,
    /// What was called.
    pub f: Function,
    /// On which object.
    pub key: Option<Value>,
    /// The argument, or the value read.
    pub value: Option<Value>,
    /// See [`Answer::swapped`].
    pub swapped: Option<bool>,
    /// See [`Answer::actual`].
    pub actual: Option<Value>,
    /// See [`Answer::result`].
    pub result: Option<Value>,
    /// The node that was asked.
    pub node: Option<Arc<str>>,
    /// Why it failed, or why nobody knows.
    pub error: Option<Value>,
    /// Keys that the format does not know; they survive a round trip.
    pub extra: Option<Extra>,
}

impl Event {
    /// An event that says nothing but who, what and which kind; its index is 0.
    pub fn new(process: Process, kind: Kind, f: Function) -> Self {
        Event {
            index: 0,
            time: None,
            process,
            kind,
            f,
            key: None,
            value: None,
            swapped: None,
            actual: None,
            result: None,
            node: None,
            error: None,
            extra: None,
        }
    }
}

impl Function {
    /// The word in a history file.
    pub fn name(&self) -> &str {
        match self {
            Function::Read => "read",
            Function::Write => "write",
            Function::Cas => "cas",
            Function::Contains => "contains",
            Function::Remove => "remove",
            Function::Append => "append",
            Function::Add => "add",
            Function::Increment => "increment",
            Function::Decrement => "decrement",
            Function::Enqueue => "enqueue",
            Function::Dequeue => "dequeue",
            Function::Acquire => "acquire",
            Function::Release => "release",
            Function::Other(word) => word,
        }
    }

    /// The function that a word of a history file names. Synonyms are the reader's business.
    pub fn from_name(word: &str) -> Self {
        match word {
            "read" => Function::Read,
            "write" => Function::Write,
            "cas" => Function::Cas,
            "contains" => Function::Contains,
            "remove" => Function::Remove,
            "append" => Function::Append,
            "add" => Function::Add,
            "increment" => Function::Increment,
            "decrement" => Function::Decrement,
            "enqueue" => Function::Enqueue,
            "dequeue" => Function::Dequeue,
            "acquire" => Function::Acquire,
            "release" => Function::Release,
            other => Function::Other(Arc::from(other)),
        }
    }
}

impl From<&str> for Function {
    fn from(word: &str) -> Self {
        Function::from_name(word)
    }
}

impl Kind {
    /// The word in a history file.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Invoke => "invoke",
            Kind::Ok => "ok",
            Kind::Fail => "fail",
            Kind::Info => "info",
        }
    }

    /// The kind of that name, if there is one.
    pub fn from_name(word: &str) -> Option<Self> {
        let all = [Kind::Invoke, Kind::Ok, Kind::Fail, Kind::Info];
        all.into_iter().find(|kind| kind.name() == word)
    }
}

impl Model {
    /// Every model, in the order of the documentation.
    pub const ALL: [Model; 8] = [
        Model::Register,
        Model::CasRegister,
        Model::Kv,
        Model::Counter,
        Model::Set,
        Model::Queue,
        Model::Mutex,
        Model::Log,
    ];

    /// The word in a header and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Model::Register => "register",
            Model::CasRegister => "cas-register",
            Model::Kv => "kv",
            Model::Counter => "counter",
            Model::Set => "set",
            Model::Queue => "queue",
            Model::Mutex => "mutex",
            Model::Log => "log",
        }
    }

    /// The model of that name, if there is one.
    pub fn from_name(word: &str) -> Option<Self> {
        Model::ALL.into_iter().find(|model| model.name() == word)
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Process::Client(number) => write!(f, "p{number}"),
            Process::Named(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
