//! Processes that go on after an unknown outcome are counted as new ones.
//!
//! A process calls one operation at a time. After an unknown outcome its operation stays open to
//! the end, so whatever goes on under its number must be another process. Fresh numbers lie above
//! all that the history uses, which is known only at its end; until then each life of a process
//! goes by a code.

use rustc_hash::{FxHashMap, FxHashSet};

/// What is known of each process while a history is put together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Processes {
    /// The present life of each process that has called.
    present: FxHashMap<u64, u32>,
    /// Every life, by its code: in the order of first calls.
    lives: Vec<Life>,
}

/// A process between two unknown outcomes.
#[derive(Clone, Copy, Debug)]
struct Life {
    /// The process in the file.
    process: u64,
    /// Whether an unknown outcome lies behind it.
    later: bool,
    /// Whether it ended in one.
    lost: bool,
    state: State,
}

/// One process, in its present life.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct State {
    /// The code of its life, once it has called.
    pub(crate) code: u32,
    /// Its open operation.
    pub(crate) open: Option<u32>,
    /// Its last operation that happened.
    pub(crate) completed: Option<u32>,
}

/// Who called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    /// The code of the process's life: dense from 0.
    pub(crate) code: u32,
    /// Whether an unknown outcome lies behind it.
    pub(crate) later: bool,
}

impl Processes {
    /// The state of a process before its next event.
    pub(crate) fn state(&self, process: u64) -> State {
        let life = self.present.get(&process).map(|&code| self.life(code));
        life.map_or_else(State::default, |life| match life.lost {
            // It goes on as another, but still after what it completed before.
            true => State {
                open: None,
                ..life.state
            },
            false => life.state,
        })
    }

    /// A process calls an operation.
    pub(crate) fn call(&mut self, process: u64, operation: u32) -> Caller {
        let code = match self.present.get(&process) {
            Some(&code) if !self.life(code).lost => code,
            earlier => {
                let completed = earlier.and_then(|&code| self.life(code).state.completed);
                self.begin(process, earlier.is_some(), completed)
            }
        };
        let life = &mut self.lives[code as usize];
        life.state.open = Some(operation);
        Caller {
            code,
            later: life.later,
        }
    }

    /// The open operation of a process ends; `happened` if it is known to have taken effect.
    pub(crate) fn end(&mut self, process: u64, happened: bool) {
        if let Some(life) = self.present_life(process) {
            let operation = life.state.open.take();
            if happened {
                life.state.completed = operation;
            }
        }
    }

    /// The open operation of a process ends, and nobody knows how.
    pub(crate) fn lose(&mut self, process: u64) {
        if let Some(life) = self.present_life(process) {
            life.lost = true;
        }
    }

    /// The number of each life, by its code: that of the file for the first, a fresh one for each
    /// later life.
    pub(crate) fn numbers(self) -> Vec<u64> {
        let mut used: FxHashSet<u64> = self.present.keys().copied().collect();
        let highest = used.iter().max();
        let mut next = highest.map_or(0, |highest| highest.wrapping_add(1));
        let number = |life: Life| {
            if !life.later {
                return life.process;
            }
            while !used.insert(next) {
                next = next.wrapping_add(1);
            }
            next
        };
        self.lives.into_iter().map(number).collect()
    }

    fn begin(&mut self, process: u64, later: bool, completed: Option<u32>) -> u32 {
        let code = crate::place::index32(self.lives.len());
        self.present.insert(process, code);
        self.lives.push(Life {
            process,
            later,
            lost: false,
            state: State {
                code,
                open: None,
                completed,
            },
        });
        code
    }

    fn life(&self, code: u32) -> Life {
        self.lives[code as usize]
    }

    fn present_life(&mut self, process: u64) -> Option<&mut Life> {
        let code = *self.present.get(&process)?;
        self.lives.get_mut(code as usize)
    }
}
