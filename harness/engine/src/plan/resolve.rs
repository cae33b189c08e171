//! From what a user asked for to a plan without gaps.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Plan, PlanError, PlannedInjection, VERSION};
use crate::draft::{Draft, NemesisDraft, WorkloadDraft};
use crate::target::RunProfile;
use crate::{
    ClientPlace, FaultKind, NemesisParams, TargetInfo, WorkloadKind, WorkloadParams, nemesis, span,
};

impl Plan {
    /// Fills the gaps of `draft`: from the profiles of the target, its mode and the bug (that of
    /// the bug only if the user chose no nemesis), and else with the usual values. Draws the
    /// schedule from the seed, unless injections are listed.
    ///
    /// # Errors
    /// If a word is unknown to the target, a size is impossible, or an injection is.
    pub fn resolve(draft: Draft, target: &TargetInfo) -> Result<Plan, PlanError> {
        let (name, mode) = target_and_mode(&draft, target)?;
        let profile = profile(&draft, mode.as_deref(), target)?;
        let seed = draft.seed.ok_or(PlanError::NoSeed)?;
        let mut plan = Plan {
            version: VERSION,
            seed,
            target: name,
            mode,
            lab: lab(&draft, target)?,
            nodes: draft
                .nodes
                .or(profile.nodes)
                .or(listed_nodes(&draft))
                .unwrap_or(5),
            clients: draft.clients.or(profile.clients).unwrap_or(10),
            clients_at: clients_at(&draft, &profile, target)?,
            rate: draft.rate.or(profile.rate).unwrap_or(200),
            warm_up: draft.warm_up.unwrap_or(Duration::from_secs(2)),
            time: draft.time.unwrap_or(Duration::from_secs(30)),
            recovery: draft
                .recovery
                .or(profile.recovery)
                .unwrap_or(Duration::from_secs(15)),
            final_reads: draft.final_reads.unwrap_or(Duration::from_secs(10)),
            call_timeout: draft.call_timeout.unwrap_or(Duration::from_secs(1)),
            verify_timeout: draft.verify_timeout.unwrap_or(Duration::from_secs(5)),
            start_wait: draft.start_wait.unwrap_or(Duration::from_secs(1)),
            settings: settings(&draft, &profile, target)?,
            workload: workload(&draft, &profile, target)?,
            bug: draft.bug,
            program: draft.program,
            system: draft.system,
            external: draft.external,
            injections: Vec::new(),
            script: draft.script,
        };
        plan.validate()?;
        plan.check_own()?;
        plan.injections = match draft.injections {
            Some(listed) => numbered(listed),
            None => plan.draw(draft.nemesis.as_ref(), &profile.nemesis, target)?,
        };
        plan.validate()?;
        plan.check_kinds(target)?;
        Ok(plan)
    }

    /// Draws from the profile, with what the user chose in its place. A kind that a user names must
    /// be possible; an impossible one of a profile is left out.
    fn draw(
        &self,
        chosen: Option<&NemesisDraft>,
        profile: &NemesisDraft,
        target: &TargetInfo,
    ) -> Result<Vec<PlannedInjection>, PlanError> {
        for kind in chosen.iter().flat_map(|draft| draft.kinds.iter().flatten()) {
            large_enough(*kind, self.nodes)?;
        }
        let named = |draft: &&NemesisDraft| {
            draft
                .kinds
                .iter()
                .flatten()
                .chain(draft.weights.keys())
                .copied()
                .collect::<Vec<_>>()
        };
        for kind in chosen.iter().flat_map(named) {
            self.supports(target, kind)?;
        }
        let draft = &chosen.map_or_else(|| profile.clone(), |chosen| profile.overlay(chosen));
        let params = self.nemesis(draft, target)?;
        let drawn = nemesis::schedule(self.seed, &params, self.nodes, self.time);
        let nothing_offered = draft.kinds.is_none() && target.faults.is_empty();
        if drawn.is_empty() && !draft.is_none() && !nothing_offered {
            let (time, nodes) = (span::format(self.time), self.nodes);
            return Err(PlanError::NoFaultFits { time, nodes });
        }
        Ok(drawn)
    }

    fn nemesis(
        &self,
        draft: &NemesisDraft,
        target: &TargetInfo,
    ) -> Result<NemesisParams, PlanError> {
        let kinds = draft.kinds.as_ref().unwrap_or(&target.faults);
        let possible = kinds.iter().filter(|kind| kind.is_possible_in(&self.lab));
        let mut params = NemesisParams::of(possible.copied());
        for (kind, weight) in &mut params.weights {
            *weight = draft.weights.get(kind).copied().unwrap_or(*weight);
        }
        params.duration = draft.duration.unwrap_or(params.duration);
        params.gap = draft.gap.unwrap_or(params.gap);
        params.overlap = draft.overlap.unwrap_or(params.overlap);
        params.swarm = draft
            .swarm
            .unwrap_or(draft.kinds.is_none() && draft.weights.is_empty());
        params.durations.clone_from(&draft.durations);
        params.commands = self.commands();
        check_percent(params.overlap)?;
        Ok(params)
    }

    /// Whether the target can be put under a kind of fault in the plan's lab.
    fn supports(&self, target: &TargetInfo, kind: FaultKind) -> Result<(), PlanError> {
        let offered = target.faults.union(&target.beyond);
        let possible: BTreeSet<FaultKind> = offered
            .filter(|kind| kind.is_possible_in(&self.lab))
            .copied()
            .collect();
        if possible.contains(&kind) {
            return Ok(());
        }
        Err(PlanError::Unsupported {
            target: target.name.clone(),
            lab: self.lab.clone(),
            kind,
            known_words: possible.iter().map(ToString::to_string).collect(),
        })
    }

    fn check_kinds(&self, target: &TargetInfo) -> Result<(), PlanError> {
        self.injections.iter().try_for_each(|injection| {
            self.supports(target, injection.kind)?;
            large_enough(injection.kind, self.nodes)
        })
    }
}

fn large_enough(kind: FaultKind, nodes: u32) -> Result<(), PlanError> {
    let needed = kind.nodes_min();
    if nodes >= needed {
        return Ok(());
    }
    Err(PlanError::TooFewNodes {
        kind,
        needed,
        nodes,
    })
}

fn check_percent(overlap: u32) -> Result<(), PlanError> {
    if overlap <= 100 {
        return Ok(());
    }
    let problem = "a percentage is 0 to 100";
    Err(PlanError::Size {
        field: "nemesis.overlap",
        value: overlap.to_string(),
        problem,
    })
}

fn target_and_mode(
    draft: &Draft,
    target: &TargetInfo,
) -> Result<(String, Option<String>), PlanError> {
    let asked = draft.target.as_deref().unwrap_or(&target.name);
    let (name, mode) = match asked.split_once(':') {
        Some((name, mode)) => (name, Some(mode)),
        None => (asked, draft.mode.as_deref()),
    };
    if name != target.name {
        let (plan, target) = (name.to_owned(), target.name.clone());
        return Err(PlanError::OtherTarget { plan, target });
    }
    if let Some(mode) = mode {
        known(target, "mode", mode, target.modes.iter().cloned())?;
    }
    Ok((name.to_owned(), mode.map(str::to_owned)))
}

fn lab(draft: &Draft, target: &TargetInfo) -> Result<String, PlanError> {
    let asked = draft
        .lab
        .as_deref()
        .or(target.labs.first().map(String::as_str));
    let lab = asked.unwrap_or("process");
    known(target, "lab", lab, target.labs.iter().cloned())?;
    Ok(lab.to_owned())
}

/// How many nodes a cluster that already runs has.
fn listed_nodes(draft: &Draft) -> Option<u32> {
    u32::try_from(draft.external.as_ref()?.nodes.len()).ok()
}

/// What the target and its mode make of the usual run, and the bug, if the user leaves the choice
/// of faults to it.
fn profile(
    draft: &Draft,
    mode: Option<&str>,
    target: &TargetInfo,
) -> Result<RunProfile, PlanError> {
    let profile = target.profile_of(mode);
    let Some(name) = &draft.bug else {
        return Ok(profile);
    };
    let Some(bug) = target.bug(name) else {
        let names = target.bugs.iter().map(|bug| bug.name.clone());
        return Err(unknown(target, "bug", name, names));
    };
    let chosen = draft.nemesis.is_some();
    Ok(if chosen {
        profile
    } else {
        profile.overlay(&bug.profile)
    })
}

/// Only where the network is one of packets do clients have a place in it.
fn clients_at(
    draft: &Draft,
    profile: &RunProfile,
    target: &TargetInfo,
) -> Result<Option<ClientPlace>, PlanError> {
    let lab = lab(draft, target)?;
    let usual = profile.clients_at.unwrap_or_default();
    match (lab.as_str(), draft.clients_at) {
        ("netns", asked) => Ok(Some(asked.unwrap_or(usual))),
        (_, Some(ClientPlace::Beside)) => Err(PlanError::NoPlace { lab }),
        _ => Ok(None),
    }
}

fn settings(
    draft: &Draft,
    profile: &RunProfile,
    target: &TargetInfo,
) -> Result<BTreeMap<String, String>, PlanError> {
    let mut settings = target.settings.clone();
    for (name, value) in profile.settings.iter().chain(&draft.settings) {
        known(target, "setting", name, target.settings.keys().cloned())?;
        settings.insert(name.clone(), value.clone());
    }
    Ok(settings)
}

fn workload(
    draft: &Draft,
    profile: &RunProfile,
    target: &TargetInfo,
) -> Result<WorkloadParams, PlanError> {
    let asked: WorkloadDraft = draft.workload.clone().unwrap_or_default();
    let mut draft = profile.workload.overlay(&asked);
    draft.name = draft.name.or_else(|| usual(target));
    let workload = draft.resolve();
    let model = workload.name.model();
    if !target.models.contains(&model) {
        return Err(PlanError::Model {
            target: target.name.clone(),
            model: model.name(),
            workload: workload.name.name(),
        });
    }
    Ok(workload)
}

/// The first kind whose model the target offers: a map, if it is one.
fn usual(target: &TargetInfo) -> Option<WorkloadKind> {
    let offered = |kind: &WorkloadKind| target.models.contains(&kind.model());
    WorkloadKind::ALL.into_iter().find(offered)
}

fn numbered(mut listed: Vec<PlannedInjection>) -> Vec<PlannedInjection> {
    listed.sort_by_key(|injection| (injection.at, injection.id));
    if listed.iter().all(|injection| injection.id == 0) {
        (1..)
            .zip(&mut listed)
            .for_each(|(id, injection)| injection.id = id);
    }
    listed
}

fn known(
    target: &TargetInfo,
    what: &'static str,
    word: &str,
    words: impl Iterator<Item = String>,
) -> Result<(), PlanError> {
    let words: BTreeSet<String> = words.collect();
    if words.contains(word) {
        return Ok(());
    }
    Err(unknown(target, what, word, words))
}

fn unknown(
    target: &TargetInfo,
    what: &'static str,
    word: &str,
    words: impl IntoIterator<Item = String>,
) -> PlanError {
    PlanError::Unknown {
        target: target.name.clone(),
        what,
        word: word.to_owned(),
        known_words: words.into_iter().collect(),
    }
}
