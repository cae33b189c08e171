//! Counts what happens into the run's summary.

use std::time::Duration;

use testimony_history::{Call, Ending};

use crate::{OperationCounts, Plan, RunSummary};

/// The summary of a run that has not begun.
pub(super) fn blank(plan: &Plan) -> RunSummary {
    let weights = plan
        .workload
        .mix
        .weights()
        .into_iter()
        .filter(|(_, weight)| *weight > 0);
    RunSummary {
        mix: weights
            .map(|(f, weight)| (f.name().to_owned(), weight))
            .collect(),
        ..RunSummary::default()
    }
}

/// How many operations the rate allows for in `worked`.
pub(super) fn planned(plan: &Plan, worked: Duration) -> u64 {
    let operations = worked.as_millis() * u128::from(plan.rate) / 1_000;
    u64::try_from(operations).unwrap_or(u64::MAX)
}

pub(super) fn invoked(summary: &mut RunSummary, call: &Call) {
    counts(summary, call).invoked += 1;
}

pub(super) fn ended(summary: &mut RunSummary, call: &Call, ending: &Ending) {
    let counts = counts(summary, call);
    match ending {
        Ending::Ok(_) => counts.completed += 1,
        Ending::Fail(_) => counts.failed += 1,
        Ending::Info(_) => counts.unknown += 1,
    }
    if let Ending::Ok(answer) = ending
        && answer.swapped == Some(true)
    {
        summary.cas_swapped += 1;
    }
}

fn counts<'a>(summary: &'a mut RunSummary, call: &Call) -> &'a mut OperationCounts {
    if !summary.operations.contains_key(call.f.name()) {
        summary
            .operations
            .insert(call.f.name().to_owned(), OperationCounts::default());
    }
    summary
        .operations
        .get_mut(call.f.name())
        .expect("just inserted")
}
