//! `testimony shrink` on a simulated run: a smaller plan that shows the same, as a run of its own.
//!
//! The operations that the run called are listed in the plan, so that each can be left out without
//! moving the others. What is left out moves other things, though: messages take other times. So a
//! plan that does not show what was found is tried with a few more seeds.

use std::fmt::Write as _;

use anyhow::anyhow;
use testimony_checker::Verdict;
use testimony_engine::shrink::Shrinker;
use testimony_engine::{Plan, Script};
use testimony_history::{Event, Kind, Process};
use testimony_lab::sim::{SimOptions, simulate};
use testimony_report::{RunOutcome, story};

use crate::args::{Limits, ShrinkArguments};
use crate::failure::Failure;
use crate::run_folder::RunFolder;
use crate::simulate::verdict;
use crate::stopwatch::Stopwatch;
use crate::verdict_of_run::JudgedRun;
use crate::{run, simulation, terminal};

/// Seeds tried with a plan that has few operations, and with any other.
const SEEDS_OF_SMALL: u64 = 8;
const SEEDS: u64 = 2;
/// Few operations.
const SMALL: usize = 64;
/// Progress is told after so many tries.
const TOLD_EVERY: u64 = 250;

/// Whether `shrink` has a plan to make smaller there: the folder of a simulated run.
pub(crate) fn is_for(arguments: &ShrinkArguments) -> bool {
    let lab = || {
        Some(
            RunFolder::open(&arguments.input)
                .ok()?
                .leftovers()
                .ok()?
                .plan
                .lab,
        )
    };
    arguments.output.is_none()
        && arguments.input.is_dir()
        && lab().as_deref() == Some(simulation::LAB)
}

/// Makes the plan smaller, carries the result out, and says what is left and what happens in it.
pub(crate) fn run(arguments: &ShrinkArguments) -> Result<RunOutcome, Failure> {
    let judged = JudgedRun::of(RunFolder::open(&arguments.input)?, &arguments.limits, None)?;
    let report = judged.report();
    let (plan, events) = (report.plan, report.events.events.as_slice());
    let mut trials = Trials::new(arguments, plan)?;
    let start = trials.start(plan, events);
    let guesses = guesses(report.judgement.map(|judgement| &judgement.verdict), events);
    let before = Size::of(&start);
    let shrunk = Shrinker::new(start, &mut |plan, what| trials.shows(plan, what)).shrink(&guesses);
    let again = run::again(&shrunk, &arguments.out, &arguments.limits)?;
    if again.outcome != RunOutcome::Violation {
        let why = anyhow!("the shrunk plan did not show again what was found: this is our bug");
        return Err(Failure::Broken(why));
    }
    let mut text = trials.summary(&before, &Size::of(&shrunk));
    let _ = writeln!(text, "  recorded in {}\n", again.folder().display());
    for sentence in story::sentences(&again.report()) {
        let _ = writeln!(text, "{sentence}");
    }
    terminal::answer(&text)?;
    Ok(again.outcome)
}

/// Carries plans out and looks whether they show what was found; a limited number of times.
struct Trials<'a> {
    limits: &'a Limits,
    finding: String,
    left: u64,
    made: u64,
    seconds_max: f64,
    watch: Stopwatch,
}

impl<'a> Trials<'a> {
    fn new(arguments: &'a ShrinkArguments, plan: &Plan) -> Result<Self, Failure> {
        let mut trials = Trials {
            limits: &arguments.limits,
            finding: String::new(),
            left: arguments.tries,
            made: 0,
            seconds_max: arguments.within.as_secs_f64(),
            watch: Stopwatch::start(),
        };
        let nothing =
            || Failure::usage(anyhow!("this run found nothing, so nothing can be shrunk"));
        trials.finding = trials.finding(plan).ok_or_else(nothing)?;
        Ok(trials)
    }

    /// The plan with its operations listed, if it still shows what was found; else as it was.
    fn start(&mut self, plan: &Plan, events: &[Event]) -> Plan {
        let mut listed = plan.scripted(events);
        if let Some(script) = &mut listed.script {
            script.probes = self.finding == "unavailable";
        }
        let shown = self.shows(&listed, "list of operations");
        shown.unwrap_or_else(|| plan.clone())
    }

    /// The plan, with another seed perhaps, if it shows what was found.
    fn shows(&mut self, plan: &Plan, what: &'static str) -> Option<Plan> {
        let calls = plan
            .script
            .as_ref()
            .map_or(usize::MAX, |script| script.calls.len());
        let seeds = if calls <= SMALL {
            SEEDS_OF_SMALL
        } else {
            SEEDS
        };
        (0..seeds).find_map(|more| {
            let plan = Plan {
                seed: plan.seed.wrapping_add(more),
                ..plan.clone()
            };
            self.try_once(&plan, what).then_some(plan)
        })
    }

    fn try_once(&mut self, plan: &Plan, what: &'static str) -> bool {
        if self.left == 0 || self.watch.seconds() > self.seconds_max {
            self.left = 0;
            return false;
        }
        self.left -= 1;
        self.made += 1;
        let shows = self.finding(plan).as_ref() == Some(&self.finding);
        if self.made.is_multiple_of(TOLD_EVERY) {
            let size = Size::of(plan).to_string();
            terminal::tell(&format!("{} tries: fewer {what}, at {size}", self.made));
        }
        shows
    }

    /// The kind of what a plan shows, and which invariant if it is one.
    fn finding(&self, plan: &Plan) -> Option<String> {
        // Nodes that disagree may do much work for nothing, of which nobody wants to know more.
        let options = SimOptions {
            until_breach: self.finding.starts_with("invariant"),
            ..SimOptions::default()
        };
        let ended = simulate(plan, options).ok()?;
        let (outcome, said) = verdict(plan, &ended, self.limits);
        let (kind, what) = said.filter(|_| outcome == RunOutcome::Violation)?;
        let invariant = what.split(':').next().filter(|_| kind == "invariant");
        Some(invariant.map_or(kind.to_owned(), |name| format!("{kind} {name}")))
    }

    fn summary(&self, before: &Size, after: &Size) -> String {
        let (made, seconds) = (self.made, self.watch.seconds());
        let bound = match self.left {
            0 => "; stopped at the limit, so less may do (--tries, --within)",
            _ => "",
        };
        format!(
            "{}: from {before}\n  to {after}\n  {made} tries in {seconds:.1} s{bound}\n",
            self.finding
        )
    }
}

/// How large a plan is.
struct Size {
    operations: Option<usize>,
    injections: usize,
    nodes: u32,
    processes: u32,
    keys: usize,
    length: std::time::Duration,
}

impl Size {
    fn of(plan: &Plan) -> Self {
        let script = plan.script.as_ref();
        let keys = |script: &Script| {
            let keys = script.calls.iter().map(|call| &call.key);
            keys.collect::<std::collections::BTreeSet<_>>().len()
        };
        let last = script.and_then(|script| script.calls.iter().map(|call| call.at).max());
        Size {
            operations: script.map(|script| script.calls.len()),
            injections: plan.injections.len(),
            nodes: plan.nodes,
            processes: plan.clients,
            keys: script.map_or(plan.workload.keys as usize, keys),
            length: (plan.warm_up + plan.time).max(last.unwrap_or_default()),
        }
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let operations = self.operations.map(|n| format!("{n} operations, "));
        write!(
            f,
            "{}{} injections, {} nodes, {} clients, {} keys, {}",
            operations.unwrap_or_default(),
            self.injections,
            self.nodes,
            self.processes,
            self.keys,
            testimony_engine::span::format(self.length),
        )
    }
}

/// The operations that may be all it takes: those of the counterexample, or of its key.
fn guesses(verdict: Option<&Verdict>, events: &[Event]) -> Vec<Vec<usize>> {
    let Some(Verdict::Illegal(found)) = verdict else {
        return Vec::new();
    };
    let called =
        |event: &&Event| event.kind == Kind::Invoke && matches!(event.process, Process::Client(_));
    let calls = || events.iter().filter(called).enumerate();
    let shown = found.operations.operations();
    let shown: Vec<u64> = shown.iter().map(|op| op.call.index).collect();
    let of_counterexample = calls().filter(|(_, event)| shown.contains(&event.index));
    let of_key = calls().filter(|(_, event)| event.key == found.key);
    vec![
        of_counterexample.map(|(place, _)| place).collect(),
        of_key.map(|(place, _)| place).collect(),
    ]
}
