//! Paxos in the simulated lab: what each of its three forms can be put under.
//!
//! All stand crashes, any network, and disks that fail; a disk that forgets and a node that lies
//! are beyond what Paxos promises.

use std::collections::{BTreeMap, BTreeSet};

use testimony_consensus::bug::Bug;
use testimony_engine::FaultKind::{
    Bridge, Flapping, Halves, IsolateLeader, KillAll, KillLeader, KillVoter, Membership, OneWay,
    PauseLeader, SlowLinks, SnapshotNow, TransferLeader,
};
use testimony_engine::{FaultKind, RunProfile, SpanRange, TargetInfo, WorkloadDraft, WorkloadKind};
use testimony_history::Model;

use crate::planted::faults;
use crate::{planted, simulated};

/// All of them.
pub(crate) fn all() -> Vec<TargetInfo> {
    vec![paxos_register(), paxos(), multi_paxos()]
}

fn paxos_register() -> TargetInfo {
    let usual = RunProfile {
        workload: WorkloadDraft {
            name: Some(WorkloadKind::Propose),
            ..WorkloadDraft::default()
        },
        ..RunProfile::default()
    };
    TargetInfo {
        modes: vec!["no-back-off".to_owned()],
        models: vec![Model::Kv],
        faults: of_nodes(),
        profile: usual,
        ..of(
            "paxos-register",
            "keys that are chosen once, each by single-decree Paxos",
        )
    }
}

fn paxos() -> TargetInfo {
    TargetInfo {
        modes: vec!["quorum-read".to_owned()],
        faults: of_nodes(),
        ..of(
            "paxos",
            "a replicated log without a leader: each position is chosen by Paxos",
        )
    }
}

fn multi_paxos() -> TargetInfo {
    let settings = [
        ("election", "150-300"),
        ("heartbeat", "50"),
        ("snapshot-every", "1000"),
    ];
    let settings = settings.map(|(name, usual)| (name.to_owned(), usual.to_owned()));
    TargetInfo {
        settings: settings.into(),
        faults: FaultKind::of_crashes()
            .chain(FaultKind::of_elections())
            .collect(),
        ..of(
            "multi-paxos",
            "a replicated log with a leader that Paxos chooses",
        )
    }
}

fn of(name: &str, summary: &str) -> TargetInfo {
    TargetInfo {
        faults: FaultKind::of_crashes().collect(),
        bugs: planted::bugs(name, profile),
        ..simulated::of(name, summary)
    }
}

/// What a system can be put under in which nobody leads, and nothing is asked of an operator.
fn of_nodes() -> BTreeSet<FaultKind> {
    let of_leaders = [
        IsolateLeader,
        KillLeader,
        PauseLeader,
        TransferLeader,
        Membership,
        SnapshotNow,
    ];
    let all = FaultKind::of_crashes();
    all.filter(|kind| !of_leaders.contains(kind)).collect()
}

fn profile(bug: Bug) -> RunProfile {
    match bug {
        Bug::PaxosForgottenPromise => promises_and_restarts(),
        Bug::PaxosUncheckedAccept => faults(&[(PauseLeader, 3), (IsolateLeader, 2), (Flapping, 1)]),
        Bug::PaxosReusedRound => elections_at_the_same_time(),
        Bug::PaxosOwnValue => faults(&[(KillLeader, 2), (IsolateLeader, 2), (KillAll, 1)]),
        Bug::PaxosMinority => faults(&[(Halves, 4), (IsolateLeader, 1)]),
        // Those of other targets.
        _ => RunProfile::default(),
    }
}

/// A forgotten promise counts if the acceptor restarts right after it while the leader of before
/// still sends, which does not hear its successor over a bridge. Few acceptors make each of them
/// count.
fn promises_and_restarts() -> RunProfile {
    let weights = [(KillVoter, 20), (Bridge, 8), (SlowLinks, 2)];
    let long = SpanRange::millis(1_500, 4_000);
    let mut profile = faults(&weights);
    profile.nemesis.duration = Some(SpanRange::millis(10, 40));
    profile.nemesis.durations = [Bridge, SlowLinks].map(|kind| (kind, long)).into();
    profile.nemesis.gap = Some(SpanRange::millis(50, 250));
    profile.nemesis.overlap = Some(80);
    profile.nodes = Some(3);
    profile
}

/// Two nodes that campaign together begin the same round. So elections are frequent, their timeouts
/// are close together, and what candidates say takes its time.
fn elections_at_the_same_time() -> RunProfile {
    let weights = [
        (KillLeader, 4),
        (IsolateLeader, 3),
        (SlowLinks, 2),
        (OneWay, 2),
    ];
    let mut profile = faults(&weights);
    profile.nemesis.duration = Some(SpanRange::millis(300, 1_000));
    profile.nemesis.gap = Some(SpanRange::millis(50, 300));
    profile.nemesis.overlap = Some(60);
    let election = ("election".to_owned(), "200-230".to_owned());
    profile.settings = BTreeMap::from([election]);
    profile
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bug_names_faults_and_settings_that_its_target_has() {
        for info in all() {
            for bug in &info.bugs {
                let kinds = bug.profile.nemesis.kinds.clone().unwrap_or_default();
                assert!(!kinds.is_empty() && kinds.is_subset(&info.faults));
                for setting in bug.profile.settings.keys() {
                    assert!(info.settings.contains_key(setting), "{setting}");
                }
            }
        }
    }

    #[test]
    fn nothing_is_promised_for_disks_that_forget_and_nodes_that_lie() {
        for info in all() {
            assert!(info.faults.is_disjoint(&info.beyond), "{}", info.name);
        }
    }
}
