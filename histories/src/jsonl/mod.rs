//! History format version 1: JSON lines.

mod line;
mod reader;
mod syntax;
mod writer;

pub(crate) use reader::read;
pub(crate) use syntax::parse_value;
pub(crate) use writer::{write, write_event, write_header};
