//! The few rows that suffice to show that there is no order.
//!
//! All clusters but those that clash are left out as a whole, after a compare-and-set out of a
//! cluster that goes has been weakened to a write: values are written once, so nobody else can
//! tell. Reads are left out as they please. Each step maps an order of what was to an order of what
//! is left.

use crate::partition::narrow;

use super::{Clash, Cluster, NONE, START, Times, Zones};

/// Rows that no order explains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Conflict {
    pub(crate) register: u32,
    pub(crate) rows: Vec<u32>,
    /// Those among them that are compare-and-sets to be taken for writes, since the writer of the
    /// value that they saw was left out.
    pub(crate) weakened: Vec<u32>,
}

impl Zones {
    /// Rows that clash: a few for each cluster involved, and for each chain what links them.
    pub(super) fn conflict(&self, times: &impl Times, clash: Clash) -> Conflict {
        let mut core = Core {
            zones: self,
            times,
            chosen: Vec::new(),
        };
        match clash {
            Clash::Unwritten(at) => core.unwritten(at),
            Clash::TakenTwice(one, other) => {
                core.cluster(self.swap_of(self.at(one).writer).from);
                core.cluster(one);
                core.cluster(other);
            }
            Clash::Circle(at) => core.circle(at),
            Clash::Between(one, other) => {
                core.chain(one);
                core.chain(other);
            }
            Clash::Inside(first, at) => core.inside(first, at),
        }
        core.finish(clash)
    }
}

struct Core<'a, T> {
    zones: &'a Zones,
    times: &'a T,
    chosen: Vec<u32>,
}

impl<T: Times> Core<'_, T> {
    fn finish(mut self, clash: Clash) -> Conflict {
        self.chosen.sort_unstable();
        self.chosen.dedup();
        let rows = self.chosen;
        let left_out = |&row: &u32| {
            let swap = self.zones.swaps.binary_search_by_key(&row, |swap| swap.row);
            swap.is_ok_and(|at| {
                let writer = self.zones.at(self.zones.swaps[at].from).writer;
                writer < START && rows.binary_search(&writer).is_err()
            })
        };
        Conflict {
            register: narrow(self.zones.at(clash.cluster()).register()),
            weakened: rows.iter().copied().filter(left_out).collect(),
            rows,
        }
    }

    /// The rows that read a cluster's value.
    fn readers(&self, at: u32) -> impl Iterator<Item = u32> {
        let some = |row: u32| (row != NONE).then_some(row);
        let earlier = move |&row: &u32| some(self.zones.earlier[row as usize]);
        std::iter::successors(some(self.zones.at(at).reader), earlier)
    }

    /// Takes the writer of a cluster, and who shows that it happened if that is not known.
    fn cluster(&mut self, at: u32) {
        let mut at = at;
        while at != NONE {
            let Cluster { writer, reader, .. } = *self.zones.at(at);
            if writer >= START {
                return;
            }
            self.chosen.push(writer);
            if self.times.returned(writer) != NONE {
                return;
            }
            if reader != NONE {
                return self.chosen.push(reader);
            }
            at = self.zones.successor(at);
        }
    }

    /// Takes the writer of a value and whoever saw it first; without a writer that is enough.
    fn unwritten(&mut self, at: u32) {
        self.cluster(at);
        let returned = |&reader: &u32| self.times.returned(reader);
        match self.readers(at).min_by_key(returned) {
            Some(reader) => self.chosen.push(reader),
            None => self.cluster(self.zones.successor(at)),
        }
    }

    fn circle(&mut self, start: u32) {
        let mut at = start;
        loop {
            self.cluster(at);
            at = self.zones.successor(at);
            if at == start || at == NONE {
                return;
            }
        }
    }

    /// Takes of a chain the row that returned first, and the one called last.
    fn chain(&mut self, first: u32) {
        let chain: Vec<u32> = self.zones.chain_from(first).collect();
        let f = (0..chain.len()).min_by_key(|&at| self.zones.at(chain[at]).f);
        let s = (0..chain.len()).max_by_key(|&at| self.zones.at(chain[at]).s);
        if let (Some(f), Some(s)) = (f, s) {
            self.stretch(&chain, f, s);
        }
    }

    /// Takes of a chain the row of a cluster that returned first, and the one called last of those
    /// that come before.
    fn inside(&mut self, first: u32, at: u32) {
        let before = self.zones.chain_from(first).take_while(|&it| it != at);
        let mut chain: Vec<u32> = before.collect();
        let s = (0..chain.len()).max_by_key(|&at| self.zones.at(chain[at]).s);
        chain.push(at);
        if let Some(s) = s {
            self.stretch(&chain, chain.len() - 1, s);
        }
    }

    /// Takes the extreme rows of two clusters of a chain, and the writers from the one to the
    /// other.
    fn stretch(&mut self, chain: &[u32], one: usize, other: usize) {
        self.extremes(chain[one]);
        self.extremes(chain[other]);
        for &at in &chain[one.min(other)..=one.max(other)] {
            self.cluster(at);
        }
    }

    /// Takes the rows that make a zone what it is.
    fn extremes(&mut self, at: u32) {
        let Cluster { f, s, .. } = *self.zones.at(at);
        let first = self.readers(at).find(|&it| self.times.returned(it) == f);
        let last = self.readers(at).find(|&it| self.times.called(it) == s);
        self.chosen.extend(first);
        self.chosen.extend(last);
    }
}
