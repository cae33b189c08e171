//! Any bytes, read in the format that they seem to have.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| testimony_fuzz::reads(None, bytes));
