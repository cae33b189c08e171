//! Blocks (chains of clusters) put into an order, if there is one.

use super::Clash;
use super::nearly;

/// A chain of clusters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    /// The first return in it.
    pub(super) f: u32,
    /// The last call in it.
    pub(super) s: u32,
    /// Its first value.
    pub(super) first: u32,
    pub(super) register: u32,
}

/// The blocks of some registers.
#[derive(Default)]
pub(super) struct Blocks {
    forward: Vec<Block>,
    backward: Vec<Block>,
    /// The first value of each block, in order.
    arranged: Vec<u32>,
}

impl Blocks {
    pub(super) fn push(&mut self, block: Block) {
        if block.f < block.s {
            self.forward.push(block);
        } else {
            self.backward.push(block);
        }
    }

    /// The first value of each block pushed, in any order.
    pub(super) fn firsts(&self) -> impl Iterator<Item = u32> {
        let blocks = self.forward.iter().chain(&self.backward);
        blocks.map(|block| block.first)
    }

    /// The first value of each block, the last block first.
    pub(super) fn backwards(&self) -> impl Iterator<Item = u32> {
        self.arranged.iter().rev().copied()
    }

    /// Puts the blocks into an order, and answers which stand in each other's way. Registers that
    /// are out of play are passed over.
    pub(super) fn arrange(&mut self, out_of_play: &[bool]) -> Vec<Clash> {
        nearly::sort_by_key(&mut self.forward, |block| (block.f, block.first));
        nearly::sort_by_key(&mut self.backward, |block| (block.s, block.first));
        let in_play = |block: &&Block| !out_of_play[block.register as usize];
        let mut sweep = Sweep {
            last: vec![None; out_of_play.len()],
            clashes: Vec::new(),
        };
        self.arranged
            .reserve(self.forward.len() + self.backward.len());
        let mut forward = self.forward.iter().filter(in_play).peekable();
        for block in self.backward.iter().filter(in_play) {
            while let Some(next) = forward.next_if(|next| next.f < block.s) {
                sweep.begin(next);
                self.arranged.push(next.first);
            }
            sweep.place(block);
            self.arranged.push(block.first);
        }
        for next in forward {
            sweep.begin(next);
            self.arranged.push(next.first);
        }
        sweep.clashes
    }
}

/// Passes over all zones in the order of time: a forward one when it begins, a backward one at its
/// last call. There the backward block comes behind the last forward one that has begun, which must
/// have nothing to say after the block's first return.
struct Sweep {
    /// The last forward block of each register.
    last: Vec<Option<Block>>,
    clashes: Vec<Clash>,
}

impl Sweep {
    fn begin(&mut self, block: &Block) {
        let last = self.last[block.register as usize].replace(*block);
        if let Some(last) = last.filter(|last| last.s > block.f) {
            self.clashes.push(Clash::Between(last.first, block.first));
        }
    }

    fn place(&mut self, block: &Block) {
        let around = self.last[block.register as usize].filter(|last| last.s > block.f);
        if let Some(around) = around {
            self.clashes.push(Clash::Between(around.first, block.first));
        }
    }
}
