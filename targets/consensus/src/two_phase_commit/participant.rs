//! A node that votes, and waits for the decision.

use super::{Message, Output, Post, Record, Transaction, TwoPhaseCommit};
use crate::machine::StateMachine;

/// Every so many ticks a participant that waits for a decision asks for it.
const INQUIRY: u64 = 10;

impl<M: StateMachine> TwoPhaseCommit<M> {
    /// Votes for a transaction. `after` says what became of the one that was voted on before.
    pub(super) fn prepare(
        &mut self,
        transaction: Transaction<M::Command>,
        after: u64,
        outputs: &mut Vec<Output<Self>>,
    ) {
        let number = transaction.number;
        match self.waits_for() {
            Some(waiting) if waiting < number => self.end(waiting, waiting == after, outputs),
            Some(waiting) if waiting == number => return self.vote(number, outputs),
            // An old one that was under way for long.
            Some(_) => return,
            None => {}
        }
        // A transaction was committed here if it was committed at all, so otherwise this is an
        // old one, too.
        let Post::Participant { prepared } = &mut self.post else {
            return;
        };
        if self.committed == after {
            outputs.push(Output::Save(Record::Prepared(transaction.clone())));
            *prepared = Some(transaction);
            self.vote(number, outputs);
        }
    }

    /// The transaction that the node has voted for without knowing the decision.
    pub(super) fn waits_for(&self) -> Option<u64> {
        match &self.post {
            Post::Participant { prepared } => prepared.as_ref().map(|waiting| waiting.number),
            Post::Coordinator { .. } => None,
        }
    }

    fn vote(&self, number: u64, outputs: &mut Vec<Output<Self>>) {
        outputs.push(Output::Send {
            to: self.coordinator,
            message: Message::Prepared { number },
        });
    }

    /// Hears what was decided.
    pub(super) fn end(&mut self, number: u64, commits: bool, outputs: &mut Vec<Output<Self>>) {
        let Post::Participant { prepared } = &mut self.post else {
            return;
        };
        let Some(transaction) = prepared.take_if(|waiting| waiting.number == number) else {
            return;
        };
        outputs.push(Output::Save(Record::Ended { commits }));
        if commits {
            // Whoever sent the updates was answered by the coordinator.
            self.execute(&transaction);
            self.compact_if_due(outputs);
        }
    }

    pub(super) fn tick_participant(&mut self, outputs: &mut Vec<Output<Self>>) {
        if let Some(number) = self.waits_for()
            && self.now.is_multiple_of(INQUIRY)
        {
            outputs.push(Output::Send {
                to: self.coordinator,
                message: Message::Inquiry { number },
            });
        }
    }
}
