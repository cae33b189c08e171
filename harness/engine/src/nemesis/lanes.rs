//! What may overlap: faults of different lanes may, faults of one lane follow each other.
//!
//! Two faults of one lane would fight: over a node's life, or over the same links, and neither
//! could be verified or healed by itself. A partition and a kill do not.

use std::time::Duration;

use crate::FaultKind;

/// Faults of one lane are never in effect together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// What passes at all.
    Reach,
    /// How well it passes.
    Quality,
    /// Which nodes live, and are members.
    Life,
    /// What is over at once.
    Instant,
    /// What a node makes of time.
    Clock,
    /// How well disks work.
    Disk,
    /// What a node says.
    Truth,
    /// Whatever commands of the user's do.
    Command,
}

impl Lane {
    /// The lane of a kind.
    pub(crate) fn of(kind: FaultKind) -> Lane {
        match kind {
            FaultKind::IsolateLeader
            | FaultKind::Halves
            | FaultKind::MajoritiesRing
            | FaultKind::Bridge
            | FaultKind::OneWay
            | FaultKind::CutSite
            | FaultKind::Flapping => Lane::Reach,
            FaultKind::SlowLinks
            | FaultKind::Throttle
            | FaultKind::LossyLinks
            | FaultKind::CorruptLinks => Lane::Quality,
            FaultKind::ClockSkew => Lane::Clock,
            FaultKind::SlowDisk => Lane::Disk,
            FaultKind::Lie => Lane::Truth,
            FaultKind::Command => Lane::Command,
            FaultKind::KillOne
            | FaultKind::KillLeader
            | FaultKind::KillMinority
            | FaultKind::KillAll
            | FaultKind::PauseLeader
            | FaultKind::PauseOne
            | FaultKind::RollingRestart
            | FaultKind::KillSite
            | FaultKind::DiskFailure
            | FaultKind::KillVoter
            | FaultKind::KillNewLeader
            | FaultKind::WipeDisk
            | FaultKind::FullDisk
            | FaultKind::ReadOnlyDisk
            | FaultKind::Starve
            | FaultKind::Membership => Lane::Life,
            FaultKind::DropConnections | FaultKind::TransferLeader | FaultKind::SnapshotNow => {
                Lane::Instant
            }
        }
    }
}

/// When each lane is free again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lanes {
    free_at: [Duration; 8],
}

impl Lanes {
    /// Whether the lane is free at `at`.
    pub(crate) fn is_free(&self, lane: Lane, at: Duration) -> bool {
        self.free_at[lane as usize] <= at
    }

    /// Takes the lane until `until`.
    pub(crate) fn take(&mut self, lane: Lane, until: Duration) {
        self.free_at[lane as usize] = until;
    }

    /// When all are free.
    pub(crate) fn all_free_at(&self) -> Duration {
        self.free_at.into_iter().max().unwrap_or_default()
    }
}
