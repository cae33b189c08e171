//! What a node keeps over a crash: the updates, in order.

use testimony_consensus::replica::Disk;

/// The updates from the first one on. The lab saves one record after the other; if the node dies
/// meanwhile, the first few of them are there.
///
/// It grows without end. A real system replaces its beginning by a state; see
/// [`StateMachine::snapshot`](testimony_consensus::machine::StateMachine::snapshot).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log<C> {
    commands: Vec<C>,
}

impl<C> Default for Log<C> {
    fn default() -> Self {
        Log {
            commands: Vec::new(),
        }
    }
}

impl<C: Clone> Disk for Log<C> {
    type Record = C;

    fn save(&mut self, command: &C) {
        self.commands.push(command.clone());
    }
}

impl<C: Clone> Log<C> {
    /// All updates.
    pub fn commands(&self) -> &[C] {
        &self.commands
    }

    /// How many updates there are.
    pub fn len(&self) -> u64 {
        self.commands.len() as u64
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// The updates after the first `start`, at most `most` of them.
    pub fn after(&self, start: u64, most: usize) -> &[C] {
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let rest = self.commands.get(start..).unwrap_or(&[]);
        &rest[..rest.len().min(most)]
    }
}
