//! The world as chores see it: the workspace's folder, cargo, the terminal.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};

/// The workspace's folder, from where this crate was compiled.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// Run cargo in the workspace's folder, with extra environment variables, and fail if it fails.
pub(crate) fn cargo(arguments: &[&str], environment: &[(&str, String)]) -> Result<()> {
    say(&format!("cargo {}", arguments.join(" ")));
    #[expect(clippy::disallowed_methods, reason = "a chore is allowed to run cargo")]
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let status = command
        .current_dir(root())
        .args(arguments)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .status()
        .context("cargo could not be started")?;
    ensure!(
        status.success(),
        "`cargo {}` failed: {status}",
        arguments.join(" ")
    );
    Ok(())
}

/// Our program, built as it is released.
pub(crate) fn program() -> Result<PathBuf> {
    cargo(&["build", "--release", "--package", "testimony"], &[])?;
    let target = std::env::var_os("CARGO_TARGET_DIR");
    let target = target.map_or_else(|| root().join("target"), PathBuf::from);
    Ok(target.join("release").join("testimony"))
}

/// What a program answered.
pub(crate) struct Answer {
    /// `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
}

/// Run a program of ours in the workspace's folder, in silence.
pub(crate) fn output(program: &Path, arguments: &[&str]) -> Result<Answer> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a chore is allowed to run our program"
    )]
    let output = Command::new(program)
        .current_dir(root())
        .args(arguments)
        .output()
        .with_context(|| format!("{} could not be started", program.display()))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(Answer {
        code: output.status.code(),
        stdout,
    })
}

/// One line of a chore's answer.
#[expect(clippy::print_stdout, reason = "a chore answers on stdout")]
pub(crate) fn print(line: &str) {
    println!("{line}");
}

/// One line of progress.
#[expect(
    clippy::print_stderr,
    reason = "a chore talks to the person at the terminal"
)]
pub(crate) fn say(line: &str) {
    eprintln!("xtask: {line}");
}

/// Say why a chore failed.
pub(crate) fn complain(error: &anyhow::Error) -> ExitCode {
    say(&format!("{error:#}"));
    ExitCode::FAILURE
}
