//! Snapshots of the own state, and compaction of the log (Raft paper section 7).

use super::{Event, Index, Output, Raft, Snapshot, State};
use crate::bug::Bug;
use crate::machine::StateMachine;

/// So many entries are missing in a snapshot with the bug that forgets the last ones.
const MISSED: Index = 3;

impl<M: StateMachine> Raft<M> {
    /// The last entry of the newest snapshot.
    pub(super) fn snapshot_index(&self) -> Index {
        self.snapshot.as_ref().map_or(0, |snapshot| snapshot.index)
    }

    pub(super) fn snapshot_if_due(&mut self) {
        let since = self.state.applied - self.snapshot_index();
        if self.config.snapshot_every > 0 && since >= self.config.snapshot_every {
            self.take_snapshot();
        }
    }

    /// Saves the state, unless it is saved already. The newer half of what it contains stays in
    /// memory for followers that are a little behind.
    pub(super) fn take_snapshot(&mut self) {
        let index = self.state.applied;
        let Some(term) = self
            .log
            .term_at(index)
            .filter(|_| index > self.snapshot_index())
        else {
            return;
        };
        let voters = self.members.at(index);
        let data = match self.bug(Bug::SnapshotMissesLast) {
            true => self.state_at(index - MISSED.min(index)).encode(voters),
            false => self.state.encode(voters),
        };
        let snapshot = Snapshot { index, term, data };
        self.snapshot = Some(snapshot.clone());
        self.members.compact(index);
        let kept = self.config.snapshot_every / 2;
        self.log
            .compact((index - kept.min(index)).max(self.log.base().index));
        self.outputs.push(Output::SaveSnapshot(snapshot));
        self.tell(Event::SnapshotTaken { index });
    }

    /// The state as of an entry, made anew from the snapshot and the log.
    pub(super) fn state_at(&self, index: Index) -> State<M> {
        let decoded = self
            .snapshot
            .as_ref()
            .and_then(|snapshot| State::decode(&snapshot.data, snapshot.index).ok());
        let mut state = decoded.map(|(state, _)| state).unwrap_or_default();
        while let Some(entry) = self.log.get(state.applied + 1) {
            if entry.index > index {
                break;
            }
            state.apply(entry, self.rules());
        }
        state
    }
}
