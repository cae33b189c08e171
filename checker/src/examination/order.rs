//! What must come before what, and whether that goes round in a circle.

use std::collections::VecDeque;

/// How many nodes the search for a short circle looks at, over all its attempts.
const LOOKS_MAX: usize = 1 << 18;
/// From how many nodes of a circle a shorter one is looked for.
const ATTEMPTS_MAX: usize = 24;

/// Who asks for an edge: up to two deeds.
pub(super) type Because = [Option<u32>; 2];

/// A directed graph, collected edge by edge.
#[derive(Debug, Default)]
pub(super) struct Order {
    nodes: u32,
    edges: Vec<(u32, u32, Because)>,
}

/// The edges of a graph by where they start.
struct Outgoing<'a> {
    order: &'a Order,
    first: Vec<u32>,
    sorted: Vec<u32>,
}

impl Order {
    /// A graph with so many nodes and no edges.
    pub(super) fn of(nodes: u32) -> Self {
        Order {
            nodes,
            edges: Vec::new(),
        }
    }

    /// One more node.
    pub(super) fn node(&mut self) -> u32 {
        self.nodes += 1;
        self.nodes - 1
    }

    /// One node before another. A node before itself is a circle as well.
    pub(super) fn put(&mut self, before: u32, after: u32, because: Because) {
        self.edges.push((before, after, because));
    }

    /// The reasons along a short circle, if there is any circle. O(n) to know, and a bounded search
    /// to make it short.
    pub(super) fn circle(&self) -> Option<Vec<Because>> {
        let outgoing = Outgoing::of(self);
        let stuck = outgoing.stuck();
        let any = self.any_circle(&stuck)?;
        let mut looks = LOOKS_MAX;
        let shorter = any
            .iter()
            .take(ATTEMPTS_MAX)
            .filter_map(|&edge| outgoing.way_back(edge, &stuck, &mut looks))
            .min_by_key(Vec::len);
        let edges = shorter.unwrap_or(any);
        Some(
            edges
                .iter()
                .map(|&edge| self.edges[edge as usize].2)
                .collect(),
        )
    }

    /// Whether there is a circle. O(n).
    pub(super) fn has_circle(&self) -> bool {
        Outgoing::of(self).stuck().contains(&true)
    }

    /// Some circle, by its edges. Every stuck node has a stuck one before it, so going back from
    /// one to another must come round.
    fn any_circle(&self, stuck: &[bool]) -> Option<Vec<u32>> {
        let mut incoming: Vec<Option<u32>> = vec![None; stuck.len()];
        for (number, (before, after, _)) in (0..).zip(&self.edges) {
            if stuck[*before as usize] && stuck[*after as usize] {
                incoming[*after as usize].get_or_insert(number);
            }
        }
        let mut at = stuck.iter().position(|&stuck| stuck)?;
        let mut visited = vec![false; stuck.len()];
        while !visited[at] {
            visited[at] = true;
            at = self.edges[incoming[at]? as usize].0 as usize;
        }
        let (end, mut circle) = (at, Vec::new());
        loop {
            let edge = incoming[at]?;
            circle.push(edge);
            at = self.edges[edge as usize].0 as usize;
            if at == end {
                circle.reverse();
                return Some(circle);
            }
        }
    }
}

impl<'a> Outgoing<'a> {
    fn of(order: &'a Order) -> Self {
        let mut first = vec![0_u32; order.nodes as usize + 1];
        for (before, ..) in &order.edges {
            first[*before as usize + 1] += 1;
        }
        for at in 1..first.len() {
            first[at] += first[at - 1];
        }
        let mut next = first.clone();
        let mut sorted = vec![0_u32; order.edges.len()];
        for (number, (before, ..)) in (0..).zip(&order.edges) {
            let place = &mut next[*before as usize];
            sorted[*place as usize] = number;
            *place += 1;
        }
        Outgoing {
            order,
            first,
            sorted,
        }
    }

    fn edges(&self, node: u32) -> &[u32] {
        let (from, to) = (self.first[node as usize], self.first[node as usize + 1]);
        &self.sorted[from as usize..to as usize]
    }

    fn head(&self, edge: u32) -> u32 {
        self.order.edges[edge as usize].1
    }

    /// The nodes that no topological order reaches: on a circle, or behind one (Kahn 1962).
    fn stuck(&self) -> Vec<bool> {
        let nodes = self.order.nodes;
        let mut waits = vec![0_u32; nodes as usize];
        for (_, after, _) in &self.order.edges {
            waits[*after as usize] += 1;
        }
        let mut ready: Vec<u32> = (0..nodes).filter(|&it| waits[it as usize] == 0).collect();
        while let Some(node) = ready.pop() {
            for &edge in self.edges(node) {
                let after = self.head(edge);
                waits[after as usize] -= 1;
                if waits[after as usize] == 0 {
                    ready.push(after);
                }
            }
        }
        waits.into_iter().map(|waits| waits > 0).collect()
    }

    /// The fewest edges from the end of this one back to its start, and it.
    fn way_back(&self, edge: u32, stuck: &[bool], looks: &mut usize) -> Option<Vec<u32>> {
        let (goal, start) = (self.order.edges[edge as usize].0, self.head(edge));
        let mut came: rustc_hash::FxHashMap<u32, u32> = Default::default();
        let mut queue = VecDeque::from([start]);
        came.insert(start, edge);
        while let Some(node) = queue.pop_front() {
            if node == goal {
                return Some(self.path(edge, goal, &came));
            }
            for &onward in self.edges(node) {
                *looks = looks.checked_sub(1)?;
                let next = self.head(onward);
                if stuck[next as usize] && !came.contains_key(&next) {
                    came.insert(next, onward);
                    queue.push_back(next);
                }
            }
        }
        None
    }

    fn path(&self, edge: u32, goal: u32, came: &rustc_hash::FxHashMap<u32, u32>) -> Vec<u32> {
        let (mut at, mut path) = (goal, Vec::new());
        loop {
            let last = came[&at];
            path.push(last);
            if last == edge {
                path.reverse();
                return path;
            }
            at = self.order.edges[last as usize].0;
        }
    }
}
