//! `testimony targets`: what can be tested, and which mistakes can be planted.

use std::fmt::Write as _;

use serde_json::json;
use testimony_engine::TargetInfo;
use testimony_report::RunOutcome;
use testimony_systems::targets;

use crate::args::TargetsArguments;
use crate::failure::Failure;
use crate::terminal;

/// Lists every target.
pub(crate) fn run(arguments: &TargetsArguments) -> Result<RunOutcome, Failure> {
    let mut all = targets();
    all.push(testimony_lab::maelstrom::info());
    let text = if arguments.json {
        as_json(&all)
    } else {
        as_text(&all)
    };
    terminal::answer(&text)?;
    Ok(RunOutcome::Pass)
}

fn as_json(targets: &[TargetInfo]) -> String {
    let entry = |target: &TargetInfo| {
        json!({
            "name": target.name,
            "modes": target.modes,
            "labs": target.labs,
            "models": target.models.iter().map(|model| model.name()).collect::<Vec<_>>(),
            "bugs": target.bugs.iter().map(|bug| bug.name.as_str()).collect::<Vec<_>>(),
            "faults": target.faults.iter().map(|kind| kind.name()).collect::<Vec<_>>(),
            "settings": target.settings,
        })
    };
    format!(
        "{}\n",
        targets.iter().map(entry).collect::<serde_json::Value>()
    )
}

fn as_text(targets: &[TargetInfo]) -> String {
    let mut text = String::new();
    for target in targets {
        describe(&mut text, target);
    }
    text
}

fn describe(text: &mut String, target: &TargetInfo) {
    let models: Vec<&str> = target.models.iter().map(|model| model.name()).collect();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{}: {}", target.name, target.summary);
    let _ = writeln!(text, "  labs      {}", target.labs.join(", "));
    let _ = writeln!(text, "  models    {}", models.join(", "));
    if !target.modes.is_empty() {
        let _ = writeln!(text, "  modes     {}", target.modes.join(", "));
    }
    for (name, value) in &target.settings {
        let _ = writeln!(text, "  setting   {name} = {value:?}");
    }
    let width = target
        .bugs
        .iter()
        .map(|bug| bug.name.len())
        .max()
        .unwrap_or(0);
    for bug in &target.bugs {
        let _ = writeln!(text, "  --bug     {:width$}  {}", bug.name, bug.summary);
    }
}
