//! What `testimony run` shows of its runs: text or JSON on stdout, JUnit, GitHub's annotations.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;

use testimony_report::junit::{self, Case};
use testimony_report::{github, json, text};

use crate::check::write_to;
use crate::failure::Failure;
use crate::terminal;
use crate::verdict_of_run::JudgedRun;

/// Collects what can only be written at the end.
pub(crate) struct Outlet {
    json: bool,
    junit: Option<PathBuf>,
    objects: Vec<String>,
    cases: Vec<Case>,
}

impl Outlet {
    pub(crate) fn new(json: bool, junit: Option<PathBuf>) -> Self {
        Outlet {
            json,
            junit,
            objects: Vec::new(),
            cases: Vec::new(),
        }
    }

    /// Shows one run as soon as it is judged.
    pub(crate) fn show(&mut self, run: &JudgedRun) -> Result<(), Failure> {
        let report = run.report();
        if self.json {
            self.objects.push(json::run(&report));
        } else {
            terminal::answer(&text::run(&report, terminal::colour()))?;
        }
        self.cases.push(Case::of_run(&report, run.seconds()));
        if on_github() {
            terminal::tell(github::annotations(&report).trim_end());
            append_summary(&github::summary(&report));
        }
        // A run that is lost later has at least left the earlier ones.
        self.write_junit()
    }

    /// Writes what had to wait for the last run.
    pub(crate) fn close(self) -> Result<(), Failure> {
        match self.objects.as_slice() {
            [] => Ok(()),
            [one] => terminal::answer(&format!("{one}\n")),
            many => terminal::answer(&format!("[{}]\n", many.join(","))),
        }
    }

    fn write_junit(&self) -> Result<(), Failure> {
        let Some(path) = &self.junit else {
            return Ok(());
        };
        write_to(path, |out| junit::write("testimony run", &self.cases, out))
    }
}

fn on_github() -> bool {
    std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

/// The step's page is a courtesy: that it cannot be written does not change the outcome.
fn append_summary(markdown: &str) {
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY") else {
        return;
    };
    let written = OpenOptions::new().append(true).create(true).open(&path);
    let written = written.and_then(|mut file: std::fs::File| file.write_all(markdown.as_bytes()));
    if let Err(error) = written {
        let path = PathBuf::from(path);
        terminal::tell(&format!(
            "warning: {}: {}",
            path.display(),
            io::Error::to_string(&error)
        ));
    }
}
