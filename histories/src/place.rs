//! Where in a file something stands.

use std::fmt;

/// A line and a column, both counted from 1; a column counts bytes. Zeros mean that there was no
/// file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The line, from 1.
    pub line: u32,
    /// The byte within the line, from 1.
    pub column: u32,
}

impl Place {
    /// The place of the byte at `offset` in `text`. O(offset).
    pub(crate) fn of(text: &[u8], offset: usize) -> Self {
        let before = &text[..offset.min(text.len())];
        let lines = memchr::memchr_iter(b'\n', before).count();
        let start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        Place {
            line: ordinal(lines),
            column: ordinal(before.len() - start),
        }
    }
}

/// The number, from 1, of the thing at `index`, as far as 32 bits count.
pub(crate) fn ordinal(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1)
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// An index as 32 bits.
///
/// # Panics
/// Above 2^32: no such history fits the memory of the machines of this decade.
pub(crate) fn index32(index: usize) -> u32 {
    u32::try_from(index).expect("a history holds at most 2^32 events")
}

/// The beginning of a text, for a message.
pub(crate) fn excerpt(text: &str) -> Box<str> {
    match text.char_indices().nth(40) {
        None => text.into(),
        Some((end, _)) => format!("{}...", &text[..end]).into(),
    }
}
