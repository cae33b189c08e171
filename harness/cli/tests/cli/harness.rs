//! A harness in the background, and whom it has started.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

use crate::program::{Answer, command};

/// A run of a minute in the background; killed, and its nodes with it, when the test ends or fails.
pub(crate) struct Harness(Option<Child>);

impl Harness {
    /// Starts it, with these words besides.
    pub(crate) fn start(folder: &Path, words: &[&str]) -> Self {
        let child = command(folder)
            .args(["run", "--time", "60s", "--out"])
            .arg(folder.join("runs"))
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        Harness(Some(child.expect("the program starts")))
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.0.take() {
            child.kill().expect("the harness is killed");
            child.wait().expect("the harness is reaped");
        }
    }

    /// Ctrl-C, and what the harness answered.
    pub(crate) fn interrupt(mut self) -> Answer {
        let child = self.0.take().expect("the harness runs");
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("Ctrl-C is sent");
        Answer::of(child.wait_with_output().expect("the harness ends"))
    }

    /// What it answered when it ended by itself.
    pub(crate) fn answer(mut self) -> Answer {
        let child = self.0.take().expect("the harness runs");
        Answer::of(child.wait_with_output().expect("the harness ends"))
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A process that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) number: i32,
    pub(crate) line: String,
}

/// Processes whose command line names the folder: the harness, which makes its runs in it, and the
/// nodes, which keep their data in it.
pub(crate) fn processes_in(folder: &Path) -> Vec<Process> {
    let name = folder.display().to_string();
    let entries = fs::read_dir("/proc").expect("/proc is there");
    let processes = entries.flatten().filter_map(|entry| {
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        Some(Process {
            number: entry.file_name().to_str()?.parse().ok()?,
            line: String::from_utf8_lossy(&line).replace('\0', " "),
        })
    });
    processes
        .filter(|process| process.line.contains(&name))
        .collect()
}
