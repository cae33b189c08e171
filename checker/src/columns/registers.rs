//! Registers in columns, judged by their [zones](crate::zones).

use testimony_history::compact::{Action, CompactHistory, Fate, ValueId};

use super::clash::Clash;
use super::parts::Part;
use crate::zones::{NONE, Rows, Zoned, Zones};

/// Judges registers one after the other, with the same memory.
pub(super) struct Registers<'a> {
    history: &'a CompactHistory,
    initial: Option<ValueId>,
    /// The number of each value in the register at hand.
    local: Vec<u32>,
    /// The values at hand, by those numbers.
    met: Vec<ValueId>,
    rows: Rows,
    /// The operation of each row.
    numbers: Vec<u32>,
    zones: Zones,
}

/// What was found; orders are of operations.
pub(super) enum Judged {
    Order(Vec<u32>),
    Clash(Clash),
    NotCovered,
}

impl<'a> Registers<'a> {
    /// A judge for registers that start with a value; `None` is a value that the history lacks.
    pub(super) fn new(history: &'a CompactHistory, initial: Option<ValueId>) -> Self {
        Registers {
            history,
            initial,
            local: vec![NONE; history.values().len()],
            met: Vec::new(),
            rows: Rows::default(),
            numbers: Vec::new(),
            zones: Zones::default(),
        }
    }

    /// Judges one. O(n).
    pub(super) fn judge(&mut self, part: Part<'_>) -> Judged {
        let covered = self.gather(part.ops);
        for value in self.met.drain(..) {
            self.local[value.at()] = NONE;
        }
        if !covered {
            return Judged::NotCovered;
        }
        let op = |row: u32| self.numbers[row as usize];
        match self.zones.judge(&self.rows) {
            Zoned::NotCovered => Judged::NotCovered,
            Zoned::Order(mut order) => {
                order.iter_mut().for_each(|row| *row = op(*row));
                Judged::Order(order)
            }
            Zoned::Conflict(conflict) => Judged::Clash(Clash {
                ops: conflict.rows.into_iter().map(op).collect(),
                weakened: conflict.weakened.into_iter().map(op).collect(),
            }),
        }
    }

    /// Makes a row of each operation that says something. Whether all can be said so.
    fn gather(&mut self, ops: &[u32]) -> bool {
        if self.is_linked(ops) {
            return false;
        }
        self.rows.clear();
        self.numbers.clear();
        let mut next = 1;
        if let Some(initial) = self.initial {
            self.local[initial.at()] = 0;
            self.met.push(initial);
        }
        let history = self.history;
        let (arguments, answers) = (history.arguments(), history.answers());
        for &number in ops {
            let op = number as usize;
            let (saw, made) = match (history.actions()[op], history.fates()[op]) {
                (Action::Read | Action::Contains, Fate::Unknown) => continue,
                (Action::Read, Fate::Completed) => (answers[op], ValueId::ABSENT),
                (Action::Write, Fate::Completed | Fate::Unknown) => {
                    (ValueId::ABSENT, arguments[op])
                }
                (Action::Cas, Fate::Swapped | Fate::Unknown) => {
                    (arguments[op], history.replacements()[op])
                }
                (Action::Cas, Fate::NotSwapped) if tells(answers[op], arguments[op]) => {
                    (answers[op], ValueId::ABSENT)
                }
                _ => return false,
            };
            let mut id = |value: ValueId| {
                if value == ValueId::ABSENT {
                    return NONE;
                }
                let local = &mut self.local[value.at()];
                if *local == NONE {
                    *local = next;
                    next += 1;
                    self.met.push(value);
                }
                *local
            };
            let (saw, made) = (id(saw), id(made));
            self.rows
                .push(history.called()[op], history.returned()[op], saw, made);
            self.numbers.push(number);
        }
        self.rows.set_values(next as usize);
        true
    }
}

impl Registers<'_> {
    /// Whether some operation comes after another although positions do not say so.
    fn is_linked(&self, ops: &[u32]) -> bool {
        let links = self.history.links();
        let linked = |op: &u32| links.binary_search_by_key(op, |link| link.0).is_ok();
        !links.is_empty() && ops.iter().any(linked)
    }
}

/// Whether a comparison that did not match says what was there, and something else was.
fn tells(actual: ValueId, old: ValueId) -> bool {
    actual != ValueId::ABSENT && actual != old
}
