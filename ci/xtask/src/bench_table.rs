//! Puts a measured table into the documentation.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::toolbox;

const FILE: &str = "docs/benchmarks.md";
const START: &str = "<!-- The rest is written by `cargo xtask bench-table`. -->";

/// Run the benchmark and replace the table in `docs/benchmarks.md`.
pub(crate) fn write(full: bool) -> Result<()> {
    let file = toolbox::root().join(FILE);
    let text = fs::read_to_string(&file).with_context(|| FILE.to_owned())?;
    let (prose, _) = text
        .split_once(START)
        .with_context(|| format!("{FILE} has no `{START}`"))?;
    let mut arguments = vec![
        "bench",
        "-p",
        "testimony-checker",
        "--bench",
        "portfolio",
        "--",
    ];
    arguments.push("--markdown");
    arguments.extend(full.then_some("--full"));
    toolbox::say(&format!("cargo {}", arguments.join(" ")));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let answer = toolbox::output(cargo.as_ref(), &arguments)?;
    ensure!(answer.code == Some(0), "the benchmark failed");
    fs::write(&file, format!("{prose}{START}\n{}", answer.stdout)).with_context(|| FILE.to_owned())
}
