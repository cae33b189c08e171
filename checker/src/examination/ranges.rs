//! Nodes that stand for "all that is seen in this range", so that O(n log n) edges say what would
//! take O(n²).

use std::ops::Range;

use super::order::Order;
use super::sessions::{Step, Touch};

/// Nodes that stand before all that a session saw in a range: `levels[k][i]` before the `2^k`
/// versions from the `i`th on, so that two of them cover any range.
pub(super) struct Ranges {
    levels: Vec<Vec<u32>>,
}

impl Ranges {
    pub(super) fn of(seen: &[Step], order: &mut Order) -> Self {
        let mut nodes = Vec::with_capacity(seen.len());
        for step in seen {
            let node = order.node();
            let (Touch::Saw(version) | Touch::Made(version)) = step.touch;
            order.put(node, version, [Some(step.deed), None]);
            nodes.push(node);
        }
        Ranges {
            levels: vec![nodes],
        }
    }

    pub(super) fn put_before(
        &mut self,
        version: u32,
        range: Range<usize>,
        deed: u32,
        order: &mut Order,
    ) {
        let Some(level) = range.len().checked_ilog2() else {
            return;
        };
        let level = level as usize;
        while self.levels.len() <= level {
            self.grow(order);
        }
        for at in [range.start, range.end - (1 << level)] {
            order.put(version, self.levels[level][at], [Some(deed), None]);
        }
    }

    fn grow(&mut self, order: &mut Order) {
        let half = 1 << (self.levels.len() - 1);
        let narrow = &self.levels[self.levels.len() - 1];
        let mut wide = Vec::new();
        for (at, &first) in narrow.iter().enumerate() {
            let Some(&second) = narrow.get(at + half) else {
                break;
            };
            let node = order.node();
            order.put(node, first, [None; 2]);
            order.put(node, second, [None; 2]);
            wide.push(node);
        }
        self.levels.push(wide);
    }
}
