//! Linearizable reads without the log; `multi.rs` argues for them.

use super::MultiPaxos;
use super::office::Read;
use crate::machine::StateMachine;
use crate::replica::Reply;

impl<M: StateMachine> MultiPaxos<M> {
    pub(super) fn on_query(&mut self, ticket: u64, query: M::Query) {
        let (commit, leader) = (self.commit, self.leader);
        let Some(office) = self.office_mut() else {
            return self.reply(ticket, Reply::NotLeader { leader });
        };
        let position = commit.max(office.began);
        let beat = office.beat + 1;
        office.reads.push_back(Read {
            ticket,
            query,
            position,
            beat,
        });
    }

    /// Answers the reads that may be; begins a round of messages if others need one and none is
    /// under way.
    pub(super) fn answer_reads(&mut self) {
        self.answer_confirmed();
        let Some(office) = self.office() else { return };
        let needs = |read: &Read<M>| read.beat > office.beat;
        if office.beat <= office.confirmed && office.reads.back().is_some_and(needs) {
            self.begin_beat();
            self.answer_confirmed();
        }
    }

    fn answer_confirmed(&mut self) {
        let quorum = self.quorum(self.state.members.len());
        let commit = self.commit;
        while let Some(office) = self.office_mut() {
            let answered = office.followers.values().map(|follower| follower.beat);
            let mut answered: Vec<u64> = answered.chain([office.beat]).collect();
            answered.sort_unstable_by(|one, two| two.cmp(one));
            let confirmed = answered.get(quorum - 1).copied().unwrap_or(0);
            office.confirmed = confirmed;
            let may = |read: &mut Read<M>| read.beat <= confirmed && read.position <= commit;
            let Some(read) = office.reads.pop_front_if(may) else {
                return;
            };
            let response = self.state.machine.query(&read.query);
            self.reply(read.ticket, Reply::Answer(response));
        }
    }
}
