//! From an illegal partition to a few operations that contradict each other.
//!
//! Every step is sound: whatever explains the history before the step explains it after. So the
//! result being illegal proves that the recorded history is. A write is never just dropped: the read
//! that saw it would look like a read from nowhere.
//!
//! - The cut to a prefix: later calls are dropped, later returns made unknown. The operations that an
//!   order places before the cut are an order of the prefix.
//! - A pure operation is dropped: it changes no state.
//! - A completed operation is made unknown: the same order explains it.
//! - An operation is replaced by a weaker form; see [`relaxation`](crate::relaxation).
//! - An unknown operation that no other can notice is dropped; see [`Expert`](crate::expert::Expert).

use testimony_history::{History, Operation, Outcome, Position, Value};

use crate::budget::Budget;
use crate::court::{Court, Ruled};
use crate::partition::narrow;
use crate::search::{Answer, Limits};
use crate::verdict::{ConfirmedBy, Counterexample, Exhausted, Note, Reason, Verdict};

/// The most operations that brute force confirms.
const ORACLE_MOST: usize = 12;
/// The most steps of one judgement while shrinking, and of confirming by search.
const STEPS_EACH: u64 = 1 << 20;
/// The most steps of shrinking altogether.
const STEPS_ALL: u64 = 1 << 24;

const LEFT_OPEN: &str = "whether and when it returned is left open";

/// Shrinks the partition with this key, which a court found illegal, and explains the rest.
pub(crate) fn find<I, O>(
    court: &impl Court<I, O>,
    history: &History<I, O>,
    key: &Option<Value>,
    budget: &Budget,
) -> Verdict<I, O>
where
    I: Clone + Eq,
    O: Clone + Eq,
{
    let operations = exhibits(court, history, key);
    let original_operations = operations.len();
    let mut shrinker = Shrinker {
        court,
        budget,
        spent: 0,
        exhibits: operations,
        notes: Vec::new(),
    };
    shrinker.shrink();
    let operations = History::from_operations(ranked(shrinker.exhibits));
    let confirmed_by = match confirm(court, &operations, budget) {
        Ok(confirmed_by) => confirmed_by,
        Err(problem) => return Verdict::Undecided(evidence_failed(key, problem)),
    };
    let shown: Vec<u64> = operations
        .operations()
        .iter()
        .map(|op| op.call.index)
        .collect();
    shrinker
        .notes
        .retain(|note| shown.contains(&note.operation));
    shrinker.notes.sort_by_key(|note| note.operation);
    Verdict::Illegal(Box::new(Counterexample {
        key: key.clone(),
        notes: shrinker.notes,
        confirmed_by,
        explanation: court.explain(&operations),
        operations,
        original_operations,
    }))
}

/// The operations on one key that may have happened, with `after` links among themselves.
fn exhibits<I: Clone, O: Clone>(
    court: &impl Court<I, O>,
    history: &History<I, O>,
    key: &Option<Value>,
) -> Vec<Operation<I, O>> {
    let all = history.operations();
    let keep: Vec<bool> = all
        .iter()
        .map(|op| !matches!(op.outcome, Outcome::Failed) && court.key(&op.input) == *key)
        .collect();
    let mut exhibits = select(all, &keep);
    for exhibit in &mut exhibits {
        if matches!(exhibit.outcome, Outcome::Unknown) {
            exhibit.returned = None;
        }
    }
    exhibits
}

/// The chosen operations. An `after` link to one left out is replaced by that one's own link.
fn select<I: Clone, O: Clone>(all: &[Operation<I, O>], keep: &[bool]) -> Vec<Operation<I, O>> {
    let mut numbers = vec![None; all.len()];
    let mut selected: Vec<Operation<I, O>> = Vec::new();
    for (number, operation) in all.iter().enumerate().filter(|(number, _)| keep[*number]) {
        let mut after = operation.after;
        while let Some(before) = after
            && !keep[before as usize]
        {
            let unknown = matches!(all[before as usize].outcome, Outcome::Unknown);
            after = if unknown {
                None
            } else {
                all[before as usize].after
            };
        }
        numbers[number] = Some(narrow(selected.len()));
        let after = after.and_then(|before| numbers[before as usize]);
        selected.push(Operation {
            after,
            ..operation.clone()
        });
    }
    selected
}

/// The operations with positions that leave no gaps.
fn ranked<I, O>(mut operations: Vec<Operation<I, O>>) -> Vec<Operation<I, O>> {
    let mut used: Vec<Position> = operations
        .iter()
        .flat_map(|op| [Some(op.called), op.returned])
        .flatten()
        .collect();
    used.sort_unstable();
    used.dedup();
    let rank = |position| narrow(used.partition_point(|&other| other < position));
    for operation in &mut operations {
        operation.called = rank(operation.called);
        operation.returned = operation.returned.map(rank);
    }
    operations
}

fn confirm<I, O>(
    court: &impl Court<I, O>,
    history: &History<I, O>,
    budget: &Budget,
) -> Result<ConfirmedBy, String> {
    if history.operations().len() <= ORACLE_MOST {
        return match court.oracle(history) {
            Some(false) => Ok(ConfirmedBy::Oracle),
            Some(true) => Err("brute force explains the counterexample".to_owned()),
            None => Err("brute force cannot read the counterexample".to_owned()),
        };
    }
    let limits = Limits {
        steps: STEPS_EACH,
        bytes: budget.bytes,
        budget,
    };
    let found = court
        .search_unpruned(history, limits)
        .ok_or("the counterexample is not of one key".to_owned())?;
    match found.answer {
        Answer::NoOrder => Ok(ConfirmedBy::Search),
        Answer::GaveUp(_) => Ok(ConfirmedBy::PrunedSearch),
        Answer::Order(_) => Err("the search without prunings explains it".to_owned()),
    }
}

fn evidence_failed(key: &Option<Value>, problem: String) -> Exhausted {
    let reason = Reason::EvidenceFailed(problem);
    Exhausted {
        reason,
        key: key.clone(),
        partitions: 1,
        furthest: None,
        steps: 0,
    }
}

struct Shrinker<'a, I, O, C> {
    court: &'a C,
    budget: &'a Budget,
    spent: u64,
    /// What is left; known to be illegal.
    exhibits: Vec<Operation<I, O>>,
    notes: Vec<Note>,
}

impl<I: Clone + Eq, O: Clone + Eq, C: Court<I, O>> Shrinker<'_, I, O, C> {
    fn shrink(&mut self) {
        self.cut();
        loop {
            let before = self.exhibits.clone();
            self.drop_unnoticed();
            self.relax_many();
            self.weaken_each();
            self.cut();
            if self.exhibits == before || self.is_tired() {
                return;
            }
        }
    }

    fn is_tired(&self) -> bool {
        self.spent >= STEPS_ALL || self.budget.stopped()
    }

    /// Goes over to other operations if they are illegal too.
    fn accept(&mut self, operations: Vec<Operation<I, O>>) -> bool {
        let illegal = self.is_illegal(&operations);
        if illegal {
            self.exhibits = operations;
        }
        illegal
    }

    fn is_illegal(&mut self, operations: &[Operation<I, O>]) -> bool {
        if self.is_tired() {
            return false;
        }
        let budget = Budget {
            steps: STEPS_EACH,
            threads: 1,
            ..self.budget.clone()
        };
        let history = History::from_operations(operations.to_vec());
        let Ok(ruling) = self.court.rule(&history, &budget) else {
            return false;
        };
        self.spent += ruling.steps + operations.len() as u64;
        matches!(ruling.decision, Ruled::Illegal(_))
    }

    /// Cuts to the shortest prefix that is illegal, by bisection: what explains a longer prefix
    /// explains a shorter one.
    fn cut(&mut self) {
        let mut ends: Vec<Position> = self.exhibits.iter().filter_map(|op| op.returned).collect();
        ends.sort_unstable();
        ends.dedup();
        let (mut legal, mut illegal) = (0, ends.len());
        while legal + 1 < illegal {
            let middle = legal.midpoint(illegal);
            let prefix = prefix(&self.exhibits, ends[middle - 1]);
            if self.is_illegal(&prefix) {
                illegal = middle;
            } else {
                legal = middle;
            }
        }
        if illegal < ends.len() {
            let (before, prefix) = (
                self.exhibits.clone(),
                prefix(&self.exhibits, ends[illegal - 1]),
            );
            if self.accept(prefix) {
                self.note_opened(&before);
            }
        }
    }

    fn note_opened(&mut self, before: &[Operation<I, O>]) {
        for operation in &self.exhibits {
            let index = operation.call.index;
            let was = before.iter().find(|other| other.call.index == index);
            let opened = was.is_some_and(|was| was.outcome != operation.outcome);
            if operation.outcome == Outcome::Unknown && opened {
                self.notes.push(Note {
                    operation: index,
                    text: LEFT_OPEN.to_owned(),
                });
            }
        }
    }

    fn drop_unnoticed(&mut self) {
        self.exhibits = self.noticed(&self.exhibits);
    }

    /// Without the unknown operations that nobody can notice.
    fn noticed(&self, operations: &[Operation<I, O>]) -> Vec<Operation<I, O>> {
        let history = History::from_operations(operations.to_vec());
        let matters = self.court.matters(&history);
        let keep: Vec<bool> = operations
            .iter()
            .zip(matters)
            .map(|(op, matters)| matters || op.outcome != Outcome::Unknown)
            .collect();
        select(operations, &keep)
    }

    /// Drops pure operations and opens the outcome of others, in ever smaller groups.
    fn relax_many(&mut self) {
        let mut size = self.exhibits.len().div_ceil(2).max(1);
        loop {
            let mut start = 0;
            while start < self.exhibits.len() && !self.is_tired() {
                if !self.relax_group(start..(start + size).min(self.exhibits.len())) {
                    start += size;
                }
            }
            if size == 1 || self.is_tired() {
                return;
            }
            size = size.div_ceil(2);
        }
    }

    /// Relaxes a group of operations if that leaves the whole illegal. Whether any was left out, so
    /// that the group's place is taken by others.
    fn relax_group(&mut self, group: std::ops::Range<usize>) -> bool {
        let completed = |op: &Operation<I, O>| matches!(op.outcome, Outcome::Completed(_));
        if !self.exhibits[group.clone()].iter().any(completed) {
            return false;
        }
        let (before, mut relaxed) = (self.exhibits.clone(), self.exhibits.clone());
        let mut keep = vec![true; relaxed.len()];
        for place in group {
            if !completed(&relaxed[place]) {
                continue;
            }
            keep[place] = !self.court.is_pure(&relaxed[place]);
            open(&mut relaxed[place]);
        }
        let relaxed = self.noticed(&select(&relaxed, &keep));
        if !self.accept(relaxed) {
            return false;
        }
        self.note_opened(&before);
        self.exhibits.len() < before.len()
    }

    fn weaken_each(&mut self) {
        for place in 0..self.exhibits.len() {
            for weaker in self.court.weaker(&self.exhibits[place]) {
                let mut operations = self.exhibits.clone();
                operations[place].input = weaker.input;
                operations[place].outcome = weaker.outcome;
                let index = operations[place].call.index;
                if self.accept(operations) {
                    self.notes.push(Note {
                        operation: index,
                        text: weaker.text.to_owned(),
                    });
                }
            }
        }
    }
}

/// Makes an operation's outcome unknown.
fn open<I, O>(operation: &mut Operation<I, O>) {
    operation.outcome = Outcome::Unknown;
    operation.returned = None;
    operation.end = None;
}

/// What was known at a time: later calls left out, later returns unknown.
fn prefix<I: Clone, O: Clone>(
    operations: &[Operation<I, O>],
    until: Position,
) -> Vec<Operation<I, O>> {
    let keep: Vec<bool> = operations.iter().map(|op| op.called <= until).collect();
    let mut prefix = select(operations, &keep);
    for operation in &mut prefix {
        if operation.returned.is_some_and(|returned| returned > until) {
            open(operation);
        }
    }
    prefix
}
