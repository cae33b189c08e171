//! From roles to nodes: what a fault means while a certain node leads.

use std::collections::BTreeSet;

use thiserror::Error;

use super::{Fault, Selector};
use crate::{Action, Link, NodeName};

/// Why a fault means nothing now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum Unresolved {
    /// It names nodes by their role, and nobody is known to lead.
    #[error("no leader is known")]
    NoLeader,
    /// Nothing is left to do once the roles are replaced by nodes.
    #[error("its nodes turned out to be the same")]
    Nothing,
}

impl Fault {
    /// What to do now that `leader` leads the cluster of `nodes`.
    pub(crate) fn resolve(
        &self,
        nodes: &[NodeName],
        leader: Option<&NodeName>,
    ) -> Result<Action, Unresolved> {
        let roles = Roles { nodes, leader };
        let action = match self {
            Fault::Partition { groups } => Action::Cut {
                links: roles.between(groups)?,
            },
            Fault::OneWay { from, to } => Action::Cut {
                links: directed(&roles.all(from)?, &roles.all(to)?),
            },
            Fault::Ring { order } => Action::Cut {
                links: ring(&roles.all(order)?),
            },
            Fault::Slow {
                nodes,
                delay,
                jitter,
            } => Action::Slow {
                links: roles.touching(nodes)?,
                delay: *delay,
                jitter: *jitter,
            },
            Fault::Throttle {
                nodes,
                bytes_per_second,
            } => Action::Throttle {
                links: roles.touching(nodes)?,
                bytes_per_second: *bytes_per_second,
            },
            Fault::Reset { nodes } => Action::Reset {
                links: roles.touching(nodes)?,
            },
            Fault::Kill { nodes } => Action::Kill {
                nodes: roles.set(nodes)?,
            },
            Fault::Pause { nodes } => Action::Pause {
                nodes: roles.set(nodes)?,
            },
            Fault::Remove { node } => Action::Remove {
                node: roles.one(node)?,
            },
            Fault::Transfer { to } => Action::Transfer { to: roles.one(to)? },
            Fault::Snapshot { node } => Action::Snapshot {
                node: roles.one(node)?,
            },
            _ => self.resolve_inside(&roles)?,
        };
        if does_nothing(&action) {
            Err(Unresolved::Nothing)
        } else {
            Ok(action)
        }
    }

    /// As [`resolve`](Self::resolve), of what does more to a node than to kill it or cut it off.
    fn resolve_inside(&self, roles: &Roles<'_>) -> Result<Action, Unresolved> {
        Ok(match self {
            Fault::Lossy { nodes, flaws } => Action::Lossy {
                links: roles.touching(nodes)?,
                flaws: *flaws,
            },
            Fault::Skew {
                nodes,
                jump_ms,
                drift_ppm,
            } => Action::Skew {
                nodes: roles.set(nodes)?,
                jump_ms: *jump_ms,
                drift_ppm: *drift_ppm,
            },
            Fault::SlowDisk { nodes, delay } => Action::SlowDisk {
                nodes: roles.set(nodes)?,
                delay: *delay,
            },
            Fault::FailDisk { nodes } => Action::FailDisk {
                nodes: roles.set(nodes)?,
            },
            Fault::Wipe { nodes } => Action::Wipe {
                nodes: roles.set(nodes)?,
            },
            Fault::Lie { nodes } => Action::Lie {
                nodes: roles.set(nodes)?,
            },
            Fault::Corrupt { nodes, percent } => Action::Corrupt {
                links: roles.touching(nodes)?,
                percent: *percent,
            },
            Fault::FillDisk { nodes } => Action::FillDisk {
                nodes: roles.set(nodes)?,
            },
            Fault::LockDisk { nodes } => Action::LockDisk {
                nodes: roles.set(nodes)?,
            },
            Fault::Starve { nodes, percent } => Action::Starve {
                nodes: roles.set(nodes)?,
                percent: *percent,
            },
            Fault::Command { name, node } => Action::Command {
                name: name.clone(),
                node: roles.one(node)?,
            },
            Fault::Ambush { nodes, turn } => Action::Ambush {
                nodes: roles.set(nodes)?,
                turn: *turn,
            },
            _ => return Err(Unresolved::Nothing),
        })
    }
}

fn does_nothing(action: &Action) -> bool {
    match action {
        Action::Cut { links }
        | Action::Slow { links, .. }
        | Action::Throttle { links, .. }
        | Action::Lossy { links, .. }
        | Action::Corrupt { links, .. }
        | Action::Reset { links } => links.is_empty(),
        Action::Kill { nodes }
        | Action::Pause { nodes }
        | Action::Skew { nodes, .. }
        | Action::SlowDisk { nodes, .. }
        | Action::FailDisk { nodes }
        | Action::Wipe { nodes }
        | Action::Lie { nodes }
        | Action::Ambush { nodes, .. }
        | Action::FillDisk { nodes }
        | Action::LockDisk { nodes }
        | Action::Starve { nodes, .. } => nodes.is_empty(),
        Action::Remove { .. }
        | Action::Transfer { .. }
        | Action::Command { .. }
        | Action::Snapshot { .. } => false,
    }
}

struct Roles<'a> {
    nodes: &'a [NodeName],
    leader: Option<&'a NodeName>,
}

impl Roles<'_> {
    fn one(&self, selector: &Selector) -> Result<NodeName, Unresolved> {
        let steps = match selector {
            Selector::Node(name) => return Ok(name.clone()),
            Selector::Leader => 0,
            Selector::Follower(number) => usize::try_from(*number).unwrap_or(usize::MAX),
        };
        let leader = self.leader.ok_or(Unresolved::NoLeader)?;
        let place = self.nodes.iter().position(|name| name == leader);
        let round = self
            .nodes
            .iter()
            .cycle()
            .skip(place.ok_or(Unresolved::NoLeader)?);
        let found = round.take(self.nodes.len()).nth(steps);
        found.cloned().ok_or(Unresolved::Nothing)
    }

    fn all(&self, selectors: &[Selector]) -> Result<Vec<NodeName>, Unresolved> {
        selectors
            .iter()
            .map(|selector| self.one(selector))
            .collect()
    }

    fn set(&self, selectors: &[Selector]) -> Result<BTreeSet<NodeName>, Unresolved> {
        selectors
            .iter()
            .map(|selector| self.one(selector))
            .collect()
    }

    /// Both directions of every link between two groups.
    fn between(&self, groups: &[Vec<Selector>]) -> Result<BTreeSet<Link>, Unresolved> {
        let groups: Result<Vec<_>, _> = groups.iter().map(|group| self.all(group)).collect();
        let groups = groups?;
        let mut links = BTreeSet::new();
        for (index, one) in groups.iter().enumerate() {
            for other in groups.iter().skip(index + 1) {
                links.extend(directed(one, other));
                links.extend(directed(other, one));
            }
        }
        Ok(links)
    }

    /// Every link that begins or ends at one of the selected nodes.
    fn touching(&self, selectors: &[Selector]) -> Result<BTreeSet<Link>, Unresolved> {
        let selected = self.all(selectors)?;
        let mut links = directed(&selected, self.nodes);
        links.extend(directed(self.nodes, &selected));
        Ok(links)
    }
}

fn directed(from: &[NodeName], to: &[NodeName]) -> BTreeSet<Link> {
    let pairs = from
        .iter()
        .flat_map(|from| to.iter().map(move |to| (from, to)));
    pairs
        .filter(|(from, to)| from != to)
        .map(|(from, to)| Link::new(from, to))
        .collect()
}

/// Cuts all but the links to the nearest neighbours, so many that each node reaches a majority,
/// itself included.
fn ring(order: &[NodeName]) -> BTreeSet<Link> {
    let reach = (order.len() / 2).div_ceil(2);
    let far = |a: usize, b: usize| {
        let apart = a.abs_diff(b);
        apart.min(order.len() - apart) > reach
    };
    let places = 0..order.len();
    places
        .clone()
        .flat_map(|a| places.clone().map(move |b| (a, b)))
        .filter(|(a, b)| far(*a, *b))
        .map(|(a, b)| Link::new(&order[a], &order[b]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: u32) -> Vec<NodeName> {
        (1..=count).map(NodeName::numbered).collect()
    }

    fn links(words: &str) -> BTreeSet<Link> {
        words.split(' ').map(|word| word.parse().unwrap()).collect()
    }

    fn cut(fault: &Fault, nodes: u32, leader: &str) -> BTreeSet<Link> {
        match fault.resolve(&names(nodes), Some(&leader.into())) {
            Ok(Action::Cut { links }) => links,
            other => panic!("not a cut: {other:?}"),
        }
    }

    #[test]
    fn followers_are_counted_round_from_the_leader() {
        let fault = Fault::OneWay {
            from: vec!["follower-2".into()],
            to: vec!["leader".into()],
        };
        assert_eq!(cut(&fault, 3, "n2"), links("n1>n2"));
    }

    #[test]
    fn a_partition_cuts_both_directions_between_its_groups_only() {
        let fault = Fault::Partition {
            groups: vec![
                vec!["leader".into()],
                vec!["follower-1".into(), "follower-2".into()],
            ],
        };
        assert_eq!(cut(&fault, 3, "n1"), links("n1>n2 n2>n1 n1>n3 n3>n1"));
        assert_eq!(cut(&fault, 4, "n1"), links("n1>n2 n2>n1 n1>n3 n3>n1"));
    }

    #[test]
    fn on_a_ring_every_node_reaches_a_majority_and_no_two_the_same() {
        for count in 4..=9 {
            let nodes = names(count);
            let order = nodes.iter().cloned().map(Selector::Node).collect();
            let cut = cut(&Fault::Ring { order }, count, "n1");
            let reached = |from: &NodeName| -> BTreeSet<&NodeName> {
                nodes
                    .iter()
                    .filter(|to| !cut.contains(&Link::new(from, to)))
                    .collect()
            };
            let sets: BTreeSet<_> = nodes.iter().map(reached).collect();
            assert_eq!(sets.len(), nodes.len(), "{count} nodes");
            let majority = nodes.len() / 2 + 1;
            assert!(
                sets.iter()
                    .all(|set| set.len() >= majority && set.len() < nodes.len())
            );
        }
    }

    #[test]
    fn without_a_leader_only_named_nodes_mean_something() {
        let leader = Fault::Kill {
            nodes: vec!["leader".into()],
        };
        assert_eq!(leader.resolve(&names(3), None), Err(Unresolved::NoLeader));
        let named = Fault::Kill {
            nodes: vec!["n2".into()],
        };
        assert!(named.resolve(&names(3), None).is_ok());
    }

    #[test]
    fn a_fault_between_a_node_and_itself_is_nothing() {
        let fault = Fault::OneWay {
            from: vec!["leader".into()],
            to: vec!["n1".into()],
        };
        let resolved = fault.resolve(&names(3), Some(&"n1".into()));
        assert_eq!(resolved, Err(Unresolved::Nothing));
    }
}
