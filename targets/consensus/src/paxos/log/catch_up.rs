//! How a node that missed what was chosen gets it: it asks another one, now and then.

use rand::RngExt;

use super::Paxos;
use super::message::{Batch, Said};
use crate::NodeId;
use crate::machine::StateMachine;
use crate::paxos::Position;

/// How often a node asks, in ticks.
const EVERY: u64 = 20;
/// So many positions are told at once.
const TOLD_MAX: usize = 64;

impl<M: StateMachine> Paxos<M> {
    /// Asks somebody for what is missing here. Most times nothing is, and nobody answers.
    pub(super) fn tick_catch_up(&mut self) {
        if !(self.now + self.id.0).is_multiple_of(EVERY) {
            return;
        }
        let own = self.id;
        let others = self.acceptors.iter().copied().filter(|id| *id != own);
        let others: Vec<NodeId> = others.collect();
        if others.is_empty() {
            return;
        }
        let asked = others[self.chance.random_range(0..others.len())];
        self.send(asked, Said::Missing(self.applied + 1));
    }

    pub(super) fn on_missing(&mut self, from: NodeId, first: Position) {
        if self.chosen.contains_key(&first) {
            self.tell_log(from, first);
        }
    }

    /// Tells what is chosen from a position on, up to a gap.
    pub(super) fn tell_log(&mut self, to: NodeId, first: Position) {
        let known = (first..).map_while(|position| self.chosen.get(&position));
        let batches = known.take(TOLD_MAX).cloned().collect();
        self.send(to, Said::Log { first, batches });
    }

    pub(super) fn on_log(
        &mut self,
        from: NodeId,
        first: Position,
        batches: Vec<Batch<M::Command>>,
    ) {
        let is_cut = batches.len() == TOLD_MAX;
        for (position, batch) in (first..).zip(batches) {
            self.learn(position, batch);
        }
        if is_cut {
            self.send(from, Said::Missing(self.applied + 1));
        }
    }
}
