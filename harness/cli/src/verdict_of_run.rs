//! Judges what a run left, and writes down the evidence first, the report after it.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use testimony_checker::examination::Examination;
use testimony_checker::{Judgement, Verdict};
use testimony_engine::{Plan, Recovery};
use testimony_lab::sim::{Costs, Finding};
use testimony_report::{RunOutcome, RunReport, Timings, evidence, html, json};

use crate::args::{FailedCas, Limits, Reading};
use crate::check::write_to;
use crate::failure::Failure;
use crate::history_file::HistoryFile;
use crate::judging;
use crate::run_folder::{Closing, Leftovers, RunFolder};
use crate::simulation;

/// A run that has been judged.
pub(crate) struct JudgedRun {
    folder: RunFolder,
    leftovers: Leftovers,
    file: HistoryFile,
    judgement: Judgement,
    examination: Option<Result<Examination, String>>,
    timings: Option<Timings>,
    unavailable: Option<String>,
    /// The limits within which it was judged, as they are typed.
    limits: Vec<String>,
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
        // No file of a simulated run depends on a clock.
        let timings = (!is_simulated(&leftovers.plan)).then_some(Timings {
            parse: file.seconds,
            check: judged.check_seconds,
            explain: judged.explain_seconds,
        });
        // In virtual time nothing else can have held the cluster up.
        let simulated = is_simulated(&leftovers.plan).then_some(leftovers.plan.recovery);
        let required = require_recovery.or(simulated);
        let unavailable = unavailable(&leftovers.closing.summary.recovery, required);
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
            limits: limits.as_typed(),
            outcome,
        })
    }

    pub(crate) fn report(&self) -> RunReport<'_> {
        RunReport {
            plan: &self.leftovers.plan,
            summary: &self.leftovers.closing.summary,
            judgement: Some(&self.judgement),
            examination: self.examination.as_ref().map(judging::known),
            outcome: self.outcome,
            events: &self.file.recording,
            injections: &self.leftovers.injections,
            status: &self.leftovers.status,
            story: &self.leftovers.story,
            timings: self.timings,
            deaths: &self.leftovers.closing.deaths,
            unavailable: self.unavailable.clone(),
            stopped_early: self.leftovers.closing.stopped_early.as_ref(),
            invariant: self.leftovers.closing.breach.as_ref().map(invariant),
            costs: self
                .leftovers
                .closing
                .costs
                .as_ref()
                .map(|costs| self.costs(costs)),
            folder: self.folder_as_told(),
            command: self.command(),
        }
    }

    /// The folder on this machine.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the recording is. A simulated run is the same wherever it lies.
    fn folder_as_told(&self) -> String {
        match is_simulated(&self.leftovers.plan) {
            true => format!(
                "{}-{}",
                self.leftovers.plan.target, self.leftovers.plan.seed
            ),
            false => self.folder.path().display().to_string(),
        }
    }

    fn command(&self) -> String {
        match is_simulated(&self.leftovers.plan) {
            true => "testimony run plan.toml   (in this folder: the same bytes again)".to_owned(),
            false => command(self.folder.path(), &self.limits),
        }
    }

    fn costs(&self, costs: &Costs) -> String {
        let completed = self.leftovers.closing.summary.completed().max(1);
        let tenths = |number: u64| {
            let tenths = number * 10 / completed;
            format!("{}.{}", tenths / 10, tenths % 10)
        };
        format!(
            "{} messages and {} bytes per completed operation; {} elections, {} leaders, {} \
             without any; at most {} entries in a log; half of the operations took {} at most, \
             99 of 100 {}",
            tenths(costs.all_messages()),
            costs.all_bytes() / completed,
            costs.elections,
            costs.leaders,
            costs.leaderless,
            costs.log_max,
            costs.latency_median,
            costs.latency_p99,
        )
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

fn is_simulated(plan: &Plan) -> bool {
    plan.lab == simulation::LAB
}

fn invariant(found: &Finding) -> String {
    let Finding {
        time,
        invariant,
        seen,
    } = found;
    format!("{invariant} did not hold at {time}: {seen}.")
}

fn outcome(judgement: &Judgement, closing: &Closing, unavailable: bool) -> RunOutcome {
    let broken = !closing.deaths.is_empty() || !closing.summary.shortcomings().is_empty();
    match judgement.verdict {
        Verdict::Illegal(_) => RunOutcome::Violation,
        _ if closing.breach.is_some() => RunOutcome::Violation,
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
        Recovery::NotReached | Recovery::NotAsked | Recovery::Recovered { .. } => None,
    }
}

/// What a person types to see it again.
fn command(folder: &Path, limits: &[String]) -> String {
    let plan = folder.join("plan.toml").display().to_string();
    let mut words = vec!["testimony run".to_owned(), testimony_lab::quoted(&plan)];
    words.extend_from_slice(limits);
    words.join(" ")
}
