//! The verifier of orders in columns: replays one and believes nothing. It shares no code with what
//! finds orders; see [`crate::witness`], which does the same with operations.

use testimony_history::compact::{Action, CompactHistory, Fate, ValueId};

use super::parts::Part;

/// Replays orders of registers one after the other, with the same memory.
pub(super) struct Replay<'a> {
    history: &'a CompactHistory,
    /// A bit for each operation that has had its turn.
    placed: Vec<u64>,
}

impl<'a> Replay<'a> {
    pub(super) fn new(history: &'a CompactHistory) -> Self {
        Replay {
            history,
            placed: vec![0; history.len().div_ceil(64)],
        }
    }

    /// Whether an order of operations explains a register that starts with a value (`None`: with
    /// one that the history lacks): every completed one once, unknown ones at most once, no others,
    /// as real time allows. An error says what does not hold. O(n).
    pub(super) fn register(
        &mut self,
        part: Part<'_>,
        initial: Option<ValueId>,
        order: &[u32],
    ) -> Result<(), String> {
        let replayed = self.replay(part.key, initial, order);
        let missing = part
            .ops
            .iter()
            .find(|&&op| self.history.fates()[op as usize] != Fate::Unknown && !self.is_placed(op));
        let missing = missing.map(|&op| self.complain(op, "completed, but the order lacks it"));
        for &op in order {
            self.placed[op as usize / 64] = 0;
        }
        replayed?;
        missing.map_or(Ok(()), Err)
    }

    fn replay(
        &mut self,
        key: ValueId,
        initial: Option<ValueId>,
        order: &[u32],
    ) -> Result<(), String> {
        let history = self.history;
        let (mut state, mut latest_call) = (initial, 0);
        for &number in order {
            let op = number as usize;
            if history.keys()[op] != key {
                return Err(self.complain(number, "is of another key"));
            }
            if self.is_placed(number) {
                return Err(self.complain(number, "stands in the order twice"));
            }
            self.placed[op / 64] |= 1 << (op % 64);
            if history.returned()[op] < latest_call {
                return Err(self.complain(number, "comes after one called when it had returned"));
            }
            latest_call = latest_call.max(history.called()[op]);
            match self.step(state, op) {
                Some(next) => state = Some(next),
                None => return Err(self.complain(number, "cannot happen at its place")),
            }
        }
        Ok(())
    }

    /// The value after an operation, or `None` if it cannot happen.
    fn step(&self, state: Option<ValueId>, op: usize) -> Option<ValueId> {
        let (argument, answer) = (self.history.arguments()[op], self.history.answers()[op]);
        match (self.history.actions()[op], self.history.fates()[op]) {
            (Action::Read, Fate::Completed) => state.filter(|&state| state == answer),
            (Action::Write, Fate::Completed | Fate::Unknown) => Some(argument),
            (Action::Cas, Fate::Swapped | Fate::Unknown) => {
                (state == Some(argument)).then(|| self.history.replacements()[op])
            }
            (Action::Cas, Fate::NotSwapped) => {
                state.filter(|&state| state == answer && state != argument)
            }
            _ => None,
        }
    }

    fn is_placed(&self, op: u32) -> bool {
        self.placed[op as usize / 64] >> (op % 64) & 1 == 1
    }

    fn complain(&self, op: u32, problem: &str) -> String {
        format!("operation {} {problem}", self.history.index(op as usize))
    }
}
