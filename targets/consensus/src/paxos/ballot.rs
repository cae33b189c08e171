//! The numbers of rounds.

use std::fmt;

use crate::NodeId;

/// A round of one proposer. The node makes the numbers of different proposers different, as the
/// algorithm demands; each proposer sees to it that it never uses one of its own twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ballot {
    /// Counts up; 0 before the first.
    pub round: u64,
    /// Whose it is.
    pub node: NodeId,
}

/// The ids of nodes are below this where a ballot is shown as one number.
const NODES: u64 = 1000;

impl Default for Ballot {
    /// Below all that are used.
    fn default() -> Self {
        Ballot {
            round: 0,
            node: NodeId(0),
        }
    }
}

impl Ballot {
    /// As one number, in the same order: round 3 of node 2 is 3002. 0 if no round was begun.
    pub fn number(self) -> u64 {
        match self.round {
            0 => 0,
            round => round * NODES + self.node.0 % NODES,
        }
    }
}

impl fmt::Display for Ballot {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} of {}", self.round, self.node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_in_the_order_of_ballots_and_differ_between_nodes() {
        let ballots = [(0, 0), (1, 1), (1, 2), (2, 1), (2, 9)]
            .map(|(round, node)| (round, NodeId(node)))
            .map(|(round, node)| Ballot { round, node });
        assert!(ballots.is_sorted_by(|one, two| one < two));
        assert!(ballots.is_sorted_by(|one, two| one.number() < two.number()));
    }
}
