//! Snapshots in place of positions that are chosen.

use super::{MultiPaxos, MultiRecord, Position, State};
use crate::machine::StateMachine;
use crate::replica::Note;

/// The state after a position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The last position that is in it.
    pub position: Position,
    /// Machine, sessions and members.
    pub data: Vec<u8>,
}

impl<M: StateMachine> MultiPaxos<M> {
    fn snapshot_position(&self) -> Position {
        self.snapshot.as_ref().map_or(0, |it| it.position)
    }

    pub(super) fn snapshot_if_due(&mut self) {
        let since = self.commit - self.snapshot_position();
        if self.settings.snapshot_every > 0 && since >= self.settings.snapshot_every {
            self.take_snapshot();
        }
    }

    /// Saves the state, unless it is saved already. The newer half of what it contains stays in
    /// memory for acceptors that are a little behind.
    pub(super) fn take_snapshot(&mut self) {
        let position = self.commit;
        if position <= self.snapshot_position() {
            return;
        }
        let data = self.state.encode();
        let kept = self.settings.snapshot_every / 2;
        self.base = self.base.max(position.saturating_sub(kept));
        self.slots = self.slots.split_off(&(self.base + 1));
        self.keep(Snapshot { position, data });
        let says = format!("takes a snapshot up to position {position}");
        self.tell(Note::Says(says));
    }

    /// Takes over the state of another node, if that is ahead.
    pub(super) fn install(&mut self, snapshot: &Snapshot) {
        let position = snapshot.position;
        if position <= self.commit {
            return;
        }
        let Ok(state) = State::decode(&snapshot.data) else {
            return;
        };
        self.state = state;
        self.commit = position;
        self.base = position;
        self.slots = self.slots.split_off(&(position + 1));
        self.keep(snapshot.clone());
        let says = format!("takes over a snapshot up to position {position}");
        self.tell(Note::Says(says));
    }

    fn keep(&mut self, snapshot: Snapshot) {
        self.save(MultiRecord::Snapshot(snapshot.clone()));
        self.snapshot = Some(snapshot);
    }
}
