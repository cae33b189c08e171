//! The few rows that suffice to show that there is no order.
//!
//! All clusters but those that clash are left out as a whole, after a compare-and-set out of a cluster
//! that goes has been weakened to a write: values are written once, so nobody else can tell. Reads are
//! left out as they please. Each step maps an order of what was to an order of what is left.

use super::{Clash, Cluster, NONE, Rows, START, Zones};

/// Rows that no order explains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Conflict {
    pub(crate) rows: Vec<u32>,
    /// Those among them that are compare-and-sets to be taken for writes, since the writer of the
    /// value that they saw was left out.
    pub(crate) weakened: Vec<u32>,
}

impl Zones {
    /// Rows that clash: a few for each cluster involved, and for each chain what links them.
    pub(super) fn conflict(&self, rows: &Rows, clash: Clash) -> Conflict {
        let mut core = Core {
            zones: self,
            rows,
            chosen: Vec::new(),
        };
        match clash {
            Clash::Unwritten(value) => core.unwritten(value),
            Clash::TakenTwice(one, other) => {
                core.value(rows.row(self.clusters[one as usize].writer).saw);
                core.value(one);
                core.value(other);
            }
            Clash::Circle(value) => core.circle(value),
            Clash::Between(one, other) => {
                core.chain(one);
                core.chain(other);
            }
            Clash::Inside(first, value) => core.inside(first, value),
        }
        core.finish()
    }
}

struct Core<'a> {
    zones: &'a Zones,
    rows: &'a Rows,
    chosen: Vec<u32>,
}

impl Core<'_> {
    fn finish(mut self) -> Conflict {
        self.chosen.sort_unstable();
        self.chosen.dedup();
        let (zones, all, rows) = (self.zones, self.rows, self.chosen);
        let left_out = |&row: &u32| {
            let row = all.row(row);
            if row.saw == NONE || row.made == NONE {
                return false;
            }
            let writer = zones.clusters[row.saw as usize].writer;
            writer < START && rows.binary_search(&writer).is_err()
        };
        let weakened = rows.iter().copied().filter(left_out).collect();
        Conflict { rows, weakened }
    }

    fn cluster(&self, value: u32) -> Cluster {
        self.zones.clusters[value as usize]
    }

    /// The rows that read a value.
    fn readers(&self, value: u32) -> impl Iterator<Item = u32> {
        let some = |row: u32| (row != NONE).then_some(row);
        let earlier = move |&row: &u32| some(self.zones.earlier[row as usize]);
        std::iter::successors(some(self.cluster(value).reader), earlier)
    }

    /// Takes the writer of a value, and who shows that it happened if that is not known.
    fn value(&mut self, value: u32) {
        let mut value = value;
        loop {
            let Cluster { writer, reader, .. } = self.cluster(value);
            if writer >= START {
                return;
            }
            self.chosen.push(writer);
            if self.rows.row(writer).returned != NONE {
                return;
            }
            if reader != NONE {
                return self.chosen.push(reader);
            }
            value = self.zones.successor(value);
            if value == NONE {
                return;
            }
        }
    }

    /// Takes the writer of a value and whoever saw it first; without a writer that is enough.
    fn unwritten(&mut self, value: u32) {
        self.value(value);
        let returned = |&reader: &u32| self.rows.row(reader).returned;
        match self.readers(value).min_by_key(returned) {
            Some(reader) => self.chosen.push(reader),
            None => self.value(self.zones.successor(value)),
        }
    }

    fn circle(&mut self, start: u32) {
        let mut value = start;
        loop {
            self.value(value);
            let next = self.zones.successor(value);
            if next == start || next == NONE {
                return;
            }
            value = next;
        }
    }

    /// Takes of a chain the row that returned first, and the one called last.
    fn chain(&mut self, first: u32) {
        let values = self.values(first, NONE);
        let f = (0..values.len()).min_by_key(|&at| self.cluster(values[at]).f);
        let s = (0..values.len()).max_by_key(|&at| self.cluster(values[at]).s);
        if let (Some(f), Some(s)) = (f, s) {
            self.stretch(&values, f, s);
        }
    }

    /// Takes of a chain the row of a value that returned first, and the one called last before that
    /// value came.
    fn inside(&mut self, first: u32, value: u32) {
        let values = self.values(first, value);
        let earlier = 0..values.len() - 1;
        if let Some(s) = earlier.max_by_key(|&at| self.cluster(values[at]).s) {
            self.stretch(&values, values.len() - 1, s);
        }
    }

    /// Takes the extreme rows of two values of a chain, and the writers from the one to the other.
    fn stretch(&mut self, values: &[u32], one: usize, other: usize) {
        self.extremes(values[one]);
        self.extremes(values[other]);
        for &value in &values[one.min(other)..=one.max(other)] {
            self.value(value);
        }
    }

    /// The values of a chain, up to one.
    fn values(&self, first: u32, last: u32) -> Vec<u32> {
        let next = |&value: &u32| {
            let next = self.zones.successor(value);
            (value != last && next != NONE).then_some(next)
        };
        std::iter::successors(Some(first), next).collect()
    }

    /// Takes the rows that make a zone what it is.
    fn extremes(&mut self, value: u32) {
        let Cluster { f, s, .. } = self.cluster(value);
        let first = self
            .readers(value)
            .find(|&it| self.rows.row(it).returned == f);
        let last = self
            .readers(value)
            .find(|&it| self.rows.row(it).called == s);
        self.chosen.extend(first);
        self.chosen.extend(last);
    }
}
