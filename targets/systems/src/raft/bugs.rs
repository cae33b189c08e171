//! The planted bugs, each with the faults and operations that show it.
//!
//! A profile chooses what happens to the cluster, never what the workload may be answered or how
//! the history is judged.

use std::collections::BTreeMap;

use testimony_consensus::bug::Bug;
use testimony_engine::FaultKind::{
    Bridge, DropConnections, Flapping, Halves, IsolateLeader, KillAll, KillLeader, KillMinority,
    KillNewLeader, KillOne, KillVoter, Membership, OneWay, PauseLeader, RollingRestart, SlowLinks,
    SnapshotNow, TransferLeader,
};
use testimony_engine::{BugInfo, Mix, RunProfile, SpanRange, WorkloadDraft};

use crate::planted;
use crate::planted::faults;

/// Every bug that can be planted.
pub(super) fn all() -> Vec<BugInfo> {
    planted::bugs(super::NAME, profile)
}

fn profile(bug: Bug) -> RunProfile {
    match bug {
        Bug::LocalReads => faults(&[(IsolateLeader, 2), (Halves, 2), (SlowLinks, 1)]),
        Bug::StaleLeaderRead => faults(&[(PauseLeader, 3), (IsolateLeader, 2), (OneWay, 1)]),
        Bug::VoteNotPersisted => elections_with_restarts(),
        Bug::TermNotPersisted => forgotten_terms(),
        Bug::AckBeforeMajority => faults(&[(IsolateLeader, 3), (Halves, 1), (KillLeader, 1)]),
        Bug::AckBeforeFsync => faults(&[(KillAll, 3), (KillMinority, 1)]),
        Bug::CommitEarlierTerm => leaders_that_come_and_go(),
        Bug::RetryAppliedTwice => impatient_clients(),
        Bug::TornCas => contended_cas(),
        Bug::SnapshotMissesLast => frequent_snapshots(),
        Bug::HalfQuorum => faults(&[(Halves, 4), (IsolateLeader, 1)]),
        Bug::StaleAppendTruncates => faults(&[(PauseLeader, 3), (IsolateLeader, 2), (Flapping, 1)]),
        Bug::UnsafeMembership => faults(&[(Membership, 3), (Halves, 3), (IsolateLeader, 2)]),
        // Those of other targets.
        _ => RunProfile::default(),
    }
}

/// A second vote in the same term counts if the voter restarts between its first vote and the first
/// entries of the leader whom it elected, while another candidate of that term still asks. So there
/// are few voters, who often campaign together; links on which votes and entries take their time;
/// and whoever votes is killed right afterwards. Where that cannot be seen, restarts all the time.
fn elections_with_restarts() -> RunProfile {
    let mut profile = faults(&[(KillVoter, 20), (KillOne, 4), (SlowLinks, 6), (Bridge, 1)]);
    let long = SpanRange::millis(2_000, 5_000);
    profile.nemesis.duration = Some(SpanRange::millis(20, 60));
    profile.nemesis.durations = [(SlowLinks, long), (Bridge, long)].into();
    profile.nemesis.gap = Some(SpanRange::millis(100, 400));
    profile.nemesis.overlap = Some(80);
    profile.nodes = Some(3);
    profile.settings = setting("election", "250-280");
    profile
}

/// Terms begin again from the start when every node restarts. Restarts that follow each other, with
/// some node cut off meanwhile, give the same index and term to different entries; and a log that
/// ends in an old, high term beats one with newer entries of a low term.
fn forgotten_terms() -> RunProfile {
    let mut profile = faults(&[(KillAll, 4), (IsolateLeader, 3), (Halves, 3)]);
    profile.nemesis.duration = Some(SpanRange::millis(400, 1_500));
    profile.nemesis.durations = [(KillAll, SpanRange::millis(50, 200))].into();
    profile.nemesis.gap = Some(SpanRange::millis(50, 400));
    profile.nemesis.overlap = Some(90);
    profile
}

/// Figure 8 needs three leaders in a row, each of which dies before its first entry is on a
/// majority, and the third only when an old one is. With few nodes each of them counts, and with
/// one entry in a message the old entry comes first.
fn leaders_that_come_and_go() -> RunProfile {
    let weights = [
        (KillNewLeader, 5),
        (IsolateLeader, 4),
        (OneWay, 2),
        (Bridge, 2),
    ];
    let mut profile = faults(&weights);
    profile.nemesis.duration = Some(SpanRange::millis(20, 60));
    profile.nemesis.durations = [
        (IsolateLeader, SpanRange::millis(200, 400)),
        (OneWay, SpanRange::millis(200, 600)),
        (Bridge, SpanRange::millis(300, 800)),
    ]
    .into();
    profile.nemesis.gap = Some(SpanRange::millis(300, 800));
    profile.nemesis.overlap = Some(80);
    profile.nodes = Some(3);
    profile.rate = Some(100);
    profile.settings = setting("batch", "1");
    profile
}

/// Clients that repeat a request before its answer can have come.
fn impatient_clients() -> RunProfile {
    let mut profile = faults(&[(SlowLinks, 4), (DropConnections, 2), (IsolateLeader, 1)]);
    profile.settings = setting("attempt-timeout", "60ms");
    profile
}

/// Two entries of one comparison need another update between them: few keys, much contention.
fn contended_cas() -> RunProfile {
    let mut profile = faults(&[(SlowLinks, 3), (TransferLeader, 1)]);
    profile.workload = WorkloadDraft {
        keys: Some(2),
        contention: Some(60),
        mix: Some(Mix {
            read: 40,
            write: 15,
            cas: 45,
            ..Mix::default()
        }),
        ..WorkloadDraft::default()
    };
    profile
}

/// What a snapshot lacks is missed once a node starts from it.
fn frequent_snapshots() -> RunProfile {
    let mut profile = faults(&[
        (KillAll, 2),
        (KillLeader, 2),
        (RollingRestart, 2),
        (SnapshotNow, 2),
    ]);
    profile.settings = setting("snapshot-every", "40");
    profile
}

fn setting(name: &str, value: &str) -> BTreeMap<String, String> {
    [(name.to_owned(), value.to_owned())].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bug_names_the_faults_that_show_it() {
        for bug in all() {
            let kinds = bug.profile.nemesis.kinds.unwrap_or_default();
            assert!(!kinds.is_empty(), "{} names no faults", bug.name);
        }
    }

    #[test]
    fn every_setting_of_a_profile_exists() {
        for bug in all() {
            let settings = super::super::settings::Settings::from_map(&bug.profile.settings);
            assert!(settings.is_ok(), "{}: {settings:?}", bug.name);
        }
    }
}
