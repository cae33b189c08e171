//! Any bytes, read as a log of Porcupine's test data.

#![no_main]

use libfuzzer_sys::fuzz_target;
use testimony_history::Format;

fuzz_target!(|bytes: &[u8]| testimony_fuzz::reads(Some(Format::PorcupineLog), bytes));
