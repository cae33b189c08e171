//! The operations of a register as zones see them: who saw which value, who made which.

use testimony_history::Position;

/// No value, no row, no return.
pub(crate) const NONE: u32 = u32::MAX;

/// One operation. Times are positions raised by one, so that 0 is before everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) called: u32,
    /// [`NONE`] if nobody knows whether it happened.
    pub(crate) returned: u32,
    /// The value that was there before.
    pub(crate) saw: u32,
    /// The value that was there afterwards, if the operation put it there.
    pub(crate) made: u32,
}

/// The operations of one register in the order of their calls. Values are numbered without gaps; 0
/// is the one that the register starts with.
#[derive(Debug)]
pub(crate) struct Rows {
    rows: Vec<Row>,
    values: usize,
}

impl Default for Rows {
    fn default() -> Self {
        Rows {
            rows: Vec::new(),
            values: 1,
        }
    }
}

impl Rows {
    pub(crate) fn clear(&mut self) {
        self.rows.clear();
        self.values = 1;
    }

    /// How many values there are.
    pub(crate) fn values(&self) -> usize {
        self.values
    }

    /// Says how many values there are.
    pub(crate) fn set_values(&mut self, values: usize) {
        self.values = values;
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn row(&self, number: u32) -> Row {
        self.rows[number as usize]
    }

    pub(crate) fn numbered(&self) -> impl Iterator<Item = (u32, Row)> {
        (0..).zip(self.rows.iter().copied())
    }

    /// Adds an operation that did not fail; `returned` is [`NONE`] for an unknown outcome. Unknown
    /// operations that make nothing must not be added.
    pub(crate) fn push(&mut self, called: Position, returned: Position, saw: u32, made: u32) {
        self.rows.push(Row {
            called: called + 1,
            returned: returned.saturating_add(1),
            saw,
            made,
        });
    }
}
