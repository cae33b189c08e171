//! Values that are made once, with all that saw them.
//!
//! A value that one operation made and no other can have made is there once, without interruption:
//! whoever saw it, saw it then. A compare-and-set from it ends that time and begins the next
//! value's. So values that follow one another by compare-and-set are one *block*, during which
//! there always is some value. An unknown operation has happened if its value was seen, and can be
//! left out if not.

use rustc_hash::FxHashMap;
use testimony_history::Value;

use super::{CellInput, CellOp, CellOutput};
use crate::expert::timeline::{NEVER, Timeline};
use crate::partition::narrow;

/// No operation, no value.
pub(super) const NONE: u32 = u32::MAX;

/// The value that is there at first; always number 0.
const INITIAL: u32 = 0;

/// What an operation does or says, as far as blocks go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// It is one of a block: it makes or sees its value.
    OfBlock,
    /// It leaves nothing; `found` if it says that there was something.
    Removes { found: bool },
    /// It saw nothing.
    SawNothing,
    /// It saw that there was something.
    SawSomething,
    /// It says nothing.
    Blind,
    /// It is unknown and nobody notices it.
    Dropped,
}

/// All operations on one value, or on several that follow one another.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// Where its operations are among the members of all blocks.
    pub(super) start: u32,
    pub(super) end: u32,
    /// Whether it is there from the start.
    pub(super) from_start: bool,
    /// The first return of all.
    pub(super) first_return: u32,
    /// The last call of all.
    pub(super) last_call: u32,
}

/// A cell as blocks, and what else happens to it.
pub(super) struct Blocks {
    /// What each operation is.
    pub(super) parts: Vec<Part>,
    pub(super) all: Vec<Block>,
    /// The operations of each block in their order, one block after the other.
    pub(super) members: Vec<u32>,
}

/// What is made of a cell.
pub(super) enum Built {
    Blocks(Blocks),
    Contradiction,
    /// A value that was seen may have been made by several operations, or some operation is not
    /// of a kind that is covered.
    NotCovered,
}

/// What is known of a value.
#[derive(Clone, Copy)]
struct Made {
    by: u32,
    /// Whether several operations can have made it.
    often: bool,
    seen: bool,
    /// The value it was swapped from, and to.
    from: u32,
    to: u32,
    /// Where its operations start, in the list of all.
    start: u32,
}

struct Builder<'a> {
    ops: &'a [CellOp],
    timeline: &'a Timeline,
    numbers: FxHashMap<&'a Value, u32>,
    made: Vec<Made>,
    /// The value that each operation sees, and the one that it makes.
    sees: Vec<u32>,
    makes: Vec<u32>,
    parts: Vec<Part>,
    blocks: Vec<Block>,
    members: Vec<u32>,
}

/// Why there are no blocks.
enum Trouble {
    Contradiction,
    NotCovered,
}

/// The blocks of a cell that starts with a value.
pub(super) fn build(initial: &Value, ops: &[CellOp], timeline: &Timeline) -> Built {
    let mut builder = Builder {
        ops,
        timeline,
        numbers: FxHashMap::default(),
        made: Vec::new(),
        sees: vec![NONE; ops.len()],
        makes: vec![NONE; ops.len()],
        parts: Vec::with_capacity(ops.len()),
        blocks: Vec::new(),
        members: Vec::with_capacity(ops.len()),
    };
    builder.number(initial);
    match builder.build(*initial == Value::Null) {
        Ok(()) => Built::Blocks(Blocks {
            parts: builder.parts,
            all: builder.blocks,
            members: builder.members,
        }),
        Err(Trouble::Contradiction) => Built::Contradiction,
        Err(Trouble::NotCovered) => Built::NotCovered,
    }
}

impl<'a> Builder<'a> {
    fn number(&mut self, value: &'a Value) -> u32 {
        let new = narrow(self.made.len());
        let number = *self.numbers.entry(value).or_insert(new);
        if number == new {
            self.made.push(Made {
                by: NONE,
                often: false,
                seen: false,
                from: NONE,
                to: NONE,
                start: 0,
            });
        }
        number
    }

    fn build(&mut self, starts_empty: bool) -> Result<(), Trouble> {
        for number in 0..self.ops.len() {
            let part = self.part(number)?;
            self.parts.push(part);
        }
        self.link()?;
        for (number, part) in self.parts.iter_mut().enumerate() {
            let makes = self.makes[number];
            let unseen = makes != NONE && !self.made[makes as usize].seen;
            if unseen && self.ops[number].returned.is_none() {
                *part = Part::Dropped;
            }
        }
        self.assemble(starts_empty)
    }

    /// Understands an operation.
    fn part(&mut self, number: usize) -> Result<Part, Trouble> {
        let ops = self.ops;
        let part = match (&ops[number].input, &ops[number].seen) {
            (CellInput::Read, Some(CellOutput::Value(value))) => self.sees_value(number, value),
            (CellInput::Contains, Some(CellOutput::Was(true))) => Part::SawSomething,
            (CellInput::Contains | CellInput::Remove, Some(CellOutput::Was(false))) => {
                Part::SawNothing
            }
            (CellInput::Remove, Some(CellOutput::Was(true))) => Part::Removes { found: true },
            (CellInput::Remove, Some(CellOutput::Done) | None)
            | (CellInput::Write(Value::Null), Some(CellOutput::Done) | None) => {
                Part::Removes { found: false }
            }
            (CellInput::Write(value), Some(CellOutput::Done) | None) => {
                self.makes[number] = self.number(value);
                Part::OfBlock
            }
            (CellInput::Cas(old, _), Some(CellOutput::NotSwapped(Some(actual)))) => {
                if actual == old {
                    return Err(Trouble::Contradiction);
                }
                self.sees_value(number, actual)
            }
            (CellInput::Cas(old, new), Some(CellOutput::Swapped) | None) => {
                self.swaps(number, old, new)?
            }
            (CellInput::Contains, Some(CellOutput::Done)) => Part::Blind,
            (CellInput::Read | CellInput::Contains, None) => Part::Dropped,
            _ => return Err(Trouble::NotCovered),
        };
        Ok(part)
    }

    fn sees_value(&mut self, number: usize, value: &'a Value) -> Part {
        if *value == Value::Null {
            return Part::SawNothing;
        }
        let value = self.number(value);
        self.sees[number] = value;
        self.made[value as usize].seen = true;
        Part::OfBlock
    }

    fn swaps(&mut self, number: usize, old: &'a Value, new: &'a Value) -> Result<Part, Trouble> {
        let swapped = self.ops[number].seen.is_some();
        if *old == Value::Null || *new == Value::Null {
            return Err(Trouble::NotCovered);
        }
        if old == new {
            return Ok(if swapped {
                self.sees_value(number, old)
            } else {
                Part::Dropped
            });
        }
        let (old, new) = (self.number(old), self.number(new));
        self.makes[number] = new;
        self.made[new as usize].from = old;
        if swapped {
            // It is a proof that both were there.
            self.made[old as usize].seen = true;
            self.made[new as usize].seen = true;
        }
        Ok(Part::OfBlock)
    }

    /// Finds out who made what was seen, and which value follows which.
    fn link(&mut self) -> Result<(), Trouble> {
        for (number, &value) in self
            .makes
            .iter()
            .enumerate()
            .filter(|(_, value)| **value != NONE)
        {
            let made = &mut self.made[value as usize];
            made.often |= made.by != NONE || value == INITIAL;
            made.by = narrow(number);
        }
        // Who was seen was made, from what was there before.
        let mut open: Vec<u32> = (0..narrow(self.made.len()))
            .filter(|&value| self.made[value as usize].seen)
            .collect();
        let mut contradiction = false;
        while let Some(value) = open.pop() {
            let made = self.made[value as usize];
            if made.often {
                return Err(Trouble::NotCovered);
            }
            if made.by == NONE {
                contradiction |= value != INITIAL;
                continue;
            }
            if made.from != NONE {
                let before = &mut self.made[made.from as usize];
                contradiction |= before.to != NONE;
                before.to = value;
                if !before.seen {
                    before.seen = true;
                    open.push(made.from);
                }
            }
        }
        if contradiction {
            Err(Trouble::Contradiction)
        } else {
            Ok(())
        }
    }

    fn assemble(&mut self, starts_empty: bool) -> Result<(), Trouble> {
        let readers = self.readers_by_value();
        let mut assembled = 0;
        for value in 0..self.made.len() {
            let made = self.made[value];
            if made.seen && made.from == NONE {
                self.begin(value == INITIAL as usize);
                assembled += self.chain(value, &readers)?;
            }
        }
        if assembled < self.made.iter().filter(|made| made.seen).count() {
            // Values that were swapped in a circle, with no beginning.
            return Err(Trouble::Contradiction);
        }
        if !starts_empty && !self.made[INITIAL as usize].seen {
            self.begin(true);
        }
        for number in 0..self.ops.len() {
            let makes = self.makes[number];
            let completed = self.ops[number].returned.is_some();
            if makes != NONE && completed && !self.made[makes as usize].seen {
                self.begin(false);
                self.join(narrow(number));
            }
        }
        Ok(())
    }

    /// Begins a block.
    fn begin(&mut self, from_start: bool) {
        let at = narrow(self.members.len());
        self.blocks.push(Block {
            start: at,
            end: at,
            from_start,
            first_return: NEVER,
            last_call: 0,
        });
    }

    /// Adds an operation to the last block. Returns the place of its return.
    fn join(&mut self, op: u32) -> u32 {
        let returned = self.timeline.returns[op as usize];
        self.members.push(op);
        if let Some(block) = self.blocks.last_mut() {
            block.end += 1;
            block.first_return = block.first_return.min(returned);
            block.last_call = block.last_call.max(self.timeline.calls[op as usize]);
        }
        returned
    }

    /// The operations that see each value and make none, one value after the other, in the order of
    /// their calls.
    fn readers_by_value(&mut self) -> Vec<u32> {
        let mut counts = vec![0_u32; self.made.len() + 1];
        for &value in self.sees.iter().filter(|value| **value != NONE) {
            counts[value as usize + 1] += 1;
        }
        for value in 1..counts.len() {
            counts[value] += counts[value - 1];
        }
        for (made, &start) in self.made.iter_mut().zip(&counts) {
            made.start = start;
        }
        let mut readers = vec![0; counts[self.made.len()] as usize];
        for (number, &value) in self
            .sees
            .iter()
            .enumerate()
            .filter(|(_, value)| **value != NONE)
        {
            let at = &mut counts[value as usize];
            readers[*at as usize] = narrow(number);
            *at += 1;
        }
        readers
    }

    /// Adds a value to the last block, and all that follow it. Returns how many.
    fn chain(&mut self, from: usize, readers: &[u32]) -> Result<usize, Trouble> {
        let mut value = narrow(from);
        let mut values = 0;
        while value != NONE {
            let made = self.made[value as usize];
            let next = self.made.get(value as usize + 1);
            let end = next.map_or(readers.len(), |next| next.start as usize);
            let before = self.blocks.last().map_or(0, |block| block.last_call);
            let (mut call, mut first_return) = (0, NEVER);
            if made.by != NONE {
                call = self.timeline.calls[made.by as usize];
                first_return = self.join(made.by);
            }
            for &reader in &readers[made.start as usize..end] {
                first_return = first_return.min(self.join(reader));
            }
            // Whoever saw it did not return before it can have been there.
            if first_return < before.max(call) {
                return Err(Trouble::Contradiction);
            }
            (value, values) = (made.to, values + 1);
        }
        Ok(values)
    }
}
