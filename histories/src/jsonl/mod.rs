//! History format version 1: JSON lines.

mod writer;

pub(crate) use writer::{write_event, write_header};
