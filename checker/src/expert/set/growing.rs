//! Elements that are added and never removed.
//!
//! Then nothing is left to choose. A read of all elements comes before all adds of elements that it
//! lacks and after one of each that it has; so the reads form a chain, each with the elements of
//! those before it, and between two of them are the adds of what the later one has more. Whoever
//! found a single element comes after its add, whoever missed it before. Of several adds of an
//! element that tell nothing, the one called first may as well be the one that adds it: the others
//! can follow at once, wherever it is.
//!
//! Whatever must come before an operation gives it an earliest point: its call, or the latest of
//! their points. There is an order exactly if no operation returns before its earliest point.
//! O(n log n), and the length of all reads.

use testimony_history::Value;

use super::SetOp;
use super::elements::{Deed, Elements, deed};
use crate::expert::timeline::{NEVER, Point, Timeline};
use crate::models::set::{Set, SetOutput};
use crate::partition::narrow;

/// No operation.
const NONE: u32 = u32::MAX;

/// What must happen to an element.
#[derive(Clone, Copy)]
struct Addition {
    /// The operation that adds it; [`NONE`] if none can.
    by: u32,
    /// Whether that operation told so.
    told: bool,
    /// Whether the element must be added.
    needed: bool,
    /// The last call of those that missed it.
    not_before: u32,
    /// When it is added.
    place: u32,
    /// How many groups of reads come before.
    stage: u32,
}

/// Reads of all elements that saw the same, and the elements that those before them had not.
struct Group<'a> {
    reads: Vec<u32>,
    new: Vec<&'a Value>,
}

/// Gives every operation on the chosen elements a point; `false` if there is no order. If any
/// operation reads all elements, all must be chosen.
pub(super) fn grow(
    model: &Set,
    ops: &[SetOp],
    elements: &Elements<'_>,
    chosen: &[bool],
    timeline: &Timeline,
    points: &mut Vec<Point>,
) -> bool {
    let Some(groups) = groups(model, ops) else {
        return false;
    };
    let mut growing = Growing {
        ops,
        elements,
        chosen,
        timeline,
        points,
        additions: vec![
            Addition {
                by: NONE,
                told: false,
                needed: false,
                not_before: 0,
                place: 0,
                stage: narrow(groups.len()),
            };
            elements.count()
        ],
    };
    growing.grow(&groups).is_some()
}

/// The reads in the order of what they saw; `None` if they are no chain that starts with what was
/// there.
fn groups<'a>(model: &'a Set, ops: &'a [SetOp]) -> Option<Vec<Group<'a>>> {
    let mut reads: Vec<(&[Value], u32)> = Vec::new();
    for (number, op) in ops.iter().enumerate() {
        if let Some(SetOutput::Elements(read)) = &op.seen {
            reads.push((read, narrow(number)));
        }
    }
    reads.sort_by_key(|(read, _)| read.len());
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut last = model.initial();
    for (read, op) in reads {
        if let Some(group) = groups.last_mut()
            && read.len() == last.len()
        {
            if read != last {
                return None;
            }
            group.reads.push(op);
        } else {
            let (reads, new) = (vec![op], more(last, read)?);
            groups.push(Group { reads, new });
            last = read;
        }
    }
    Some(groups)
}

/// The elements of a set that a smaller one lacks; both are sorted. `None` if the smaller one is
/// not part of it, or if it has an element twice and is no set.
fn more<'a>(small: &[Value], large: &'a [Value]) -> Option<Vec<&'a Value>> {
    let twice = large.windows(2).any(|pair| pair[0] == pair[1]);
    let mut small = small.iter().peekable();
    let new = large
        .iter()
        .filter(|element| small.next_if_eq(element).is_none())
        .collect();
    (!twice && small.next().is_none()).then_some(new)
}

/// Each method gives `None` where there is no order.
struct Growing<'a> {
    ops: &'a [SetOp],
    elements: &'a Elements<'a>,
    chosen: &'a [bool],
    timeline: &'a Timeline,
    additions: Vec<Addition>,
    points: &'a mut Vec<Point>,
}

impl Growing<'_> {
    fn grow(&mut self, groups: &[Group<'_>]) -> Option<()> {
        for op in 0..narrow(self.ops.len()) {
            self.note(op)?;
        }
        let (mut added, mut read) = (0, 0);
        for (stage, group) in groups.iter().enumerate() {
            for element in &group.new {
                let element = self.elements.number(element)?;
                let addition = &mut self.additions[element as usize];
                (addition.needed, addition.stage) = (true, narrow(stage));
                added = added.max(self.add(element, read)?);
            }
            for &op in &group.reads {
                read = read.max(self.happens(op, added)?);
            }
        }
        for element in 0..narrow(self.elements.count()) {
            if self.additions[element as usize].stage == narrow(groups.len()) {
                self.add(element, read)?;
            }
        }
        (0..narrow(self.ops.len())).try_for_each(|op| self.follow(op))
    }

    /// The element that an operation is about, if it is a chosen one.
    fn about(&self, op: u32) -> Option<u32> {
        let element = self.elements.about(op)?;
        self.chosen[element as usize].then_some(element)
    }

    /// What an operation demands. Those that miss an element need nothing.
    fn note(&mut self, op: u32) -> Option<()> {
        let Some(element) = self.about(op) else {
            return Some(());
        };
        let from_start = self.elements.from_start[element as usize];
        let addition = &mut self.additions[element as usize];
        match deed(&self.ops[op as usize]) {
            Deed::Saw(false) | Deed::Changed(true) if from_start => return None,
            Deed::Changed(true) if addition.told => return None,
            Deed::Changed(true) => {
                (addition.by, addition.told, addition.needed) = (op, true, true);
            }
            Deed::Saw(false) => {
                let place = self.happens(op, 0)?;
                self.additions[element as usize].not_before = place;
            }
            Deed::Saw(true) => addition.needed = true,
            made @ (Deed::Made(true) | Deed::MayHaveMade(true)) => {
                addition.needed |= made == Deed::Made(true);
                if addition.by == NONE {
                    addition.by = op;
                }
            }
            Deed::MayHaveMade(false) | Deed::Nothing => {}
            Deed::Changed(false) | Deed::Made(false) | Deed::Nonsense => return None,
        }
        Some(())
    }

    /// Adds an element, not before a place, if it must be added. Returns when.
    fn add(&mut self, element: u32, not_before: u32) -> Option<u32> {
        let addition = self.additions[element as usize];
        if self.elements.from_start[element as usize] || !addition.needed {
            return Some(0);
        }
        let by = Some(addition.by).filter(|&by| by != NONE)?;
        let place = self.happens(by, not_before.max(addition.not_before))?;
        self.additions[element as usize].place = place;
        Some(place)
    }

    /// What comes after the add of its element.
    fn follow(&mut self, op: u32) -> Option<()> {
        let Some(element) = self.about(op) else {
            return Some(());
        };
        let addition = self.additions[element as usize];
        let from_start = self.elements.from_start[element as usize];
        let adds = addition.by == op && !from_start;
        match deed(&self.ops[op as usize]) {
            Deed::Saw(true) | Deed::Made(true) if !adds => {
                self.happens(op, addition.place)?;
            }
            Deed::Nothing if self.timeline.returns[op as usize] != NEVER => {
                self.happens(op, 0)?;
            }
            _ => {}
        }
        Some(())
    }

    /// An operation happens as early as it may.
    fn happens(&mut self, op: u32, not_before: u32) -> Option<u32> {
        let place = self.timeline.calls[op as usize].max(not_before);
        self.points.push(Point { place, op });
        (place <= self.timeline.returns[op as usize]).then_some(place)
    }
}
