//! What a nemesis can break: faults that still name nodes by their role.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::span;

mod kind;
mod rename;
mod resolve;
mod selector;

pub use kind::{FaultKind, UnknownFaultKind};
pub(crate) use resolve::Unresolved;
pub use selector::Selector;

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
    fn selectors_are_read_as_they_are_written() {
        for word in ["leader", "follower-2", "n3"] {
            assert_eq!(Selector::from(word).to_string(), word);
        }
        assert_eq!(Selector::from("follower-2"), Selector::Follower(2));
    }
}
