//! Long runs of the random tests, which the default test run only samples.

use anyhow::{Context, Result};

use crate::toolbox::{cargo, say};

/// How many histories are judged between two lines of progress.
const BATCH: u64 = 500_000;
/// Histories that the cross-check makes of one seed; see `checker/tests/cross_check.rs`.
const HISTORIES_EACH: u64 = 16;

/// What to run, and where to begin.
pub(crate) struct Soak {
    pub(crate) histories: u64,
    pub(crate) from: u64,
    pub(crate) clusters: u64,
}

impl Soak {
    /// Compare the checker with the oracle on random histories and their relaxations, batch by
    /// batch, then run randomly scheduled Raft clusters; all in release mode.
    pub(crate) fn run(&self) -> Result<()> {
        self.checker()?;
        let seeds = [("TESTIMONY_SEEDS", self.clusters.to_string())];
        cargo(&["test", "--release", "-p", "testimony-consensus"], &seeds)
    }

    fn checker(&self) -> Result<()> {
        let (mut done, mut seed) = (0, self.from);
        while done < self.histories {
            let batch = BATCH.min(self.histories - done);
            judge(batch, seed).with_context(|| {
                format!("among {batch} histories; again: `cargo xtask soak --from {seed}`")
            })?;
            done += batch;
            seed += batch.div_ceil(HISTORIES_EACH);
            let all = self.histories;
            say(&format!(
                "{done} of {all} histories judged as by brute force; to go on: --from {seed}"
            ));
        }
        Ok(())
    }
}

/// The random tests of the checker, on so many histories from one seed on. They say what they
/// judged.
fn judge(histories: u64, seed: u64) -> Result<()> {
    let variables = [
        ("TESTIMONY_CROSS_CHECK", histories.to_string()),
        ("TESTIMONY_FIRST_SEED", seed.to_string()),
    ];
    let tests = [
        "--test",
        "cross_check",
        "--test",
        "metamorphic",
        "--test",
        "wide",
    ];
    let arguments = [
        &["test", "--release", "--quiet", "-p", "testimony-checker"],
        &tests[..],
    ];
    let arguments = [arguments.concat(), vec!["--", "--nocapture"]].concat();
    cargo(&arguments, &variables)
}
