//! Linearizable reads without the log: `ReadIndex` (dissertation section 6.4), and leases.
//!
//! A read takes place after the entry that was committed when it came, and is answered when a
//! majority has confirmed, in a round of messages that began later, that the leader still leads.

use super::leader::Read;
use super::{Raft, Reply};
use crate::NodeId;
use crate::bug::Bug;
use crate::machine::StateMachine;

impl<M: StateMachine> Raft<M> {
    pub(super) fn on_query(&mut self, ticket: u64, query: M::Query) {
        let is_careless = self.bug(Bug::StaleLeaderRead) && self.is_leader();
        if self.bug(Bug::LocalReads) || is_careless {
            let response = self.state.machine.query(&query);
            return self.reply(ticket, Reply::Answer(response));
        }
        let is_leased = self.is_leased();
        let commit = self.commit;
        let leader = self.leader;
        let Some(office) = self.office_mut() else {
            return self.reply(ticket, Reply::NotLeader { leader });
        };
        // All entries that earlier leaders committed are before the one that began the term.
        let index = commit.max(office.began);
        let round = if is_leased {
            office.rounds.confirmed
        } else {
            office.rounds.newest + 1
        };
        office.reads.push_back(Read {
            ticket,
            query,
            index,
            round,
        });
    }

    /// Answers the reads that may be; begins a round if others need one and none is under way.
    pub(super) fn answer_reads(&mut self) {
        self.confirm_rounds();
        self.answer_confirmed();
        let Some(office) = self.office() else { return };
        let is_under_way = office.rounds.newest > office.rounds.confirmed;
        if office
            .reads
            .back()
            .is_some_and(|read| read.round > office.rounds.newest)
            && !is_under_way
        {
            self.begin_round();
            self.confirm_rounds();
            self.answer_confirmed();
        }
    }

    /// Notes which rounds a quorum has answered.
    fn confirm_rounds(&mut self) {
        let Some(office) = self.office() else { return };
        let newest = office.rounds.newest;
        if office.rounds.confirmed >= newest {
            return;
        }
        let answered = |id: &NodeId| match office.followers.get(id) {
            Some(follower) => follower.round,
            None => newest,
        };
        let answered = self.members.voters().iter().map(answered).collect();
        let Some(round) = self.reached_by_quorum(answered) else {
            return;
        };
        if let Some(office) = self.office_mut() {
            office.rounds.confirm(round);
        }
    }

    fn answer_confirmed(&mut self) {
        let applied = self.state.applied;
        while let Some(office) = self.office_mut() {
            let confirmed = office.rounds.confirmed;
            let is_ready = |read: &mut Read<M>| read.round <= confirmed && read.index <= applied;
            let Some(read) = office.reads.pop_front_if(is_ready) else {
                return;
            };
            let response = self.state.machine.query(&read.query);
            self.reply(read.ticket, Reply::Answer(response));
        }
    }

    /// Whether a majority has promised, by an answer, to help nobody else yet (dissertation section
    /// 6.4.1). The promise is for the shortest election timeout since the answered round began,
    /// less a margin for ticks that fall between and for clocks that drift. Nobody who was told to
    /// campaign at once keeps to it.
    fn is_leased(&self) -> bool {
        let Some(office) = self.office() else {
            return false;
        };
        let promised = u64::from(self.config.election_ticks.start);
        let safe = promised.saturating_sub(2 + promised / 10);
        let is_fresh = |since: u64| self.now < since + safe;
        self.config.lease_reads
            && !office.handed_over
            && office.rounds.confirmed_at.is_some_and(is_fresh)
    }
}
