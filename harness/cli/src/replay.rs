//! `testimony replay`: the same plan again. On real processes that fixes the plan, not the
//! interleaving, so a violation may take several tries.

use testimony_report::{RunOutcome, text};

use crate::args::ReplayArguments;
use crate::failure::Failure;
use crate::run_folder::RunFolder;
use crate::{run, terminal};

/// Repeats a run until a violation, or as often as asked, and says how many were red.
pub(crate) fn run(arguments: &ReplayArguments) -> Result<RunOutcome, Failure> {
    let plan = RunFolder::open(&arguments.run)?.leftovers()?.plan;
    let mut outcome = RunOutcome::Pass;
    let (mut runs, mut red) = (0, 0);
    while runs < arguments.until_violation {
        let judged = run::again(&plan, &arguments.out, &arguments.limits)?;
        runs += 1;
        outcome = outcome.worse(judged.outcome);
        terminal::answer(&text::run(&judged.report(), terminal::colour()))?;
        if judged.outcome == RunOutcome::Violation {
            red += 1;
            break;
        }
    }
    terminal::answer(&format!("{red} of {runs} runs found a violation\n"))?;
    Ok(outcome)
}
