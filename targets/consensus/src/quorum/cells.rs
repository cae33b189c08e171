//! A node's copy of the registers.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::NodeId;
use crate::replica::Disk;

/// Orders the values of a key. No two writes have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag {
    /// Grows with every write that knows of earlier ones.
    pub number: u64,
    /// The node that carried out the write.
    pub node: NodeId,
}

/// A value and its tag.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// Which of two values is the later one.
    pub tag: Tag,
    /// The value; `null` if the key was never written.
    pub value: Value,
}

/// What is saved in one piece.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// The node has started so many times, and tells others something for the first time.
    Life(u64),
    /// It keeps this.
    Cell {
        /// Which key.
        key: String,
        /// The value and its tag.
        cell: Cell,
    },
}

/// All registers.
#[derive(Clone, Debug, Default)]
pub struct Cells {
    life: u64,
    cells: BTreeMap<String, Cell>,
}

impl Tag {
    /// Lower than that of any write.
    pub const NONE: Tag = Tag {
        number: 0,
        node: NodeId(0),
    };

    /// A tag of `node` that is higher.
    pub(super) fn next(self, node: NodeId) -> Tag {
        let number = self.number + 1;
        Tag { number, node }
    }
}

impl Cell {
    /// About how many bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Tag>() + self.value.to_string().len()
    }
}

impl Cells {
    /// As they are at a start after this was saved.
    pub(super) fn next_life(&self) -> Cells {
        Cells {
            life: self.life + 1,
            cells: self.cells.clone(),
        }
    }

    pub(super) fn life(&self) -> u64 {
        self.life
    }

    pub(super) fn get(&self, key: &str) -> Cell {
        self.cells.get(key).cloned().unwrap_or(Cell {
            tag: Tag::NONE,
            value: Value::Null,
        })
    }

    /// Takes a value unless a later one is there; whether it did.
    pub(super) fn adopt(&mut self, key: &str, cell: &Cell) -> bool {
        let later = self.get(key).tag < cell.tag;
        if later {
            self.cells.insert(key.to_owned(), cell.clone());
        }
        later
    }
}

impl Disk for Cells {
    type Record = Record;

    fn save(&mut self, record: &Record) {
        match record {
            Record::Life(life) => self.life = *life,
            Record::Cell { key, cell } => {
                self.adopt(key, cell);
            }
        }
    }
}
