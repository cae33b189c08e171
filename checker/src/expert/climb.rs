//! A greedy algorithm for objects that only grow: counters that are never decremented, logs.
//!
//! The object has a height. Some operations are steps that raise it; the others see it and leave it
//! as it is. For each height it is known who makes the step from there: one operation that told so,
//! or any of some that are alike, or else any *free* one, all of which are alike as well. The
//! climber is lazy: it takes a step only where a return forces it to, and of operations that are
//! alike it takes the one that returns first, unknown ones last.
//!
//! No order is missed. Take any order, as points in time, and the first step that it takes
//! otherwise than the climber. If it takes it earlier, it may as well wait: until the climber's
//! step nothing returns that needs it, who sees a height has seen it then or sees it later, and
//! what bounds a height from above is only served by waiting. If it takes another of those that are
//! alike, let the two change places: the one that returns first has been called, and the other one
//! returns later than it would have had to come. So step by step it becomes the climber's order.
//!
//! O(n log n), for the operations that are alike wait in heaps.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::timeline::{Event, Timeline};

/// How high the object is. Wide enough for sums of a history's numbers.
pub(super) type Height = i128;

/// What an operation has to do with the height.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It makes a step that no other operation can make.
    Told,
    /// It makes a step that any operation of its class can make.
    Alike {
        /// The class.
        class: u32,
    },
    /// It makes a step that is nobody else's.
    Free,
    /// It sees exactly this height.
    Sees(Height),
    /// It sees that the height is not less.
    SeesAtLeast(Height),
    /// It sees that the height is not more.
    SeesAtMost(Height),
    /// It sees nothing.
    Blind,
    /// It is unknown and makes no difference.
    Dropped,
}

/// A step of which it is known who makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) from: Height,
    pub(super) to: Height,
    pub(super) by: By,
}

/// Who makes a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Op(u32),
    Class(u32),
}

/// An object that only grows, and what its operations have to do with that.
#[derive(Debug)]
pub(super) struct Mountain {
    pub(super) start: Height,
    pub(super) roles: Vec<Role>,
    /// The steps that are known, in ascending order.
    pub(super) steps: Vec<Step>,
    /// How much a free step adds.
    pub(super) stride: Height,
    /// How many classes there are.
    pub(super) classes: usize,
}

/// An order that explains all operations, if there is one.
pub(super) fn climb(mountain: &Mountain, timeline: &Timeline) -> Option<Vec<u32>> {
    let distinct = mountain
        .steps
        .windows(2)
        .all(|pair| pair[0].from < pair[1].from);
    let reachable = mountain
        .steps
        .first()
        .is_none_or(|step| step.from >= mountain.start);
    if !distinct || !reachable {
        return None;
    }
    let mut climber = Climber {
        mountain,
        timeline,
        height: mountain.start,
        next_step: 0,
        called: 0,
        done: vec![false; mountain.roles.len()],
        free: BinaryHeap::new(),
        alike: vec![BinaryHeap::new(); mountain.classes],
        waiting: BinaryHeap::new(),
        order: Vec::with_capacity(mountain.roles.len()),
    };
    for &event in &timeline.events {
        match event {
            Event::Call(op) => climber.call(op)?,
            Event::Return(op) => climber.finish(op)?,
        }
    }
    Some(climber.order)
}

/// Operations that wait, by the place of their return. Unknown ones return last.
type Waiting = BinaryHeap<Reverse<(u32, u32)>>;

/// On the way up. Each method gives `None` where there is no way on.
struct Climber<'a> {
    mountain: &'a Mountain,
    timeline: &'a Timeline,
    height: Height,
    next_step: usize,
    /// How many operations have been called.
    called: u32,
    done: Vec<bool>,
    free: Waiting,
    alike: Vec<Waiting>,
    /// Who waits for a height, by height.
    waiting: BinaryHeap<Reverse<(Height, u32)>>,
    order: Vec<u32>,
}

impl Climber<'_> {
    fn call(&mut self, op: u32) -> Option<()> {
        self.called = op + 1;
        let by_return = Reverse((self.timeline.returns[op as usize], op));
        match self.mountain.roles[op as usize] {
            Role::Told | Role::Dropped => {}
            Role::Alike { class } => self.alike[class as usize].push(by_return),
            Role::Free => self.free.push(by_return),
            Role::Blind => self.place(op),
            Role::SeesAtMost(most) if self.height <= most => self.place(op),
            Role::SeesAtMost(_) => return None,
            Role::Sees(height) if self.height == height => self.place(op),
            Role::Sees(height) if self.height > height => return None,
            Role::SeesAtLeast(height) if self.height >= height => self.place(op),
            Role::Sees(height) | Role::SeesAtLeast(height) => {
                self.waiting.push(Reverse((height, op)));
            }
        }
        Some(())
    }

    fn finish(&mut self, op: u32) -> Option<()> {
        while !self.done[op as usize] {
            self.step()?;
        }
        Some(())
    }

    /// Makes the next step, and lets those happen who waited for the height it leads to.
    fn step(&mut self) -> Option<()> {
        let known = self.mountain.steps.get(self.next_step);
        let (op, to) = match known.filter(|step| step.from == self.height) {
            Some(step) => {
                self.next_step += 1;
                (self.maker(step.by)?, step.to)
            }
            None => {
                let Reverse((_, op)) = self.free.pop()?;
                (op, self.height + self.mountain.stride)
            }
        };
        self.height = to;
        self.place(op);
        let next = self.mountain.steps.get(self.next_step);
        if next.is_some_and(|step| step.from < to) {
            return None;
        }
        self.let_see()
    }

    fn maker(&mut self, by: By) -> Option<u32> {
        match by {
            By::Op(op) => (op < self.called).then_some(op),
            By::Class(class) => {
                let Reverse((_, op)) = self.alike[class as usize].pop()?;
                Some(op)
            }
        }
    }

    fn let_see(&mut self) -> Option<()> {
        while let Some(&Reverse((height, op))) = self.waiting.peek()
            && height <= self.height
        {
            let exactly = matches!(self.mountain.roles[op as usize], Role::Sees(_));
            if exactly && height < self.height {
                return None;
            }
            self.waiting.pop();
            self.place(op);
        }
        Some(())
    }

    fn place(&mut self, op: u32) {
        self.done[op as usize] = true;
        self.order.push(op);
    }
}
