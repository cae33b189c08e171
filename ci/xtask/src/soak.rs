//! Long runs of the random tests, which the default test run only samples.

use anyhow::Result;

use crate::toolbox::cargo;

/// Compare the checker with the oracle on `histories` random histories, and run `seeds` randomly
/// scheduled Raft clusters, in release mode.
pub(crate) fn run(histories: u64, seeds: u64) -> Result<()> {
    let histories = [("TESTIMONY_CROSS_CHECK", histories.to_string())];
    cargo(
        &["test", "--release", "-p", "testimony-checker"],
        &histories,
    )?;
    let seeds = [("TESTIMONY_SEEDS", seeds.to_string())];
    cargo(&["test", "--release", "-p", "testimony-consensus"], &seeds)
}
