//! Zones: a register whose values are written once each is judged in linear time.
//!
//! Such a value is current once, without interruption: from the operation that wrote it to the next
//! that changes the register. So the operations of one value, its *cluster*, stand together in any
//! order that explains the history, the writer first. Let `f` be the first return in a cluster and
//! `s` its last call. A cluster can come before another exactly if none of the other's operations
//! returned before one of its own was called: if its `s` is not after the other's `f`. Gibbons and
//! Korach (1997) call what lies between `f` and `s` a zone: *forward* if `f` is before `s`, for then
//! the value is known to be current all the while; else *backward*, and one moment between `s` and
//! `f` is enough for it.
//!
//! There is an order exactly if no two forward zones overlap and no backward zone lies inside a
//! forward one. (Two backward zones never conflict: each would need its `s` after the `f` of the
//! other, and with `s <= f` in both that closes a circle.) For then each backward zone has a moment
//! outside all forward ones, and in the order of these moments and of the forward zones every
//! cluster can come before all later ones.
//!
//! What is added to the textbook:
//!
//! - A compare-and-set that matched puts its cluster right behind that of the old value. Clusters
//!   linked so are a *chain*: one block, with the least `f` and the greatest `s`, whose inner order
//!   is given and only has to be checked. If two took the same value, or a chain goes in a circle,
//!   there is no order.
//! - An unknown update happened if somebody saw its value. Else it is left out: nobody can tell. An
//!   unknown compare-and-set that happened saw its old value.
//! - The initial value was written before everything.
//! - A comparison that did not match and told what it found is a read.
//!
//! O(n), but for a sort of what is nearly sorted. Values that are written twice, operations that
//! are neither reads nor updates of the whole, and `after` links are left to other algorithms.

mod blocks;
mod conflict;
mod nearly;
mod rows;
#[cfg(test)]
mod tests;

use blocks::{Block, Blocks};
pub(crate) use conflict::Conflict;
#[cfg(test)]
use rows::Row;
pub(crate) use rows::{NONE, Rows};

/// What zones say of a register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Zoned {
    /// Rows in an order that explains them all; those that did not happen are absent.
    Order(Vec<u32>),
    /// There is none.
    Conflict(Conflict),
    /// Some value is written twice.
    NotCovered,
}

/// The judge, with memory that is used again for each register.
#[derive(Default)]
pub(crate) struct Zones {
    clusters: Vec<Cluster>,
    /// For each row that read: the last one before it that read the same.
    earlier: Vec<u32>,
    /// For each value the one that a compare-and-set replaced it by; empty if there is none.
    successor: Vec<u32>,
    /// Rows that are compare-and-sets.
    swaps: Vec<u32>,
    blocks: Blocks,
}

/// The operations of one value.
#[derive(Clone, Copy, Debug)]
struct Cluster {
    /// The first return.
    f: u32,
    /// The last call.
    s: u32,
    /// The row that wrote it.
    writer: u32,
    /// The last row that read it.
    reader: u32,
}

/// The writer of the initial value.
const START: u32 = NONE - 1;

/// The initial value.
const INITIAL: u32 = 0;

/// Why there is no order.
#[derive(Clone, Copy, Debug)]
enum Clash {
    /// Someone saw a value that nobody wrote, or saw it before it was written.
    Unwritten(u32),
    /// Two compare-and-sets took a value, and put these in its place.
    TakenTwice(u32, u32),
    /// A value made from itself, by compare-and-sets only.
    Circle(u32),
    /// Of two chains (by a value in each) each would have to come first.
    Between(u32, u32),
    /// A value was seen after the one that replaced it.
    Inside(u32, u32),
}

impl Zones {
    /// Judges a register. O(n).
    pub(crate) fn judge(&mut self, rows: &Rows) -> Zoned {
        if !self.gather(rows) {
            return Zoned::NotCovered;
        }
        let ordered = self
            .link(rows)
            .and_then(|links| self.lay_out(rows, links))
            .and_then(|()| self.blocks.arrange());
        match ordered {
            Ok(()) => Zoned::Order(self.order(rows)),
            Err(clash) => Zoned::Conflict(self.conflict(rows, clash)),
        }
    }

    /// Makes the clusters. Whether every value is written at most once.
    fn gather(&mut self, rows: &Rows) -> bool {
        self.swaps.clear();
        self.clusters.clear();
        self.clusters.resize(rows.values(), Cluster::EMPTY);
        self.clusters[INITIAL as usize] = Cluster::INITIAL;
        self.earlier.clear();
        self.earlier.resize(rows.len(), NONE);
        for (number, row) in rows.numbered() {
            let writes = row.made != NONE;
            let value = if writes { row.made } else { row.saw };
            let cluster = &mut self.clusters[value as usize];
            cluster.f = cluster.f.min(row.returned);
            cluster.s = cluster.s.max(row.called);
            if !writes {
                self.earlier[number as usize] = std::mem::replace(&mut cluster.reader, number);
                continue;
            }
            if cluster.writer != NONE {
                return false;
            }
            cluster.writer = number;
            if row.saw != NONE {
                self.swaps.push(number);
            }
        }
        true
    }

    /// Finds the compare-and-sets that happened, and answers how many; an unknown one did if its
    /// value was read, or taken by one that happened.
    fn link(&mut self, rows: &Rows) -> Result<usize, Clash> {
        self.successor.clear();
        if self.swaps.is_empty() {
            return Ok(0);
        }
        self.successor.resize(rows.values(), NONE);
        let mut happened = 0;
        for at in 0..self.swaps.len() {
            let mut row = rows.row(self.swaps[at]);
            let mut happens =
                row.returned != NONE || self.clusters[row.made as usize].reader != NONE;
            while happens {
                match self.successor[row.saw as usize] {
                    NONE => self.successor[row.saw as usize] = row.made,
                    same if same == row.made => break,
                    other => return Err(Clash::TakenTwice(other, row.made)),
                }
                happened += 1;
                let writer = self.clusters[row.saw as usize].writer;
                happens = writer < START && rows.row(writer).saw != NONE;
                if happens {
                    row = rows.row(writer);
                }
            }
        }
        Ok(happened)
    }

    /// Makes a block of each chain. `links` is how many compare-and-sets happened.
    fn lay_out(&mut self, rows: &Rows, links: usize) -> Result<(), Clash> {
        self.blocks.clear();
        let mut met = 0;
        for value in 0..self.clusters.len() {
            let value = u32::try_from(value).expect("values are numbered in 32 bits");
            let Some(written) = self.written(rows, value)? else {
                continue;
            };
            if !written.from_another {
                let (block, length) = self.chain(value)?;
                met += length;
                self.blocks.push(block);
            }
        }
        if met == links {
            return Ok(());
        }
        Err(self.circle(rows))
    }

    /// How a value was written, if it was and anybody noticed.
    fn written(&self, rows: &Rows, value: u32) -> Result<Option<Written>, Clash> {
        let cluster = self.clusters[value as usize];
        let seen = cluster.reader != NONE || self.successor(value) != NONE;
        if cluster.writer == START {
            return Ok(seen.then_some(Written {
                from_another: false,
            }));
        }
        if cluster.writer == NONE {
            return if seen {
                Err(Clash::Unwritten(value))
            } else {
                Ok(None)
            };
        }
        let writer = rows.row(cluster.writer);
        if cluster.f < writer.called {
            return Err(Clash::Unwritten(value));
        }
        let happened = seen || writer.returned != NONE;
        Ok(happened.then_some(Written {
            from_another: writer.saw != NONE,
        }))
    }

    /// The block of the chain that starts with a value, and how many links it has.
    fn chain(&self, first: u32) -> Result<(Block, usize), Clash> {
        let Cluster { f, s, .. } = self.clusters[first as usize];
        let mut block = Block { f, s, first };
        let (mut value, mut length) = (first, 0);
        loop {
            let next = self.successor(value);
            if next == NONE {
                return Ok((block, length));
            }
            let cluster = self.clusters[next as usize];
            if block.s > cluster.f {
                return Err(Clash::Inside(first, next));
            }
            block.f = block.f.min(cluster.f);
            block.s = block.s.max(cluster.s);
            (value, length) = (next, length + 1);
        }
    }

    fn successor(&self, value: u32) -> u32 {
        self.successor.get(value as usize).copied().unwrap_or(NONE)
    }

    /// A value whose chain has no beginning, where there is one.
    fn circle(&self, rows: &Rows) -> Clash {
        let mut in_chain = vec![false; self.clusters.len()];
        for first in self.blocks.firsts() {
            let mut value = first;
            while value != NONE {
                in_chain[value as usize] = true;
                value = self.successor(value);
            }
        }
        let lost = |&&swap: &&u32| {
            let row = rows.row(swap);
            !in_chain[row.made as usize] && self.successor(row.saw) == row.made
        };
        let swap = self.swaps.iter().find(lost);
        let swap = swap.expect("some compare-and-set is in no chain that begins");
        Clash::Circle(rows.row(*swap).made)
    }

    /// The rows, block after block; each value's writer, then its readers as they were called. Filled
    /// from the end, since readers are linked backwards.
    fn order(&mut self, rows: &Rows) -> Vec<u32> {
        let mut order = vec![0; rows.len()];
        let mut free = order.len();
        let mut chain = Vec::new();
        for first in self.blocks.from_last() {
            let mut value = first;
            while value != NONE {
                chain.push(value);
                value = self.successor(value);
            }
            while let Some(value) = chain.pop() {
                let cluster = self.clusters[value as usize];
                let mut reader = cluster.reader;
                while reader != NONE {
                    free -= 1;
                    order[free] = reader;
                    reader = self.earlier[reader as usize];
                }
                if cluster.writer != START {
                    free -= 1;
                    order[free] = cluster.writer;
                }
            }
        }
        order.drain(..free);
        order
    }
}

/// How a value came to be.
struct Written {
    /// By a compare-and-set.
    from_another: bool,
}

impl Cluster {
    const EMPTY: Cluster = Cluster {
        f: NONE,
        s: 0,
        writer: NONE,
        reader: NONE,
    };
    const INITIAL: Cluster = Cluster {
        f: 0,
        s: 0,
        writer: START,
        reader: NONE,
    };
}
