//! The protocols that run in the simulated lab only: what each can be put under.
//!
//! One function per protocol. A protocol that is correct in its failure model is put under nothing
//! outside of it; where nobody leads, nothing aims at a leader.

use std::collections::BTreeSet;

use testimony_consensus::bug::Bug;
use testimony_engine::FaultKind::{
    ClockSkew, DiskFailure, IsolateLeader, KillAll, KillLeader, KillMinority, KillOne, KillSite,
    Lie, Membership, PauseLeader, PauseOne, RollingRestart, SlowDisk, SnapshotNow, TransferLeader,
    WipeDisk,
};
use testimony_engine::{FaultKind, NemesisDraft, RunProfile, SpanRange, TargetInfo};
use testimony_history::Model;

use crate::planted;

/// What happens to a node that talks to no other.
const ALONE: [FaultKind; 12] = [
    KillOne,
    KillLeader,
    KillMinority,
    KillAll,
    KillSite,
    PauseLeader,
    PauseOne,
    RollingRestart,
    ClockSkew,
    SlowDisk,
    DiskFailure,
    SnapshotNow,
];
/// What needs a leader, or a log.
const LEADER: [FaultKind; 4] = [IsolateLeader, KillLeader, PauseLeader, SnapshotNow];

/// All of them.
pub(crate) fn all() -> Vec<TargetInfo> {
    vec![
        single(),
        broadcast(),
        timestamp(),
        primary_backup(),
        quorum(),
        two_phase_commit(),
    ]
}

fn single() -> TargetInfo {
    TargetInfo {
        modes: modes(&["volatile"]),
        faults: ALONE.into(),
        ..of(
            "single",
            "one node with a map in memory and a disk, and nobody to take its place",
        )
    }
}

fn broadcast() -> TargetInfo {
    TargetInfo {
        faults: leaderless(),
        ..of(
            "broadcast",
            "every node applies its own writes at once and tells the others",
        )
    }
}

fn timestamp() -> TargetInfo {
    TargetInfo {
        modes: modes(&["client"]),
        faults: leaderless(),
        ..of(
            "timestamp",
            "writes are ordered by the servers' clocks: the last writer wins",
        )
    }
}

fn primary_backup() -> TargetInfo {
    TargetInfo {
        faults: led().collect(),
        ..of(
            "primary-backup",
            "a primary copies to backups afterwards; the next takes over",
        )
    }
}

fn quorum() -> TargetInfo {
    TargetInfo {
        modes: modes(&["no-write-back"]),
        models: vec![Model::Register],
        faults: leaderless(),
        ..of(
            "quorum",
            "registers read from and written to majorities, without consensus",
        )
    }
}

fn two_phase_commit() -> TargetInfo {
    TargetInfo {
        faults: led().collect(),
        ..of(
            "two-phase-commit",
            "every update is prepared on all nodes and then committed",
        )
    }
}

/// A replicated map with its planted bugs, put under nothing.
pub(crate) fn of(name: &str, summary: &str) -> TargetInfo {
    TargetInfo {
        name: name.to_owned(),
        summary: summary.to_owned(),
        labs: vec!["sim".to_owned()],
        models: vec![
            Model::Kv,
            Model::CasRegister,
            Model::Register,
            Model::Counter,
            Model::Mutex,
        ],
        beyond: [WipeDisk, Lie].into(),
        bugs: planted::bugs(name, forgetful),
        ..TargetInfo::default()
    }
}

fn modes(names: &[&str]) -> Vec<String> {
    names.iter().copied().map(str::to_owned).collect()
}

/// For those whose members and offices are fixed.
fn led() -> impl Iterator<Item = FaultKind> {
    FaultKind::of_crashes().filter(|kind| !matches!(kind, Membership | TransferLeader))
}

fn leaderless() -> BTreeSet<FaultKind> {
    led().filter(|kind| !LEADER.contains(kind)).collect()
}

/// Each of them forgets something, so nodes are killed, for short and close together.
fn forgetful(bug: Bug) -> RunProfile {
    let kinds: &[FaultKind] = match bug {
        Bug::DecisionNotLogged => &[KillLeader, KillAll],
        _ => &[KillAll, KillMinority, RollingRestart],
    };
    let nemesis = NemesisDraft {
        kinds: Some(kinds.iter().copied().collect()),
        duration: Some(SpanRange::millis(300, 1_000)),
        gap: Some(SpanRange::millis(200, 700)),
        swarm: Some(false),
        ..NemesisDraft::default()
    };
    RunProfile {
        nemesis,
        ..RunProfile::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_of_its_own_and_something_to_be_put_under() {
        let names: BTreeSet<String> = all().into_iter().map(|info| info.name).collect();
        assert_eq!(names.len(), all().len());
        for info in all() {
            assert!(
                !info.faults.is_empty() && !info.models.is_empty(),
                "{info:?}"
            );
            assert_eq!(info.labs, ["sim"]);
        }
    }

    #[test]
    fn every_bug_of_theirs_is_shown_by_faults_that_they_can_be_put_under() {
        for info in all() {
            for bug in &info.bugs {
                let kinds = bug.profile.nemesis.kinds.as_ref().unwrap();
                assert!(kinds.is_subset(&info.faults), "{}", bug.name);
            }
        }
    }
}
