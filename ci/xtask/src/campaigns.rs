//! Runs campaigns of the simulated lab, and puts what they came to into the documentation.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::toolbox;

const FILE: &str = "docs/campaigns.md";
const START: &str = "<!-- The rest is written by `cargo xtask campaigns`. -->";
/// Seeds of a planted bug are tried in batches of so many, until it was found so often.
const BATCH: u64 = 100;
const FINDINGS: usize = 20;

/// What is to be tried.
pub(crate) struct Campaigns {
    /// Our program.
    pub(crate) program: PathBuf,
    /// Seeds of each protocol as it is.
    pub(crate) seeds: u64,
    /// Seeds of each planted bug at most.
    pub(crate) bug_seeds: u64,
    /// Time under faults of each run.
    pub(crate) time: String,
}

/// How often, and how soon, a planted bug was found.
struct Rate {
    seeds: u64,
    findings: usize,
    /// Seeds from each finding to the next.
    gaps: Vec<u64>,
    kinds: String,
}

impl Campaigns {
    /// Runs all, and replaces the tables.
    pub(crate) fn write(&self) -> Result<()> {
        let file = toolbox::root().join(FILE);
        let text = fs::read_to_string(&file).with_context(|| FILE.to_owned())?;
        let (prose, _) = text
            .split_once(START)
            .with_context(|| format!("{FILE} has no `{START}`"))?;
        let targets = targets(&self.program)?;
        let protocols = self.protocols(&targets)?;
        let bugs = self.bugs(&targets)?;
        fs::write(&file, format!("{prose}{START}\n{protocols}{bugs}"))
            .with_context(|| FILE.to_owned())
    }

    fn protocols(&self, targets: &[Value]) -> Result<String> {
        let mut table = format!(
            "\n## Every protocol and mode, {} seeds each, {} under faults\n\n\
             | target | seeds | passed | findings | undecided | broken | operations | \
             times as fast |\n\
             |---|---|---|---|---|---|---|---|\n",
            self.seeds, self.time
        );
        for target in targets {
            let name = text(target, "name");
            let modes = target["modes"].as_array().cloned().unwrap_or_default();
            let modes = modes.iter().filter_map(Value::as_str);
            let named = modes.map(|mode| format!("{name}:{mode}"));
            for target in std::iter::once(name.clone()).chain(named) {
                let range = format!("0..{}", self.seeds);
                let campaign = self.simulate(&["--target", &target, "--seeds", &range])?;
                table.push_str(&row(&target, &campaign));
            }
        }
        Ok(table)
    }

    fn bugs(&self, targets: &[Value]) -> Result<String> {
        let mut table = format!(
            "\n## Every planted bug: seeds until it was found, {} under faults\n\n\
             | target | bug | seeds | found | median of the first {FINDINGS} | found as |\n\
             |---|---|---|---|---|---|\n",
            self.time
        );
        for target in targets {
            let name = text(target, "name");
            let bugs = target["bugs"].as_array().cloned().unwrap_or_default();
            for bug in bugs.iter().filter_map(Value::as_str) {
                let rate = self.rate(&name, bug)?;
                let Rate {
                    seeds,
                    findings,
                    kinds,
                    ..
                } = &rate;
                let median = rate.median();
                let line =
                    format!("| {name} | {bug} | {seeds} | {findings} | {median} | {kinds} |\n");
                toolbox::say(line.trim_end());
                table.push_str(&line);
            }
        }
        Ok(table)
    }

    fn rate(&self, target: &str, bug: &str) -> Result<Rate> {
        let (mut found, mut tried) = (Vec::new(), 0);
        let mut kinds: Vec<String> = Vec::new();
        while found.len() < FINDINGS && tried < self.bug_seeds {
            let range = format!("{tried}..{}", tried + BATCH);
            let words = ["--target", target, "--bug", bug, "--seeds", &range];
            let campaign = self.simulate(&words)?;
            for finding in campaign["findings"].as_array().into_iter().flatten() {
                found.push(finding["seed"].as_u64().context("a finding has a seed")?);
                kinds.push(text(finding, "finding"));
            }
            tried += BATCH;
        }
        kinds.sort_unstable();
        kinds.dedup();
        let before = std::iter::once(None).chain(found.iter().copied().map(Some));
        let gaps = found.iter().zip(before);
        let gaps = gaps.map(|(seed, before)| before.map_or(seed + 1, |before| seed - before));
        Ok(Rate {
            seeds: tried,
            findings: found.len(),
            gaps: gaps.take(FINDINGS).collect(),
            kinds: kinds.join(", "),
        })
    }

    /// One campaign, as JSON. What it exits with is in it.
    fn simulate(&self, words: &[&str]) -> Result<Value> {
        let fixed = ["simulate", "--keep-going", "--keep", "0", "--json"];
        let time = ["--time", &self.time];
        testimony(&self.program, &[&fixed, &time[..], words].concat())
    }
}

impl Rate {
    fn median(&self) -> String {
        let mut gaps = self.gaps.clone();
        gaps.sort_unstable();
        match gaps.get(gaps.len() / 2) {
            Some(median) => median.to_string(),
            None => format!("more than {}", self.seeds),
        }
    }
}

fn targets(program: &Path) -> Result<Vec<Value>> {
    let all = testimony(program, &["targets", "--json"])?;
    let all = all.as_array().cloned().context("targets are a list")?;
    let simulated = |target: &Value| {
        let labs = target["labs"].as_array();
        labs.is_some_and(|labs| labs.contains(&Value::from("sim")))
    };
    Ok(all.into_iter().filter(simulated).collect())
}

fn row(target: &str, campaign: &Value) -> String {
    let number = |name: &str| campaign[name].as_u64().unwrap_or(0);
    let findings = campaign["findings"].as_array().map_or(0, Vec::len);
    let seconds = |name: &str| campaign[name].as_f64().unwrap_or(0.0);
    let speed = seconds("virtual_seconds") / seconds("seconds").max(0.001);
    let line = format!(
        "| {target} | {} | {} | {findings} | {} | {} | {} | {speed:.0} |\n",
        number("seeds"),
        number("passed"),
        number("undecided"),
        number("broken"),
        number("operations"),
    );
    toolbox::say(line.trim_end());
    line
}

/// The program's answer.
fn testimony(program: &Path, words: &[&str]) -> Result<Value> {
    let answer = toolbox::output(program, words)?;
    let known = matches!(answer.code, Some(0 | 1 | 3 | 4));
    ensure!(known, "testimony {} failed", words.join(" "));
    serde_json::from_str(&answer.stdout).context("the answer is JSON")
}

fn text(object: &Value, name: &str) -> String {
    object[name].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_of_the_gaps_between_findings() {
        let rate = |gaps: &[u64]| Rate {
            seeds: 100,
            findings: gaps.len(),
            gaps: gaps.to_vec(),
            kinds: String::new(),
        };
        assert_eq!(rate(&[9, 1, 4]).median(), "4");
        assert_eq!(rate(&[]).median(), "more than 100");
    }
}
