//! Raft's five properties (Raft paper figure 3), asserted across the cluster after every step.

use std::collections::{BTreeMap, BTreeSet, btree_map};

use testimony_consensus::NodeId;
use testimony_consensus::raft::{
    Body, Entry, Envelope, Event, Index, Payload, Raft, Role, Status, Term,
};

use crate::disk::Disk;
use crate::journal::{Journal, Push};

/// What was seen so far of the whole cluster.
#[derive(Default)]
pub(crate) struct Properties {
    /// Nothing is asserted of clusters that are broken on purpose.
    is_off: bool,
    leaders: BTreeMap<Term, NodeId>,
    /// What every entry says, and the term of the one before it.
    entries: BTreeMap<(Index, Term), (Payload<Push>, Term)>,
    /// Everything that was ever committed; entry 1 first.
    ledger: Vec<Committed>,
    /// What the machine was after each entry.
    lists: BTreeMap<Index, Vec<u64>>,
    seen: BTreeMap<NodeId, Seen>,
}

struct Committed {
    entry: Entry<Push>,
    /// The term in which somebody knew that it is committed.
    known_in: Term,
}

/// What was seen of one node.
#[derive(Clone, Copy, Default)]
struct Seen {
    commit: Index,
    applied: Index,
    leads: Option<Term>,
}

impl Properties {
    /// Asserts nothing.
    pub(crate) fn off() -> Self {
        Properties {
            is_off: true,
            ..Properties::default()
        }
    }

    /// How many entries are committed.
    pub(crate) fn committed(&self) -> Index {
        self.ledger.len() as u64
    }

    /// How long the list was after an entry.
    pub(crate) fn length_at(&self, index: Index) -> usize {
        self.lists
            .range(..=index)
            .next_back()
            .map_or(0, |(_, list)| list.len())
    }

    /// No node ever overwrites what it knows to be committed.
    pub(crate) fn told(&self, id: NodeId, event: &Event) {
        let is_lost = matches!(event, Event::CommittedLost { .. });
        assert!(self.is_off || !is_lost, "{id}: {event:?}");
    }

    /// Nothing is said that a crash could make untrue.
    pub(crate) fn said(&self, disk: &Disk, envelope: &Envelope<Push>) {
        if self.is_off {
            return;
        }
        let Envelope { to, message, .. } = envelope;
        let durable = &disk.durable;
        let (is_ahead, is_kept) = match &message.body {
            Body::RequestVote { pre, .. } => (*pre, true),
            Body::Vote { pre: true, granted } => (*granted, true),
            Body::Vote { granted, .. } => (false, !granted || durable.vote == Some(*to)),
            Body::Accepted { matched, .. } => (false, *matched <= disk.last_index()),
            _ => (false, true),
        };
        assert!(
            is_ahead || message.term <= durable.term,
            "the term is not saved: {envelope:?}"
        );
        assert!(is_kept, "it is not saved: {envelope:?}");
    }

    pub(crate) fn restarted(&mut self, id: NodeId) {
        self.seen.remove(&id);
    }

    /// Log Matching and Leader Append-Only: a node is about to save these entries.
    pub(crate) fn appended(&mut self, was: &Status, disk: &Disk, entries: &[Entry<Push>]) {
        if self.is_off {
            return;
        }
        let first = &entries[0];
        if was.role == Role::Leader && first.term == was.term {
            assert_eq!(
                first.index,
                disk.last_index() + 1,
                "{} overwrites as a leader",
                was.id
            );
        }
        let mut previous = disk.term_at(first.index - 1).expect("no gap");
        for entry in entries {
            let says = (entry.payload.clone(), previous);
            let known = self.entries.entry((entry.index, entry.term));
            let known = known.or_insert_with(|| says.clone());
            assert_eq!(
                *known, says,
                "two logs differ at entry {} of one term",
                entry.index
            );
            previous = entry.term;
        }
    }

    /// The others: a node has done a step; these are all that run.
    pub(crate) fn observe<'a>(
        &mut self,
        raft: &Raft<Journal>,
        running: impl Iterator<Item = &'a Raft<Journal>>,
    ) {
        if self.is_off {
            return;
        }
        let status = raft.status();
        let mut seen = self.seen.get(&status.id).copied().unwrap_or_default();
        let before = self.ledger.len();
        self.commit(raft, &status, seen.commit);
        if status.applied != seen.applied {
            self.apply(raft, &status);
        }
        let leads = (status.role == Role::Leader).then_some(status.term);
        if leads.is_some() && leads != seen.leads {
            self.elected(status.id, status.term);
            self.is_complete(raft, &status, 0);
        }
        if self.ledger.len() > before {
            let leaders = running.map(|raft| (raft, raft.status()));
            leaders
                .filter(|(_, status)| status.role == Role::Leader)
                .for_each(|(raft, status)| self.is_complete(raft, &status, before));
        }
        assert!(
            status.commit >= seen.commit && status.applied >= seen.applied,
            "{status:?}"
        );
        seen = Seen {
            commit: status.commit,
            applied: status.applied,
            leads,
        };
        self.seen.insert(status.id, seen);
    }

    /// Election Safety.
    fn elected(&mut self, id: NodeId, term: Term) {
        let leader = *self.leaders.entry(term).or_insert(id);
        assert_eq!(leader, id, "two leaders of term {term}");
    }

    /// State Machine Safety, of what is committed. The node may have compacted it already.
    fn commit(&mut self, raft: &Raft<Journal>, status: &Status, from: Index) {
        let mut term = raft
            .term_at(status.commit)
            .expect("the last committed entry has a term");
        let mut news = Vec::new();
        for index in (from + 1..=status.commit).rev() {
            let (payload, previous) = self.entries[&(index, term)].clone();
            let entry = Entry {
                index,
                term,
                payload,
            };
            match self.ledger.get(usize::try_from(index - 1).unwrap()) {
                Some(known) => assert_eq!(known.entry, entry, "{} commits otherwise", status.id),
                None => news.push(Committed {
                    entry,
                    known_in: status.term,
                }),
            }
            term = previous;
        }
        self.ledger.extend(news.into_iter().rev());
        assert!(
            status.commit <= self.committed(),
            "{} knows more than was committed",
            status.id
        );
    }

    /// State Machine Safety, of what is applied; and each command is applied once.
    fn apply(&mut self, raft: &Raft<Journal>, status: &Status) {
        let list = &raft.machine().list;
        match self.lists.entry(status.applied) {
            btree_map::Entry::Occupied(known) => {
                assert_eq!(known.get(), list, "{} is in another state", status.id);
            }
            btree_map::Entry::Vacant(unknown) => {
                let once: BTreeSet<u64> = list.iter().copied().collect();
                assert_eq!(once.len(), list.len(), "applied twice: {list:?}");
                unknown.insert(list.clone());
            }
        }
    }

    /// Leader Completeness: what was committed in earlier terms is in a leader's log.
    fn is_complete(&self, raft: &Raft<Journal>, status: &Status, from: usize) {
        for committed in &self.ledger[from..] {
            let Entry { index, term, .. } = committed.entry;
            if index < status.first_index || committed.known_in >= status.term {
                continue;
            }
            let found = raft.entry(index).map(|entry| entry.term);
            assert_eq!(
                found,
                Some(term),
                "{} leads without entry {index}",
                status.id
            );
        }
    }
}
