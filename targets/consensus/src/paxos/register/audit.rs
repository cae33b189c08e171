//! One value per key, for ever.
//!
//! A proposer holds for chosen what others accepted after its own disk had it; one that is alone
//! at once, and forgets it if it dies before its disk is done, so that is not looked at.

use super::{PaxosRegister, Proposal};
use crate::NodeId;
use crate::paxos::agreement::Agreement;
use crate::replica::{Audit, Breach, Output};

/// What was ever held for chosen.
#[derive(Clone, Debug, Default)]
pub struct RegisterAudit {
    pub(super) agreement: Agreement<String, Proposal>,
}

impl Audit<PaxosRegister> for RegisterAudit {
    fn started(&mut self, _: NodeId, _: &PaxosRegister) -> Result<(), Breach> {
        Ok(())
    }

    fn stepped(
        &mut self,
        id: NodeId,
        node: &PaxosRegister,
        _: &[Output<PaxosRegister>],
    ) -> Result<(), Breach> {
        if node.acceptors.len() == 1 {
            return Ok(());
        }
        let mut learnt = node.learnt.iter();
        learnt.try_for_each(|(key, proposal)| self.agreement.enter(id, key, proposal))
    }
}
