//! The registers of a history in columns, told to their [zones](crate::zones) all at once: row `n`
//! is operation `n`.

use testimony_history::compact::{Action, CompactHistory, Fate, ValueId};

use super::keys::Keys;
use crate::partition::narrow;
use crate::zones::{INITIAL, NONE, Row, Times, Zones};

/// Zones that were told the operations. `initial` is what registers start with; `None` is a value
/// that the history lacks. O(n).
pub(super) fn zones(history: &CompactHistory, keys: &Keys, initial: Option<ValueId>) -> Zones {
    let mut zones = Zones::new(keys.len(), history.values().len(), history.len());
    for later in history.links().iter().map(|link| link.0 as usize) {
        if history.fates()[later] != Fate::Failed {
            zones.excuse(keys.at(history, later));
        }
    }
    let id = |value: ValueId| match value {
        ValueId::ABSENT => NONE,
        value if Some(value) == initial => INITIAL,
        value => narrow(value.at()),
    };
    for number in 0..narrow(history.len()) {
        let op = number as usize;
        if history.fates()[op] == Fate::Failed {
            continue;
        }
        let register = keys.at(history, op);
        let Some((saw, made)) = role(history, op) else {
            zones.excuse(register);
            continue;
        };
        let row = Row {
            called: Columns(history).called(number),
            returned: Columns(history).returned(number),
            register,
            saw: id(saw),
            made: id(made),
        };
        if row.saw & row.made != NONE {
            zones.tell(number, row);
        }
    }
    zones
}

/// The times of the operations.
pub(super) struct Columns<'a>(pub(super) &'a CompactHistory);

impl Times for Columns<'_> {
    fn called(&self, row: u32) -> u32 {
        self.0.called()[row as usize] + 1
    }

    fn returned(&self, row: u32) -> u32 {
        self.0.returned()[row as usize].saturating_add(1)
    }
}

/// What an operation saw and made; `None` if that does not say it all.
fn role(history: &CompactHistory, op: usize) -> Option<(ValueId, ValueId)> {
    let (argument, answer) = (history.arguments()[op], history.answers()[op]);
    match (history.actions()[op], history.fates()[op]) {
        (Action::Read | Action::Contains, Fate::Unknown) => {
            Some((ValueId::ABSENT, ValueId::ABSENT))
        }
        (Action::Read, Fate::Completed) => Some((answer, ValueId::ABSENT)),
        (Action::Write, Fate::Completed | Fate::Unknown) => Some((ValueId::ABSENT, argument)),
        (Action::Cas, Fate::Swapped | Fate::Unknown) => {
            Some((argument, history.replacements()[op]))
        }
        (Action::Cas, Fate::NotSwapped) if answer != ValueId::ABSENT && answer != argument => {
            Some((answer, ValueId::ABSENT))
        }
        _ => None,
    }
}
