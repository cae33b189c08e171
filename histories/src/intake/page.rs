//! A batch while it is paired: its values get the numbers that they have in the history.

use super::row::{Batch, Datum, Row};
use crate::HistoryError;
use crate::compact::{ValueId, Values};
use crate::jsonl::{EventLine, event};
use crate::place::Place;
use crate::strings::Strings;
use crate::vocabulary::{Complaint, Shape};

/// A batch and the numbers of the values that it holds, as far as they are known.
pub(super) struct Page<'a> {
    pub(super) batch: &'a Batch,
    pub(super) ids: Vec<ValueId>,
}

impl Page<'_> {
    /// The number of a value, a new one if it has none yet.
    pub(super) fn id(&mut self, datum: Datum, values: &mut Values) -> ValueId {
        match datum {
            Datum::Absent => ValueId::ABSENT,
            Datum::Null => ValueId::NULL,
            Datum::Int(integer) => values.intern_integer(integer),
            Datum::Held(place) => {
                let place = place as usize;
                if self.ids[place] == ValueId::ABSENT {
                    self.ids[place] = values.intern(&self.batch.held[place]);
                }
                self.ids[place]
            }
            Datum::Truth(_) | Datum::Pair(_) => values.intern(&self.batch.value(datum)),
        }
    }

    /// The number of a value, if it has one.
    pub(super) fn find(&self, datum: Datum, values: &Values) -> Option<ValueId> {
        match datum {
            Datum::Int(integer) => values.find_integer(integer),
            Datum::Held(place) if self.ids[place as usize] != ValueId::ABSENT => {
                Some(self.ids[place as usize])
            }
            other => values.find(&self.batch.value(other)),
        }
    }

    /// The parts of a list of two, if it was read as one.
    pub(super) fn pair(&self, datum: Datum) -> Option<[Datum; 2]> {
        match datum {
            Datum::Pair(place) => Some(self.batch.pairs[place as usize]),
            _ => None,
        }
    }

    /// Whether a value has this shape.
    pub(super) fn admits(&self, shape: Shape, datum: Datum) -> bool {
        match (shape, datum) {
            (Shape::Any, _) | (Shape::Int, Datum::Int(_)) => true,
            _ => shape.admits(&self.batch.value(datum)),
        }
    }

    /// The whole event of a row, read again.
    pub(super) fn event(&self, row: &Row) -> EventLine {
        let known = event(self.batch.line(row), &mut Strings::default());
        known.expect("a line that made a row is an event")
    }

    /// What is wrong with a row, and where.
    pub(super) fn complaint(
        &self,
        row: &Row,
        line: u32,
        (part, problem): Complaint,
    ) -> HistoryError {
        let columns = self.event(row).columns;
        let column = match part(&columns) {
            0 => columns.event,
            column => column,
        };
        HistoryError {
            place: Place { line, column },
            problem,
        }
    }
}
