//! History format version 1: JSON lines.

mod event_reader;
mod line;
mod reader;
mod syntax;
mod writer;

pub use event_reader::{EventReader, PlacedEvent};
pub(crate) use line::{EventLine, event, header};
pub(crate) use reader::{is_blank, is_torn, placed, read};
pub(crate) use syntax::{LineError, parse_value};
pub(crate) use writer::{number, string, value, write, write_event, write_header};
