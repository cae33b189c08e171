//! Any bytes, read, paired and judged against every model.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| testimony_fuzz::judges(bytes));
