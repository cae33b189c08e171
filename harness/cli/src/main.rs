//! The `testimony` program: one arm for each command, one exit code for each outcome.

mod args;
mod campaign;
mod chance;
mod check;
mod compression;
mod convert;
mod deadline;
mod doctor;
mod failure;
mod follow;
mod history_file;
mod init;
mod judging;
mod limits;
mod live;
mod lookout;
mod memory;
mod merge;
mod node;
mod outlet;
mod progress;
mod replay;
mod report;
mod run;
mod run_folder;
mod session;
mod shrink;
mod shrink_run;
mod simulate;
mod simulation;
mod source;
mod stopwatch;
mod targets;
mod terminal;
mod verdict_of_run;
mod whereabouts;

use std::process::ExitCode;

use clap::Parser;
use testimony_lab::Entrance;
use testimony_report::RunOutcome;
use tracing_subscriber::EnvFilter;

use crate::args::{Arguments, Command, ExecArguments};
use crate::failure::Failure;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    subscribe();
    match dispatch(&arguments) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            let text = failure.to_string();
            if !text.is_empty() {
                terminal::tell(&text);
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

/// The exit code: of the command, or of this program in the place where its lab is.
fn dispatch(arguments: &Arguments) -> Result<u8, Failure> {
    match &arguments.command {
        Command::Exec(arguments) => exec(arguments),
        Command::Enter(arguments) => whereabouts::cross(arguments),
        Command::First(arguments) => whereabouts::be_first(arguments),
        Command::Try if arguments.inside => doctor::try_out(),
        command if !arguments.inside && whereabouts::is_elsewhere(command) => whereabouts::enter(),
        command => carry_out(command).map(RunOutcome::exit_code),
    }
}

fn carry_out(command: &Command) -> Result<RunOutcome, Failure> {
    match command {
        Command::Run(arguments) => run::run(arguments),
        Command::Simulate(arguments) => simulate::run(arguments),
        Command::Merge(arguments) => merge::run(arguments),
        Command::Check(arguments) if arguments.follow => follow::run(arguments),
        Command::Check(arguments) => check::run(arguments),
        Command::Replay(arguments) => replay::run(arguments),
        Command::Shrink(arguments) => shrink::shrink(arguments),
        Command::Explain(arguments) => shrink::explain(arguments),
        Command::Report(arguments) => report::run(arguments),
        Command::Convert(arguments) => convert::run(arguments),
        Command::Targets(arguments) => targets::run(arguments),
        Command::Doctor => doctor::run(),
        Command::Init(arguments) => init::run(arguments),
        Command::Node(command) => node::run(command),
        Command::Exec(_) | Command::Enter(_) | Command::First(_) | Command::Try => {
            Ok(RunOutcome::Pass)
        }
    }
}

/// Becomes another program that dies with its parent; returns only if that failed.
fn exec(arguments: &ExecArguments) -> Result<u8, Failure> {
    let [program, rest @ ..] = arguments.program.as_slice() else {
        return Err(Failure::usage(anyhow::anyhow!("nothing to start")));
    };
    let entrance = Entrance {
        parent: arguments.parent,
        net: arguments.net.clone(),
        unprivileged: arguments.unprivileged.clone(),
        announce_saves: arguments.announce_saves,
    };
    let error = entrance.become_node(program.as_ref(), rest);
    Err(Failure::Broken(error.into()))
}

/// Diagnostics go to stderr; `RUST_LOG` chooses them.
fn subscribe() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}
