//! `testimony report`: a run's verdict and page again, from its recording.

use testimony_report::{RunOutcome, text};

use crate::args::ReportArguments;
use crate::failure::Failure;
use crate::run_folder::RunFolder;
use crate::terminal;
use crate::verdict_of_run::JudgedRun;

/// Judges the recording again and writes everything that follows from it.
pub(crate) fn run(arguments: &ReportArguments) -> Result<RunOutcome, Failure> {
    let judged = JudgedRun::of(RunFolder::open(&arguments.run)?, &arguments.limits, None)?;
    judged.write()?;
    terminal::answer(&text::run(&judged.report(), terminal::colour()))?;
    Ok(judged.outcome)
}
