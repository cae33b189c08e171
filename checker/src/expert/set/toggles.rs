//! Elements that come and go, where every completed operation told what it found.
//!
//! Operations that change an element alternate: one adds it, the next one removes it. So the only
//! choice is which of several adds is next, and when. The greedy changes an element only where a
//! return forces it to, and uses the operation that returns first, unknown ones last. An order that
//! does otherwise can be turned into the greedy's: a change may wait until something returns that
//! needs it, and two adds, or two removes, may change places, the one that returns first going
//! first; of an unknown one and one that must happen anyway, the unknown one is better kept.
//! O(n log n).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::SetOp;
use super::elements::{Deed, Elements, deed};
use crate::expert::timeline::{Event, Point, Timeline};
use crate::partition::narrow;

/// One element while the greedy goes through its events.
#[derive(Default)]
struct Toggle {
    there: bool,
    /// What can make the element be missing, and be there, by the place of its return.
    changes: [BinaryHeap<Reverse<(u32, u32)>>; 2],
    /// What waits to find it missing, and there.
    waiting: [Vec<u32>; 2],
}

/// Gives every operation on the chosen elements a point; `false` if there is no order.
pub(super) fn toggle(
    ops: &[SetOp],
    elements: &Elements<'_>,
    chosen: &[bool],
    timeline: &Timeline,
    points: &mut Vec<Point>,
) -> bool {
    let by_element = events_by_element(elements, chosen, timeline);
    let mut greedy = Greedy {
        ops,
        timeline,
        done: vec![false; ops.len()],
        here: Toggle::default(),
        place: 0,
        points,
    };
    (0..elements.count()).all(|element| {
        let events = &by_element.places[by_element.range(element)];
        greedy.here.begin(elements.from_start[element]);
        events.iter().all(|&place| greedy.pass(place).is_some())
    })
}

/// The places of the events of each element, one element after the other.
struct ByElement {
    starts: Vec<u32>,
    places: Vec<u32>,
}

fn events_by_element(elements: &Elements<'_>, chosen: &[bool], timeline: &Timeline) -> ByElement {
    let element = |event: &Event| {
        let (Event::Call(op) | Event::Return(op)) = *event;
        elements
            .about(op)
            .filter(|&element| chosen[element as usize])
    };
    let mut starts = vec![0_u32; elements.count() + 1];
    for element in timeline.events.iter().filter_map(element) {
        starts[element as usize + 1] += 1;
    }
    for element in 1..starts.len() {
        starts[element] += starts[element - 1];
    }
    let mut next = starts.clone();
    let mut places = vec![0; starts[elements.count()] as usize];
    for (place, event) in timeline.events.iter().enumerate() {
        if let Some(element) = element(event) {
            let at = &mut next[element as usize];
            places[*at as usize] = narrow(place);
            *at += 1;
        }
    }
    ByElement { starts, places }
}

impl ByElement {
    fn range(&self, element: usize) -> std::ops::Range<usize> {
        self.starts[element] as usize..self.starts[element + 1] as usize
    }
}

impl Toggle {
    /// Takes up the next element.
    fn begin(&mut self, there: bool) {
        self.there = there;
        self.changes.iter_mut().for_each(BinaryHeap::clear);
        self.waiting.iter_mut().for_each(Vec::clear);
    }
}

struct Greedy<'a> {
    ops: &'a [SetOp],
    timeline: &'a Timeline,
    done: Vec<bool>,
    here: Toggle,
    place: u32,
    points: &'a mut Vec<Point>,
}

impl Greedy<'_> {
    fn pass(&mut self, place: u32) -> Option<()> {
        self.place = place;
        match self.timeline.events[place as usize] {
            Event::Call(op) => self.call(op),
            Event::Return(op) if self.done[op as usize] => Some(()),
            Event::Return(op) => self.finish(op),
        }
    }

    fn call(&mut self, op: u32) -> Option<()> {
        match deed(&self.ops[op as usize]) {
            Deed::Saw(there) if there == self.here.there => self.happens(op),
            Deed::Saw(there) => self.here.waiting[usize::from(there)].push(op),
            Deed::Changed(there) | Deed::MayHaveMade(there) => {
                let by_return = (self.timeline.returns[op as usize], op);
                self.here.changes[usize::from(there)].push(Reverse(by_return));
            }
            Deed::Nothing if self.ops[op as usize].returned.is_some() => self.happens(op),
            Deed::Nothing => {}
            Deed::Made(_) | Deed::Nonsense => return None,
        }
        Some(())
    }

    fn finish(&mut self, op: u32) -> Option<()> {
        if matches!(deed(&self.ops[op as usize]), Deed::Changed(there) if there == self.here.there)
        {
            self.change()?;
        }
        self.change()?;
        self.done[op as usize].then_some(())
    }

    /// Makes the element come or go.
    fn change(&mut self) -> Option<()> {
        let there = !self.here.there;
        let Reverse((_, op)) = self.here.changes[usize::from(there)].pop()?;
        self.here.there = there;
        self.happens(op);
        while let Some(op) = self.here.waiting[usize::from(there)].pop() {
            self.happens(op);
        }
        Some(())
    }

    fn happens(&mut self, op: u32) {
        self.done[op as usize] = true;
        let place = self.place;
        self.points.push(Point { place, op });
    }
}
