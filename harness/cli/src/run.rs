//! `testimony run`: a plan, a cluster under faults, a recording, a verdict.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use testimony_engine::{
    Draft, NemesisDraft, Plan, Target, TargetInfo, WorkloadDraft, WorkloadKind,
};
use testimony_lab::{external, maelstrom};
use testimony_report::RunOutcome;
use testimony_systems::own::{self, OwnTarget};
use testimony_systems::{TargetError, TargetOptions, target, targets};

use crate::args::{Limits, RunArguments};
use crate::failure::Failure;
use crate::outlet::Outlet;
use crate::run_folder::{Closing, RunFolder};
use crate::session::Setting;
use crate::verdict_of_run::JudgedRun;
use crate::{chance, session, simulation, terminal};

/// One run, or one for each seed.
pub(crate) fn run(arguments: &RunArguments) -> Result<RunOutcome, Failure> {
    let mut outlet = Outlet::new(arguments.json, arguments.junit.clone());
    let draft = draft(arguments)?;
    let seeds = match &arguments.seeds {
        Some(seeds) => seeds.clone().collect(),
        None => vec![draft.seed.unwrap_or_else(chance::seed)],
    };
    let mut outcome = RunOutcome::Pass;
    for seed in seeds {
        let draft = Draft {
            seed: Some(seed),
            ..draft.clone()
        };
        let judged = run_once(draft, arguments)?;
        outlet.show(&judged)?;
        outcome = outcome.worse(judged.outcome);
        if judged.outcome != RunOutcome::Pass && !arguments.keep_going {
            break;
        }
    }
    outlet.close()?;
    Ok(outcome)
}

fn run_once(draft: Draft, arguments: &RunArguments) -> Result<JudgedRun, Failure> {
    let info = info(&draft)?;
    let plan = Plan::resolve(draft, &info).map_err(Failure::usage)?;
    let folder = RunFolder::make(&arguments.out, &plan)?;
    announce(&plan, &folder);
    let folder = carry_out(&plan, folder, arguments.to_the_end)?;
    let judged = JudgedRun::of(folder, &arguments.limits, arguments.require_recovery)?;
    judged.write()?;
    Ok(judged)
}

/// The lab that a call asks for, as far as it is understood: what is not is told when it is
/// carried out.
pub(crate) fn lab(arguments: &RunArguments) -> Option<String> {
    let draft = draft(arguments).ok()?;
    let name = target_name(&draft);
    let info = targets().into_iter().find(|info| info.name == name)?;
    draft.lab.or_else(|| info.labs.first().cloned())
}

/// Carries a plan out in a folder of its own, and judges it.
pub(crate) fn again(plan: &Plan, out: &Path, limits: &Limits) -> Result<JudgedRun, Failure> {
    let folder = RunFolder::make(out, plan)?;
    announce(plan, &folder);
    perform(plan, folder, limits)
}

/// As [`again`], where there are too many plans to tell.
pub(crate) fn quietly(plan: &Plan, out: &Path, limits: &Limits) -> Result<JudgedRun, Failure> {
    perform(plan, RunFolder::make(out, plan)?, limits)
}

fn perform(plan: &Plan, folder: RunFolder, limits: &Limits) -> Result<JudgedRun, Failure> {
    let folder = carry_out(plan, folder, false)?;
    let judged = JudgedRun::of(folder, limits, None)?;
    judged.write()?;
    Ok(judged)
}

fn carry_out(plan: &Plan, folder: RunFolder, to_the_end: bool) -> Result<RunFolder, Failure> {
    let closing = match plan.lab.as_str() {
        simulation::LAB => simulation::perform(plan, &folder)?,
        _ => in_real_time(plan, &folder, to_the_end)?,
    };
    let closing = serde_json::to_vec_pretty(&closing).context("the summary cannot be written");
    folder.write("summary.json", &closing.map_err(Failure::Broken)?)?;
    Ok(folder)
}

/// Carries a plan out in real time.
fn in_real_time(plan: &Plan, folder: &RunFolder, to_the_end: bool) -> Result<Closing, Failure> {
    let setting = match plan.lab.as_str() {
        maelstrom::LAB => Setting::Maelstrom,
        external::LAB => Setting::External(target_of(plan)?),
        _ => Setting::Processes(target_of(plan)?),
    };
    let (ended, stopped_early) = session::run(plan, setting, folder.path(), to_the_end)?;
    Ok(Closing {
        summary: ended.summary,
        deaths: ended.deaths.iter().map(ToString::to_string).collect(),
        stopped_early,
        ..Closing::default()
    })
}

/// The seed and the plan, before anything happens.
fn announce(plan: &Plan, folder: &RunFolder) {
    let bug = plan
        .bug
        .as_ref()
        .map(|bug| format!(", planted bug {bug}"))
        .unwrap_or_default();
    let place = plan.clients_at.map(|place| format!(" {place}"));
    terminal::tell(&format!(
        "seed {}: {}{bug}, {} nodes, {} clients{}, {} operations/s, {} faults in {}",
        plan.seed,
        plan.target,
        plan.nodes,
        plan.clients,
        place.unwrap_or_default(),
        plan.rate,
        plan.injections.len(),
        testimony_engine::span::format(plan.time),
    ));
    for injection in &plan.injections {
        let (at, lasts) = (injection.at, injection.duration);
        let span = testimony_engine::span::format;
        let lasts = if lasts.is_zero() {
            String::new()
        } else {
            format!(" for {}", span(lasts))
        };
        terminal::tell(&format!("  {:>8}  {}{lasts}", span(at), injection.kind));
    }
    terminal::tell(&format!("plan: {}", folder.file("plan.toml").display()));
}

fn target_of(plan: &Plan) -> Result<Arc<dyn Target>, Failure> {
    let program = std::env::current_exe().context("this program cannot be found on the disk");
    if let Some(system) = &plan.system {
        // What an earlier run left in the system is not to be read in this one.
        let prefix = format!("t{:08x}-", chance::seed() & 0xffff_ffff);
        let external = plan.external.clone();
        return Ok(Arc::new(OwnTarget::new(system.clone(), external, &prefix)));
    }
    let options = TargetOptions {
        program: program.map_err(Failure::Broken)?,
        mode: plan.mode.clone(),
        bug: plan.bug.clone(),
        settings: plan.settings.clone(),
    };
    target(&plan.target, options).map_err(Failure::usage)
}

/// What can be tested of the target that a draft is about.
fn info(draft: &Draft) -> Result<TargetInfo, Failure> {
    let name = target_name(draft);
    if name == maelstrom::LAB {
        return Ok(maelstrom::info());
    }
    match &draft.system {
        Some(system) if name == own::NAME => Ok(own::info(system, draft.external.as_ref())),
        _ => {
            let info = targets().into_iter().find(|info| info.name == name);
            info.ok_or_else(|| unknown_target(&name))
        }
    }
}

pub(crate) fn target_name(draft: &Draft) -> String {
    let usual = match &draft.system {
        Some(_) => own::NAME,
        None if draft.lab.as_deref() == Some(maelstrom::LAB) => maelstrom::LAB,
        None => testimony_systems::raft::NAME,
    };
    let target = draft.target.as_deref().unwrap_or(usual);
    target
        .split_once(':')
        .map_or(target, |(name, _)| name)
        .to_owned()
}

pub(crate) fn unknown_target(name: &str) -> Failure {
    let known = targets()
        .into_iter()
        .map(|info| info.name)
        .collect::<Vec<_>>()
        .join(", ");
    Failure::usage(TargetError::UnknownTarget {
        name: name.to_owned(),
        known,
    })
}

/// What was typed, over what the scenario says.
fn draft(arguments: &RunArguments) -> Result<Draft, Failure> {
    over_scenario(arguments.scenario.as_deref(), typed(arguments)?)
}

/// What was typed, over what a scenario says, if there is one.
pub(crate) fn over_scenario(path: Option<&Path>, typed: Draft) -> Result<Draft, Failure> {
    let Some(path) = path else {
        return Ok(typed);
    };
    let name = path.display().to_string();
    let text = fs::read_to_string(path).with_context(|| format!("{name} cannot be read"));
    let scenario = Draft::from_toml(&text.map_err(Failure::usage)?);
    let scenario = scenario.map_err(|error| Failure::usage(anyhow!(error).context(name)))?;
    let simulated = scenario.lab.as_deref() == Some(simulation::LAB);
    let draft = scenario.overlay(typed);
    match draft.lab.clone() {
        Some(lab) if simulated && lab != simulation::LAB => Ok(outside(draft, &lab)),
        _ => Ok(draft),
    }
}

/// A plan that was found in simulation, for another lab: without what only a simulation can do.
/// It says so, and that the timing is not fixed there.
fn outside(mut draft: Draft, lab: &str) -> Draft {
    terminal::tell(
        "this plan was made for the simulated lab; here the times of messages, disks and clocks \
         are what they are, so that the same plan need not show the same",
    );
    if let Some(injections) = &mut draft.injections {
        let (kept, left): (Vec<_>, Vec<_>) = std::mem::take(injections)
            .into_iter()
            .partition(|injection| injection.kind.is_possible_in(lab));
        *injections = kept;
        for injection in left {
            terminal::tell(&format!(
                "left out: injection {}, {}: only a simulation can do that",
                injection.id, injection.kind
            ));
        }
    }
    draft
}

fn typed(arguments: &RunArguments) -> Result<Draft, Failure> {
    let nodes = arguments.nodes.map(u32::try_from).transpose();
    let clients = arguments.clients.map(u32::try_from).transpose();
    Ok(Draft {
        seed: arguments.seed,
        target: arguments.target.clone(),
        bug: arguments.bug.clone(),
        lab: arguments.lab.clone(),
        nodes: nodes
            .context("--nodes is too large")
            .map_err(Failure::usage)?,
        clients: clients
            .context("--clients is too large")
            .map_err(Failure::usage)?,
        clients_at: arguments.clients_at,
        rate: arguments.rate,
        time: arguments.time,
        workload: arguments.workload.as_deref().map(workload).transpose()?,
        nemesis: nemesis(arguments.nemesis.as_ref())?,
        program: (!arguments.program.is_empty()).then(|| arguments.program.clone()),
        ..Draft::default()
    })
}

pub(crate) fn workload(word: &str) -> Result<WorkloadDraft, Failure> {
    let known = WorkloadKind::ALL.map(WorkloadKind::name).join(", ");
    let unknown = || Failure::usage(anyhow!("no workload is called {word:?}; there are {known}"));
    let name = WorkloadKind::from_name(word).ok_or_else(unknown)?;
    Ok(WorkloadDraft {
        name: Some(name),
        ..WorkloadDraft::default()
    })
}

pub(crate) fn nemesis(words: Option<&Vec<String>>) -> Result<Option<NemesisDraft>, Failure> {
    let Some(words) = words else {
        return Ok(None);
    };
    NemesisDraft::from_words(&words.join(","))
        .map(Some)
        .map_err(Failure::usage)
}
