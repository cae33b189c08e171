//! Processes that go on after an unknown outcome are counted as new ones.
//!
//! A process calls one operation at a time. After an unknown outcome its operation stays open to
//! the end, so whatever goes on under its number must be another process. Fresh numbers lie above
//! all that the history uses, which is known only at its end.

use rustc_hash::{FxHashMap, FxHashSet};

/// What is known of each process while a history is put together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Processes {
    known: FxHashMap<u64, State>,
    /// Operations called by a process that has been renamed: operation, process, life.
    later_lives: Vec<(usize, u64, u32)>,
}

/// One process, in its present life.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct State {
    /// How many unknown outcomes it has behind it.
    life: u32,
    /// Its open operation.
    pub(crate) open: Option<usize>,
    /// Its last operation that happened.
    pub(crate) completed: Option<usize>,
}

impl Processes {
    /// The state of a process before its next event.
    pub(crate) fn state(&self, process: u64) -> State {
        self.known.get(&process).copied().unwrap_or_default()
    }

    /// A process calls an operation. Answers whether it is in a later life.
    pub(crate) fn call(&mut self, process: u64, operation: usize) -> bool {
        let state = self.known.entry(process).or_default();
        state.open = Some(operation);
        let later = state.life > 0;
        if later {
            self.later_lives.push((operation, process, state.life));
        }
        later
    }

    /// The open operation of a process ends; `happened` if it is known to have taken effect.
    pub(crate) fn end(&mut self, process: u64, happened: bool) -> Option<usize> {
        let state = self.known.get_mut(&process)?;
        let operation = state.open.take()?;
        if happened {
            state.completed = Some(operation);
        }
        Some(operation)
    }

    /// The open operation of a process ends, and nobody knows how.
    pub(crate) fn lose(&mut self, process: u64) -> Option<usize> {
        let state = self.known.get_mut(&process)?;
        let operation = state.open.take()?;
        *state = State {
            life: state.life.saturating_add(1),
            open: None,
            completed: None,
        };
        Some(operation)
    }

    /// Hands out the fresh numbers: calls `rename(operation, number)` for each operation of a later
    /// life.
    pub(crate) fn rename_later_lives(self, mut rename: impl FnMut(usize, u64)) {
        if self.later_lives.is_empty() {
            return;
        }
        let mut used: FxHashSet<u64> = self.known.keys().copied().collect();
        let mut next = used
            .iter()
            .max()
            .map_or(0, |highest| highest.wrapping_add(1));
        let mut fresh: FxHashMap<(u64, u32), u64> = FxHashMap::default();
        for (operation, process, life) in self.later_lives {
            let number = *fresh.entry((process, life)).or_insert_with(|| {
                while !used.insert(next) {
                    next = next.wrapping_add(1);
                }
                next
            });
            rename(operation, number);
        }
    }
}
