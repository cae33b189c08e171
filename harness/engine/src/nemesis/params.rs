//! What a schedule is drawn from: weights per kind of fault, spans, overlap.

use std::collections::BTreeMap;

use crate::own::Aim;
use crate::{FaultKind, SpanRange};

/// What a schedule is drawn from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NemesisParams {
    /// How often each kind is drawn, relative to the others. An absent kind, or one of weight 0, is
    /// not drawn. Empty: no faults.
    pub weights: BTreeMap<FaultKind, u32>,
    /// How long a fault lasts.
    pub duration: SpanRange,
    /// How long faults of these kinds last instead.
    pub durations: BTreeMap<FaultKind, SpanRange>,
    /// How long the cluster is left alone between two faults.
    pub gap: SpanRange,
    /// How often, in percent, the next fault begins while one is still in effect.
    pub overlap: u32,
    /// Whether the seed switches some kinds off and varies the weights of the others.
    pub swarm: bool,
    /// What the user has commands for, and which node each is done to.
    pub commands: Vec<(String, Aim)>,
}

impl NemesisParams {
    /// How often a kind is drawn if nobody says otherwise. What has found most in real systems,
    /// faults that depose a leader, comes most often.
    pub fn default_weight(kind: FaultKind) -> u32 {
        match kind {
            FaultKind::IsolateLeader => 4,
            FaultKind::Halves
            | FaultKind::OneWay
            | FaultKind::KillLeader
            | FaultKind::PauseLeader => 3,
            FaultKind::MajoritiesRing
            | FaultKind::Bridge
            | FaultKind::KillOne
            | FaultKind::KillMinority
            | FaultKind::SlowLinks
            | FaultKind::LossyLinks
            | FaultKind::DiskFailure
            | FaultKind::KillVoter
            | FaultKind::KillNewLeader
            | FaultKind::WipeDisk
            | FaultKind::Lie
            | FaultKind::Starve
            | FaultKind::Membership
            | FaultKind::TransferLeader
            | FaultKind::SnapshotNow => 2,
            FaultKind::Flapping
            | FaultKind::KillAll
            | FaultKind::PauseOne
            | FaultKind::RollingRestart
            | FaultKind::Throttle
            | FaultKind::CutSite
            | FaultKind::KillSite
            | FaultKind::ClockSkew
            | FaultKind::SlowDisk
            | FaultKind::CorruptLinks
            | FaultKind::FullDisk
            | FaultKind::ReadOnlyDisk
            | FaultKind::Command
            | FaultKind::DropConnections => 1,
        }
    }

    /// These kinds with their usual weights and spans.
    pub fn of(kinds: impl IntoIterator<Item = FaultKind>) -> Self {
        NemesisParams {
            weights: kinds
                .into_iter()
                .map(|kind| (kind, Self::default_weight(kind)))
                .collect(),
            duration: SpanRange::millis(500, 3_000),
            durations: BTreeMap::new(),
            gap: SpanRange::millis(300, 1_200),
            overlap: 30,
            swarm: true,
            commands: Vec::new(),
        }
    }
}
