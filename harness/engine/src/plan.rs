//! A fully resolved run: nothing is left to chance or to a default. Printed first, kept with the
//! recording, and read back to do the same again.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use testimony_history::Model;

use crate::{
    ClientPlace, External, Fault, FaultKind, NodeName, OwnSystem, ProcessId, WorkloadParams, span,
};

mod error;
mod own;
mod resolve;
mod script;
mod validate;

pub use error::PlanError;
pub use script::{PlannedCall, Script};

/// The version of the file's format.
pub(crate) const VERSION: u32 = 1;

/// A fully resolved run. The order of the fields is their order in `plan.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The version of the file's format: 1.
    pub version: u32,
    /// What the workload draws from, and the schedule was drawn from.
    #[serde(with = "seed")]
    pub seed: u64,
    /// What is tested.
    pub target: String,
    /// The target's mode, if it has modes and one was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The planted mistake, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bug: Option<String>,
    /// Where it runs.
    pub lab: String,
    /// How many nodes; they are called `n1`, `n2`, ...
    pub nodes: u32,
    /// How many client processes at a time.
    pub clients: u32,
    /// Where they are, if the lab has places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clients_at: Option<ClientPlace>,
    /// Operations per second over all clients.
    pub rate: u32,
    /// How long the clients work before the first fault may begin.
    #[serde(with = "span::text")]
    pub warm_up: Duration,
    /// How long the time of faults is.
    #[serde(with = "span::text")]
    pub time: Duration,
    /// How long everything may take to be healed, and then again how long the cluster may take to
    /// serve through every node.
    #[serde(with = "span::text")]
    pub recovery: Duration,
    /// How long the final reads may take.
    #[serde(with = "span::text")]
    pub final_reads: Duration,
    /// How long a call may take before its outcome is unknown.
    #[serde(with = "span::text")]
    pub call_timeout: Duration,
    /// How long a fault may take to be seen in effect, and its heal to be seen done.
    #[serde(with = "span::text")]
    pub verify_timeout: Duration,
    /// How long an injection waits for a leader to be known, or for another injection to be healed,
    /// before it is skipped.
    #[serde(with = "span::text")]
    pub start_wait: Duration,
    /// The program that is every node, in a lab that speaks with nodes over their standard streams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<Vec<String>>,
    /// The target's own settings.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
    /// Which operations.
    pub workload: WorkloadParams,
    /// Which faults, in the order of their beginning.
    #[serde(default)]
    pub injections: Vec<PlannedInjection>,
    /// Which operations, one by one, in place of those that the workload draws.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<Script>,
    /// A system of the user's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<OwnSystem>,
    /// A cluster that already runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<External>,
}

/// One fault of the schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedInjection {
    /// Its number, unique in the plan, from 1. In a scenario all may be absent: then they are
    /// numbered in order.
    #[serde(default)]
    pub id: u64,
    /// When it begins, counted from the beginning of the time of faults.
    #[serde(with = "span::text")]
    pub at: Duration,
    /// How long it is in effect; 0 for what is over at once.
    #[serde(with = "span::text", default)]
    pub duration: Duration,
    /// What it is counted as.
    pub kind: FaultKind,
    /// What is broken.
    pub fault: Fault,
}

impl Plan {
    /// The names of the nodes: `n1`, `n2`, ...
    pub fn node_names(&self) -> Vec<NodeName> {
        (1..=self.nodes).map(NodeName::numbered).collect()
    }

    /// The node that is a process's own: it asks that one more often than others, and is beside it
    /// if clients are beside nodes.
    pub fn home(&self, process: ProcessId) -> NodeName {
        let slot = process.0 % u64::from(self.clients);
        let number = u32::try_from(slot % u64::from(self.nodes)).expect("less than a u32");
        NodeName::numbered(number + 1)
    }

    /// What the history is judged as.
    pub fn model(&self) -> Model {
        self.workload.name.model()
    }

    /// The longest that a run of this plan takes once the cluster serves.
    pub fn time_max(&self) -> Duration {
        let healing = self.recovery * 2;
        let calls = self.call_timeout * 2 + crate::conductor::CALL_GRACE * 2;
        self.warm_up + self.time + healing + calls + self.final_reads
    }

    /// The text of `plan.toml`. Reading it gives the same plan.
    pub fn to_toml(&self) -> String {
        let body = toml::to_string(self).expect("a plan is tables, words and 64-bit numbers");
        format!("# A Testimony plan: `testimony run FILE` does the same again.\n{body}")
    }

    /// Reads `plan.toml`. A scenario with gaps is read by
    /// [`Draft::from_toml`](crate::Draft::from_toml).
    ///
    /// # Errors
    /// If the text is no TOML, has an unknown key, lacks one, or describes an impossible run.
    pub fn from_toml(text: &str) -> Result<Self, PlanError> {
        let plan: Plan = toml::from_str(text)?;
        check_version(Some(plan.version))?;
        plan.validate()?;
        Ok(plan)
    }
}

pub(crate) fn check_version(version: Option<u32>) -> Result<(), PlanError> {
    match version {
        None | Some(VERSION) => Ok(()),
        Some(version) => Err(PlanError::Version { version }),
    }
}

/// A seed in TOML, whose numbers end at 2^63 - 1: larger ones are written as strings.
pub(crate) mod seed {
    use std::fmt;

    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(seed: &u64, to: S) -> Result<S::Ok, S::Error> {
        match i64::try_from(*seed) {
            Ok(small) => to.serialize_i64(small),
            Err(_) => to.collect_str(seed),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        from.deserialize_any(Seed)
    }

    struct Seed;

    impl Visitor<'_> for Seed {
        type Value = u64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number from 0 to 2^64 - 1")
        }

        fn visit_i64<E: Error>(self, seed: i64) -> Result<u64, E> {
            u64::try_from(seed).map_err(|_| E::custom(format!("the seed {seed} is below 0")))
        }

        fn visit_u64<E: Error>(self, seed: u64) -> Result<u64, E> {
            Ok(seed)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
            text.parse()
                .map_err(|_| E::custom(format!("`{text}` is no seed")))
        }
    }
}

/// For an optional [`seed`].
pub(crate) mod seed_option {
    use serde::{Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(seed: &Option<u64>, to: S) -> Result<S::Ok, S::Error> {
        match seed {
            Some(seed) => super::seed::serialize(seed, to),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
        super::seed::deserialize(from).map(Some)
    }
}
