//! What a lab is asked to do: concrete nodes, both directions of every link named.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Flaws, Link, NodeName, Turn, span};

/// One thing to do to the cluster, with nothing left to decide. Undone by the heal of its
/// injection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// Nothing passes on these links. A link stays cut while any unhealed injection cuts it.
    Cut {
        /// The directions.
        links: BTreeSet<Link>,
    },
    /// What passes arrives later.
    Slow {
        /// The directions.
        links: BTreeSet<Link>,
        /// How much later.
        #[serde(with = "span::text")]
        delay: Duration,
        /// By how much the delay varies, up and down; not above it.
        #[serde(with = "span::text")]
        jitter: Duration,
    },
    /// Little passes.
    Throttle {
        /// The directions.
        links: BTreeSet<Link>,
        /// How much, per direction.
        bytes_per_second: u64,
    },
    /// Existing connections are dropped once. Instant: it is not healed.
    Reset {
        /// The directions.
        links: BTreeSet<Link>,
    },
    /// The nodes' processes are gone (SIGKILL). The heal restarts them.
    Kill {
        /// The nodes.
        nodes: BTreeSet<NodeName>,
    },
    /// The nodes' processes stand still (SIGSTOP). The heal lets them go on.
    Pause {
        /// The nodes.
        nodes: BTreeSet<NodeName>,
    },
    /// The node is removed from the members. The heal adds it back.
    Remove {
        /// The node.
        node: NodeName,
    },
    /// The leader is asked to hand over. Instant.
    Transfer {
        /// The node that shall lead.
        to: NodeName,
    },
    /// The node is asked to take a snapshot. Instant.
    Snapshot {
        /// The node.
        node: NodeName,
    },
    /// Single messages are lost, doubled, late.
    Lossy {
        /// The directions.
        links: BTreeSet<Link>,
        /// What is done to messages.
        #[serde(flatten)]
        flaws: Flaws,
    },
    /// Clocks jump and run at another rate. The heal sets them right.
    Skew {
        /// The nodes.
        nodes: BTreeSet<NodeName>,
        /// How far they jump, in milliseconds; back, if negative.
        jump_ms: i64,
        /// By how many millionths they run fast; slow, if negative.
        drift_ppm: i64,
    },
    /// Disks take longer.
    SlowDisk {
        /// The nodes.
        nodes: BTreeSet<NodeName>,
        /// How much longer each save takes.
        #[serde(with = "span::text")]
        delay: Duration,
    },
    /// Disks fail to save, which kills the nodes. The heal mends and restarts.
    FailDisk {
        /// The nodes.
        nodes: BTreeSet<NodeName>,
    },
    /// The nodes are killed and their disks emptied. The heal restarts.
    Wipe {
        /// The nodes.
        nodes: BTreeSet<NodeName>,
    },
    /// The nodes answer what is not true.
    Lie {
        /// The nodes.
        nodes: BTreeSet<NodeName>,
    },
    /// Single messages are damaged; the receiver notices and drops them.
    Corrupt {
        /// The directions.
        links: BTreeSet<Link>,
        /// How many in a hundred.
        percent: u32,
    },
    /// Disks have no room left. The heal makes room, and restarts who ended.
    FillDisk {
        /// The nodes.
        nodes: BTreeSet<NodeName>,
    },
    /// The nodes are killed, and cannot write to their disks when they are back. The heal lets
    /// them, and restarts who ended.
    LockDisk {
        /// The nodes.
        nodes: BTreeSet<NodeName>,
    },
    /// The nodes run for a part of the time only.
    Starve {
        /// The nodes.
        nodes: BTreeSet<NodeName>,
        /// For how much of it, in percent.
        percent: u32,
    },
    /// A command of the user's is run. The heal is another.
    Command {
        /// The user's name for it.
        name: String,
        /// The node that it is told.
        node: NodeName,
    },
    /// The first of the nodes to which this happens is killed then. The heal restarts it.
    Ambush {
        /// The nodes.
        nodes: BTreeSet<NodeName>,
        /// What.
        turn: Turn,
    },
}

impl Action {
    /// Whether it is over as soon as it has taken effect: no heal is asked for.
    pub fn is_instant(&self) -> bool {
        matches!(
            self,
            Action::Reset { .. } | Action::Transfer { .. } | Action::Snapshot { .. }
        )
    }

    /// The nodes whose life it decides: killed, perhaps killed, stopped, or removed from the
    /// members.
    pub fn lives(&self) -> BTreeSet<&NodeName> {
        match self {
            Action::Kill { nodes }
            | Action::Pause { nodes }
            | Action::FailDisk { nodes }
            | Action::FillDisk { nodes }
            | Action::LockDisk { nodes }
            | Action::Starve { nodes, .. }
            | Action::Ambush { nodes, .. }
            | Action::Wipe { nodes } => nodes.iter().collect(),
            Action::Remove { node } => [node].into(),
            Action::Cut { .. }
            | Action::Slow { .. }
            | Action::Throttle { .. }
            | Action::Reset { .. }
            | Action::Transfer { .. }
            | Action::Lossy { .. }
            | Action::Corrupt { .. }
            | Action::Skew { .. }
            | Action::SlowDisk { .. }
            | Action::Lie { .. }
            | Action::Command { .. }
            | Action::Snapshot { .. } => BTreeSet::new(),
        }
    }

    /// Whether the two must not be in effect together, since neither could then be verified or
    /// healed by itself: they decide over the same node's life, or do the same thing to a link.
    pub fn fights(&self, other: &Action) -> bool {
        if !self.lives().is_disjoint(&other.lives()) {
            return true;
        }
        match (self, other) {
            (Action::Cut { links: a }, Action::Cut { links: b }) => !a.is_disjoint(b),
            (
                Action::Slow { links: a, .. } | Action::Throttle { links: a, .. },
                Action::Slow { links: b, .. } | Action::Throttle { links: b, .. },
            )
            | (Action::Lossy { links: a, .. }, Action::Lossy { links: b, .. })
            | (Action::Corrupt { links: a, .. }, Action::Corrupt { links: b, .. }) => {
                !a.is_disjoint(b)
            }
            (Action::Skew { nodes: a, .. }, Action::Skew { nodes: b, .. })
            | (Action::SlowDisk { nodes: a, .. }, Action::SlowDisk { nodes: b, .. })
            | (Action::Lie { nodes: a }, Action::Lie { nodes: b }) => !a.is_disjoint(b),
            // Nobody knows what the commands do, so neither could be verified or healed by itself.
            (Action::Command { .. }, Action::Command { .. }) => true,
            _ => false,
        }
    }
}

/// A sentence's verb and object: `cut n1>n2 n2>n1`, `kill n3`.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Cut { links } => words(f, "cut", links),
            Action::Slow {
                links,
                delay,
                jitter,
            } => {
                let (delay, jitter) = (span::format(*delay), span::format(*jitter));
                words(f, &format!("slow by {delay} (±{jitter})"), links)
            }
            Action::Throttle {
                links,
                bytes_per_second,
            } => words(f, &format!("throttle to {bytes_per_second} bytes/s"), links),
            Action::Reset { links } => words(f, "reset", links),
            Action::Kill { nodes } => words(f, "kill", nodes),
            Action::Pause { nodes } => words(f, "pause", nodes),
            Action::Remove { node } => write!(f, "remove {node} from the members"),
            Action::Transfer { to } => write!(f, "transfer leadership to {to}"),
            Action::Snapshot { node } => write!(f, "take a snapshot on {node}"),
            Action::Lossy { links, flaws } => {
                let Flaws {
                    lost,
                    doubled,
                    late,
                    lateness,
                } = flaws;
                let lateness = span::format(*lateness);
                let verb = format!(
                    "lose {lost}%, double {doubled}%, delay {late}% by up to {lateness} on"
                );
                words(f, &verb, links)
            }
            Action::Skew {
                nodes,
                jump_ms,
                drift_ppm,
            } => words(
                f,
                &format!("set clocks by {jump_ms:+} ms, running {drift_ppm:+} ppm, on"),
                nodes,
            ),
            Action::SlowDisk { nodes, delay } => words(
                f,
                &format!("slow disks by {} on", span::format(*delay)),
                nodes,
            ),
            Action::FailDisk { nodes } => words(f, "fail the disks of", nodes),
            Action::Wipe { nodes } => words(f, "kill and wipe", nodes),
            Action::Lie { nodes } => words(f, "let lie", nodes),
            Action::Corrupt { links, percent } => words(f, &format!("damage {percent}% on"), links),
            Action::FillDisk { nodes } => words(f, "fill the disks of", nodes),
            Action::LockDisk { nodes } => words(f, "restart with unwritable disks", nodes),
            Action::Starve { nodes, percent } => {
                words(f, &format!("leave {percent}% of the time to"), nodes)
            }
            Action::Command { name, node } => write!(f, "{name} {node}"),
            Action::Ambush { nodes, turn } => {
                let when = match turn {
                    Turn::Votes => "kill when it has voted, the first of",
                    Turn::Leads => "kill when it begins to lead, the first of",
                };
                words(f, when, nodes)
            }
        }
    }
}

fn words<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    verb: &str,
    objects: &BTreeSet<T>,
) -> fmt::Result {
    f.write_str(verb)?;
    objects.iter().try_for_each(|object| write!(f, " {object}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kill(nodes: &[&str]) -> Action {
        Action::Kill {
            nodes: nodes.iter().map(|&name| name.into()).collect(),
        }
    }

    fn cut(from: &str, to: &str) -> Action {
        Action::Cut {
            links: [Link::new(&from.into(), &to.into())].into(),
        }
    }

    #[test]
    fn two_faults_fight_over_a_node_they_both_stop() {
        let pause = Action::Pause {
            nodes: ["n2".into()].into(),
        };
        assert!(kill(&["n1", "n2"]).fights(&pause));
        assert!(Action::Remove { node: "n1".into() }.fights(&kill(&["n1"])));
        assert!(!kill(&["n1"]).fights(&pause));
    }

    #[test]
    fn cuts_fight_over_a_direction_only() {
        assert!(cut("n1", "n2").fights(&cut("n1", "n2")));
        assert!(!cut("n1", "n2").fights(&cut("n2", "n1")));
        assert!(!cut("n1", "n2").fights(&kill(&["n1"])));
    }

    #[test]
    fn an_action_is_read_as_it_is_written() {
        let text = r#"{"do":"cut","links":["n1>n2"]}"#;
        assert_eq!(serde_json::to_string(&cut("n1", "n2")).unwrap(), text);
        assert_eq!(
            serde_json::from_str::<Action>(text).unwrap(),
            cut("n1", "n2")
        );
        assert_eq!(cut("n1", "n2").to_string(), "cut n1>n2");
    }
}
