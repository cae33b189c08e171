//! Chores of the repository: `cargo xtask verify` reads and judges, `cargo xtask fix` writes,
//! `cargo xtask layers` and `tidy` are parts of verify, `cargo xtask soak` looks for rare failures,
//! `cargo xtask bench-table` measures, `cargo xtask campaigns` simulates.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

mod bench_table;
mod bugs;
mod campaigns;
mod layers;
mod soak;
mod tidy;
mod toolbox;

#[derive(Parser)]
#[command(name = "xtask", about = "Chores of the repository")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Everything that a change must pass: format, lints, layers, tidiness, tests. Writes nothing.
    Verify,
    /// Format, and let clippy mend what it can.
    Fix,
    /// Fail if a crate depends on one that its layer may not know.
    Layers,
    /// Fail on what no compiler checks: long lines and functions, missing module docs, leftovers.
    Tidy,
    /// Run every planted bug with several seeds and print how often it was found.
    Bugs {
        /// Runs of each bug.
        #[arg(long, default_value_t = 5)]
        seeds: u64,
        /// Time under faults of each run.
        #[arg(long, default_value = "30s")]
        time: String,
        /// This bug only.
        #[arg(long)]
        bug: Option<String>,
    },
    /// Run the random tests far longer than the default test run does.
    Soak {
        /// Random small histories that every checker algorithm is compared with the oracle on.
        #[arg(long, default_value_t = 10_000_000)]
        histories: u64,
        /// The first seed of them; a run that was stopped says where to go on.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// Seeds of the randomly scheduled Raft cluster.
        #[arg(long, default_value_t = 20_000)]
        seeds: u64,
    },
    /// Run every simulated protocol and planted bug, and put what was found into the documentation.
    Campaigns {
        /// Seeds of each protocol.
        #[arg(long, default_value_t = 1000)]
        seeds: u64,
        /// Seeds of each planted bug at most.
        #[arg(long, default_value_t = 2000)]
        bug_seeds: u64,
        /// Time under faults of each run.
        #[arg(long, default_value = "30s")]
        time: String,
    },
    /// Measure the checker, and put the table into the documentation.
    BenchTable {
        /// Every combination, up to ten million operations: takes hours.
        #[arg(long)]
        full: bool,
    },
}

fn main() -> ExitCode {
    match run(&Arguments::parse().chore) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => toolbox::complain(&error),
    }
}

fn run(chore: &Chore) -> Result<()> {
    match chore {
        Chore::Verify => verify(),
        Chore::Fix => fix(),
        Chore::Layers => layers::check(),
        Chore::Tidy => tidy::check(),
        Chore::Bugs { seeds, time, bug } => bugs::run(*seeds, time, bug.as_deref()),
        Chore::Soak {
            histories,
            from,
            seeds,
        } => soak::Soak {
            histories: *histories,
            from: *from,
            clusters: *seeds,
        }
        .run(),
        Chore::Campaigns {
            seeds,
            bug_seeds,
            time,
        } => campaigns::Campaigns {
            program: toolbox::program()?,
            seeds: *seeds,
            bug_seeds: *bug_seeds,
            time: time.clone(),
        }
        .write(),
        Chore::BenchTable { full } => bench_table::write(*full),
    }
}

fn verify() -> Result<()> {
    toolbox::cargo(&["fmt", "--all", "--check"], &[])?;
    layers::check()?;
    tidy::check()?;
    let clippy = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ];
    toolbox::cargo(&clippy, &[])?;
    toolbox::cargo(&["test", "--workspace", "--locked"], &[])
}

fn fix() -> Result<()> {
    toolbox::cargo(
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--fix",
            "--allow-dirty",
        ],
        &[],
    )?;
    toolbox::cargo(&["fmt", "--all"], &[])
}
