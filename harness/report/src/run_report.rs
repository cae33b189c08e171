//! What is known after a run, and the views of it that all reports share.

use std::collections::BTreeSet;

use testimony_checker::examination::Examination;
use testimony_checker::{Judgement, Verdict};
use testimony_engine::{
    ClientPlace, FaultKind, InjectionRecord, InjectionTrouble, Moment, Nanos, Plan, Recovery,
    RunSummary, StatusSample, Trouble,
};
use testimony_history::Recording;

use crate::plot::frame::Band;
use crate::plot::samples::last_time;
use crate::scene::Scene;
use crate::{RunOutcome, StoppedEarly, Timings, advice, phrase};

/// Faults of the plan said at most.
const SCHEDULE_MAX: usize = 60;

/// A run, its recording, and what became of it.
#[derive(Clone, Debug)]
pub struct RunReport<'a> {
    /// What was to be done.
    pub plan: &'a Plan,
    /// What was done.
    pub summary: &'a RunSummary,
    /// What the checker says; `None` if it was not asked.
    pub judgement: Option<&'a Judgement>,
    /// How bad it is and what still holds, where the history is illegal and that was asked; or why
    /// that is not known.
    pub examination: Option<Result<&'a Examination, &'a str>>,
    /// What it came to.
    pub outcome: RunOutcome,
    /// The recorded history.
    pub events: &'a Recording,
    /// What was really broken, and when.
    pub injections: &'a [InjectionRecord],
    /// What the nodes said of themselves over time.
    pub status: &'a [StatusSample],
    /// What went on inside, where a simulation looked; else empty.
    pub story: &'a [Moment],
    /// How long reading and checking took. `None` where no file may depend on a clock.
    pub timings: Option<Timings>,
    /// Nodes that ended by themselves, and what they said last.
    pub deaths: &'a [String],
    /// That the cluster did not recover in the time that was asked for, where one was.
    pub unavailable: Option<String>,
    /// What must hold across all nodes and did not, where a simulation looked inside.
    pub invariant: Option<String>,
    /// What it took, where a simulation counted.
    pub costs: Option<String>,
    /// The violation that ended the run before its time, if one did.
    pub stopped_early: Option<&'a StoppedEarly>,
    /// The run's folder, as a person would type it.
    pub folder: String,
    /// The command that repeats the run.
    pub command: String,
}

impl RunReport<'_> {
    /// What was tested, in a few words: `raft, 5 nodes, 10 clients, seed 42`.
    pub(crate) fn what(&self) -> String {
        let plan = self.plan;
        let bug = plan
            .bug
            .as_ref()
            .map(|bug| format!(" with the planted bug {bug}"));
        phrase::printable(&format!(
            "{}{} in the {} lab, {}, {}{}, seed {}",
            self.target(),
            bug.unwrap_or_default(),
            plan.lab,
            phrase::counted(u64::from(plan.nodes), "node"),
            phrase::counted(u64::from(plan.clients), "client"),
            plan.clients_at
                .map(|place| format!(" {place}"))
                .unwrap_or_default(),
            plan.seed,
        ))
    }

    /// How many clients, and where, if the lab has places.
    fn clients(&self) -> String {
        let (clients, place) = (self.plan.clients, self.plan.clients_at);
        match place {
            None => clients.to_string(),
            Some(ClientPlace::Outside) => format!("{clients}, outside, where no cut touches them"),
            Some(ClientPlace::Beside) => format!("{clients}, each beside a node, cut off with it"),
        }
    }

    /// The target, with its mode.
    pub(crate) fn target(&self) -> String {
        let mode = self.plan.mode.as_ref().map(|mode| format!(":{mode}"));
        format!("{}{}", self.plan.target, mode.unwrap_or_default())
    }

    /// What it came to, in a few words.
    pub(crate) fn title(&self) -> String {
        let (target, seed) = (self.target(), self.plan.seed);
        match self.outcome {
            RunOutcome::Pass => format!("{target} answered linearizably (seed {seed})"),
            RunOutcome::Violation if !self.is_illegal() && self.invariant.is_some() => {
                format!("{target} broke an invariant of its own (seed {seed})")
            }
            RunOutcome::Violation if !self.is_illegal() => {
                format!("{target} did not recover (seed {seed})")
            }
            RunOutcome::Violation => format!("{target} is not linearizable (seed {seed})"),
            RunOutcome::Undecided => {
                format!("nobody knows whether {target} answered linearizably (seed {seed})")
            }
            RunOutcome::Broken => format!("{target} was not tested (seed {seed})"),
        }
    }

    /// Whether the history is what was found fault with.
    pub(crate) fn is_illegal(&self) -> bool {
        let verdict = self.judgement.map(|judgement| &judgement.verdict);
        matches!(verdict, Some(Verdict::Illegal(_)))
    }

    /// What it came to, in a sentence: the contradiction, or whatever else was found.
    pub fn in_a_sentence(&self) -> String {
        phrase::printable(&self.reason())
    }

    /// Why it came to that, in a sentence or two.
    pub(crate) fn reason(&self) -> String {
        match self.judgement.map(|judgement| &judgement.verdict) {
            Some(Verdict::Illegal(found)) => phrase::headline(&found.explanation.headline),
            Some(Verdict::Undecided(exhausted)) => advice::why_undecided(exhausted),
            _ if self.invariant.is_some() => self.invariant.clone().unwrap_or_default(),
            _ if self.unavailable.is_some() => self.unavailable.clone().unwrap_or_default(),
            _ if self.outcome == RunOutcome::Pass => {
                "One order of the operations explains every answer, and enough happened for that \
                 to mean something."
                    .to_owned()
            }
            _ => self.shortcomings().join(" "),
        }
    }

    /// Why the run tested too little, in sentences.
    pub(crate) fn shortcomings(&self) -> Vec<String> {
        // A run that its first violation ended before its time owes nothing more.
        let owed = self.stopped_early.is_none();
        let shortcomings = self
            .summary
            .shortcomings()
            .into_iter()
            .filter(|_| owed)
            .map(|s| s.to_string() + ".");
        let said = shortcomings.chain(self.deaths.iter().cloned());
        said.map(|text| phrase::printable(&phrase::sentence(&text)))
            .collect()
    }

    /// The injections, counted, in one line: `14 planned, 13 verified, 13 healed, 1 skipped`.
    pub(crate) fn faults_in_words(&self) -> String {
        let all = self.summary.all_injections();
        if all.planned == 0 {
            return "none planned".to_owned();
        }
        let counted = [
            (all.verified, "verified"),
            (all.healed, "healed"),
            (all.skipped, "skipped"),
            (all.failed, "without effect"),
            (all.heal_failed, "not healed"),
        ];
        let mut words = format!("{} planned", phrase::count(all.planned));
        for (number, word) in counted.into_iter().filter(|(number, _)| *number > 0) {
            words.push_str(&format!(", {} {word}", phrase::count(number)));
        }
        words
    }

    /// How the run ended, in one line: recovery, final reads, changes of the leader.
    pub(crate) fn end_in_words(&self) -> String {
        let summary = self.summary;
        let recovery = match &summary.recovery {
            Recovery::NotReached => "the run ended before the cluster was healed".to_owned(),
            Recovery::NotAsked => "nobody asked whether every node served again".to_owned(),
            Recovery::Recovered { after } => {
                let after = phrase::duration(Nanos::from(*after).0);
                format!("every node served {after} after the last heal")
            }
            Recovery::NotRecovered { silent } => {
                format!("{} did not serve after the last heal", silent.join(", "))
            }
        };
        let (read, keys) = (summary.final_reads.keys_read, summary.final_reads.keys);
        format!(
            "{recovery}; {} of {} read at the end; {}",
            phrase::count(read),
            phrase::counted(keys, "key"),
            phrase::counted(summary.leader_changes, "change") + " of the leader",
        )
    }

    /// The injections that did not go as planned, in sentences.
    pub(crate) fn troubles(&self) -> Vec<String> {
        let said = |trouble: &InjectionTrouble| {
            let what = match trouble.trouble {
                Trouble::Skipped => "was skipped",
                Trouble::Failed => "was not seen to take effect",
                Trouble::HealFailed => "was not seen to be undone",
            };
            let (kind, reason) = (trouble.kind, phrase::printable(&trouble.reason));
            format!("Injection {} ({kind}) {what}: {reason}", trouble.injection)
        };
        self.summary.troubles.iter().map(said).collect()
    }

    /// That the plan goes beyond what any protocol here claims to stand, if it does.
    pub(crate) fn beyond(&self) -> Option<String> {
        let stood: BTreeSet<FaultKind> = FaultKind::of_crashes()
            .chain(FaultKind::of_elections())
            .collect();
        let planned = self.plan.injections.iter().map(|injection| injection.kind);
        let beyond: BTreeSet<FaultKind> = planned.filter(|kind| !stood.contains(kind)).collect();
        let words: Vec<&str> = beyond.into_iter().map(FaultKind::name).collect();
        (!words.is_empty()).then(|| {
            format!(
                "no verdict is promised: {} is beyond what a protocol that survives crashes claims \
                 to stand",
                words.join(" and ")
            )
        })
    }

    /// The plan as names and values.
    pub(crate) fn plan_rows(&self) -> Vec<(&'static str, String)> {
        let plan = self.plan;
        let span = |span: std::time::Duration| testimony_engine::span::format(span);
        let mut rows = vec![
            ("Seed", plan.seed.to_string()),
            ("Target", self.target()),
            (
                "Planted bug",
                plan.bug.clone().unwrap_or_else(|| "none".to_owned()),
            ),
            ("Lab", plan.lab.clone()),
            ("Nodes", plan.nodes.to_string()),
            ("Clients", self.clients()),
            ("Operations per second", plan.rate.to_string()),
            ("Warm-up", span(plan.warm_up)),
            ("Time under faults", span(plan.time)),
            ("Time-out of a call", span(plan.call_timeout)),
        ];
        let settings = plan
            .settings
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let settings: Vec<String> = settings.collect();
        if !settings.is_empty() {
            rows.push(("Settings", settings.join(", ")));
        }
        rows.extend(self.beyond().map(|beyond| ("Beyond", beyond)));
        rows.push(("Schedule", self.schedule()));
        rows
    }

    /// The faults that were planned, in order.
    fn schedule(&self) -> String {
        let span = |span: std::time::Duration| testimony_engine::span::format(span);
        let planned = self.plan.injections.iter().take(SCHEDULE_MAX);
        let mut words: Vec<String> = planned
            .map(|planned| format!("{} at {}", planned.kind, span(planned.at)))
            .collect();
        let more = self.plan.injections.len().saturating_sub(SCHEDULE_MAX) as u64;
        if more > 0 {
            words.push(format!("and {}", phrase::counted(more, "more fault")));
        }
        if words.is_empty() {
            "no faults".to_owned()
        } else {
            words.join(", ")
        }
    }

    /// The contradiction, if there is one.
    pub(crate) fn scene(&self) -> Option<Scene> {
        match &self.judgement?.verdict {
            Verdict::Illegal(found) => Some(Scene::of(found, self.events, &self.bands())),
            Verdict::Linearizable(_) | Verdict::Undecided(_) => None,
        }
    }

    /// When the recording ends, in nanoseconds.
    pub(crate) fn end(&self) -> u64 {
        let status = self.status.last().map_or(0, |sample| sample.time.0);
        last_time(&self.events.events).max(status)
    }

    /// The faults as stretches of time.
    pub(crate) fn bands(&self) -> Vec<Band> {
        let end = self.end();
        self.injections
            .iter()
            .map(|injection| band(injection, end))
            .collect()
    }
}

fn band(injection: &InjectionRecord, end: u64) -> Band {
    let from = injection.started_at.unwrap_or(injection.requested_at).0;
    let to = injection.ended_at.map_or(end, |ended| ended.0).max(from);
    let verified = if injection.verified {
        ""
    } else {
        ", not verified"
    };
    let instants = phrase::Instants::telling_apart([]);
    let (says_from, says_to) = (instants.say(from), instants.say(to));
    let action = phrase::printable(&injection.action.to_string());
    Band {
        from,
        to,
        label: injection.kind.name().to_owned(),
        verified: injection.verified,
        title: format!(
            "{} (injection {}), {says_from} to {says_to} s{verified}: {action}",
            injection.kind, injection.injection
        ),
    }
}
