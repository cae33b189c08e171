//! Cells whose values are made once each, and that are emptied in between.
//!
//! A block (see [`blocks`](super::blocks)) some operation of which returned before another was
//! called is *certain*: there is a value from the first return to the last call, so certain blocks
//! must not overlap, and nothing else fits inside one. All other blocks can shrink to one moment.
//! Whoever saw nothing, and whatever leaves nothing, has to fit between certain blocks.
//!
//! The greedy goes through the events and removes only where something forces it to: a return, or a
//! certain block that begins and lasts too long for what is open. It uses the removal that returns
//! first, unknown ones last. Uncertain blocks happen just before a removal, or while there is some
//! value anyway, which costs nothing. No order is missed: having nothing rather than some value
//! hinders nobody, for a certain block brings its own value; so a removal may wait until it is
//! needed, and one that is kept can do all that it could have done, later. Two removals may change
//! places, the one that returns first going first. O(n log n).
//!
//! Those who saw that there was something, whatever it was, are not part of this. They are left out
//! at first: if there is no order then, there is none with them. If there is one they may fit in.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use testimony_history::Value;

use super::CellOp;
use super::blocks::{Block, Blocks, Built, Part, build};
use crate::expert::Judged;
use crate::expert::timeline::{Event, NEVER, Point, Timeline};
use crate::partition::narrow;

/// What a block does at the place of an event.
#[derive(Clone, Copy)]
enum Turn {
    Nothing,
    /// A certain block begins; ends.
    Begins(u32),
    Ends,
    /// An uncertain block can happen from here; by here.
    Comes(u32),
    Leaves(u32),
}

/// Why there is no order, perhaps.
enum Stuck {
    Contradiction,
    NotCovered,
}

/// Judges a cell that starts with a value.
pub(super) fn judge(initial: &Value, ops: &[CellOp], timeline: &Timeline) -> Judged {
    let blocks = match build(initial, ops, timeline) {
        Built::Blocks(blocks) => blocks,
        Built::Contradiction => return Judged::Contradiction,
        Built::NotCovered => return Judged::NotCovered,
    };
    let mut greedy = Greedy {
        blocks: &blocks,
        timeline,
        place: 0,
        present: *initial != Value::Null,
        certain: None,
        guessed: false,
        done: vec![false; ops.len()],
        happened: vec![false; blocks.all.len()],
        uncertain: Vec::new(),
        removals: BinaryHeap::new(),
        saw_nothing: BinaryHeap::new(),
        saw_something: Vec::new(),
        points: Vec::with_capacity(ops.len()),
    };
    match greedy.run() {
        Ok(()) => Judged::Order(timeline.in_order(&greedy.points)),
        Err(Stuck::Contradiction) if !greedy.guessed => Judged::Contradiction,
        Err(Stuck::Contradiction | Stuck::NotCovered) => Judged::NotCovered,
    }
}

struct Greedy<'a> {
    blocks: &'a Blocks,
    timeline: &'a Timeline,
    place: u32,
    /// Whether there is some value.
    present: bool,
    /// The end of the certain block that lasts.
    certain: Option<u32>,
    /// Whether something was done that is not forced.
    guessed: bool,
    done: Vec<bool>,
    /// Which blocks have happened.
    happened: Vec<bool>,
    /// Blocks that can happen at any moment.
    uncertain: Vec<u32>,
    /// Open removals, and those who saw nothing, by the place of their return.
    removals: BinaryHeap<Reverse<(u32, u32)>>,
    saw_nothing: BinaryHeap<Reverse<(u32, u32)>>,
    saw_something: Vec<u32>,
    points: Vec<Point>,
}

impl Greedy<'_> {
    fn run(&mut self) -> Result<(), Stuck> {
        let turns = self.turns()?;
        for place in 0..narrow(self.timeline.events.len()) {
            self.place = place;
            match turns[place as usize] {
                Turn::Nothing => {}
                Turn::Begins(block) => self.begin(block)?,
                Turn::Ends => self.end(),
                Turn::Comes(block) => self.come(block),
                Turn::Leaves(block) => self.leave(block)?,
            }
            match self.timeline.events[place as usize] {
                Event::Call(op) => self.call(op),
                Event::Return(op) => self.finish(op)?,
            }
        }
        Ok(())
    }

    /// What the blocks do at each place. What is there from the start is certain until its last
    /// call.
    fn turns(&mut self) -> Result<Vec<Turn>, Stuck> {
        let mut turns = vec![Turn::Nothing; self.timeline.events.len()];
        for (number, block) in self.blocks.all.iter().enumerate() {
            let number = narrow(number);
            if block.from_start {
                if block.start < block.end {
                    self.certain = Some(block.last_call);
                    turns[block.last_call as usize] = Turn::Ends;
                    self.emit(block, 0);
                }
            } else if block.first_return < block.last_call {
                turns[block.first_return as usize] = Turn::Begins(number);
                turns[block.last_call as usize] = Turn::Ends;
            } else {
                turns[block.last_call as usize] = Turn::Comes(number);
                if block.first_return == NEVER {
                    // Only what was seen is in a block, and who saw it returned.
                    return Err(Stuck::NotCovered);
                }
                turns[block.first_return as usize] = Turn::Leaves(number);
            }
        }
        Ok(turns)
    }

    fn begin(&mut self, block: u32) -> Result<(), Stuck> {
        if self.certain.is_some() {
            return Err(Stuck::Contradiction);
        }
        let end = self.blocks.all[block as usize].last_call;
        let too_late = |open: &BinaryHeap<Reverse<(u32, u32)>>| {
            open.peek()
                .is_some_and(|Reverse((returns, _))| *returns < end)
        };
        while too_late(&self.removals) || too_late(&self.saw_nothing) {
            self.remove()?;
        }
        self.bury();
        self.certain = Some(end);
        self.present = true;
        self.emit(&self.blocks.all[block as usize], self.place);
        self.see_something();
        Ok(())
    }

    fn end(&mut self) {
        self.certain = None;
        self.bury();
    }

    fn come(&mut self, block: u32) {
        self.uncertain.push(block);
        if self.present && self.certain.is_none() {
            self.bury();
        }
    }

    fn leave(&mut self, block: u32) -> Result<(), Stuck> {
        if self.happened[block as usize] {
            return Ok(());
        }
        if self.certain.is_some() {
            return Err(Stuck::Contradiction);
        }
        self.bury();
        Ok(())
    }

    fn call(&mut self, op: u32) {
        let by_return = Reverse((self.timeline.returns[op as usize], op));
        match self.blocks.parts[op as usize] {
            Part::OfBlock | Part::Dropped => {}
            Part::Blind => self.happens(op),
            Part::Removes { .. } => self.removals.push(by_return),
            Part::SawNothing if self.present => self.saw_nothing.push(by_return),
            Part::SawSomething if !self.present => self.saw_something.push(op),
            Part::SawNothing | Part::SawSomething => self.happens(op),
        }
    }

    fn finish(&mut self, op: u32) -> Result<(), Stuck> {
        if self.done[op as usize] {
            return Ok(());
        }
        match self.blocks.parts[op as usize] {
            Part::OfBlock | Part::Blind | Part::Dropped => Ok(()),
            Part::Removes { .. } | Part::SawNothing if self.certain.is_some() => {
                Err(Stuck::Contradiction)
            }
            Part::Removes { .. } | Part::SawNothing => self.remove(),
            Part::SawSomething if self.uncertain.is_empty() => Err(Stuck::NotCovered),
            Part::SawSomething => {
                self.guessed = true;
                self.bury();
                Ok(())
            }
        }
    }

    /// Lets the next removal happen, and all who wait for it.
    fn remove(&mut self) -> Result<(), Stuck> {
        let Some(Reverse((_, op))) = self.removals.pop() else {
            return Err(Stuck::Contradiction);
        };
        self.bury();
        if self.blocks.parts[op as usize] == (Part::Removes { found: true }) && !self.present {
            return Err(Stuck::NotCovered);
        }
        self.happens(op);
        self.present = false;
        while let Some(Reverse((_, op))) = self.saw_nothing.pop() {
            self.happens(op);
        }
        Ok(())
    }

    /// Lets all open uncertain blocks happen.
    fn bury(&mut self) {
        while let Some(block) = self.uncertain.pop() {
            self.happened[block as usize] = true;
            self.emit(&self.blocks.all[block as usize], self.place);
            self.present = true;
            self.see_something();
        }
    }

    fn see_something(&mut self) {
        while let Some(op) = self.saw_something.pop() {
            self.happens(op);
        }
    }

    /// Gives the operations of a block points, not before a place.
    fn emit(&mut self, block: &Block, place: u32) {
        let mut place = place;
        for &op in &self.blocks.members[block.start as usize..block.end as usize] {
            place = place.max(self.timeline.calls[op as usize]);
            self.done[op as usize] = true;
            self.points.push(Point { place, op });
        }
    }

    fn happens(&mut self, op: u32) {
        self.done[op as usize] = true;
        let place = self.place;
        self.points.push(Point { place, op });
    }
}
