//! History format version 1: JSON lines.

mod line;
mod reader;
mod syntax;
mod writer;

pub(crate) use line::header;
pub(crate) use reader::read;
pub(crate) use syntax::parse_value;
pub(crate) use writer::{number, string, value, write, write_event, write_header};
