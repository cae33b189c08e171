//! What a campaign of simulated runs came to, and how it is said.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use testimony_report::RunOutcome;

use crate::failure::Failure;
use crate::terminal;

/// What a campaign came to: the object of `--json`, and what `testimony merge` adds up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Campaign {
    pub(crate) target: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bug: Option<String>,
    /// How many seeds ran.
    pub(crate) seeds: u64,
    pub(crate) operations: u64,
    pub(crate) virtual_seconds: f64,
    /// Of the wall clock.
    pub(crate) seconds: f64,
    pub(crate) passed: u64,
    pub(crate) undecided: u64,
    pub(crate) broken: u64,
    pub(crate) findings: Vec<Found>,
    /// Why runs were undecided or broken, by seed; the first few.
    #[serde(default)]
    pub(crate) troubles: BTreeMap<u64, String>,
}

/// A seed that found something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) seed: u64,
    /// `linearizability`, `invariant` or `unavailable`.
    pub(crate) finding: String,
    pub(crate) what: String,
    /// The command that does it again.
    pub(crate) command: String,
    /// Where the recording is; empty if only the command is left.
    pub(crate) folder: String,
}

impl Campaign {
    /// What it came to as a whole.
    pub(crate) fn outcome(&self) -> RunOutcome {
        if !self.findings.is_empty() {
            RunOutcome::Violation
        } else if self.undecided > 0 {
            RunOutcome::Undecided
        } else if self.broken > 0 || self.seeds == 0 {
            RunOutcome::Broken
        } else {
            RunOutcome::Pass
        }
    }

    /// Says it: in words, or as one JSON object.
    pub(crate) fn tell(&self, json: bool) -> Result<(), Failure> {
        if !json {
            return terminal::answer(&text(self));
        }
        let object = serde_json::to_string(self).map_err(|error| Failure::Broken(error.into()))?;
        terminal::answer(&format!("{object}\n"))
    }
}

/// A campaign in words: a line for each finding, then the sum.
fn text(campaign: &Campaign) -> String {
    let mut text = String::new();
    for found in &campaign.findings {
        let Found {
            seed,
            finding,
            what,
            command,
            folder,
        } = found;
        text.push_str(&format!("seed {seed}: {finding}: {what}\n"));
        let recorded = if folder.is_empty() {
            String::new()
        } else {
            format!("recorded in {folder}; ")
        };
        text.push_str(&format!("  {recorded}again: {command}\n"));
    }
    for (seed, why) in &campaign.troubles {
        text.push_str(&format!("seed {seed}: {why}\n"));
    }
    let bug = campaign
        .bug
        .as_ref()
        .map(|bug| format!(" with the planted bug {bug}"));
    let seconds = campaign.seconds.max(f64::MIN_POSITIVE);
    text.push_str(&format!(
        "{}  {}{}: {} seeds, {} passed, {} findings, {} undecided, {} broken; {} operations in \
         {:.0} s of virtual time, {:.1} s of real time ({:.0} times as fast)\n",
        campaign.outcome().name().to_uppercase(),
        campaign.target,
        bug.unwrap_or_default(),
        campaign.seeds,
        campaign.passed,
        campaign.findings.len(),
        campaign.undecided,
        campaign.broken,
        campaign.operations,
        campaign.virtual_seconds,
        campaign.seconds,
        campaign.virtual_seconds / seconds,
    ));
    text
}
