//! What must hold across all nodes: there is one order of the updates.

use std::collections::BTreeMap;

use testimony_consensus::machine::StateMachine;
use testimony_consensus::replica::{Audit, Breach, Output};
use testimony_consensus::{NodeId, Replica};

use crate::Chain;

/// The lab shows it every node after every step, also those that no client has asked yet. So a
/// mistake is found where it is made, and not only when somebody reads its consequences.
///
/// The head's log is not looked at: what it has not yet saved is lost with it, and other updates
/// take that place, rightly. What its successors have was sent to them, so the head had saved it.
#[derive(Debug)]
pub struct OneOrder<C> {
    /// The longest log of any node but the head.
    order: Vec<C>,
    /// How much of its log was compared, by node, in the node's present life.
    compared: BTreeMap<NodeId, usize>,
}

impl<C> Default for OneOrder<C> {
    fn default() -> Self {
        OneOrder {
            order: Vec::new(),
            compared: BTreeMap::new(),
        }
    }
}

impl<M: StateMachine> Audit<Chain<M>> for OneOrder<M::Command> {
    fn started(&mut self, id: NodeId, node: &Chain<M>) -> Result<(), Breach> {
        self.compared.insert(id, 0);
        self.compare(id, node)
    }

    fn stepped(
        &mut self,
        id: NodeId,
        node: &Chain<M>,
        _: &[Output<Chain<M>>],
    ) -> Result<(), Breach> {
        self.compare(id, node)
    }
}

impl<C: Clone + Eq> OneOrder<C> {
    /// Compares what the node's log has gained. Over a whole life linear in the length of the log.
    fn compare<M>(&mut self, id: NodeId, node: &Chain<M>) -> Result<(), Breach>
    where
        M: StateMachine<Command = C>,
        Chain<M>: Replica,
    {
        if node.is_head() {
            return Ok(());
        }
        let log = node.log().commands();
        let compared = self.compared.entry(id).or_default();
        for (place, command) in log.iter().enumerate().skip(*compared) {
            match self.order.get(place) {
                None => self.order.push(command.clone()),
                Some(known) if known == command => {}
                Some(_) => return Err(differs(id, place)),
            }
        }
        *compared = log.len();
        Ok(())
    }
}

fn differs(id: NodeId, place: usize) -> Breach {
    Breach {
        invariant: "One Order",
        what: format!("{id} has another update at place {place} than a node before it"),
    }
}
