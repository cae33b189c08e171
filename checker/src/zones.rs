//! Zones: registers whose values are written once each are judged in linear time.
//!
//! Such a value is current once, without interruption: from the operation that wrote it to the next
//! that changes the register. So the operations of one value, its *cluster*, stand together in any
//! order that explains the history, the writer first. Let `f` be the first return in a cluster and
//! `s` its last call. A cluster can come before another exactly if none of the other's operations
//! returned before one of its own was called: if its `s` is not after the other's `f`. Gibbons and
//! Korach (1997) call what lies between `f` and `s` a zone: *forward* if `f` is before `s`, for
//! then the value is known to be current all the while; else *backward*, and one moment between `s`
//! and `f` is enough for it.
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
//!
//! Many registers are judged at once, in the order of time and not one after the other, so that
//! what is looked at lies together in memory.

mod blocks;
mod conflict;
mod nearly;
#[cfg(test)]
mod tests;

use rustc_hash::FxHashMap;

use crate::partition::narrow;
use blocks::{Block, Blocks};
pub(crate) use conflict::Conflict;

/// No value, no row, no return.
pub(crate) const NONE: u32 = u32::MAX;

/// The value that a register starts with.
pub(crate) const INITIAL: u32 = NONE - 1;

/// One operation on a register. Times are positions raised by one, so that 0 is before everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) called: u32,
    /// [`NONE`] if nobody knows whether it happened.
    pub(crate) returned: u32,
    pub(crate) register: u32,
    /// The value that was there before, if the operation tells.
    pub(crate) saw: u32,
    /// The value that was there afterwards, if the operation put it there.
    pub(crate) made: u32,
}

/// What zones say of some registers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Zoned {
    /// The rows of all registers that have an order, in one: those of each register, by themselves,
    /// are its order. Rows that did not happen are absent. Empty if there is a conflict.
    pub(crate) order: Vec<u32>,
    /// Registers that have none.
    pub(crate) conflicts: Vec<Conflict>,
    /// Registers, by number, of which zones say nothing.
    pub(crate) excused: Vec<bool>,
}

/// The times of rows, by number, as in [`Row`].
pub(crate) trait Times: Sync {
    fn called(&self, row: u32) -> u32;
    fn returned(&self, row: u32) -> u32;
}

/// Judges registers: first they are told their rows, in the order of the calls.
pub(crate) struct Zones {
    /// By value; then those of the initial values, by register; then those of values that are met
    /// in a second register.
    clusters: Vec<Cluster>,
    /// How many values there are.
    values: u32,
    /// The clusters of values that another register has as well.
    elsewhere: FxHashMap<(u32, u32), u32>,
    /// For each row that read: the last one before it that read the same.
    earlier: Vec<u32>,
    swaps: Vec<Swap>,
    /// For each cluster the one that a compare-and-set put behind it; empty if there is none.
    successor: Vec<u32>,
    /// How many compare-and-sets of each register happened.
    links: Vec<u32>,
    blocks: Blocks,
    /// Registers that zones say nothing of, or that have clashed.
    out_of_play: Vec<bool>,
    clashes: Vec<Clash>,
}

/// The operations of one value of one register.
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
    /// The register, and [`BY_SWAP`] if a compare-and-set wrote it.
    home: u32,
}

/// A compare-and-set that matched, or may have; it leads from one cluster to another.
#[derive(Clone, Copy, Debug)]
struct Swap {
    row: u32,
    from: u32,
    to: u32,
}

/// The writer of an initial value.
const START: u32 = NONE - 1;

const BY_SWAP: u32 = 1 << 31;

/// Why there is no order; by clusters.
#[derive(Clone, Copy, Debug)]
enum Clash {
    /// Someone saw a value that nobody wrote, or saw it before it was written.
    Unwritten(u32),
    /// Two compare-and-sets took a value, and put these in its place.
    TakenTwice(u32, u32),
    /// A value made from itself, by compare-and-sets only.
    Circle(u32),
    /// Of two chains (by their first clusters) each would have to come first.
    Between(u32, u32),
    /// A value was seen after the one that replaced it; the chain's first, and that.
    Inside(u32, u32),
}

impl Zones {
    /// For so many registers, values and rows.
    pub(crate) fn new(registers: u32, values: usize, rows: usize) -> Self {
        let mut clusters = vec![Cluster::EMPTY; values + registers as usize];
        for (register, cluster) in (0..).zip(&mut clusters[values..]) {
            *cluster = Cluster::initial(register);
        }
        Zones {
            clusters,
            values: narrow(values),
            elsewhere: FxHashMap::default(),
            earlier: vec![NONE; rows],
            swaps: Vec::new(),
            successor: Vec::new(),
            links: Vec::new(),
            blocks: Blocks::default(),
            out_of_play: vec![false; registers as usize],
            clashes: Vec::new(),
        }
    }

    /// A register has an operation that a row cannot say.
    pub(crate) fn excuse(&mut self, register: u32) {
        self.out_of_play[register as usize] = true;
    }

    /// Takes the next row; one that neither saw nor made anything is not to be told. A value that
    /// is written twice puts its register out of play.
    pub(crate) fn tell(&mut self, number: u32, row: Row) {
        let writes = row.made != NONE;
        let at = self.cluster(row.register, if writes { row.made } else { row.saw });
        let cluster = &mut self.clusters[at as usize];
        cluster.f = cluster.f.min(row.returned);
        cluster.s = cluster.s.max(row.called);
        if !writes {
            self.earlier[number as usize] = std::mem::replace(&mut cluster.reader, number);
        } else if cluster.writer != NONE {
            self.out_of_play[row.register as usize] = true;
        } else {
            cluster.writer = number;
            if row.saw != NONE {
                cluster.home |= BY_SWAP;
                let from = self.cluster(row.register, row.saw);
                self.swaps.push(Swap {
                    row: number,
                    from,
                    to: at,
                });
            }
        }
    }

    /// Judges what it was told. O(n), but for sorting.
    pub(crate) fn judge(mut self, times: &impl Times) -> Zoned {
        self.link(times);
        self.lay_out(times);
        let clashes = self.blocks.arrange(&self.out_of_play);
        clashes.into_iter().for_each(|clash| self.clashed(clash));
        let order = if self.clashes.is_empty() {
            self.order()
        } else {
            Vec::new()
        };
        let conflict = |&clash: &Clash| self.conflict(times, clash);
        Zoned {
            order,
            conflicts: self.clashes.iter().map(conflict).collect(),
            excused: self.excused(),
        }
    }

    /// The cluster of a value. Most values are met in one register only, and found by an index.
    fn cluster(&mut self, register: u32, value: u32) -> u32 {
        if value == INITIAL {
            return self.values + register;
        }
        let home = &mut self.clusters[value as usize].home;
        if *home == NONE {
            *home = register;
        }
        if *home & !BY_SWAP == register {
            return value;
        }
        let next = narrow(self.clusters.len());
        let at = *self.elsewhere.entry((register, value)).or_insert(next);
        if at == next {
            self.clusters.push(Cluster {
                home: register,
                ..Cluster::EMPTY
            });
        }
        at
    }

    fn at(&self, cluster: u32) -> &Cluster {
        &self.clusters[cluster as usize]
    }

    /// A register has no order. Only its first clash counts.
    fn clashed(&mut self, clash: Clash) {
        let register = self.at(clash.cluster()).register();
        if !std::mem::replace(&mut self.out_of_play[register], true) {
            self.clashes.push(clash);
        }
    }

    fn excused(&self) -> Vec<bool> {
        let mut excused = self.out_of_play.clone();
        for clash in &self.clashes {
            excused[self.at(clash.cluster()).register()] = false;
        }
        excused
    }

    /// Finds the compare-and-sets that happened; an unknown one did if its value was read, or taken
    /// by one that happened.
    fn link(&mut self, times: &impl Times) {
        if self.swaps.is_empty() {
            return;
        }
        self.successor.resize(self.clusters.len(), NONE);
        self.links.resize(self.out_of_play.len(), 0);
        for at in 0..self.swaps.len() {
            let swap = self.swaps[at];
            if times.returned(swap.row) != NONE || self.at(swap.to).reader != NONE {
                self.happened(times, swap);
            }
        }
    }

    /// A compare-and-set happened, and so did an unknown one that made the value that it took.
    fn happened(&mut self, times: &impl Times, mut swap: Swap) {
        let register = self.at(swap.to).register();
        while !self.out_of_play[register] {
            match self.successor[swap.from as usize] {
                NONE => self.successor[swap.from as usize] = swap.to,
                same if same == swap.to => return,
                other => return self.clashed(Clash::TakenTwice(other, swap.to)),
            }
            self.links[register] += 1;
            let before = self.at(swap.from);
            if !before.is_by_swap() || times.returned(before.writer) != NONE {
                return;
            }
            swap = self.swap_of(before.writer);
        }
    }

    /// The compare-and-set of a row.
    fn swap_of(&self, row: u32) -> Swap {
        let at = self.swaps.partition_point(|swap| swap.row < row);
        self.swaps[at]
    }

    /// Makes a block of each chain.
    fn lay_out(&mut self, times: &impl Times) {
        let mut in_chains = vec![0; self.links.len()];
        for first in 0..narrow(self.clusters.len()) {
            let cluster = *self.at(first);
            if cluster.home == NONE || self.out_of_play[cluster.register()] {
                continue;
            }
            match self.block(times, first, cluster) {
                Ok(Some((block, length))) => {
                    self.blocks.push(block);
                    if length > 0 {
                        in_chains[cluster.register()] += length;
                    }
                }
                Ok(None) => {}
                Err(clash) => self.clashed(clash),
            }
        }
        if in_chains != self.links {
            self.find_circles();
        }
    }

    /// The block that begins with a cluster, if one does, and how many compare-and-sets it has: its
    /// value was written, not by a compare-and-set, and somebody noticed.
    fn block(
        &self,
        times: &impl Times,
        first: u32,
        cluster: Cluster,
    ) -> Result<Option<(Block, u32)>, Clash> {
        let seen = cluster.reader != NONE || self.successor(first) != NONE;
        let begins = match cluster.writer {
            START => seen,
            NONE if seen => return Err(Clash::Unwritten(first)),
            NONE => false,
            writer if cluster.f < times.called(writer) => return Err(Clash::Unwritten(first)),
            writer => !cluster.is_by_swap() && (seen || times.returned(writer) != NONE),
        };
        begins.then(|| self.chain(first, cluster)).transpose()
    }

    /// The block of a chain, and how many compare-and-sets it has.
    fn chain(&self, first: u32, cluster: Cluster) -> Result<(Block, u32), Clash> {
        let mut block = Block {
            f: cluster.f,
            s: cluster.s,
            first,
            register: cluster.home,
        };
        let mut length = 0;
        for next in self.chain_from(first).skip(1) {
            let Cluster { f, s, .. } = *self.at(next);
            if block.s > f {
                return Err(Clash::Inside(first, next));
            }
            block.f = block.f.min(f);
            block.s = block.s.max(s);
            length += 1;
        }
        Ok((block, length))
    }

    fn successor(&self, cluster: u32) -> u32 {
        self.successor
            .get(cluster as usize)
            .copied()
            .unwrap_or(NONE)
    }

    /// The clusters of a chain, from one on.
    fn chain_from(&self, first: u32) -> impl Iterator<Item = u32> {
        let next = |&cluster: &u32| {
            let next = self.successor(cluster);
            (next != NONE).then_some(next)
        };
        std::iter::successors(Some(first), next)
    }

    /// Compare-and-sets whose chain has no beginning.
    fn find_circles(&mut self) {
        let mut in_chain = vec![false; self.clusters.len()];
        for first in self.blocks.firsts() {
            self.chain_from(first)
                .for_each(|at| in_chain[at as usize] = true);
        }
        for at in 0..self.swaps.len() {
            let Swap { from, to, .. } = self.swaps[at];
            if !in_chain[to as usize] && self.successor(from) == to {
                self.clashed(Clash::Circle(to));
            }
        }
    }

    /// The rows, block after block; each value's writer, then its readers as they were called.
    /// Filled from the end, since readers are linked backwards.
    fn order(&self) -> Vec<u32> {
        let mut order = vec![0; self.earlier.len()];
        let mut free = order.len();
        let mut put = |row| {
            free -= 1;
            order[free] = row;
        };
        let mut chain = Vec::new();
        for first in self.blocks.backwards() {
            chain.extend(self.chain_from(first));
            while let Some(at) = chain.pop() {
                let cluster = self.at(at);
                let mut reader = cluster.reader;
                while reader != NONE {
                    put(reader);
                    reader = self.earlier[reader as usize];
                }
                if cluster.writer != START {
                    put(cluster.writer);
                }
            }
        }
        order.drain(..free);
        order
    }
}

impl Clash {
    /// A cluster of the register.
    fn cluster(self) -> u32 {
        match self {
            Clash::Unwritten(at)
            | Clash::TakenTwice(at, _)
            | Clash::Circle(at)
            | Clash::Between(at, _)
            | Clash::Inside(at, _) => at,
        }
    }
}

impl Cluster {
    const EMPTY: Cluster = Cluster {
        f: NONE,
        s: 0,
        writer: NONE,
        reader: NONE,
        home: NONE,
    };

    fn initial(register: u32) -> Self {
        Cluster {
            f: 0,
            s: 0,
            writer: START,
            reader: NONE,
            home: register,
        }
    }

    fn register(&self) -> usize {
        (self.home & !BY_SWAP) as usize
    }

    fn is_by_swap(&self) -> bool {
        self.home & BY_SWAP != 0
    }
}
