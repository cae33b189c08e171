//! Any bytes, read as JSON lines.

#![no_main]

use libfuzzer_sys::fuzz_target;
use testimony_history::Format;

fuzz_target!(|bytes: &[u8]| testimony_fuzz::reads(Some(Format::JsonLines), bytes));
