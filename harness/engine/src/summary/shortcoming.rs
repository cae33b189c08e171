//! The reasons why a run tested too little to mean anything.

use std::fmt;

use crate::{Recovery, RunSummary};

/// Operations per second that suffice, however many more the rate allowed for.
const ENOUGH_PER_SECOND: u64 = 10;
/// Operations that even the shortest run must complete.
const COMPLETED_MIN: u64 = 10;
/// A function that should have come so often has to have been completed.
const EXPECTED_MIN: u64 = 20;

/// One reason why a run tested too little. Its text says what is missing and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shortcoming {
    /// The run did not come to its end.
    Unfinished,
    /// Hardly anything was answered.
    FewCompleted {
        /// How many operations were.
        completed: u64,
        /// How many should have been, at least.
        needed: u64,
    },
    /// A function of the mix was never completed.
    FunctionMissing {
        /// The function.
        function: String,
        /// About how many were to be expected.
        expected: u64,
    },
    /// No compare-and-set matched.
    NoCasSwapped {
        /// How many were answered.
        completed: u64,
    },
    /// Nothing was answered in the time of faults.
    NothingDuringFaults,
    /// None of the planned faults took effect.
    NoFaultTookEffect {
        /// How many were planned.
        planned: u64,
    },
    /// Fewer than half of the planned faults took effect.
    FewFaultsTookEffect {
        /// How many were planned and not cut off by an interruption.
        planned: u64,
        /// How many took effect.
        verified: u64,
    },
    /// Faults were not undone.
    HealFailed {
        /// How many.
        count: u64,
    },
    /// Some nodes did not serve after the last heal.
    NotRecovered {
        /// Which.
        silent: Vec<String>,
    },
    /// Keys were not read at the end.
    FinalReadsMissing {
        /// How many keys were used.
        keys: u64,
        /// Which were not read.
        missing: Vec<String>,
    },
}

pub(super) fn of(summary: &RunSummary) -> Vec<Shortcoming> {
    let mut found = Vec::new();
    if !summary.finished {
        found.push(Shortcoming::Unfinished);
    }
    found.extend(operations(summary));
    found.extend(faults(summary));
    found.extend(end(summary));
    found
}

fn operations(summary: &RunSummary) -> Vec<Shortcoming> {
    let mut found = Vec::new();
    let completed = summary
        .completed()
        .saturating_sub(summary.final_reads.completed);
    let needed = completed_needed(summary);
    if completed < needed {
        found.push(Shortcoming::FewCompleted { completed, needed });
    }
    found.extend(missing_functions(summary, completed));
    let cas = summary
        .operations
        .get("cas")
        .map_or(0, |counts| counts.completed);
    if cas >= EXPECTED_MIN && summary.cas_swapped == 0 {
        found.push(Shortcoming::NoCasSwapped { completed: cas });
    }
    found
}

fn completed_needed(summary: &RunSummary) -> u64 {
    let enough = summary.worked.as_secs().saturating_mul(ENOUGH_PER_SECOND);
    enough
        .min(summary.operations_planned / 10)
        .max(COMPLETED_MIN)
}

fn missing_functions(summary: &RunSummary, completed: u64) -> Vec<Shortcoming> {
    let total: u64 = summary.mix.values().copied().map(u64::from).sum();
    let absent = |function: &str| {
        summary
            .operations
            .get(function)
            .is_none_or(|counts| counts.completed == 0)
    };
    let expected = |weight: u32| completed * u64::from(weight) / total.max(1);
    summary
        .mix
        .iter()
        .map(|(function, weight)| (function, expected(*weight)))
        .filter(|(function, expected)| *expected >= EXPECTED_MIN && absent(function))
        .map(|(function, expected)| Shortcoming::FunctionMissing {
            function: function.clone(),
            expected,
        })
        .collect()
}

fn faults(summary: &RunSummary) -> Vec<Shortcoming> {
    let all = summary.all_injections();
    let mut found = Vec::new();
    if summary.reached_faults && summary.completed_during_faults == 0 {
        found.push(Shortcoming::NothingDuringFaults);
    }
    let tried = all.planned.saturating_sub(summary.injections_cut_off);
    if all.planned > 0 && all.verified == 0 {
        found.push(Shortcoming::NoFaultTookEffect {
            planned: all.planned,
        });
    } else if all.verified * 2 < tried {
        let verified = all.verified;
        found.push(Shortcoming::FewFaultsTookEffect {
            planned: tried,
            verified,
        });
    }
    if all.heal_failed > 0 {
        found.push(Shortcoming::HealFailed {
            count: all.heal_failed,
        });
    }
    found
}

fn end(summary: &RunSummary) -> Vec<Shortcoming> {
    let mut found = Vec::new();
    if let Recovery::NotRecovered { silent } = &summary.recovery {
        found.push(Shortcoming::NotRecovered {
            silent: silent.clone(),
        });
    }
    let reads = &summary.final_reads;
    if !reads.missing.is_empty() {
        let missing = reads.missing.clone();
        found.push(Shortcoming::FinalReadsMissing {
            keys: reads.keys,
            missing,
        });
    }
    found
}

impl fmt::Display for Shortcoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shortcoming::Unfinished => f.write_str(
                "the run did not come to its end, so its final reads are missing: run it again \
                 without interrupting it twice, or look into the nodes' output for why it stopped",
            ),
            Shortcoming::FewCompleted { completed, needed } => write!(
                f,
                "only {completed} operations were completed, at least {needed} are needed: give \
                 the run more --time or --clients, or look into the nodes' output for why they \
                 do not answer"
            ),
            Shortcoming::FunctionMissing { function, expected } => write!(
                f,
                "no `{function}` was completed, about {expected} were to be expected: see in \
                 history.jsonl why they fail, or take `{function}` out of the mix"
            ),
            Shortcoming::NoCasSwapped { completed } => write!(
                f,
                "none of {completed} completed cas matched, so they tested little: make sure \
                 that the client reports `actual`, or use more keys"
            ),
            Shortcoming::NothingDuringFaults => f.write_str(
                "no operation was completed while faults were at work: use milder faults \
                 (--nemesis), longer gaps between them, or a longer --time",
            ),
            Shortcoming::NoFaultTookEffect { planned } => write!(
                f,
                "none of the {planned} planned faults was seen to take effect: see \
                 injections.jsonl for why, or run with --nemesis none if no faults are wanted"
            ),
            Shortcoming::FewFaultsTookEffect { planned, verified } => write!(
                f,
                "only {verified} of {planned} planned faults were seen to take effect, at least \
                 half are needed: see injections.jsonl for why, or choose others with --nemesis"
            ),
            Shortcoming::HealFailed { count } => write!(
                f,
                "{count} faults were not seen to be undone, so the end of the run was not \
                 fault-free: see injections.jsonl and the output of the nodes concerned"
            ),
            Shortcoming::NotRecovered { silent } => write!(
                f,
                "after the last heal no operation was completed through {}: look into the output \
                 of these nodes, or give the cluster longer with `recovery` in the plan",
                silent.join(", ")
            ),
            Shortcoming::FinalReadsMissing { keys, missing } => write!(
                f,
                "{} of {keys} keys were not read at the end ({}), so what they lost was not \
                 noticed: give the reads longer with `final_reads` in the plan",
                missing.len(),
                some(missing)
            ),
        }
    }
}

/// The first few words, and how many more there are.
fn some(words: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = words
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match words.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
