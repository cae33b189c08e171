//! How often real runs find each planted bug: the table of `docs/bugs.md`.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::toolbox;

/// Runs each planted bug with the seeds 1 to `seeds` and prints, for each, how many runs found it.
/// A run that found nothing is a result, a broken one is shown as such.
pub(crate) fn run(seeds: u64, time: &str, only: Option<&str>) -> Result<()> {
    let program = toolbox::program()?;
    let out = toolbox::root().join("runs").join("bugs");
    toolbox::print("| bug | runs | found | undecided or broken |");
    toolbox::print("|---|--:|--:|--:|");
    for bug in bugs(&program)? {
        if only.is_none_or(|only| only == bug) {
            toolbox::print(&row(&program, &out, &bug, seeds, time)?);
        }
    }
    Ok(())
}

fn row(program: &Path, out: &Path, bug: &str, seeds: u64, time: &str) -> Result<String> {
    let (mut found, mut unclear) = (0, 0);
    for seed in 1..=seeds {
        let seed = seed.to_string();
        let out = out.display().to_string();
        let words = [
            "run", "--bug", bug, "--seed", &seed, "--time", time, "--out", &out, "--json",
        ];
        match toolbox::output(program, &words)?.code {
            Some(0) => {}
            Some(1) => found += 1,
            Some(3 | 4) => unclear += 1,
            code => anyhow::bail!("`testimony {}` ended with {code:?}", words.join(" ")),
        }
    }
    Ok(format!("| `{bug}` | {seeds} | {found} | {unclear} |"))
}

fn bugs(program: &Path) -> Result<Vec<String>> {
    let answer = toolbox::output(program, &["targets", "--json"])?;
    ensure!(answer.code == Some(0), "`testimony targets` failed");
    let targets: Value = serde_json::from_str(&answer.stdout)?;
    let bugs = targets[0]["bugs"]
        .as_array()
        .context("the first target has no bugs")?;
    Ok(bugs
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect())
}
