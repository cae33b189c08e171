//! The verifier of orders in columns: replays one and believes nothing. It shares no code with what
//! finds orders; [`crate::witness`] does the same with operations.

use testimony_history::compact::{Action, CompactHistory, Fate, ValueId};

use super::keys::Keys;

/// Whether an order of operations explains every register that is not excused, each of which starts
/// with a value (`None`: with one that the history lacks): it has every completed operation on them
/// once, unknown ones at most once, and no others; and for each register it is as real time allows
/// and as a register answers. An error says what does not hold. O(n).
pub(super) fn registers(
    history: &CompactHistory,
    keys: &Keys,
    initial: Option<ValueId>,
    excused: &[bool],
    order: &[u32],
) -> Result<(), String> {
    let start = Register {
        value: initial,
        latest_call: 0,
    };
    let mut replay = Replay {
        history,
        registers: vec![start; keys.len() as usize],
        placed: vec![0; history.len().div_ceil(64)],
    };
    for &op in order {
        replay.place(keys, op as usize)?;
    }
    replay.nothing_is_missing(keys, excused)
}

#[derive(Clone)]
struct Register {
    value: Option<ValueId>,
    /// The latest call of an operation that has had its turn.
    latest_call: u32,
}

struct Replay<'a> {
    history: &'a CompactHistory,
    registers: Vec<Register>,
    /// A bit for each operation that has had its turn.
    placed: Vec<u64>,
}

impl Replay<'_> {
    fn place(&mut self, keys: &Keys, op: usize) -> Result<(), String> {
        if self.is_placed(op) {
            return Err(self.complain(op, "stands in the order twice"));
        }
        self.placed[op / 64] |= 1 << (op % 64);
        let register = keys.at(self.history, op) as usize;
        let Register { value, latest_call } = self.registers[register];
        if self.history.returned()[op] < latest_call {
            return Err(self.complain(op, "comes after one called when it had returned"));
        }
        let Some(next) = self.step(value, op) else {
            return Err(self.complain(op, "cannot happen at its place"));
        };
        self.registers[register] = Register {
            value: Some(next),
            latest_call: latest_call.max(self.history.called()[op]),
        };
        Ok(())
    }

    /// The value after an operation, or `None` if it cannot happen.
    fn step(&self, value: Option<ValueId>, op: usize) -> Option<ValueId> {
        let (argument, answer) = (self.history.arguments()[op], self.history.answers()[op]);
        match (self.history.actions()[op], self.history.fates()[op]) {
            (Action::Read, Fate::Completed) => value.filter(|&value| value == answer),
            (Action::Write, Fate::Completed | Fate::Unknown) => Some(argument),
            (Action::Cas, Fate::Swapped | Fate::Unknown) => {
                (value == Some(argument)).then(|| self.history.replacements()[op])
            }
            (Action::Cas, Fate::NotSwapped) => {
                value.filter(|&value| value == answer && value != argument)
            }
            _ => None,
        }
    }

    fn nothing_is_missing(&self, keys: &Keys, excused: &[bool]) -> Result<(), String> {
        for (op, fate) in self.history.fates().iter().enumerate() {
            let optional = matches!(fate, Fate::Failed | Fate::Unknown);
            if !optional && !self.is_placed(op) && !excused[keys.at(self.history, op) as usize] {
                return Err(self.complain(op, "completed, but the order lacks it"));
            }
        }
        Ok(())
    }

    fn is_placed(&self, op: usize) -> bool {
        self.placed[op / 64] >> (op % 64) & 1 == 1
    }

    fn complain(&self, op: usize, problem: &str) -> String {
        format!("operation {} {problem}", self.history.index(op))
    }
}
