//! Any bytes, read as JSON lines into columns.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| testimony_fuzz::reads_into_columns(bytes));
