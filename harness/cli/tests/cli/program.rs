//! The program under test, called as a person calls it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

/// What the program answered.
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Calls `testimony` with these words in this folder.
pub(crate) fn testimony(folder: &Path, words: &[&str]) -> Answer {
    let output = command(folder)
        .args(words)
        .output()
        .expect("the program starts");
    Answer::of(output)
}

/// The program, to be called in this folder, as nobody in particular.
#[expect(
    clippy::disallowed_methods,
    reason = "the tests call the program as a person does"
)]
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_testimony"));
    command
        .current_dir(folder)
        .env_remove("GITHUB_ACTIONS")
        .env_remove("GITHUB_STEP_SUMMARY");
    command
}

/// A file with this content.
pub(crate) fn file(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, content).expect("the file can be written");
    path
}

/// Waits until it is so, a minute at most.
pub(crate) fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let looks = 6_000;
    for _ in 0..looks {
        if is_so() {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    panic!("{what} did not come within a minute");
}

impl Answer {
    pub(crate) fn of(output: Output) -> Self {
        Answer {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        }
    }

    /// Fails with everything that was said, unless the exit code is this one.
    #[track_caller]
    pub(crate) fn exits_with(self, code: i32) -> Self {
        let Answer {
            code: actual,
            stdout,
            stderr,
        } = &self;
        assert_eq!(*actual, code, "stdout:\n{stdout}\nstderr:\n{stderr}");
        self
    }

    /// Fails unless stderr has each of these parts, and no panic.
    #[track_caller]
    pub(crate) fn complains(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(
                self.stderr.contains(part),
                "{part:?} is not in {:?}",
                self.stderr
            );
        }
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }
}
