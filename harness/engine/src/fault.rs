//! What a nemesis can break: kinds that are chosen, and faults that still name nodes by their role.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::span;

mod rename;
mod resolve;
mod selector;

pub(crate) use resolve::Unresolved;
pub use selector::Selector;

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

/// One thing to break, its nodes still named by their role. The conductor resolves it to an
/// [`Action`](crate::Action) when the injection starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// Nodes of different groups do not reach each other. Nodes in no group are not touched.
    Partition {
        /// The groups; at least two.
        groups: Vec<Vec<Selector>>,
    },
    /// What `from` sends to `to` is lost; the other direction works.
    OneWay {
        /// The nodes that are not heard.
        from: Vec<Selector>,
        /// The nodes that do not hear them.
        to: Vec<Selector>,
    },
    /// Each node reaches only its nearest neighbours on a ring, just enough for a majority.
    Ring {
        /// The nodes in the order of the ring; at least four.
        order: Vec<Selector>,
    },
    /// Delays what the nodes send and receive.
    Slow {
        /// The nodes; each link that touches one of them is slow.
        nodes: Vec<Selector>,
        /// How much later each message arrives.
        #[serde(with = "span::text")]
        delay: Duration,
        /// By how much the delay varies, up and down.
        #[serde(with = "span::text")]
        jitter: Duration,
    },
    /// Lets few bytes pass.
    Throttle {
        /// The nodes; each link that touches one of them is throttled.
        nodes: Vec<Selector>,
        /// What passes, per link and direction.
        bytes_per_second: u64,
    },
    /// Resets the connections once.
    Reset {
        /// The nodes; each link that touches one of them is reset.
        nodes: Vec<Selector>,
    },
    /// Kills (SIGKILL); the heal restarts.
    Kill {
        /// The nodes, all at once.
        nodes: Vec<Selector>,
    },
    /// Stops (SIGSTOP); the heal continues.
    Pause {
        /// The nodes, all at once.
        nodes: Vec<Selector>,
    },
    /// Removes from the members; the heal adds it back.
    Remove {
        /// The node.
        node: Selector,
    },
    /// Asks the leader to hand over.
    Transfer {
        /// The node that shall lead.
        to: Selector,
    },
    /// Asks for a snapshot.
    Snapshot {
        /// The node.
        node: Selector,
    },
    /// Loses, doubles and delays single messages that the nodes send and receive.
    Lossy {
        /// The nodes; each link that touches one of them is lossy.
        nodes: Vec<Selector>,
        /// What is done to messages.
        #[serde(flatten)]
        flaws: Flaws,
    },
    /// Lets clocks jump and run at another rate; the heal sets them right.
    Skew {
        /// The nodes.
        nodes: Vec<Selector>,
        /// How far they jump, in milliseconds; back, if negative.
        jump_ms: i64,
        /// By how many millionths they run fast; slow, if negative.
        drift_ppm: i64,
    },
    /// Lets disks take longer.
    SlowDisk {
        /// The nodes.
        nodes: Vec<Selector>,
        /// How much longer each save takes.
        #[serde(with = "span::text")]
        delay: Duration,
    },
    /// Lets disks fail to save, which kills the nodes; the heal mends and restarts.
    FailDisk {
        /// The nodes.
        nodes: Vec<Selector>,
    },
    /// Kills and empties the disk; the heal restarts.
    Wipe {
        /// The nodes.
        nodes: Vec<Selector>,
    },
    /// Lets nodes answer what is not true.
    Lie {
        /// The nodes.
        nodes: Vec<Selector>,
    },
    /// Damages single messages that the nodes send and receive.
    Corrupt {
        /// The nodes; each link that touches one of them damages.
        nodes: Vec<Selector>,
        /// How many messages in a hundred are damaged.
        percent: u32,
    },
    /// Leaves no room on disks; the heal makes room, and restarts who ended.
    FillDisk {
        /// The nodes.
        nodes: Vec<Selector>,
    },
    /// Kills, and lets nobody write to the disk when the node is back; the heal lets it write, and
    /// restarts who ended.
    LockDisk {
        /// The nodes.
        nodes: Vec<Selector>,
    },
    /// Lets nodes run for a part of the time only.
    Starve {
        /// The nodes.
        nodes: Vec<Selector>,
        /// For how much of it, in percent.
        percent: u32,
    },
    /// Does what the user has a command for; the heal is a command too.
    Command {
        /// The user's name for it.
        name: String,
        /// The node.
        node: Selector,
    },
    /// Waits for a turn of events at one of the nodes, and kills that node then; the heal restarts.
    Ambush {
        /// The nodes.
        nodes: Vec<Selector>,
        /// The turn.
        turn: Turn,
    },
}

/// A turn of events that an ambush waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turn {
    /// A node has voted for another one, or promised something to it.
    Votes,
    /// A node has begun to lead; it dies within its next few messages.
    Leads,
}

/// What a lossy link does to single messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flaws {
    /// How many in a hundred are lost.
    pub lost: u32,
    /// How many in a hundred arrive twice.
    pub doubled: u32,
    /// How many in a hundred arrive late, and so behind later ones.
    pub late: u32,
    /// How late those arrive at most.
    #[serde(with = "span::text")]
    pub lateness: Duration,
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

impl Fault {
    /// Every selector in it.
    pub fn selectors(&self) -> Vec<&Selector> {
        match self {
            Fault::Partition { groups } => groups.iter().flatten().collect(),
            Fault::OneWay { from, to } => from.iter().chain(to).collect(),
            Fault::Ring { order } => order.iter().collect(),
            Fault::Slow { nodes, .. }
            | Fault::Throttle { nodes, .. }
            | Fault::Reset { nodes }
            | Fault::Kill { nodes }
            | Fault::Lossy { nodes, .. }
            | Fault::Skew { nodes, .. }
            | Fault::SlowDisk { nodes, .. }
            | Fault::FailDisk { nodes }
            | Fault::Wipe { nodes }
            | Fault::Lie { nodes }
            | Fault::Corrupt { nodes, .. }
            | Fault::FillDisk { nodes }
            | Fault::LockDisk { nodes }
            | Fault::Starve { nodes, .. }
            | Fault::Ambush { nodes, .. }
            | Fault::Pause { nodes } => nodes.iter().collect(),
            Fault::Remove { node }
            | Fault::Transfer { to: node }
            | Fault::Command { node, .. }
            | Fault::Snapshot { node } => vec![node],
        }
    }

    /// Whether it is over as soon as it has taken effect, so that there is nothing to heal.
    pub fn is_instant(&self) -> bool {
        matches!(
            self,
            Fault::Reset { .. } | Fault::Transfer { .. } | Fault::Snapshot { .. }
        )
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

    #[test]
    fn selectors_are_read_as_they_are_written() {
        for word in ["leader", "follower-2", "n3"] {
            assert_eq!(Selector::from(word).to_string(), word);
        }
        assert_eq!(Selector::from("follower-2"), Selector::Follower(2));
    }
}
