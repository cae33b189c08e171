//! What a node does with what others tell it.

use super::{Message, Output, PrimaryBackup, Record};
use crate::NodeId;
use crate::ledger::{Ledger, Update};
use crate::machine::StateMachine;

/// So many updates are sent again at once.
const RESENT_MAX: usize = 256;

impl<M: StateMachine> PrimaryBackup<M> {
    pub(super) fn receive(
        &mut self,
        from: NodeId,
        message: Message<M::Command>,
        outputs: &mut Vec<Output<Self>>,
    ) {
        let epoch = message.epoch();
        if epoch < self.epoch {
            self.refuse(from, &message, outputs);
            return;
        }
        if epoch > self.epoch {
            self.enter(epoch, outputs);
        }
        match message {
            Message::Copy { number, update, .. } => {
                self.quiet = 0;
                self.copy(from, number, update, outputs);
            }
            Message::Beat { last, .. } => {
                self.quiet = 0;
                if !self.current || last > self.ledger.applied() {
                    self.ask(from, outputs);
                }
            }
            Message::State { bytes, .. } => self.replace(&bytes, outputs),
            Message::Missing { first, .. } if self.leads() => self.resend(from, first, outputs),
            Message::Missing { .. } | Message::Passed { .. } => {}
        }
    }

    /// Tells a primary of the past that it is one. Nobody else needs to know.
    fn refuse(&self, to: NodeId, message: &Message<M::Command>, outputs: &mut Vec<Output<Self>>) {
        if let Message::Copy { .. } | Message::Beat { .. } = message {
            let epoch = self.epoch;
            let message = Message::Passed { epoch };
            outputs.push(Output::Send { to, message });
        }
    }

    fn copy(
        &mut self,
        primary: NodeId,
        number: u64,
        update: Update<M::Command>,
        outputs: &mut Vec<Output<Self>>,
    ) {
        if self.current && number <= self.ledger.applied() {
            return;
        }
        let gap_is_new = self.early.is_empty();
        self.early.insert(number, update);
        self.execute_early(outputs);
        if gap_is_new && !self.early.is_empty() {
            self.ask(primary, outputs);
        }
    }

    /// Executes what came early and is no longer too early.
    fn execute_early(&mut self, outputs: &mut Vec<Output<Self>>) {
        while self.current {
            let Some(update) = self.early.remove(&(self.ledger.applied() + 1)) else {
                return;
            };
            self.execute(update, outputs);
        }
    }

    fn ask(&self, primary: NodeId, outputs: &mut Vec<Output<Self>>) {
        let message = Message::Missing {
            epoch: self.epoch,
            first: self.current.then_some(self.ledger.applied() + 1),
        };
        outputs.push(Output::Send {
            to: primary,
            message,
        });
    }

    /// Sends updates again, or the state if they are not kept.
    fn resend(&self, to: NodeId, first: Option<u64>, outputs: &mut Vec<Output<Self>>) {
        let base = self.ledger.applied() - self.recent.len() as u64;
        let skipped = first.and_then(|first| first.checked_sub(base + 1));
        let Some(skipped) = skipped.and_then(|count| usize::try_from(count).ok()) else {
            let message = Message::State {
                epoch: self.epoch,
                bytes: self.ledger.encode(),
            };
            outputs.push(Output::Send { to, message });
            return;
        };
        let numbered = (base + 1..).zip(&self.recent);
        for (number, update) in numbered.skip(skipped).take(RESENT_MAX) {
            let message = Message::Copy {
                epoch: self.epoch,
                number,
                update: update.clone(),
            };
            outputs.push(Output::Send { to, message });
        }
    }

    /// Takes the primary's state, unless what is here already is of its epoch and later.
    fn replace(&mut self, bytes: &[u8], outputs: &mut Vec<Output<Self>>) {
        let Ok(ledger) = Ledger::decode(bytes) else {
            return;
        };
        if self.leads() || self.current && ledger.applied() <= self.ledger.applied() {
            return;
        }
        self.ledger = ledger;
        self.current = true;
        self.recent.clear();
        let applied = self.ledger.applied();
        self.early.retain(|number, _| *number > applied);
        outputs.push(Output::Save(Record::State(bytes.to_vec())));
        self.execute_early(outputs);
    }
}
