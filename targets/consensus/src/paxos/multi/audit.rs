//! One action per position, for ever. That equal prefixes give equal states is checked by whoever
//! has the states of all nodes.
//!
//! A leader holds for chosen what others accepted after its own disk had it; one that is alone in
//! the step in which it proposes, and forgets it if it dies before its disk is done, so that is not
//! looked at.

use super::MultiPaxos;
use crate::NodeId;
use crate::machine::StateMachine;
use crate::paxos::agreement::Agreement;
use crate::paxos::{Action, Position};
use crate::replica::{Audit, Breach, Output};

/// What was ever held for chosen.
#[derive(Clone, Debug)]
pub struct MultiAudit<M: StateMachine> {
    pub(super) agreement: Agreement<Position, Action<M::Command>>,
}

impl<M: StateMachine> Default for MultiAudit<M> {
    fn default() -> Self {
        MultiAudit {
            agreement: Agreement::default(),
        }
    }
}

impl<M: StateMachine> Audit<MultiPaxos<M>> for MultiAudit<M> {
    fn started(&mut self, _: NodeId, _: &MultiPaxos<M>) -> Result<(), Breach> {
        Ok(())
    }

    fn stepped(
        &mut self,
        id: NodeId,
        node: &MultiPaxos<M>,
        _: &[Output<MultiPaxos<M>>],
    ) -> Result<(), Breach> {
        if node.state.members.len() == 1 {
            return Ok(());
        }
        let mut learnt = node.learnt.iter();
        learnt.try_for_each(|(position, action)| self.agreement.enter(id, position, action))
    }
}
