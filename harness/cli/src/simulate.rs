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
use serde::{Deserialize, Serialize};
use testimony_checker::{Budget, Verdict, decide_compact};
use testimony_engine::{Draft, Plan, Recovery, TargetInfo};
use testimony_history::{CompactOptions, read_compact};
use testimony_lab::sim::{SimOptions, Simulated, simulate};
use testimony_report::RunOutcome;
use testimony_systems::targets;

use crate::args::{Limits, SimulateArguments};
use crate::failure::Failure;
use crate::stopwatch::Stopwatch;
use crate::{limits, run, simulation, terminal};

/// The most that judging one run may cost where nobody said otherwise; the same on every machine.
const STEPS: u64 = 200_000_000;
const BYTES: u64 = 2 << 30;

/// What a campaign came to: the object of `--json`, and what `testimony merge` adds up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Campaign {
    pub(crate) target: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bug: Option<String>,
    /// How many seeds ran.
    pub(crate) seeds: u64,
    pub(crate) operations: u64,
    pub(crate) virtual_seconds: f64,
    /// Of the wall clock.
    pub(crate) seconds: f64,
    pub(crate) passed: u64,
    pub(crate) undecided: u64,
    pub(crate) broken: u64,
    pub(crate) findings: Vec<Found>,
    /// Why runs were undecided or broken, by seed; the first few.
    #[serde(default)]
    pub(crate) troubles: BTreeMap<u64, String>,
}

/// A seed that found something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) seed: u64,
    /// `linearizability`, `invariant` or `unavailable`.
    pub(crate) finding: String,
    pub(crate) what: String,
    /// The command that does it again.
    pub(crate) command: String,
    /// Where the recording is; empty if only the command is left.
    pub(crate) folder: String,
}

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
    let mut campaign = sum(arguments, &draft, trials);
    keep(arguments, &draft, &info, &mut campaign)?;
    campaign.seconds = watch.seconds();
    tell(arguments.json, &campaign)?;
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
    done: Mutex<BTreeMap<u64, Trial>>,
    bar: Option<ProgressBar>,
}

impl<'a> Crew<'a> {
    fn new(arguments: &'a SimulateArguments, draft: &'a Draft, info: &'a TargetInfo) -> Self {
        let shard = arguments.shard;
        let is_mine = |seed: &u64| shard.is_none_or(|shard| seed % shard.parts == shard.part);
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

    fn work(self) -> BTreeMap<u64, Trial> {
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
        let places = self.seeds.iter().zip(0_u64..);
        let last_seed = places
            .clone()
            .find(|(_, place)| *place == last)
            .map(|(seed, _)| *seed);
        let counts = |seed: &u64| last_seed.is_none_or(|last| *seed <= last);
        done.into_iter().filter(|(seed, _)| counts(seed)).collect()
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
            done.insert(seed, trial);
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

fn sum(arguments: &SimulateArguments, draft: &Draft, trials: BTreeMap<u64, Trial>) -> Campaign {
    let mut campaign = Campaign {
        target: draft
            .target
            .clone()
            .unwrap_or_else(|| run::target_name(draft)),
        bug: arguments.bug.clone(),
        ..Campaign::default()
    };
    for (seed, trial) in trials {
        campaign.seeds += 1;
        campaign.operations += trial.operations;
        campaign.virtual_seconds += trial.length.as_secs_f64();
        match trial.outcome {
            RunOutcome::Pass => campaign.passed += 1,
            RunOutcome::Undecided => campaign.undecided += 1,
            RunOutcome::Broken => campaign.broken += 1,
            RunOutcome::Violation => {}
        }
        match trial.said {
            Some((finding, what)) if trial.outcome == RunOutcome::Violation => {
                let command = again(arguments, seed);
                campaign.findings.push(Found {
                    seed,
                    finding: finding.to_owned(),
                    what,
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

impl Campaign {
    /// What it came to as a whole.
    pub(crate) fn outcome(&self) -> RunOutcome {
        if !self.findings.is_empty() {
            RunOutcome::Violation
        } else if self.undecided > 0 {
            RunOutcome::Undecided
        } else if self.broken > 0 || self.seeds == 0 {
            RunOutcome::Broken
        } else {
            RunOutcome::Pass
        }
    }
}

/// Leaves the folder of each finding; of every run, if one was named.
fn keep(
    arguments: &SimulateArguments,
    draft: &Draft,
    info: &TargetInfo,
    campaign: &mut Campaign,
) -> Result<(), Failure> {
    let out = arguments.out.as_deref();
    let kept = if out.is_some() {
        usize::MAX
    } else {
        arguments.keep
    };
    for found in campaign.findings.iter_mut().take(kept) {
        let plan = plan(draft, info, found.seed)?;
        let out = out.unwrap_or(Path::new("runs"));
        let judged = run::quietly(&plan, out, &arguments.limits)?;
        found.folder = judged.folder().display().to_string();
        found.what = judged.report().in_a_sentence();
    }
    let (Some(out), false) = (out, campaign.seeds == 0) else {
        return Ok(());
    };
    let found: Vec<u64> = campaign.findings.iter().map(|found| found.seed).collect();
    let shard = arguments.shard;
    let mine = |seed: &u64| shard.is_none_or(|shard| seed % shard.parts == shard.part);
    let rest = arguments
        .seeds
        .clone()
        .filter(mine)
        .filter(|seed| !found.contains(seed));
    let rest: Vec<u64> = rest
        .take(usize::try_from(campaign.seeds).unwrap_or(usize::MAX))
        .collect();
    for seed in rest {
        run::quietly(&plan(draft, info, seed)?, out, &arguments.limits)?;
    }
    Ok(())
}

/// Says what a campaign came to.
pub(crate) fn tell(json: bool, campaign: &Campaign) -> Result<(), Failure> {
    if json {
        let json =
            serde_json::to_string(campaign).map_err(|error| Failure::Broken(error.into()))?;
        return terminal::answer(&format!("{json}\n"));
    }
    terminal::answer(&text(campaign))
}

/// A campaign in words: a line for each finding, then the sum.
fn text(campaign: &Campaign) -> String {
    let mut text = String::new();
    for found in &campaign.findings {
        let Found {
            seed,
            finding,
            what,
            command,
            folder,
        } = found;
        text.push_str(&format!("seed {seed}: {finding}: {what}\n"));
        let recorded = if folder.is_empty() {
            String::new()
        } else {
            format!("recorded in {folder}; ")
        };
        text.push_str(&format!("  {recorded}again: {command}\n"));
    }
    for (seed, why) in &campaign.troubles {
        text.push_str(&format!("seed {seed}: {why}\n"));
    }
    let bug = campaign
        .bug
        .as_ref()
        .map(|bug| format!(" with the planted bug {bug}"));
    let seconds = campaign.seconds.max(f64::MIN_POSITIVE);
    text.push_str(&format!(
        "{}  {}{}: {} seeds, {} passed, {} findings, {} undecided, {} broken; {} operations in \
         {:.0} s of virtual time, {:.1} s of real time ({:.0} times as fast)\n",
        campaign.outcome().name().to_uppercase(),
        campaign.target,
        bug.unwrap_or_default(),
        campaign.seeds,
        campaign.passed,
        campaign.findings.len(),
        campaign.undecided,
        campaign.broken,
        campaign.operations,
        campaign.virtual_seconds,
        campaign.seconds,
        campaign.virtual_seconds / seconds,
    ));
    text
}

/// The command that repeats one seed.
fn again(arguments: &SimulateArguments, seed: u64) -> String {
    let span = testimony_engine::span::format(arguments.time);
    let mut words = vec![
        "testimony simulate".to_owned(),
        format!("--seeds {seed}..{}", seed.saturating_add(1)),
        format!("--time {span}"),
    ];
    let mut say = |name: &str, value: Option<String>| {
        words.extend(value.map(|value| format!("--{name} {}", terminal::quoted(&value))));
    };
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

fn draft(arguments: &SimulateArguments) -> Result<Draft, Failure> {
    Ok(Draft {
        target: arguments.target.clone(),
        bug: arguments.bug.clone(),
        lab: Some(simulation::LAB.to_owned()),
        nodes: arguments.nodes,
        clients: arguments.clients,
        rate: arguments.rate,
        time: Some(arguments.time),
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
