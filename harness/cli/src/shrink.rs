//! `testimony shrink` and `testimony explain`: the few operations that contradict each other, as a
//! history of their own and in words.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use testimony_checker::Verdict;
use testimony_report::{RunOutcome, evidence, text};

use crate::args::{ExplainArguments, Limits, Reading, ShrinkArguments};
use crate::check::{Checked, write_to};
use crate::failure::Failure;
use crate::history_file::HistoryFile;
use crate::run_folder::RunFolder;
use crate::verdict_of_run::JudgedRun;
use crate::{shrink_run, terminal};

/// Makes the plan of a simulated run smaller. Of anything else, and where a file is named, writes
/// the counterexample; a history that is not illegal has none.
pub(crate) fn shrink(arguments: &ShrinkArguments) -> Result<RunOutcome, Failure> {
    if shrink_run::is_for(arguments) {
        return shrink_run::run(arguments);
    }
    let checked = judged(&arguments.input, &arguments.reading, &arguments.limits)?;
    let report = checked.report();
    let Verdict::Illegal(found) = &report.judgement.verdict else {
        terminal::tell(&text::check(&report, false));
        return Ok(report.outcome());
    };
    let write = |out: &mut dyn Write| {
        let mut out = out;
        evidence::write_counterexample(
            found,
            report.recording,
            report.model,
            report.initial,
            &mut out,
        )
    };
    match &arguments.output {
        None => {
            let mut out = BufWriter::new(io::stdout().lock());
            write(&mut out)?;
            out.flush()?;
        }
        Some(path) => write_to(path, |out| write(out))?,
    }
    let operations = found.operations.operations().len();
    let from = found.original_operations;
    terminal::tell(&format!(
        "{operations} operations of {from}: {}",
        found.explanation.headline
    ));
    Ok(report.outcome())
}

/// Says what is wrong with a history; of a run also the faults around it.
pub(crate) fn explain(arguments: &ExplainArguments) -> Result<RunOutcome, Failure> {
    if arguments.input.is_dir() {
        let judged = JudgedRun::of(RunFolder::open(&arguments.input)?, &arguments.limits, None)?;
        terminal::answer(&text::run(&judged.report(), terminal::colour()))?;
        return Ok(judged.outcome);
    }
    let checked = judged(&arguments.input, &arguments.reading, &arguments.limits)?;
    let report = checked.report();
    terminal::answer(&text::check(&report, terminal::colour()))?;
    Ok(report.outcome())
}

fn judged(input: &Path, reading: &Reading, limits: &Limits) -> Result<Checked, Failure> {
    Ok(Checked::of(HistoryFile::load(input, reading)?, limits))
}
