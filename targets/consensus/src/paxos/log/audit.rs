//! One value per position, for ever. That equal prefixes give equal states is checked by whoever
//! has the states of all nodes.
//!
//! A proposer holds for chosen what others accepted after its own disk had it; one that is alone
//! at once, and forgets it if it dies before its disk is done, so that is not looked at.

use super::Paxos;
use super::message::Batch;
use crate::NodeId;
use crate::machine::StateMachine;
use crate::paxos::Position;
use crate::paxos::agreement::Agreement;
use crate::replica::{Audit, Breach, Output};

/// What was ever held for chosen.
#[derive(Clone, Debug)]
pub struct LogAudit<M: StateMachine> {
    pub(super) agreement: Agreement<Position, Batch<M::Command>>,
}

impl<M: StateMachine> Default for LogAudit<M> {
    fn default() -> Self {
        LogAudit {
            agreement: Agreement::default(),
        }
    }
}

impl<M: StateMachine> Audit<Paxos<M>> for LogAudit<M> {
    fn started(&mut self, _: NodeId, _: &Paxos<M>) -> Result<(), Breach> {
        Ok(())
    }

    fn stepped(
        &mut self,
        id: NodeId,
        node: &Paxos<M>,
        _: &[Output<Paxos<M>>],
    ) -> Result<(), Breach> {
        if node.acceptors.len() == 1 {
            return Ok(());
        }
        for position in &node.learnt {
            if let Some(batch) = node.chosen.get(position) {
                self.agreement.enter(id, position, batch)?;
            }
        }
        Ok(())
    }
}
