//! What was really done to the cluster, and when: the lines of `injections.jsonl`.

use serde::{Deserialize, Serialize};

use crate::{Action, FaultKind, Nanos};

/// One injection as it happened. Written by the lab, read by reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InjectionRecord {
    /// Its number in the plan.
    pub injection: u64,
    /// Its kind.
    pub kind: FaultKind,
    /// What was done.
    pub action: Action,
    /// When the conductor asked for it.
    pub requested_at: Nanos,
    /// When it was verified to be in effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Nanos>,
    /// When its heal was verified; for an instant fault, when it had taken effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Nanos>,
    /// Whether it was seen to be in effect.
    pub verified: bool,
    /// Whether its end was seen.
    pub healed: bool,
    /// What else is worth knowing, such as why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
