//! What coordinator and participants keep over a crash.

use crate::journal::Journal;
use crate::ledger::Update;
use crate::replica::Disk;

/// Updates that are executed together, or not at all.
#[derive(Clone, Debug, PartialEq)]
pub struct Transaction<C> {
    /// Grows from one to the next. A number is never used again, also if it was aborted.
    pub number: u64,
    /// What it does.
    pub updates: Vec<Update<C>>,
}

/// What is saved in one piece.
#[derive(Clone, Debug)]
pub enum Record<C> {
    /// A transaction is voted on, and if this is a participant it has voted for it.
    Prepared(Transaction<C>),
    /// The transaction that was prepared has ended.
    Ended {
        /// Whether it was committed.
        commits: bool,
    },
    /// The state in place of all updates that were committed so far.
    State(Vec<u8>),
}

/// A node's disk.
#[derive(Clone, Debug)]
pub struct Logs<C> {
    /// The highest number that was prepared.
    begun: u64,
    /// The last number that was committed.
    committed: u64,
    prepared: Option<Transaction<C>>,
    journal: Journal<C>,
}

impl<C> Default for Logs<C> {
    fn default() -> Self {
        Logs {
            begun: 0,
            committed: 0,
            prepared: None,
            journal: Journal::default(),
        }
    }
}

impl<C> Logs<C> {
    pub(super) fn begun(&self) -> u64 {
        self.begun
    }

    pub(super) fn committed(&self) -> u64 {
        self.committed
    }

    pub(super) fn prepared(&self) -> Option<&Transaction<C>> {
        self.prepared.as_ref()
    }

    pub(super) fn journal(&self) -> &Journal<C> {
        &self.journal
    }
}

impl<C: Clone> Disk for Logs<C> {
    type Record = Record<C>;

    fn save(&mut self, record: &Record<C>) {
        match record {
            Record::Prepared(transaction) => {
                self.begun = transaction.number;
                self.prepared = Some(transaction.clone());
            }
            Record::Ended { commits } => {
                let Some(transaction) = self.prepared.take().filter(|_| *commits) else {
                    return;
                };
                self.committed = transaction.number;
                for update in transaction.updates {
                    self.journal.push(update);
                }
            }
            Record::State(bytes) => self.journal.replace(bytes.clone()),
        }
    }
}
