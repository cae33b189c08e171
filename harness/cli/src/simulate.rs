//! `testimony simulate`: many seeds in virtual time, on all cores.
//!
//! Each seed is a run of its own: a plan, a simulated cluster, a recording, a verdict. What a seed
//! comes to depends on nothing but the seed; so neither does what a campaign finds, however many
//! threads it has.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use testimony_checker::{Budget, Verdict, decide_compact};
use testimony_engine::{Draft, Plan, Recovery, TargetInfo};
use testimony_history::{CompactOptions, read_compact};
use testimony_lab::sim::{SimOptions, Simulated, simulate};
use testimony_report::RunOutcome;
use testimony_systems::targets;

use crate::args::{Limits, SimulateArguments};
use crate::campaign::{Campaign, Found};
use crate::failure::Failure;
use crate::stopwatch::Stopwatch;
use crate::{limits, run, simulation};

/// The most that judging one run may cost where nobody said otherwise; the same on every machine.
const STEPS: u64 = 200_000_000;
const BYTES: u64 = 2 << 30;

/// Troubles that are told.
const TROUBLES_TOLD: usize = 10;

/// Runs the seeds.
pub(crate) fn run(arguments: &SimulateArguments) -> Result<RunOutcome, Failure> {
    let draft = draft(arguments)?;
    let name = run::target_name(&draft);
    let info = targets().into_iter().find(|info| info.name == name);
    let info = info.ok_or_else(|| run::unknown_target(&name))?;
    // What is wrong with the plan is wrong with that of every seed: say it once, before the start.
    plan(&draft, &info, arguments.seeds.start)?;
    let watch = Stopwatch::start();
    let trials = Crew::new(arguments, &draft, &info).work();
    let mut campaign = sum(arguments, &draft, &trials);
    let plan = |seed| plan(&draft, &info, seed);
    keep_findings(arguments, plan, &mut campaign)?;
    if let Some(out) = &arguments.out {
        keep_the_rest(out, plan, &trials, &arguments.limits)?;
    }
    campaign.seconds = watch.seconds();
    campaign.tell(arguments.json)?;
    Ok(campaign.outcome())
}

/// The plan of one seed.
fn plan(draft: &Draft, info: &TargetInfo, seed: u64) -> Result<Plan, Failure> {
    let draft = Draft {
        seed: Some(seed),
        ..draft.clone()
    };
    Plan::resolve(draft, info).map_err(Failure::usage)
}

/// What one seed came to.
struct Trial {
    seed: u64,
    outcome: RunOutcome,
    operations: u64,
    length: Duration,
    /// What was found, and in which words; or why it means nothing.
    said: Option<(&'static str, String)>,
}

/// The threads, and what they share.
struct Crew<'a> {
    arguments: &'a SimulateArguments,
    draft: &'a Draft,
    info: &'a TargetInfo,
    seeds: Vec<u64>,
    next: AtomicU64,
    /// The place of the first seed with a finding: no later one is begun, unless asked to go on.
    last: AtomicU64,
    /// By the place of the seed.
    done: Mutex<BTreeMap<u64, Trial>>,
    bar: Option<ProgressBar>,
}

impl<'a> Crew<'a> {
    fn new(arguments: &'a SimulateArguments, draft: &'a Draft, info: &'a TargetInfo) -> Self {
        let is_mine = |seed: &u64| arguments.shard.is_none_or(|shard| shard.holds(*seed));
        let seeds: Vec<u64> = arguments.seeds.clone().filter(is_mine).collect();
        Crew {
            bar: bar(seeds.len() as u64),
            arguments,
            draft,
            info,
            seeds,
            next: AtomicU64::new(0),
            last: AtomicU64::new(u64::MAX),
            done: Mutex::new(BTreeMap::new()),
        }
    }

    /// What the seeds came to, in their order, up to the last that counts.
    fn work(self) -> Vec<Trial> {
        let jobs = self.arguments.jobs.unwrap_or_else(limits::cores).max(1);
        std::thread::scope(|scope| {
            for _ in 0..jobs {
                scope.spawn(|| while self.one() {});
            }
        });
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let last = self.last.into_inner();
        let done = self.done.into_inner().unwrap_or_default();
        let counted = done.into_iter().filter(|(place, _)| *place <= last);
        counted.map(|(_, trial)| trial).collect()
    }

    /// Runs the next seed, if there is one.
    fn one(&self) -> bool {
        let place = self.next.fetch_add(1, Ordering::Relaxed);
        let seed = self.seeds.get(usize::try_from(place).unwrap_or(usize::MAX));
        let Some(seed) = seed
            .copied()
            .filter(|_| place <= self.last.load(Ordering::Relaxed))
        else {
            return false;
        };
        let trial = self.trial(seed);
        if trial.outcome == RunOutcome::Violation && !self.arguments.keep_going {
            self.last.fetch_min(place, Ordering::Relaxed);
        }
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
        if let Ok(mut done) = self.done.lock() {
            done.insert(place, trial);
        }
        true
    }

    fn trial(&self, seed: u64) -> Trial {
        let ran = plan(self.draft, self.info, seed).map_err(|failure| failure.to_string());
        let ran = ran.and_then(|plan| {
            let ended = simulate(&plan, SimOptions::default());
            let ended = ended.map_err(|error| error.to_string())?;
            Ok(judge(&plan, &ended, &self.arguments.limits))
        });
        ran.unwrap_or_else(|why| Trial {
            seed,
            outcome: RunOutcome::Broken,
            operations: 0,
            length: Duration::ZERO,
            said: Some(("broken", why)),
        })
    }
}

/// The verdict on what was recorded, read back as anybody would.
fn judge(plan: &Plan, ended: &Simulated, limits: &Limits) -> Trial {
    let (outcome, said) = verdict(plan, ended, limits);
    Trial {
        seed: plan.seed,
        outcome,
        operations: ended.summary.completed(),
        length: ended.costs.length.into(),
        said,
    }
}

/// What a run came to, and what was found in which words; or why it means nothing.
pub(crate) fn verdict(
    plan: &Plan,
    ended: &Simulated,
    limits: &Limits,
) -> (RunOutcome, Option<(&'static str, String)>) {
    let options = CompactOptions {
        model: Some(plan.model()),
        ..CompactOptions::default()
    };
    let read = match read_compact(|| Ok(ended.history.as_slice()), &options) {
        Ok(read) => read,
        Err(error) => return (RunOutcome::Broken, Some(("broken", error.to_string()))),
    };
    let stop = Arc::new(AtomicBool::new(false));
    let budget = Budget {
        steps: limits.step_limit.unwrap_or(STEPS),
        bytes: limits.memory_limit.unwrap_or(BYTES),
        stop: Some(Arc::clone(&stop)),
        threads: 1,
    };
    let decision = decide_compact(None, &read.history, &budget);
    // A contradiction is shrunk when its run is kept; here it is only made sure of.
    stop.store(true, Ordering::Relaxed);
    let judged = decision.conclude();
    let broken = ended.deaths.first().cloned();
    let short = ended
        .summary
        .shortcomings()
        .first()
        .map(ToString::to_string);
    match (judged.verdict, &ended.breach, &ended.summary.recovery) {
        (Verdict::Illegal(found), _, _) => {
            let headline = found.explanation.headline.clone();
            (RunOutcome::Violation, Some(("linearizability", headline)))
        }
        (_, Some(breach), _) => {
            let what = format!("{}: {}", breach.invariant, breach.seen);
            (RunOutcome::Violation, Some(("invariant", what)))
        }
        (_, _, Recovery::NotRecovered { silent }) => {
            let silent = silent.join(", ");
            let what = format!("{silent} did not serve after the last heal");
            (RunOutcome::Violation, Some(("unavailable", what)))
        }
        (Verdict::Undecided(why), _, _) => (
            RunOutcome::Undecided,
            Some(("undecided", why.reason.to_string())),
        ),
        (Verdict::Linearizable(_), _, _) => match broken.or(short) {
            Some(why) => (RunOutcome::Broken, Some(("broken", why))),
            None => (RunOutcome::Pass, None),
        },
    }
}

fn sum(arguments: &SimulateArguments, draft: &Draft, trials: &[Trial]) -> Campaign {
    let mut campaign = Campaign {
        target: draft
            .target
            .clone()
            .unwrap_or_else(|| run::target_name(draft)),
        bug: draft.bug.clone(),
        ..Campaign::default()
    };
    for trial in trials {
        let seed = trial.seed;
        campaign.seeds += 1;
        campaign.operations += trial.operations;
        campaign.virtual_seconds += trial.length.as_secs_f64();
        match trial.outcome {
            RunOutcome::Pass => campaign.passed += 1,
            RunOutcome::Undecided => campaign.undecided += 1,
            RunOutcome::Broken => campaign.broken += 1,
            RunOutcome::Violation => {}
        }
        match &trial.said {
            Some((finding, what)) if trial.outcome == RunOutcome::Violation => {
                let command = again(arguments, seed);
                campaign.findings.push(Found {
                    seed,
                    finding: (*finding).to_owned(),
                    what: what.clone(),
                    command,
                    folder: String::new(),
                });
            }
            Some((word, why)) if campaign.troubles.len() < TROUBLES_TOLD => {
                campaign.troubles.insert(seed, format!("{word}: {why}"));
            }
            _ => {}
        }
    }
    campaign
}

/// Leaves the folders of the first findings; of all, if one was named.
fn keep_findings(
    arguments: &SimulateArguments,
    plan: impl Fn(u64) -> Result<Plan, Failure>,
    campaign: &mut Campaign,
) -> Result<(), Failure> {
    let (out, kept) = match &arguments.out {
        Some(out) => (out.as_path(), usize::MAX),
        None => (Path::new("runs"), arguments.keep),
    };
    for found in campaign.findings.iter_mut().take(kept) {
        let judged = run::quietly(&plan(found.seed)?, out, &arguments.limits)?;
        found.folder = judged.folder().display().to_string();
        found.what = judged.report().in_a_sentence();
    }
    Ok(())
}

/// Leaves the folders of the runs that found nothing.
fn keep_the_rest(
    out: &Path,
    plan: impl Fn(u64) -> Result<Plan, Failure>,
    trials: &[Trial],
    limits: &Limits,
) -> Result<(), Failure> {
    let found_nothing = |trial: &&Trial| trial.outcome != RunOutcome::Violation;
    for trial in trials.iter().filter(found_nothing) {
        run::quietly(&plan(trial.seed)?, out, limits)?;
    }
    Ok(())
}

/// The command that repeats one seed.
fn again(arguments: &SimulateArguments, seed: u64) -> String {
    let mut words = vec!["testimony simulate".to_owned()];
    let scenario = arguments.scenario.as_ref();
    words.extend(scenario.map(|path| testimony_lab::quoted(&path.display().to_string())));
    words.push(format!("--seeds {seed}..{}", seed.saturating_add(1)));
    let mut say = |name: &str, value: Option<String>| {
        words.extend(value.map(|value| format!("--{name} {}", testimony_lab::quoted(&value))));
    };
    say("time", arguments.time.map(testimony_engine::span::format));
    say("target", arguments.target.clone());
    say("bug", arguments.bug.clone());
    say("nodes", arguments.nodes.map(|nodes| nodes.to_string()));
    say(
        "clients",
        arguments.clients.map(|clients| clients.to_string()),
    );
    say("rate", arguments.rate.map(|rate| rate.to_string()));
    say("workload", arguments.workload.clone());
    say(
        "nemesis",
        arguments.nemesis.as_ref().map(|kinds| kinds.join(",")),
    );
    words.join(" ")
}

/// The usual time under faults.
const TIME: Duration = Duration::from_secs(60);

fn draft(arguments: &SimulateArguments) -> Result<Draft, Failure> {
    let mut draft = run::over_scenario(arguments.scenario.as_deref(), typed(arguments)?)?;
    draft.time.get_or_insert(TIME);
    Ok(draft)
}

fn typed(arguments: &SimulateArguments) -> Result<Draft, Failure> {
    Ok(Draft {
        target: arguments.target.clone(),
        bug: arguments.bug.clone(),
        lab: Some(simulation::LAB.to_owned()),
        nodes: arguments.nodes,
        clients: arguments.clients,
        rate: arguments.rate,
        time: arguments.time,
        workload: arguments
            .workload
            .as_deref()
            .map(run::workload)
            .transpose()?,
        nemesis: run::nemesis(arguments.nemesis.as_ref())?,
        ..Draft::default()
    })
}

fn bar(length: u64) -> Option<ProgressBar> {
    let style = ProgressStyle::with_template("{bar:24.cyan/dim} {pos} of {len} seeds, {eta} left");
    std::io::stderr().is_terminal().then(|| {
        let bar = ProgressBar::new(length);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar
    })
}
