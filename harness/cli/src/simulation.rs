//! One run in the simulated lab, and the files that it leaves.

use testimony_engine::Plan;
use testimony_lab::sim::{SimOptions, Simulated, simulate};

use crate::failure::Failure;
use crate::run_folder::{Closing, RunFolder};

/// The lab's name in plans and on the command line.
pub(crate) const LAB: &str = "sim";

/// Carries the plan out in virtual time, and leaves in `folder` what any run leaves, and the story
/// of what went on inside.
pub(crate) fn perform(plan: &Plan, folder: &RunFolder) -> Result<Closing, Failure> {
    let ended = simulate(
        plan,
        SimOptions {
            story: true,
            ..SimOptions::default()
        },
    );
    let ended = ended.map_err(|error| Failure::Broken(error.into()))?;
    folder.write("history.jsonl", &ended.history)?;
    folder.write("injections.jsonl", &ended.injections)?;
    folder.write("status.jsonl", &ended.status)?;
    folder.write("story.jsonl", &ended.story)?;
    Ok(closing(ended))
}

/// What the harness knows of a simulated run.
pub(crate) fn closing(ended: Simulated) -> Closing {
    Closing {
        summary: ended.summary,
        deaths: ended.deaths,
        stopped_early: None,
        breach: ended.breach,
        costs: Some(ended.costs),
    }
}
