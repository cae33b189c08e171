//! `testimony merge`: what the parts of a campaign came to together.

use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow};
use testimony_report::RunOutcome;

use crate::args::MergeArguments;
use crate::campaign::Campaign;
use crate::failure::Failure;

/// Adds up what `simulate --json` wrote.
pub(crate) fn run(arguments: &MergeArguments) -> Result<RunOutcome, Failure> {
    let mut parts = Vec::new();
    for file in &arguments.files {
        parts.push(read(file)?);
    }
    let whole = parts.into_iter().try_fold(None, join)?;
    let whole = whole.ok_or_else(|| Failure::usage(anyhow!("there is nothing to add up")))?;
    whole.tell(arguments.json)?;
    Ok(whole.outcome())
}

fn read(path: &Path) -> Result<Campaign, Failure> {
    let name = path.display().to_string();
    let bytes = fs::read(path).with_context(|| format!("{name} cannot be read"));
    let campaign = serde_json::from_slice(&bytes.map_err(Failure::usage)?);
    let what = || format!("{name} is not what `testimony simulate --json` writes");
    campaign.with_context(what).map_err(Failure::usage)
}

/// Parts of different campaigns do not add up.
fn join(whole: Option<Campaign>, part: Campaign) -> Result<Option<Campaign>, Failure> {
    let Some(mut whole) = whole else {
        return Ok(Some(part));
    };
    if (&whole.target, &whole.bug) != (&part.target, &part.bug) {
        let named = |campaign: &Campaign| match &campaign.bug {
            Some(bug) => format!("{} with {bug}", campaign.target),
            None => campaign.target.clone(),
        };
        let (one, other) = (named(&whole), named(&part));
        return Err(Failure::usage(anyhow!(
            "{one} and {other} are not parts of one campaign"
        )));
    }
    whole.seeds += part.seeds;
    whole.operations += part.operations;
    whole.virtual_seconds += part.virtual_seconds;
    // The parts ran side by side, on machines of their own.
    whole.seconds = whole.seconds.max(part.seconds);
    whole.passed += part.passed;
    whole.undecided += part.undecided;
    whole.broken += part.broken;
    whole.findings.extend(part.findings);
    whole.findings.sort_by_key(|found| found.seed);
    whole.troubles.extend(part.troubles);
    Ok(Some(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(target: &str, seeds: u64) -> Campaign {
        Campaign {
            target: target.to_owned(),
            seeds,
            passed: seeds,
            ..Campaign::default()
        }
    }

    #[test]
    fn parts_add_up() {
        let whole = [part("raft", 3), part("raft", 4)];
        let whole = whole
            .into_iter()
            .try_fold(None, join)
            .ok()
            .flatten()
            .unwrap();
        assert_eq!((whole.seeds, whole.passed), (7, 7));
        assert_eq!(whole.outcome(), RunOutcome::Pass);
    }

    #[test]
    fn parts_of_other_campaigns_are_refused() {
        assert!(join(Some(part("raft", 3)), part("paxos", 3)).is_err());
    }

    #[test]
    fn no_seed_is_no_pass() {
        assert_eq!(part("raft", 0).outcome(), RunOutcome::Broken);
    }
}
