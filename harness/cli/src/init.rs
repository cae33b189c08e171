//! `testimony init`: a commented scenario to start from.

use std::fs::OpenOptions;
use std::io::Write;

use anyhow::Context;
use testimony_report::RunOutcome;

use crate::args::InitArguments;
use crate::failure::Failure;
use crate::terminal;

/// The scenario; every line that is not a comment is the default.
pub(crate) const SCENARIO: &str = include_str!("scenario.toml");

/// Writes the file, and never over one that is there.
pub(crate) fn run(arguments: &InitArguments) -> Result<RunOutcome, Failure> {
    let path = &arguments.file;
    let made = OpenOptions::new().write(true).create_new(true).open(path);
    made.and_then(|mut file| file.write_all(SCENARIO.as_bytes()))
        .with_context(|| format!("{} cannot be written", path.display()))
        .map_err(Failure::usage)?;
    terminal::tell(&format!(
        "{}: run it with `testimony run {0}`",
        path.display()
    ));
    Ok(RunOutcome::Pass)
}

#[cfg(test)]
mod tests {
    use testimony_engine::{Draft, Plan};

    use super::*;

    #[test]
    fn the_scenario_says_the_defaults() {
        let plan = |text: &str| {
            let draft = Draft {
                seed: Some(7),
                ..Draft::from_toml(text).unwrap()
            };
            Plan::resolve(draft, &testimony_systems::raft::info()).unwrap()
        };
        assert_eq!(plan(SCENARIO), plan(""));
    }

    #[test]
    fn what_is_commented_out_can_be_used() {
        let text: String = SCENARIO
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(setting) if setting.starts_with('[') || setting.contains(" = ") => setting,
                _ => line,
            })
            .flat_map(|line| [line, "\n"])
            .collect();
        Draft::from_toml(&text).unwrap();
    }
}
