//! `testimony init`: a commented scenario to start from.

use std::fs::OpenOptions;
use std::io::Write;

use anyhow::Context;
use testimony_report::RunOutcome;

use crate::args::{InitArguments, InitKind};
use crate::failure::Failure;
use crate::terminal;

/// For the bundled target; every line that is not a comment is the default.
const RAFT: &str = include_str!("init/raft.toml");
/// How a system of one's own is started.
const OWN: &str = include_str!("init/own.toml");
/// Where a cluster is that already runs.
const EXTERNAL: &str = include_str!("init/external.toml");
/// What clients may ask of either.
const HTTP: &str = include_str!("init/http.toml");

/// Writes the file, and never over one that is there.
pub(crate) fn run(arguments: &InitArguments) -> Result<RunOutcome, Failure> {
    let path = &arguments.file;
    let made = OpenOptions::new().write(true).create_new(true).open(path);
    made.and_then(|mut file| file.write_all(scenario(arguments.target).as_bytes()))
        .with_context(|| format!("{} cannot be written", path.display()))
        .map_err(Failure::usage)?;
    let first = match arguments.target {
        InitKind::Raft => "",
        InitKind::Own => "say in it how your system is started and asked, then ",
        InitKind::External => "say in it where your cluster is and how it is asked, then ",
    };
    terminal::tell(&format!(
        "{}: {first}run it with `testimony run {0}`",
        path.display()
    ));
    Ok(RunOutcome::Pass)
}

fn scenario(kind: InitKind) -> String {
    match kind {
        InitKind::Raft => RAFT.to_owned(),
        InitKind::Own => [OWN, HTTP].concat(),
        InitKind::External => [EXTERNAL, HTTP].concat(),
    }
}

#[cfg(test)]
mod tests {
    use testimony_engine::{Draft, Plan, TargetInfo};
    use testimony_systems::own;

    use super::*;

    fn seeded(text: &str) -> Draft {
        Draft {
            seed: Some(7),
            ..Draft::from_toml(text).unwrap()
        }
    }

    fn own_info(draft: &Draft) -> TargetInfo {
        own::info(draft.system.as_ref().unwrap(), draft.external.as_ref())
    }

    /// What is commented out put to use.
    fn uncommented(text: &str) -> String {
        let setting = |line: &str| {
            let rest = line.strip_prefix("# ")?;
            let is_key = |key: &str| key.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            let assigns = rest.split_once(" = ").is_some_and(|(key, _)| is_key(key));
            (rest.starts_with('[') || assigns).then(|| rest.to_owned())
        };
        let lines = text.lines();
        lines
            .map(|line| setting(line).unwrap_or_else(|| line.to_owned()) + "\n")
            .collect()
    }

    #[test]
    fn the_scenario_of_the_bundled_target_says_the_defaults() {
        let plan = |text: &str| Plan::resolve(seeded(text), &testimony_systems::raft::info());
        assert_eq!(plan(RAFT).unwrap(), plan("").unwrap());
    }

    #[test]
    fn a_scenario_can_be_run_once_the_program_is_there() {
        for kind in [InitKind::Own, InitKind::External] {
            let draft = seeded(&scenario(kind));
            let info = own_info(&draft);
            Plan::resolve(draft, &info).unwrap();
        }
    }

    #[test]
    fn what_is_commented_out_can_be_used() {
        Draft::from_toml(&uncommented(RAFT)).unwrap();
        let own = uncommented(&scenario(InitKind::Own));
        let external = uncommented(&scenario(InitKind::External));
        for text in [own, external] {
            let draft = seeded(&text);
            let info = own_info(&draft);
            let plan = Plan::resolve(draft, &info).unwrap();
            assert!(!plan.injections.is_empty(), "{text}");
        }
    }
}
