//! The node that begins transactions, counts votes and decides.

use std::collections::BTreeSet;

use super::{Message, Output, Post, Record, Transaction, TwoPhaseCommit};
use crate::NodeId;
use crate::bug::Bug;
use crate::ledger::Update;
use crate::machine::StateMachine;
use crate::replica::Reply;

/// After so many ticks those who have not voted are asked again.
const AGAIN: u64 = 5;
/// After so many ticks a transaction without all votes is aborted.
const PATIENCE: u64 = 15;

/// A transaction that is voted on.
pub(super) struct Open<C> {
    transaction: Transaction<C>,
    /// Who wants its updates, in order.
    tickets: Vec<u64>,
    votes: BTreeSet<NodeId>,
    /// The tick at which it began.
    begun: u64,
}

impl<M: StateMachine> TwoPhaseCommit<M> {
    /// Makes a transaction of all that waits, unless one is being voted on.
    pub(super) fn begin(&mut self, outputs: &mut Vec<Output<Self>>) {
        let Post::Coordinator {
            begun,
            open,
            waiting,
        } = &mut self.post
        else {
            return;
        };
        if open.is_some() || waiting.is_empty() {
            return;
        }
        *begun += 1;
        let (tickets, updates): (Vec<_>, Vec<_>) = std::mem::take(waiting).into_iter().unzip();
        let transaction = Transaction {
            number: *begun,
            updates: with_sessions(updates, self.ledger.applied() + 1),
        };
        // The number must not be used again for other updates: a late vote would count for them.
        outputs.push(Output::Save(Record::Prepared(transaction.clone())));
        *open = Some(Open {
            transaction,
            tickets,
            votes: BTreeSet::new(),
            begun: self.now,
        });
        self.ask_again(outputs);
        self.commit_if_all_voted(outputs);
    }

    pub(super) fn voted(&mut self, from: NodeId, number: u64, outputs: &mut Vec<Output<Self>>) {
        if let Post::Coordinator {
            open: Some(open), ..
        } = &mut self.post
            && open.transaction.number == number
        {
            open.votes.insert(from);
            self.commit_if_all_voted(outputs);
        }
    }

    fn commit_if_all_voted(&mut self, outputs: &mut Vec<Output<Self>>) {
        let Post::Coordinator { open, .. } = &mut self.post else {
            return;
        };
        let all = |open: &mut Open<M::Command>| open.votes == self.participants;
        let Some(open) = open.take_if(all) else {
            return;
        };
        if self.bug != Some(Bug::DecisionNotLogged) {
            outputs.push(Output::Save(Record::Ended { commits: true }));
        }
        let replies = self.execute(&open.transaction);
        for (ticket, reply) in open.tickets.into_iter().zip(replies) {
            outputs.push(Output::Reply { ticket, reply });
        }
        self.tell_all(open.transaction.number, true, outputs);
        self.compact_if_due(outputs);
    }

    pub(super) fn tick_coordinator(&mut self, outputs: &mut Vec<Output<Self>>) {
        let Post::Coordinator {
            open: Some(open), ..
        } = &self.post
        else {
            return;
        };
        let age = self.now - open.begun;
        if age >= PATIENCE {
            self.abort(outputs);
        } else if age.is_multiple_of(AGAIN) {
            self.ask_again(outputs);
        }
    }

    /// Nothing need be saved: a transaction without a decision is an aborted one.
    fn abort(&mut self, outputs: &mut Vec<Output<Self>>) {
        let Post::Coordinator { open, .. } = &mut self.post else {
            return;
        };
        let Some(open) = open.take() else { return };
        let silent = self.participants.difference(&open.votes);
        let silent: Vec<String> = silent.map(ToString::to_string).collect();
        let reason = format!("aborted without the vote of {}", silent.join(", "));
        for ticket in open.tickets {
            let reply = Reply::Refused(reason.clone());
            outputs.push(Output::Reply { ticket, reply });
        }
        self.tell_all(open.transaction.number, false, outputs);
    }

    fn ask_again(&self, outputs: &mut Vec<Output<Self>>) {
        let Post::Coordinator {
            open: Some(open), ..
        } = &self.post
        else {
            return;
        };
        let silent = self.participants.difference(&open.votes);
        outputs.extend(silent.map(|to| Output::Send {
            to: *to,
            message: Message::Prepare {
                transaction: open.transaction.clone(),
                after: self.committed,
            },
        }));
    }

    fn tell_all(&self, number: u64, commits: bool, outputs: &mut Vec<Output<Self>>) {
        outputs.extend(self.participants.iter().map(|to| Output::Send {
            to: *to,
            message: Message::Outcome { number, commits },
        }));
    }

    /// Answers a participant that has voted. No later transaction can be committed without its
    /// vote, and it does not vote on one before it knows of this: so if this one is not the last
    /// that was committed, and not open, it was aborted.
    pub(super) fn tell_outcome(&self, to: NodeId, number: u64, outputs: &mut Vec<Output<Self>>) {
        let Post::Coordinator { open, .. } = &self.post else {
            return;
        };
        let undecided = |open: &Open<M::Command>| open.transaction.number == number;
        if !open.as_ref().is_some_and(undecided) {
            let commits = number == self.committed;
            let message = Message::Outcome { number, commits };
            outputs.push(Output::Send { to, message });
        }
    }
}

/// The updates with the numbers of the sessions that they open. These count what was committed, so
/// an aborted one's may be used again: nobody was told it.
fn with_sessions<C>(updates: Vec<Update<C>>, first: u64) -> Vec<Update<C>> {
    let numbered = (first..).zip(updates);
    let with_session = |(number, update)| match update {
        Update::Open { .. } => Update::Open { session: number },
        update @ Update::Apply { .. } => update,
    };
    numbered.map(with_session).collect()
}
