//! Real processes that are killed at any moment: what was acknowledged must be there afterwards.
//!
//! This program is the tests and the nodes: with `NODE` in its environment it runs one node, which
//! dies with its parent.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program without a harness"
)]

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

#[path = "../cluster/mod.rs"]
mod cluster;
mod process;
mod scenarios;

fn main() -> ExitCode {
    if let Ok(text) = env::var(process::NODE) {
        return process::run_node(&text);
    }
    let filter: Vec<String> = env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    // On this very thread the nodes are started, and when it ends they die.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut failed = 0;
    for (name, scenario) in scenarios::ALL {
        if !filter.is_empty() && !filter.iter().any(|word| name.contains(word.as_str())) {
            continue;
        }
        let passed = catch_unwind(AssertUnwindSafe(|| runtime.block_on(scenario()))).is_ok();
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        failed += u8::from(!passed);
    }
    ExitCode::from(failed)
}
