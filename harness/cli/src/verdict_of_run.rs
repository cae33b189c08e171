//! Judges what a run left, and writes down the evidence first, the report after it.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use testimony_checker::{Judgement, Verdict};
use testimony_engine::{Plan, Recovery};
use testimony_report::{RunOutcome, RunReport, Timings, evidence, html, json};

use crate::args::{FailedCas, Limits, Reading};
use crate::check::write_to;
use crate::failure::Failure;
use crate::history_file::HistoryFile;
use crate::judging;
use crate::run_folder::{Closing, Leftovers, RunFolder};
use crate::terminal;

/// A run that has been judged.
pub(crate) struct JudgedRun {
    folder: RunFolder,
    leftovers: Leftovers,
    file: HistoryFile,
    judgement: Judgement,
    timings: Timings,
    pub(crate) outcome: RunOutcome,
}

impl JudgedRun {
    /// Reads the recording back from the disk and judges it: what counts is what was written down.
    pub(crate) fn of(
        folder: RunFolder,
        limits: &Limits,
        require_recovery: Option<Duration>,
    ) -> Result<Self, Failure> {
        let leftovers = folder.leftovers()?;
        let file = HistoryFile::load(folder.path(), &as_recorded(&leftovers.plan))?;
        let judged = judging::judge(file.model, file.initial.as_ref(), &file.history, limits);
        let timings = Timings {
            parse: file.seconds,
            check: judged.check_seconds,
            explain: judged.explain_seconds,
        };
        let outcome = outcome(&judged.judgement, &leftovers.closing, require_recovery);
        Ok(JudgedRun { folder, leftovers, file, judgement: judged.judgement, timings, outcome })
    }

    pub(crate) fn report(&self) -> RunReport<'_> {
        RunReport {
            plan: &self.leftovers.plan,
            summary: &self.leftovers.closing.summary,
            judgement: Some(&self.judgement),
            outcome: self.outcome,
            events: &self.file.recording,
            injections: &self.leftovers.injections,
            status: &self.leftovers.status,
            timings: Some(self.timings),
            folder: self.folder.path().display().to_string(),
            command: command(self.folder.path()),
        }
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.leftovers.closing.summary.worked.as_secs_f64()
    }

    /// Evidence, verdict, report, in this order: a full disk or a crash costs the least of them.
    pub(crate) fn write(&self) -> Result<(), Failure> {
        let report = self.report();
        self.write_evidence()?;
        self.folder.write("verdict.json", format!("{}\n", json::run(&report)).as_bytes())?;
        self.folder.write("report.html", html::run(&report).as_bytes())
    }

    fn write_evidence(&self) -> Result<(), Failure> {
        let file = &self.file;
        match &self.judgement.verdict {
            Verdict::Linearizable(witness) => {
                write_to(&self.folder.file("witness.jsonl"), |out| {
                    evidence::write_witness(witness, out)?;
                    out.flush()
                })
            }
            Verdict::Illegal(found) => {
                write_to(&self.folder.file("counterexample.jsonl"), |out| {
                    let initial = file.initial.as_ref();
                    evidence::write_counterexample(found, &file.recording, file.model, initial, out)
                })
            }
            Verdict::Undecided(_) => Ok(()),
        }
    }
}

/// A recording says itself what it is; the plan says it where the header was lost.
fn as_recorded(plan: &Plan) -> Reading {
    Reading {
        model: Some(plan.model().name().to_owned()),
        initial: None,
        format: Some("jsonl".to_owned()),
        failed_cas: FailedCas::Silent,
        keyed: None,
    }
}

fn outcome(
    judgement: &Judgement,
    closing: &Closing,
    require_recovery: Option<Duration>,
) -> RunOutcome {
    let broken = !closing.deaths.is_empty() || !closing.summary.shortcomings().is_empty();
    let judged = match judgement.verdict {
        Verdict::Illegal(_) => RunOutcome::Violation,
        Verdict::Undecided(_) => RunOutcome::Undecided,
        Verdict::Linearizable(_) if broken => RunOutcome::Broken,
        Verdict::Linearizable(_) => RunOutcome::Pass,
    };
    match require_recovery {
        Some(limit) if recovered_too_late(&closing.summary.recovery, limit) => RunOutcome::Violation,
        _ => judged,
    }
}

fn recovered_too_late(recovery: &Recovery, limit: Duration) -> bool {
    match recovery {
        Recovery::NotReached => false,
        Recovery::Recovered { after } => *after > limit,
        Recovery::NotRecovered { .. } => true,
    }
}

/// What a person types to see it again.
fn command(folder: &Path) -> String {
    format!("testimony run {}", terminal::quoted(&folder.join("plan.toml").display().to_string()))
}
