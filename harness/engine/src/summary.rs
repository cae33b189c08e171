//! What a run amounted to: counts, and the reasons why it may have tested nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{FaultKind, span};

mod shortcoming;

pub use shortcoming::Shortcoming;

/// What a run amounted to. Kept with the recording; a pass without it means nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSummary {
    /// Whether the run came to its own end.
    pub finished: bool,
    /// Whether the user ended it early.
    pub interrupted: bool,
    /// Whether the time of faults began.
    pub reached_faults: bool,
    /// How long the clients worked until healing began.
    #[serde(with = "span::text")]
    pub worked: Duration,
    /// How many operations the rate allowed for in that time.
    pub operations_planned: u64,
    /// The planned mix, as weights by function.
    pub mix: BTreeMap<String, u32>,
    /// What became of the operations, by function.
    pub operations: BTreeMap<String, OperationCounts>,
    /// Operations completed in the time of faults.
    pub completed_during_faults: u64,
    /// Compare-and-sets that matched.
    pub cas_swapped: u64,
    /// Processes that were replaced since an outcome was unknown.
    pub processes_retired: u64,
    /// How often another leader, or the same one in another term, was seen.
    pub leader_changes: u64,
    /// What became of the injections, by kind.
    pub injections: BTreeMap<FaultKind, InjectionCounts>,
    /// How many of the skipped ones were never due, since the user ended the run early.
    pub injections_cut_off: u64,
    /// The injections that did not go as planned, in the order in which that was known.
    pub troubles: Vec<InjectionTrouble>,
    /// Whether every node served again after the last heal.
    pub recovery: Recovery,
    /// What the final reads reached.
    pub final_reads: FinalReadCounts,
}

/// What became of the operations of one function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperationCounts {
    /// How many were called.
    pub invoked: u64,
    /// How many were answered.
    pub completed: u64,
    /// How many certainly did not happen.
    pub failed: u64,
    /// How many may have happened. Those still open at the end are counted by none of the three.
    pub unknown: u64,
}

/// What became of the injections of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InjectionCounts {
    /// How many the plan has.
    pub planned: u64,
    /// How many were seen in effect.
    pub verified: u64,
    /// How many of those were seen to be over.
    pub healed: u64,
    /// How many were never tried.
    pub skipped: u64,
    /// How many were tried and not seen in effect.
    pub failed: u64,
    /// How many were not seen to be undone.
    pub heal_failed: u64,
}

/// One injection that did not go as planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InjectionTrouble {
    /// Its number in the plan.
    pub injection: u64,
    /// Its kind.
    pub kind: FaultKind,
    /// What went wrong.
    pub trouble: Trouble,
    /// Why.
    pub reason: String,
}

/// What can go wrong with an injection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// It was never tried.
    Skipped,
    /// It was not seen in effect.
    Failed,
    /// It was not seen to be undone.
    HealFailed,
}

/// Whether every node served again after the last heal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Recovery {
    /// The run ended before.
    #[default]
    NotReached,
    /// Each node, asked first, led to a completed operation.
    Recovered {
        /// How long that took after the last heal.
        #[serde(with = "span::text")]
        after: Duration,
    },
    /// Some did not in time.
    NotRecovered {
        /// The nodes that led to none.
        silent: Vec<String>,
    },
    /// Nobody asked: the plan lists its operations, and none is to find out.
    NotAsked,
}

/// What the final reads reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinalReadCounts {
    /// How many keys had been used.
    pub keys: u64,
    /// How many of them were read, once at least.
    pub keys_read: u64,
    /// How many reads were completed.
    pub completed: u64,
    /// The keys that were not read.
    pub missing: Vec<String>,
}

impl RunSummary {
    /// Operations that were called.
    pub fn invoked(&self) -> u64 {
        self.operations.values().map(|counts| counts.invoked).sum()
    }

    /// Operations that were answered.
    pub fn completed(&self) -> u64 {
        self.operations
            .values()
            .map(|counts| counts.completed)
            .sum()
    }

    /// Operations that certainly did not happen.
    pub fn failed(&self) -> u64 {
        self.operations.values().map(|counts| counts.failed).sum()
    }

    /// Operations that may have happened.
    pub fn unknown(&self) -> u64 {
        self.operations.values().map(|counts| counts.unknown).sum()
    }

    /// Injections of all kinds.
    pub fn all_injections(&self) -> InjectionCounts {
        let mut all = InjectionCounts::default();
        for counts in self.injections.values() {
            all.planned += counts.planned;
            all.verified += counts.verified;
            all.healed += counts.healed;
            all.skipped += counts.skipped;
            all.failed += counts.failed;
            all.heal_failed += counts.heal_failed;
        }
        all
    }

    /// Why the run tested too little to mean anything; empty if it tested enough. A run with a
    /// shortcoming is broken unless something worse was found.
    pub fn shortcomings(&self) -> Vec<Shortcoming> {
        shortcoming::of(self)
    }
}
