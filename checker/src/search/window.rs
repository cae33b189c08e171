//! The search's view of a partition: which operations are open at the next return.
//!
//! Every operation that must happen is given a slot, the lowest that is free at its call, and gives
//! it back at its return. At position `p`, the next return to get past, everything that returned
//! earlier has happened and everything called later has not, so a set of slots says exactly which
//! operations have happened. Optional operations never return; each has a bit of its own for good.

use rustc_hash::FxHashMap;

use crate::automaton::{Automaton, Label};
use crate::model::Model;
use crate::partition::{Op, narrow};
use testimony_history::Position;

pub(crate) const NONE: u32 = u32::MAX;

/// Optional operations that behave alike, in the order of their calls. Only the first that is
/// unused is ever tried: of two alike, the one called first can stand wherever the other can.
#[derive(Debug)]
pub(crate) struct Class {
    pub(crate) ops: Vec<u32>,
    /// The bit of its first operation; the others follow.
    pub(crate) first_bit: usize,
}

/// What never changes while a partition is searched.
#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) label: Vec<Label>,
    pub(crate) pure: Vec<bool>,
    /// The operation that must come before.
    pub(crate) after: Vec<u32>,
    /// Whether `after` links it to another, either way.
    pub(crate) linked: Vec<bool>,
    /// Whether `after` links any.
    pub(crate) has_links: bool,
    /// The operations that must happen, in the order of their returns.
    pub(crate) returns: Vec<u32>,
    /// Where an operation stands in `returns`; `NONE` if it is optional.
    pub(crate) rank: Vec<u32>,
    /// For each position, how many operations have been called by then.
    pub(crate) arrived: Vec<u32>,
    /// The slot of an operation that must happen.
    pub(crate) slot: Vec<u32>,
    /// The operation that had its slot before.
    pub(crate) previous: Vec<u32>,
    pub(crate) slots: usize,
    pub(crate) classes: Vec<Class>,
    /// The class of an optional operation.
    pub(crate) class: Vec<u32>,
    pub(crate) optional: usize,
}

impl Window {
    /// `None` if some operation must happen before it is called: nothing can explain that.
    pub(crate) fn new<M: Model>(
        ops: &[Op<M::Input, M::Output>],
        automaton: &mut Automaton<'_, M>,
        symmetric: bool,
    ) -> Option<Self> {
        if ops
            .iter()
            .any(|op| op.returned.is_some_and(|returned| returned < op.called))
        {
            return None;
        }
        let label: Vec<Label> = ops.iter().map(|op| automaton.label(op)).collect();
        let returns = in_order_of_return(ops);
        let linked = linked(ops);
        let mut window = Window {
            pure: label
                .iter()
                .map(|&label| automaton.is_pure(label))
                .collect(),
            after: predecessors(ops),
            has_links: linked.contains(&true),
            linked,
            rank: ranks(&returns, ops.len()),
            arrived: arrivals(ops, &returns),
            slot: vec![NONE; ops.len()],
            previous: vec![NONE; ops.len()],
            slots: 0,
            classes: Vec::new(),
            class: vec![NONE; ops.len()],
            optional: 0,
            label,
            returns,
        };
        window.assign_slots();
        window.assign_classes(symmetric);
        Some(window)
    }

    pub(crate) fn len(&self) -> usize {
        self.label.len()
    }

    /// One more than the number of the last optional operation.
    pub(crate) fn optional_end(&self) -> usize {
        let last = self.rank.iter().rposition(|&rank| rank == NONE);
        last.map_or(0, |last| last + 1)
    }

    pub(crate) fn is_optional(&self, op: u32) -> bool {
        self.rank[op as usize] == NONE
    }

    /// Bytes that the window takes.
    pub(crate) fn bytes(&self) -> usize {
        self.len() * 48
    }

    fn assign_slots(&mut self) {
        let mut free: Vec<u32> = Vec::new();
        let mut last: Vec<u32> = Vec::new();
        let mut called = 0;
        for position in 0..self.returns.len() {
            while called < self.arrived[position] {
                if self.rank[called as usize] != NONE {
                    self.assign_slot(called, &mut free, &mut last);
                }
                called += 1;
            }
            let returned = self.returns[position] as usize;
            let at = free.partition_point(|&slot| slot > self.slot[returned]);
            free.insert(at, self.slot[returned]);
        }
        self.slots = last.len();
    }

    /// `free` is kept in falling order, so that its end is the lowest.
    fn assign_slot(&mut self, op: u32, free: &mut Vec<u32>, last: &mut Vec<u32>) {
        let slot = free.pop().unwrap_or_else(|| {
            last.push(NONE);
            narrow(last.len() - 1)
        });
        self.slot[op as usize] = slot;
        self.previous[op as usize] = std::mem::replace(&mut last[slot as usize], op);
    }

    /// Classes are of operations with one label. One that has a predecessor may be out of reach
    /// when a later one is not, so it makes a class by itself.
    fn assign_classes(&mut self, symmetric: bool) {
        let mut by_label: FxHashMap<Label, usize> = FxHashMap::default();
        for op in (0..self.len()).filter(|&op| self.rank[op] == NONE) {
            let alone = !symmetric || self.linked[op];
            let class = match by_label.get(&self.label[op]) {
                Some(&class) if !alone => class,
                _ => {
                    let label = self.label[op];
                    self.classes.push(Class {
                        ops: Vec::new(),
                        first_bit: 0,
                    });
                    if !alone {
                        by_label.insert(label, self.classes.len() - 1);
                    }
                    self.classes.len() - 1
                }
            };
            self.classes[class].ops.push(narrow(op));
            self.class[op] = narrow(class);
        }
        for class in &mut self.classes {
            class.first_bit = self.optional;
            self.optional += class.ops.len();
        }
    }
}

/// The operations that must happen, sorted by counting where positions leave few gaps.
fn in_order_of_return<I, O>(ops: &[Op<I, O>]) -> Vec<u32> {
    let ends = || {
        (0_u32..)
            .zip(ops)
            .filter_map(|(op, o)| Some((o.returned?, op)))
    };
    let first = ends().map(|(end, _)| end).min().unwrap_or(0);
    let last = ends().map(|(end, _)| end).max().unwrap_or(0);
    let room = (last - first) as usize + 1;
    if room > ops.len() * 8 + 64 {
        let mut returns: Vec<(Position, u32)> = ends().collect();
        returns.sort_unstable();
        return returns.into_iter().map(|(_, op)| op).collect();
    }
    let mut start = vec![0_u32; room + 1];
    ends().for_each(|(end, _)| start[(end - first) as usize + 1] += 1);
    for at in 0..room {
        start[at + 1] += start[at];
    }
    let mut returns = vec![0; start[room] as usize];
    for (end, op) in ends() {
        let at = &mut start[(end - first) as usize];
        returns[*at as usize] = op;
        *at += 1;
    }
    returns
}

fn ranks(returns: &[u32], count: usize) -> Vec<u32> {
    let mut ranks = vec![NONE; count];
    for (rank, &op) in returns.iter().enumerate() {
        ranks[op as usize] = narrow(rank);
    }
    ranks
}

/// For each return, how many operations were called by then.
fn arrivals<I, O>(ops: &[Op<I, O>], returns: &[u32]) -> Vec<u32> {
    let mut called = 0;
    let by = |&op: &u32| {
        let returned = ops[op as usize].returned;
        while called < ops.len() && Some(ops[called].called) <= returned {
            called += 1;
        }
        narrow(called)
    };
    returns.iter().map(by).collect()
}

fn predecessors<I, O>(ops: &[Op<I, O>]) -> Vec<u32> {
    let required = |&before: &u32| ops[before as usize].returned.is_some();
    ops.iter()
        .map(|op| op.after.filter(required).unwrap_or(NONE))
        .collect()
}

fn linked<I, O>(ops: &[Op<I, O>]) -> Vec<bool> {
    let mut linked = vec![false; ops.len()];
    for (op, &before) in predecessors(ops).iter().enumerate() {
        if before != NONE {
            linked[op] = true;
            linked[before as usize] = true;
        }
    }
    linked
}
