//! What a user asked for: a scenario file, a run's plan, or the command line, with gaps.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::fault::UnknownFaultKind;
use crate::{
    ClientPlace, External, FaultKind, Mix, OwnSystem, PlanError, PlannedInjection, Script,
    SpanRange, WorkloadKind, WorkloadParams, span,
};

/// A plan with gaps. [`Plan::resolve`](crate::Plan::resolve) fills them. A plan's own file is a
/// draft without gaps; unknown keys are errors, since a misspelt fault never fires.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Draft {
    /// The version of the file's format: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// What all else is drawn from. There is no default: the edge draws one.
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "crate::plan::seed_option"
    )]
    pub seed: Option<u64>,
    /// What is tested: `name` or `name:mode`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The target's mode, if it is not part of `target`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The mistake to plant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bug: Option<String>,
    /// Where it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lab: Option<String>,
    /// How many nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<u32>,
    /// How many client processes at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clients: Option<u32>,
    /// Where the clients are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clients_at: Option<ClientPlace>,
    /// Operations per second over all clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
    /// See [`Plan::warm_up`](crate::Plan::warm_up).
    #[serde(skip_serializing_if = "Option::is_none", with = "span::text_option")]
    pub warm_up: Option<Duration>,
    /// See [`Plan::time`](crate::Plan::time).
    #[serde(skip_serializing_if = "Option::is_none", with = "span::text_option")]
    pub time: Option<Duration>,
    /// See [`Plan::recovery`](crate::Plan::recovery).
    #[serde(skip_serializing_if = "Option::is_none", with = "span::text_option")]
    pub recovery: Option<Duration>,
    /// See [`Plan::final_reads`](crate::Plan::final_reads).
    #[serde(skip_serializing_if = "Option::is_none", with = "span::text_option")]
    pub final_reads: Option<Duration>,
    /// See [`Plan::call_timeout`](crate::Plan::call_timeout).
    #[serde(skip_serializing_if = "Option::is_none", with = "span::text_option")]
    pub call_timeout: Option<Duration>,
    /// See [`Plan::verify_timeout`](crate::Plan::verify_timeout).
    #[serde(skip_serializing_if = "Option::is_none", with = "span::text_option")]
    pub verify_timeout: Option<Duration>,
    /// See [`Plan::start_wait`](crate::Plan::start_wait).
    #[serde(skip_serializing_if = "Option::is_none", with = "span::text_option")]
    pub start_wait: Option<Duration>,
    /// The program that is every node, in a lab that speaks with nodes over their standard streams.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<Vec<String>>,
    /// Settings of the target; they win over those of the bug's profile.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
    /// Which operations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload: Option<WorkloadDraft>,
    /// Which faults. In a file a table, or one string as on the command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nemesis: Option<NemesisDraft>,
    /// The faults one by one. They win over `nemesis`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub injections: Option<Vec<PlannedInjection>>,
    /// The operations one by one. They win over `workload`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<Script>,
    /// A system of the user's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<OwnSystem>,
    /// A cluster that already runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<External>,
}

/// A workload with gaps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(
    missing_docs,
    reason = "each field is that of the same name in WorkloadParams"
)]
pub struct WorkloadDraft {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<WorkloadKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations_per_key: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknowns_per_key: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roam: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contention: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_back: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub final_reads: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offsets: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mix: Option<Mix>,
}

/// A nemesis with gaps. In a file it may also be one string, as on the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NemesisDraft {
    /// Only these kinds; absent: all that the target supports; empty: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kinds: Option<BTreeSet<FaultKind>>,
    /// Weights other than the usual ones.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub weights: BTreeMap<FaultKind, u32>,
    /// How long a fault lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<SpanRange>,
    /// How long faults of these kinds last instead.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub durations: BTreeMap<FaultKind, SpanRange>,
    /// How long the cluster is left alone between two faults.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<SpanRange>,
    /// How often, in percent, the next fault begins while one is still in effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlap: Option<u32>,
    /// Whether the seed switches some kinds off. By default only if no kinds are named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swarm: Option<bool>,
}

impl Draft {
    /// Reads a scenario or a plan.
    ///
    /// # Errors
    /// If the text is no TOML, has an unknown key, or a value of the wrong kind; the error shows
    /// the place.
    pub fn from_toml(text: &str) -> Result<Self, PlanError> {
        let draft: Draft = toml::from_str(text)?;
        crate::plan::check_version(draft.version)?;
        Ok(draft)
    }

    /// This draft, with whatever `over` says in place of what this one says. A nemesis in `over`
    /// also takes the place of injections that were listed one by one.
    #[must_use]
    pub fn overlay(self, over: Draft) -> Draft {
        let mut settings = self.settings;
        settings.extend(over.settings);
        let listed = if over.nemesis.is_some() {
            None
        } else {
            self.injections
        };
        Draft {
            version: over.version.or(self.version),
            seed: over.seed.or(self.seed),
            mode: if over.target.is_some() {
                over.mode
            } else {
                over.mode.or(self.mode)
            },
            target: over.target.or(self.target),
            bug: over.bug.or(self.bug),
            lab: over.lab.or(self.lab),
            nodes: over.nodes.or(self.nodes),
            clients: over.clients.or(self.clients),
            clients_at: over.clients_at.or(self.clients_at),
            rate: over.rate.or(self.rate),
            warm_up: over.warm_up.or(self.warm_up),
            time: over.time.or(self.time),
            recovery: over.recovery.or(self.recovery),
            final_reads: over.final_reads.or(self.final_reads),
            call_timeout: over.call_timeout.or(self.call_timeout),
            verify_timeout: over.verify_timeout.or(self.verify_timeout),
            start_wait: over.start_wait.or(self.start_wait),
            program: over.program.or(self.program),
            settings,
            workload: match (self.workload, over.workload) {
                (Some(below), Some(above)) => Some(below.overlay(&above)),
                (below, above) => above.or(below),
            },
            nemesis: over.nemesis.or(self.nemesis),
            injections: over.injections.or(listed),
            script: over.script.or(self.script),
            system: over.system.or(self.system),
            external: over.external.or(self.external),
        }
    }
}

impl WorkloadDraft {
    /// This draft, with whatever `over` says in place of what this one says. If `over` names
    /// another kind, the mix of this one is dropped: it may have operations that the other lacks.
    #[must_use]
    pub fn overlay(&self, over: &WorkloadDraft) -> WorkloadDraft {
        let same = over.name.is_none() || over.name == self.name;
        WorkloadDraft {
            name: over.name.or(self.name),
            keys: over.keys.or(self.keys),
            operations_per_key: over.operations_per_key.or(self.operations_per_key),
            unknowns_per_key: over.unknowns_per_key.or(self.unknowns_per_key),
            roam: over.roam.or(self.roam),
            contention: over.contention.or(self.contention),
            burst: over.burst.or(self.burst),
            read_back: over.read_back.or(self.read_back),
            final_reads: over.final_reads.or(self.final_reads),
            offsets: over.offsets.or(self.offsets),
            mix: over.mix.or(if same { self.mix } else { None }),
        }
    }

    /// The workload, with the usual values in the gaps.
    pub fn resolve(&self) -> WorkloadParams {
        let usual = WorkloadParams::of(self.name.unwrap_or_default());
        WorkloadParams {
            name: usual.name,
            keys: self.keys.unwrap_or(usual.keys),
            operations_per_key: self.operations_per_key.unwrap_or(usual.operations_per_key),
            unknowns_per_key: self.unknowns_per_key.unwrap_or(usual.unknowns_per_key),
            roam: self.roam.unwrap_or(usual.roam),
            contention: self.contention.unwrap_or(usual.contention),
            burst: self.burst.unwrap_or(usual.burst),
            read_back: self.read_back.unwrap_or(usual.read_back),
            final_reads: self.final_reads.unwrap_or(usual.final_reads),
            offsets: self.offsets.unwrap_or(usual.offsets),
            mix: self.mix.unwrap_or(usual.mix),
        }
    }
}

impl NemesisDraft {
    /// These kinds only.
    pub fn only(kinds: impl IntoIterator<Item = FaultKind>) -> Self {
        NemesisDraft {
            kinds: Some(kinds.into_iter().collect()),
            ..NemesisDraft::default()
        }
    }

    /// Reads `none`, `all`, or kinds with commas between them.
    ///
    /// # Errors
    /// If a word names no kind of fault.
    pub fn from_words(words: &str) -> Result<Self, UnknownFaultKind> {
        match words.trim() {
            "none" => Ok(NemesisDraft::only([])),
            "all" => Ok(NemesisDraft {
                swarm: Some(false),
                ..NemesisDraft::default()
            }),
            list => {
                let kinds: Result<Vec<_>, _> = list.split(',').map(|w| w.trim().parse()).collect();
                kinds.map(NemesisDraft::only)
            }
        }
    }

    /// This draft, with whatever `over` says in place of what this one says. If `over` chooses
    /// kinds, those of this one are dropped; how long faults last and lie apart is kept.
    #[must_use]
    pub fn overlay(&self, over: &NemesisDraft) -> NemesisDraft {
        let chooses = over.kinds.is_some() || !over.weights.is_empty() || over.swarm.is_some();
        let choice = if chooses { over } else { self };
        let mut durations = self.durations.clone();
        durations.extend(over.durations.clone());
        NemesisDraft {
            kinds: choice.kinds.clone(),
            weights: choice.weights.clone(),
            duration: over.duration.or(self.duration),
            durations,
            gap: over.gap.or(self.gap),
            overlap: over.overlap.or(self.overlap),
            swarm: choice.swarm,
        }
    }

    /// Whether no faults are asked for.
    pub fn is_none(&self) -> bool {
        self.kinds.as_ref().is_some_and(BTreeSet::is_empty)
    }
}

/// The table form of a nemesis in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct NemesisTable {
    kinds: Option<BTreeSet<FaultKind>>,
    weights: BTreeMap<FaultKind, u32>,
    duration: Option<SpanRange>,
    durations: BTreeMap<FaultKind, SpanRange>,
    gap: Option<SpanRange>,
    overlap: Option<u32>,
    swarm: Option<bool>,
}

impl From<NemesisTable> for NemesisDraft {
    fn from(table: NemesisTable) -> Self {
        let NemesisTable {
            kinds,
            weights,
            duration,
            durations,
            gap,
            overlap,
            swarm,
        } = table;
        NemesisDraft {
            kinds,
            weights,
            duration,
            durations,
            gap,
            overlap,
            swarm,
        }
    }
}

impl<'de> Deserialize<'de> for NemesisDraft {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordsOrTable)
    }
}

struct WordsOrTable;

impl<'de> Visitor<'de> for WordsOrTable {
    type Value = NemesisDraft;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`none`, `all`, kinds of faults with commas between them, or a table")
    }

    fn visit_str<E: serde::de::Error>(self, words: &str) -> Result<NemesisDraft, E> {
        NemesisDraft::from_words(words).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<NemesisDraft, A::Error> {
        NemesisTable::deserialize(MapAccessDeserializer::new(map)).map(NemesisDraft::from)
    }
}
