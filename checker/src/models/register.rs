//! Models whose reads and writes are those of a register, in a register's terms.

use testimony_history::Value;

/// What an operation does in a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access<'a> {
    /// It reads.
    Read,
    /// It puts this value there, whatever was there before.
    Write(&'a Value),
}

/// How to say what a register does in the terms of a model, and the reverse.
#[derive(Clone, Debug)]
pub(crate) struct AsRegister<I, O> {
    /// What it starts with.
    pub(crate) initial: Value,
    /// What an operation does, if it is no more than a read or a write.
    pub(crate) access: fn(&I) -> Option<Access<'_>>,
    /// What an answer says was read, if that is what it says.
    pub(crate) seen: fn(O) -> Option<Value>,
    /// A read, and its answer.
    pub(crate) read: fn(Value) -> (I, O),
    /// A write, and its answer.
    pub(crate) write: fn(Value) -> (I, O),
}
