//! `testimony check`: judges recorded histories, each for itself.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use testimony_checker::examination::Examination;
use testimony_checker::{Judgement, Verdict};
use testimony_report::junit::Case;
use testimony_report::{CheckReport, RunOutcome, Timings, evidence, html, json, junit, text};

use crate::args::{CheckArguments, Limits};
use crate::failure::Failure;
use crate::history_file::HistoryFile;
use crate::{judging, terminal};

/// One file that has been judged.
pub(crate) struct Checked {
    pub(crate) file: HistoryFile,
    pub(crate) judgement: Judgement,
    examination: Option<Result<Examination, String>>,
    timings: Timings,
    command: String,
}

/// Judges every file; the worst outcome counts. One that cannot be read takes nothing from what is
/// said of the others, and hides no violation.
pub(crate) fn run(arguments: &CheckArguments) -> Result<RunOutcome, Failure> {
    let mut answers = Answers::default();
    let mut unread = None;
    for path in &arguments.files {
        match HistoryFile::load(path, &arguments.reading) {
            Ok(file) => answers.take(&Checked::of(file, &arguments.limits), arguments)?,
            Err(failure) if unread.is_none() => unread = Some(failure),
            Err(failure) => terminal::tell(&failure.to_string()),
        }
    }
    let outcome = answers.close(arguments)?;
    match unread {
        Some(failure) if outcome == RunOutcome::Violation => {
            terminal::tell(&failure.to_string());
            Ok(outcome)
        }
        Some(failure) => Err(failure),
        None => Ok(outcome),
    }
}

/// What is said of the files that were judged.
#[derive(Default)]
pub(crate) struct Answers {
    outcome: Option<RunOutcome>,
    objects: Vec<String>,
    cases: Vec<Case>,
}

impl Answers {
    /// Says what was found in a file, and leaves the evidence.
    pub(crate) fn take(
        &mut self,
        checked: &Checked,
        arguments: &CheckArguments,
    ) -> Result<(), Failure> {
        let report = checked.report();
        let outcome = report.outcome();
        self.outcome = Some(self.outcome.map_or(outcome, |worst| worst.worse(outcome)));
        leave_evidence(checked, arguments)?;
        self.cases.push(Case::of_check(&report));
        if arguments.json {
            self.objects.push(json::check(&report));
            return Ok(());
        }
        terminal::answer(&text::check(&report, terminal::colour()))
    }

    /// Says what is said of all of them.
    pub(crate) fn close(self, arguments: &CheckArguments) -> Result<RunOutcome, Failure> {
        if arguments.json && !self.objects.is_empty() {
            terminal::answer(&one_or_all(&self.objects))?;
        }
        if let Some(path) = &arguments.junit {
            write_to(path, |out| {
                junit::write("testimony check", &self.cases, out)
            })?;
        }
        Ok(self.outcome.unwrap_or(RunOutcome::Pass))
    }
}

impl Checked {
    pub(crate) fn of(mut file: HistoryFile, limits: &Limits) -> Self {
        let judged = judging::judge(&mut file, limits);
        let timings = Timings {
            parse: file.seconds,
            check: judged.check_seconds,
            explain: judged.explain_seconds,
        };
        let command = command(&file, limits);
        Checked {
            judgement: judged.judgement,
            examination: judged.examination,
            timings,
            command,
            file,
        }
    }

    pub(crate) fn report(&self) -> CheckReport<'_> {
        CheckReport {
            file: &self.file.name,
            model: self.file.model(),
            initial: self.file.initial.as_ref(),
            recording: &self.file.recording,
            completed: self.file.completed,
            judgement: &self.judgement,
            examination: self.examination.as_ref().map(judging::known),
            timings: Some(self.timings),
            command: &self.command,
        }
    }
}

/// The command that judges the file again, whatever its header says.
fn command(file: &HistoryFile, limits: &Limits) -> String {
    let mut words = vec![
        "testimony check".to_owned(),
        testimony_lab::quoted(&file.name),
    ];
    words.push(format!("--model {}", file.model()));
    if let Some(initial) = &file.initial {
        words.push(format!(
            "--initial {}",
            testimony_lab::quoted(&initial.to_string())
        ));
    }
    words.extend(limits.as_typed());
    words.join(" ")
}

fn leave_evidence(checked: &Checked, arguments: &CheckArguments) -> Result<(), Failure> {
    let many = arguments.files.len() > 1;
    if let Some(folder) = &arguments.evidence {
        let folder = if many {
            folder.join(folder_name(&checked.file.name))
        } else {
            folder.clone()
        };
        write_evidence(checked, &folder)?;
    }
    if let Some(path) = &arguments.html {
        let page = html::check(&checked.report());
        write_to(&numbered(path, checked, many), |out| {
            out.write_all(page.as_bytes())
        })?;
    }
    Ok(())
}

/// With several files, each has a page of its own beside the one named.
fn numbered(path: &Path, checked: &Checked, many: bool) -> std::path::PathBuf {
    if !many {
        return path.to_path_buf();
    }
    path.with_file_name(format!("{}.html", folder_name(&checked.file.name)))
}

fn folder_name(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-_.".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect()
}

/// `verdict.json`, and the witness or the counterexample that a simpler program can check.
fn write_evidence(checked: &Checked, folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder)
        .with_context(|| format!("{} cannot be made", folder.display()))
        .map_err(Failure::Broken)?;
    let report = checked.report();
    match &checked.judgement.verdict {
        Verdict::Linearizable(witness) => write_to(&folder.join("witness.jsonl"), |out| {
            evidence::write_witness(witness, out)
        })?,
        Verdict::Illegal(found) => write_to(&folder.join("counterexample.jsonl"), |out| {
            evidence::write_counterexample(
                found,
                report.recording,
                report.model,
                report.initial,
                out,
            )
        })?,
        Verdict::Undecided(_) => {}
    }
    write_to(&folder.join("verdict.json"), |out| {
        writeln!(out, "{}", json::check(&report))
    })
}

/// Writes a whole file; an error names it.
pub(crate) fn write_to(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), Failure> {
    let written = File::create(path).and_then(|file| {
        let mut out = BufWriter::new(file);
        write(&mut out)?;
        out.flush()
    });
    written
        .with_context(|| format!("{} cannot be written", path.display()))
        .map_err(Failure::Broken)
}

fn one_or_all(objects: &[String]) -> String {
    match objects {
        [one] => format!("{one}\n"),
        many => format!("[{}]\n", many.join(",")),
    }
}
