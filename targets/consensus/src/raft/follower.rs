//! How a node takes what a leader orders.

use super::{Body, Entry, Event, Index, Members, Output, Position, Raft, Snapshot, State, Term};
use crate::NodeId;
use crate::bug::Bug;
use crate::machine::StateMachine;

/// Entries from a leader.
pub(super) struct Append<C> {
    pub(super) previous: Position,
    pub(super) entries: Vec<Entry<C>>,
    pub(super) commit: Index,
    pub(super) round: u64,
}

/// The answer to entries that do not fit.
#[derive(Clone, Copy)]
pub(super) struct Rejection {
    pub(super) previous: Index,
    pub(super) hint: Position,
    pub(super) round: u64,
}

impl<M: StateMachine> Raft<M> {
    pub(super) fn on_append(&mut self, from: NodeId, term: Term, append: Append<M::Command>) {
        let Append {
            previous,
            entries,
            commit,
            round,
        } = append;
        if term < self.term {
            if self.bug(Bug::StaleAppendTruncates) && !entries.is_empty() {
                let _ = self.store(previous, entries);
            }
            return self.tell_the_term(from, previous.index);
        }
        self.follow(from, term);
        let body = match self.store(previous, entries) {
            Ok(matched) => {
                self.commit = self.commit.max(commit.min(matched));
                Body::Accepted { matched, round }
            }
            Err(hint) => Body::Rejected {
                previous: previous.index,
                hint,
                round,
            },
        };
        self.send(from, body);
    }

    /// Answers a leader of an earlier term, so that it steps down. The answer confirms no round:
    /// the sender may lead again by now, and the round be one of its earlier term. Taken for one of
    /// the present term, whose rounds are counted from 1 again, it would confirm rounds that have
    /// not begun, and a leader that is cut off would answer reads.
    fn tell_the_term(&mut self, from: NodeId, previous: Index) {
        let (hint, round) = (Position::default(), 0);
        let rejected = Body::Rejected {
            previous,
            hint,
            round,
        };
        self.send(from, rejected);
    }

    /// Follows the leader of the present term, or of a later one.
    fn follow(&mut self, leader: NodeId, term: Term) {
        if term > self.term {
            self.adopt(term);
        }
        self.step_down(Some(leader));
        self.leader = Some(leader);
        self.heard = Some(self.now);
        self.wait_for_a_leader();
        self.conclude_handover(leader);
    }

    /// Puts entries behind `previous`, if that is here. Tells up to where the log agrees with the
    /// sender's, or where the two may agree.
    fn store(
        &mut self,
        previous: Position,
        mut entries: Vec<Entry<M::Command>>,
    ) -> Result<Index, Position> {
        let matched = entries.last().map_or(previous.index, |entry| entry.index);
        // What a snapshot contains is committed, so it agrees with what any leader has.
        let fixed = self.snapshot_index().max(self.log.base().index);
        if previous.index >= fixed && !self.log.contains(previous) {
            return Err(self.log.agreement(previous));
        }
        entries.retain(|entry| entry.index > fixed);
        let is_new = |entry: &Entry<M::Command>| self.log.term_at(entry.index) != Some(entry.term);
        let fresh = match self.bug(Bug::StaleAppendTruncates) {
            true => (!entries.is_empty()).then_some(0),
            false => entries.iter().position(is_new),
        };
        if let Some(fresh) = fresh {
            self.replace(entries.split_off(fresh));
        }
        Ok(matched)
    }

    /// Replaces the log from the first of these entries on.
    fn replace(&mut self, entries: Vec<Entry<M::Command>>) {
        let Some(first) = entries.first().map(|entry| entry.index) else {
            return;
        };
        if first <= self.commit {
            self.lose_committed(first);
        }
        self.log.truncate(first);
        self.members.truncate(first);
        self.extend(entries);
    }

    /// Adds entries at the end of the log.
    pub(super) fn extend(&mut self, entries: Vec<Entry<M::Command>>) {
        self.members.note(&entries);
        self.log.append(entries.iter().cloned());
        self.outputs.push(Output::AppendEntries { entries });
        if self.is_leader() {
            self.enlist(self.log.last().index);
        }
    }

    pub(super) fn on_install_snapshot(
        &mut self,
        from: NodeId,
        term: Term,
        snapshot: Snapshot,
        round: u64,
    ) {
        let matched = snapshot.index;
        if term < self.term {
            return self.tell_the_term(from, matched);
        }
        self.follow(from, term);
        if self.install(snapshot) {
            self.send(from, Body::Accepted { matched, round });
        }
    }

    /// Stands on a snapshot. False if it cannot be read.
    fn install(&mut self, snapshot: Snapshot) -> bool {
        let Snapshot { index, term, .. } = snapshot;
        let last = Position { term, index };
        if index <= self.commit || self.log.contains(last) {
            self.commit = self.commit.max(index);
            return true;
        }
        let Ok((state, voters)) = State::decode(&snapshot.data, index) else {
            return false;
        };
        self.state = state;
        self.commit = index;
        self.log.reset(last);
        self.members = Members::new(index, voters);
        self.snapshot = Some(snapshot.clone());
        self.outputs.push(Output::SaveSnapshot(snapshot));
        self.tell(Event::SnapshotInstalled { index });
        true
    }
}
