//! Raft's five properties (Raft paper figure 3), looked for after every step of every node.
//!
//! Election Safety, Leader Append-Only and Log Matching are checked where a leader or an entry
//! comes up; Leader Completeness when a node leads and whenever more is known to be committed;
//! State Machine Safety of all that is committed. That equal logs lead to equal states is checked
//! by whoever has the states of all nodes.

use std::collections::BTreeMap;

use super::replica::Record;
use super::{Entry, Index, Payload, Raft, Term};
use crate::NodeId;
use crate::machine::StateMachine;
use crate::replica::{self, Audit, Breach};

/// What was seen so far of a whole cluster.
#[derive(Clone, Debug)]
pub struct RaftAudit<M: StateMachine> {
    leaders: BTreeMap<Term, NodeId>,
    entries: BTreeMap<(Index, Term), Saved<M::Command>>,
    /// Everything that was ever committed; entry 1 first.
    ledger: Vec<Committed<M::Command>>,
    seen: BTreeMap<NodeId, Seen>,
}

/// What an entry says, and the term of the one before it.
#[derive(Clone, Debug, PartialEq)]
struct Saved<C> {
    payload: Payload<C>,
    previous: Term,
}

#[derive(Clone, Debug)]
struct Committed<C> {
    entry: Entry<C>,
    /// The term in which somebody knew that it is committed.
    known_in: Term,
}

/// What was seen of one node since it started.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    commit: Index,
    last: Index,
    leads: Option<Term>,
    /// So much of the ledger is in its log, as long as it leads.
    complete: usize,
}

impl<M: StateMachine> Default for RaftAudit<M> {
    fn default() -> Self {
        RaftAudit {
            leaders: BTreeMap::new(),
            entries: BTreeMap::new(),
            ledger: Vec::new(),
            seen: BTreeMap::new(),
        }
    }
}

impl<M: StateMachine> Audit<Raft<M>> for RaftAudit<M> {
    fn started(&mut self, id: NodeId, node: &Raft<M>) -> Result<(), Breach> {
        let seen = Seen {
            commit: node.commit,
            last: node.log.last().index,
            ..Seen::default()
        };
        self.seen.insert(id, seen);
        Ok(())
    }

    fn stepped(
        &mut self,
        id: NodeId,
        node: &Raft<M>,
        outputs: &[replica::Output<Raft<M>>],
    ) -> Result<(), Breach> {
        let mut seen = self.seen.get(&id).copied().unwrap_or_default();
        for output in outputs {
            if let replica::Output::Save(Record::Entries(entries)) = output {
                self.appended(id, node, seen, entries)?;
            }
        }
        if node.commit != seen.commit {
            self.committed(id, node, seen.commit)?;
        }
        let leads = node.is_leader().then_some(node.term);
        if leads != seen.leads {
            seen.complete = 0;
        }
        if let Some(term) = leads {
            self.elected(id, term)?;
            self.complete(id, node, seen.complete)?;
        }
        let after = Seen {
            commit: node.commit,
            last: node.log.last().index,
            leads,
            complete: self.ledger.len(),
        };
        self.seen.insert(id, after);
        Ok(())
    }
}

impl<M: StateMachine> RaftAudit<M> {
    /// How many entries are committed.
    pub fn committed_entries(&self) -> usize {
        self.ledger.len()
    }

    /// Log Matching, and Leader Append-Only.
    fn appended(
        &mut self,
        id: NodeId,
        node: &Raft<M>,
        was: Seen,
        entries: &[Entry<M::Command>],
    ) -> Result<(), Breach> {
        let Some(first) = entries.first() else {
            return Ok(());
        };
        if was.leads == Some(first.term) && first.index <= was.last {
            let what = format!(
                "{id} leads term {} and overwrites entry {}",
                first.term, first.index
            );
            return Err(breach("Leader Append-Only", what));
        }
        let mut previous = self.term_before(node, first.index);
        for entry in entries {
            let place = (entry.index, entry.term);
            let known = self.entries.get(&place);
            if known
                .is_some_and(|known| known.payload != entry.payload || known.previous != previous)
            {
                let what = format!(
                    "two logs differ up to entry {} of term {}",
                    place.0, place.1
                );
                return Err(breach("Log Matching", what));
            }
            if known.is_none() {
                let payload = entry.payload.clone();
                self.entries.insert(place, Saved { payload, previous });
            }
            previous = entry.term;
        }
        Ok(())
    }

    /// The term of the entry before; 0 before the first. A snapshot may have taken its place.
    fn term_before(&self, node: &Raft<M>, index: Index) -> Term {
        node.log.term_at(index - 1).unwrap_or_else(|| {
            let committed = usize::try_from(index.saturating_sub(2)).ok();
            let found = committed.and_then(|place| self.ledger.get(place));
            found.map_or(0, |found| found.entry.term)
        })
    }

    fn elected(&mut self, id: NodeId, term: Term) -> Result<(), Breach> {
        let leader = *self.leaders.entry(term).or_insert(id);
        if leader == id {
            return Ok(());
        }
        let what = format!("{leader} and {id} lead term {term}");
        Err(breach("Election Safety", what))
    }

    /// State Machine Safety, of what is committed. The node may have compacted it already.
    fn committed(&mut self, id: NodeId, node: &Raft<M>, from: Index) -> Result<(), Breach> {
        let safety = |what| Err(breach("State Machine Safety", what));
        if node.commit < from {
            return safety(format!(
                "{id} takes back entries {} to {from}",
                node.commit + 1
            ));
        }
        let Some(mut term) = node.log.term_at(node.commit) else {
            return safety(format!(
                "{id} commits entry {}, which it lacks",
                node.commit
            ));
        };
        let mut news = Vec::new();
        for index in (from + 1..=node.commit).rev() {
            let Some(Saved { payload, previous }) = self.entries.get(&(index, term)) else {
                return safety(format!("{id} commits entry {index}, which nobody saved"));
            };
            let place = usize::try_from(index - 1).unwrap_or(usize::MAX);
            match self.ledger.get(place).map(|known| &known.entry) {
                Some(known) if (known.term, &known.payload) != (term, payload) => {
                    return safety(format!(
                        "{id} commits an entry {index} of term {term}; it was committed as one of \
                         term {}",
                        known.term
                    ));
                }
                Some(_) => {}
                None => news.push(Committed {
                    entry: Entry {
                        index,
                        term,
                        payload: payload.clone(),
                    },
                    known_in: node.term,
                }),
            }
            term = *previous;
        }
        self.ledger.extend(news.into_iter().rev());
        Ok(())
    }

    /// Leader Completeness: what was committed in earlier terms is in a leader's log.
    fn complete(&self, id: NodeId, node: &Raft<M>, from: usize) -> Result<(), Breach> {
        let base = node.log.base().index;
        for committed in &self.ledger[from.min(self.ledger.len())..] {
            let Entry { index, term, .. } = committed.entry;
            if index <= base || committed.known_in >= node.term {
                continue;
            }
            if node.log.term_at(index) != Some(term) {
                let what = format!(
                    "{id} leads term {} without entry {index} of term {term}, which was committed",
                    node.term
                );
                return Err(breach("Leader Completeness", what));
            }
        }
        Ok(())
    }
}

fn breach(invariant: &'static str, what: String) -> Breach {
    Breach { invariant, what }
}
