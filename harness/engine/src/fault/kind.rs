//! The kinds of faults: what is chosen, weighted, switched off and counted.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A kind of fault: the unit that is weighted, switched off, counted. Written in kebab-case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The leader alone on one side, everyone else on the other.
    IsolateLeader,
    /// A minority on one side, a majority on the other (two equal halves of an even cluster).
    Halves,
    /// Each node reaches a majority, and no two nodes reach the same one.
    MajoritiesRing,
    /// Two sides that only one node reaches both of.
    Bridge,
    /// One direction of some links is cut.
    OneWay,
    /// A node is cut off and let back several times in a row.
    Flapping,
    /// One node is killed and later restarted.
    KillOne,
    /// The leader is killed and later restarted.
    KillLeader,
    /// The largest minority is killed at once.
    KillMinority,
    /// Every node is killed at once.
    KillAll,
    /// The leader stops for a while without dying.
    PauseLeader,
    /// One node stops for a while without dying.
    PauseOne,
    /// Every node is killed and restarted, one after the other.
    RollingRestart,
    /// Messages of some nodes arrive late.
    SlowLinks,
    /// Few bytes per second pass to and from some nodes.
    Throttle,
    /// Connections of some nodes are reset once.
    DropConnections,
    /// A node is removed from the cluster's members and later added again.
    Membership,
    /// The leader hands its office to another node.
    TransferLeader,
    /// A node takes a snapshot and compacts its log.
    SnapshotNow,
    /// Every node of one site is cut off from the other sites.
    CutSite,
    /// Every node of one site is killed at once and later restarted.
    KillSite,
    /// Single messages of some nodes are lost, doubled, or arrive long after later ones.
    LossyLinks,
    /// A node's clock jumps and runs at another rate.
    ClockSkew,
    /// A node's disk takes long to save.
    SlowDisk,
    /// A node's disk fails to save, which kills the node; later it is restarted.
    DiskFailure,
    /// A node is killed and restarted with an empty disk.
    WipeDisk,
    /// A node answers what is not true.
    Lie,
    /// Single messages of some nodes are damaged on their way, which the receiver notices.
    CorruptLinks,
    /// A node's disk has no room left, which may kill the node; then it is restarted.
    FullDisk,
    /// A node is restarted and finds that it cannot write to its disk.
    ReadOnlyDisk,
    /// A node gets little time of the processor.
    Starve,
    /// A command of the user's does something to a node, and another undoes it.
    Command,
    /// An election is provoked, and whoever votes in it first is killed right afterwards.
    KillVoter,
    /// Several times in a row the new leader is killed within its first messages.
    KillNewLeader,
}

/// A word that names no kind of fault.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "no kind of fault is called `{word}`; there are {}",
    FaultKind::names()
)]
pub struct UnknownFaultKind {
    word: String,
}

impl FaultKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [FaultKind; 34] = [
        FaultKind::IsolateLeader,
        FaultKind::Halves,
        FaultKind::MajoritiesRing,
        FaultKind::Bridge,
        FaultKind::OneWay,
        FaultKind::Flapping,
        FaultKind::KillOne,
        FaultKind::KillLeader,
        FaultKind::KillMinority,
        FaultKind::KillAll,
        FaultKind::PauseLeader,
        FaultKind::PauseOne,
        FaultKind::RollingRestart,
        FaultKind::SlowLinks,
        FaultKind::Throttle,
        FaultKind::DropConnections,
        FaultKind::Membership,
        FaultKind::TransferLeader,
        FaultKind::SnapshotNow,
        FaultKind::CutSite,
        FaultKind::KillSite,
        FaultKind::LossyLinks,
        FaultKind::ClockSkew,
        FaultKind::SlowDisk,
        FaultKind::DiskFailure,
        FaultKind::WipeDisk,
        FaultKind::Lie,
        FaultKind::CorruptLinks,
        FaultKind::FullDisk,
        FaultKind::ReadOnlyDisk,
        FaultKind::Starve,
        FaultKind::Command,
        FaultKind::KillVoter,
        FaultKind::KillNewLeader,
    ];

    /// The kinds that a system which survives crashes, and any network, has to stand: all but a
    /// disk that forgets, a node that lies, and what only a user has commands for. No verdict is
    /// promised beyond them. Those of
    /// [`of_elections`](Self::of_elections) are not among them: not every system has elections.
    pub fn of_crashes() -> impl Iterator<Item = FaultKind> {
        let beyond = [FaultKind::WipeDisk, FaultKind::Lie, FaultKind::Command];
        let all = FaultKind::ALL.into_iter();
        all.filter(move |kind| !beyond.contains(kind) && !Self::of_elections().any(|k| k == *kind))
    }

    /// Whether it is not a damage but a request that an operator of the system has to carry out:
    /// other members, another leader, a snapshot.
    pub fn asks_an_operator(self) -> bool {
        matches!(
            self,
            FaultKind::Membership | FaultKind::TransferLeader | FaultKind::SnapshotNow
        )
    }

    /// The kinds of crashes that strike at a turn of an election.
    pub fn of_elections() -> impl Iterator<Item = FaultKind> {
        [FaultKind::KillVoter, FaultKind::KillNewLeader].into_iter()
    }

    /// Whether a lab can do it. Simulated nodes have no disk that could be full and no processor.
    /// In the lab of network namespaces whatever is outside a node's program can be broken; the
    /// contents of its disk and what it says cannot. On loopback there are no packets to lose and
    /// no disk of a node's own. Single messages only a lab that
    /// knows them loses, and a cluster that already runs only its user breaks.
    pub fn is_possible_in(self, lab: &str) -> bool {
        let outside = matches!(
            self,
            FaultKind::CorruptLinks
                | FaultKind::FullDisk
                | FaultKind::ReadOnlyDisk
                | FaultKind::Starve
        );
        let inside = matches!(
            self,
            FaultKind::WipeDisk | FaultKind::Lie | FaultKind::KillVoter | FaultKind::KillNewLeader
        );
        let both = matches!(
            self,
            FaultKind::ClockSkew | FaultKind::SlowDisk | FaultKind::DiskFailure
        );
        let single = self == FaultKind::LossyLinks;
        match lab {
            "external" => self == FaultKind::Command,
            _ if self == FaultKind::Command => false,
            "sim" => !outside,
            "netns" => !inside,
            "maelstrom" => !(inside || outside || both),
            _ => !(inside || outside || both || single),
        }
    }

    /// Whether it is about what passes between nodes.
    pub fn is_of_links(self) -> bool {
        matches!(
            self,
            FaultKind::IsolateLeader
                | FaultKind::Halves
                | FaultKind::MajoritiesRing
                | FaultKind::Bridge
                | FaultKind::OneWay
                | FaultKind::Flapping
                | FaultKind::CutSite
                | FaultKind::SlowLinks
                | FaultKind::Throttle
                | FaultKind::DropConnections
                | FaultKind::LossyLinks
                | FaultKind::CorruptLinks
        )
    }

    /// The word in plans, on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            FaultKind::IsolateLeader => "isolate-leader",
            FaultKind::Halves => "halves",
            FaultKind::MajoritiesRing => "majorities-ring",
            FaultKind::Bridge => "bridge",
            FaultKind::OneWay => "one-way",
            FaultKind::Flapping => "flapping",
            FaultKind::KillOne => "kill-one",
            FaultKind::KillLeader => "kill-leader",
            FaultKind::KillMinority => "kill-minority",
            FaultKind::KillAll => "kill-all",
            FaultKind::PauseLeader => "pause-leader",
            FaultKind::PauseOne => "pause-one",
            FaultKind::RollingRestart => "rolling-restart",
            FaultKind::SlowLinks => "slow-links",
            FaultKind::Throttle => "throttle",
            FaultKind::DropConnections => "drop-connections",
            FaultKind::Membership => "membership",
            FaultKind::TransferLeader => "transfer-leader",
            FaultKind::SnapshotNow => "snapshot-now",
            FaultKind::CutSite => "cut-site",
            FaultKind::KillSite => "kill-site",
            FaultKind::LossyLinks => "lossy-links",
            FaultKind::ClockSkew => "clock-skew",
            FaultKind::SlowDisk => "slow-disk",
            FaultKind::DiskFailure => "disk-failure",
            FaultKind::WipeDisk => "wipe-disk",
            FaultKind::Lie => "lie",
            FaultKind::CorruptLinks => "corrupt-links",
            FaultKind::FullDisk => "full-disk",
            FaultKind::ReadOnlyDisk => "read-only-disk",
            FaultKind::Starve => "starve",
            FaultKind::Command => "command",
            FaultKind::KillVoter => "kill-voter",
            FaultKind::KillNewLeader => "kill-new-leader",
        }
    }

    /// The smallest cluster that the kind makes sense in.
    pub fn nodes_min(self) -> u32 {
        match self {
            FaultKind::MajoritiesRing => 4,
            FaultKind::Bridge
            | FaultKind::KillMinority
            | FaultKind::KillVoter
            | FaultKind::KillNewLeader
            | FaultKind::Membership
            | FaultKind::CutSite
            | FaultKind::KillSite => 3,
            FaultKind::IsolateLeader
            | FaultKind::Halves
            | FaultKind::OneWay
            | FaultKind::Flapping
            | FaultKind::SlowLinks
            | FaultKind::Throttle
            | FaultKind::DropConnections
            | FaultKind::LossyLinks
            | FaultKind::CorruptLinks
            | FaultKind::TransferLeader => 2,
            FaultKind::KillOne
            | FaultKind::KillLeader
            | FaultKind::KillAll
            | FaultKind::PauseLeader
            | FaultKind::PauseOne
            | FaultKind::RollingRestart
            | FaultKind::ClockSkew
            | FaultKind::SlowDisk
            | FaultKind::DiskFailure
            | FaultKind::WipeDisk
            | FaultKind::Lie
            | FaultKind::FullDisk
            | FaultKind::ReadOnlyDisk
            | FaultKind::Starve
            | FaultKind::Command
            | FaultKind::SnapshotNow => 1,
        }
    }

    fn names() -> String {
        FaultKind::ALL.map(FaultKind::name).join(", ")
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for FaultKind {
    type Err = UnknownFaultKind;

    fn from_str(word: &str) -> Result<Self, UnknownFaultKind> {
        let found = FaultKind::ALL.into_iter().find(|kind| kind.name() == word);
        found.ok_or_else(|| UnknownFaultKind {
            word: word.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name_and_serialised_as_it() {
        for kind in FaultKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
    }

    #[test]
    fn a_misspelt_kind_is_refused_with_the_list_of_kinds() {
        let error = "isolate-leder"
            .parse::<FaultKind>()
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("`isolate-leder`") && error.contains("isolate-leader"),
            "{error}"
        );
    }
}
