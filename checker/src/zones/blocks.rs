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
}

/// All blocks of a register.
#[derive(Default)]
pub(super) struct Blocks {
    forward: Vec<Block>,
    backward: Vec<Block>,
    /// The first value of each block, in order.
    arranged: Vec<u32>,
}

impl Blocks {
    pub(super) fn clear(&mut self) {
        self.forward.clear();
        self.backward.clear();
        self.arranged.clear();
    }

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
    pub(super) fn from_last(&self) -> impl Iterator<Item = u32> {
        self.arranged.iter().rev().copied()
    }

    /// Puts the blocks into an order, or says which two stand in each other's way.
    pub(super) fn arrange(&mut self) -> Result<(), Clash> {
        nearly::sort_by_key(&mut self.forward, |block| (block.f, block.first));
        nearly::sort_by_key(&mut self.backward, |block| (block.s, block.first));
        let overlapping = self.forward.windows(2).find(|pair| pair[0].s > pair[1].f);
        if let Some(pair) = overlapping {
            return Err(Clash::Between(pair[0].first, pair[1].first));
        }
        self.merge()
    }

    /// Places each backward block at the first moment, not before its last call, that is in no
    /// forward zone. Both lists are sorted, and so are these moments.
    fn merge(&mut self) -> Result<(), Clash> {
        let (mut begun, mut placed) = (0, 0);
        for block in &self.backward {
            while self.forward.get(begun).is_some_and(|it| it.f < block.s) {
                begun += 1;
            }
            let mut moment = block.s;
            if let Some(around) = begun.checked_sub(1).map(|last| self.forward[last]) {
                if around.s > block.f {
                    return Err(Clash::Between(around.first, block.first));
                }
                moment = moment.max(around.s);
            }
            while self.forward.get(placed).is_some_and(|it| it.f < moment) {
                self.arranged.push(self.forward[placed].first);
                placed += 1;
            }
            self.arranged.push(block.first);
        }
        let rest = self.forward[placed..].iter().map(|block| block.first);
        self.arranged.extend(rest);
        Ok(())
    }
}
