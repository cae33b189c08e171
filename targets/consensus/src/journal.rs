//! Updates on a disk, and the state that they lead to.

use crate::ledger::{Ledger, Update};
use crate::machine::{MalformedSnapshot, StateMachine};

/// So many updates are kept before the state takes their place.
pub(crate) const UPDATES_MAX: usize = 1_000;

/// A state, and the updates that followed it.
#[derive(Clone, Debug)]
pub struct Journal<C> {
    /// The state as bytes; none if it is the one in which every node begins.
    base: Option<Vec<u8>>,
    updates: Vec<Update<C>>,
}

impl<C> Default for Journal<C> {
    fn default() -> Self {
        Journal {
            base: None,
            updates: Vec::new(),
        }
    }
}

impl<C: Clone> Journal<C> {
    /// Adds an update.
    pub(crate) fn push(&mut self, update: Update<C>) {
        self.updates.push(update);
    }

    /// Forgets everything but this state.
    pub(crate) fn replace(&mut self, base: Vec<u8>) {
        self.base = Some(base);
        self.updates.clear();
    }

    /// The updates since the base.
    pub(crate) fn updates(&self) -> &[Update<C>] {
        &self.updates
    }

    /// The state that all this leads to. Linear in the number of updates since the base.
    pub(crate) fn replay<M>(&self) -> Result<Ledger<M>, MalformedSnapshot>
    where
        M: StateMachine<Command = C>,
    {
        let mut ledger = match &self.base {
            Some(bytes) => Ledger::decode(bytes)?,
            None => Ledger::default(),
        };
        for update in &self.updates {
            ledger.execute(update);
        }
        Ok(ledger)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::counter::{Command, Counter};
    use crate::replica::Reply;

    #[test]
    fn a_state_and_the_updates_after_it_lead_to_the_same_ledger() {
        let update = |sequence| Update::Apply {
            session: 1,
            sequence,
            command: Command(2),
        };
        let mut journal = Journal::default();
        journal.push(Update::Open { session: 1 });
        journal.push(update(1));
        let before: Ledger<Counter> = journal.replay().unwrap();
        journal.replace(before.encode());
        assert!(journal.updates().is_empty());
        journal.push(update(2));
        let mut after: Ledger<Counter> = journal.replay().unwrap();
        assert_eq!(after.applied(), 3);
        assert_eq!(after.execute(&update(3)), Reply::Applied(6));
    }
}
