//! Judges what a run left, and writes down the evidence first, the report after it.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use testimony_checker::examination::Examination;
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
    examination: Option<Examination>,
    timings: Timings,
    unavailable: Option<String>,
    pub(crate) outcome: RunOutcome,
}

impl JudgedRun {
    /// Reads the recording back from the disk and judges it: what counts is what was written down.
    pub(crate) fn of(
        folder: RunFolder,
        limits: &Limits,
        require_recovery: Option<Duration>,
    ) -> Result<Self, Failure> {
        let mut leftovers = folder.leftovers()?;
        let mut file = HistoryFile::load(folder.path(), &as_recorded(&leftovers.plan))?;
        let mut judged = judging::judge(&mut file, limits);
        file.recall_all()?;
        let unlike = unlike(&leftovers.closing, file.completed);
        leftovers.closing.deaths.extend(unlike);
        if let Some(stopped) = &leftovers.closing.stopped_early
            && let Verdict::Linearizable(_) = judged.judgement.verdict
        {
            // One of the two is wrong, so nobody knows.
            judged.judgement.verdict = judging::disagrees(None, &stopped.to_string());
        }
        let timings = Timings {
            parse: file.seconds,
            check: judged.check_seconds,
            explain: judged.explain_seconds,
        };
        let unavailable = unavailable(&leftovers.closing.summary.recovery, require_recovery);
        let outcome = outcome(&judged.judgement, &leftovers.closing, unavailable.is_some());
        let judgement = judged.judgement;
        Ok(JudgedRun {
            folder,
            leftovers,
            file,
            judgement,
            examination: judged.examination,
            timings,
            unavailable,
            outcome,
        })
    }

    pub(crate) fn report(&self) -> RunReport<'_> {
        RunReport {
            plan: &self.leftovers.plan,
            summary: &self.leftovers.closing.summary,
            judgement: Some(&self.judgement),
            examination: self.examination.as_ref(),
            outcome: self.outcome,
            events: &self.file.recording,
            injections: &self.leftovers.injections,
            status: &self.leftovers.status,
            timings: Some(self.timings),
            deaths: &self.leftovers.closing.deaths,
            unavailable: self.unavailable.clone(),
            stopped_early: self.leftovers.closing.stopped_early.as_ref(),
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
        self.folder.write(
            "verdict.json",
            format!("{}\n", json::run(&report)).as_bytes(),
        )?;
        self.folder
            .write("report.html", html::run(&report).as_bytes())
    }

    fn write_evidence(&self) -> Result<(), Failure> {
        let file = &self.file;
        match &self.judgement.verdict {
            Verdict::Linearizable(witness) => write_to(&self.folder.file("witness.jsonl"), |out| {
                evidence::write_witness(witness, out)?;
                out.flush()
            }),
            Verdict::Illegal(found) => write_to(&self.folder.file("counterexample.jsonl"), |out| {
                let initial = file.initial.as_ref();
                evidence::write_counterexample(found, &file.recording, file.model(), initial, out)
            }),
            Verdict::Undecided(_) => Ok(()),
        }
    }
}

/// A recording says itself what it is; the plan says it where the header was lost.
pub(crate) fn as_recorded(plan: &Plan) -> Reading {
    Reading {
        model: Some(plan.model().name().to_owned()),
        initial: None,
        format: Some("jsonl".to_owned()),
        failed_cas: FailedCas::Silent,
        keyed: None,
    }
}

fn outcome(judgement: &Judgement, closing: &Closing, unavailable: bool) -> RunOutcome {
    let broken = !closing.deaths.is_empty() || !closing.summary.shortcomings().is_empty();
    match judgement.verdict {
        Verdict::Illegal(_) => RunOutcome::Violation,
        _ if unavailable => RunOutcome::Violation,
        Verdict::Undecided(_) => RunOutcome::Undecided,
        Verdict::Linearizable(_) if broken => RunOutcome::Broken,
        Verdict::Linearizable(_) => RunOutcome::Pass,
    }
}

/// That the recording is not the one that the run counted, so that what it says is not judged.
fn unlike(closing: &Closing, completed: u64) -> Option<String> {
    let operations = closing.summary.operations.values();
    let counted: u64 = operations.map(|counts| counts.completed).sum();
    (closing.summary.finished && counted != completed).then(|| {
        format!(
            "The recording has {completed} completed operations, but the run counted {counted}: it \
             was changed or cut."
        )
    })
}

/// That the cluster did not recover within the limit, where one was given and recovery was awaited.
fn unavailable(recovery: &Recovery, limit: Option<Duration>) -> Option<String> {
    let limit = limit?;
    let within = testimony_engine::span::format(limit);
    match recovery {
        Recovery::Recovered { after } if *after > limit => {
            let after = testimony_engine::span::format(*after);
            Some(format!(
                "Every node served {after} after the last heal only, not within {within}."
            ))
        }
        Recovery::NotRecovered { silent } => {
            let silent = silent.join(", ");
            Some(format!(
                "{silent} did not serve within {within} of the last heal."
            ))
        }
        Recovery::NotReached | Recovery::Recovered { .. } => None,
    }
}

/// What a person types to see it again.
fn command(folder: &Path) -> String {
    format!(
        "testimony run {}",
        terminal::quoted(&folder.join("plan.toml").display().to_string())
    )
}
