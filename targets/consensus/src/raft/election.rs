//! Elections: campaigns, votes, and the end of a term of office.

use std::collections::BTreeSet;

use super::leader::Leader;
use super::{Ballot, Body, Event, Payload, Post, Raft, Reply, Term};
use crate::NodeId;
use crate::bug::Bug;
use crate::machine::StateMachine;

/// A campaign under way.
#[derive(Clone, Debug)]
pub(super) struct Campaign {
    /// Whether it only asks if an election could be won.
    pub(super) pre: bool,
    /// Whether the leader itself wants to be replaced.
    pub(super) forced: bool,
    /// Who answered, and how.
    granted: BTreeSet<NodeId>,
    refused: BTreeSet<NodeId>,
    /// When to ask those again who did not answer.
    ask_at: u64,
}

impl<M: StateMachine> Raft<M> {
    /// Sets the time of the next campaign.
    pub(super) fn wait_for_a_leader(&mut self) {
        self.deadline = self.now + self.draw_timeout();
    }

    /// A lease may rest on what this node heard right before it was started again, so it behaves as
    /// if it had heard a leader just now.
    pub(super) fn heard_before_the_start(&mut self) {
        if self.config.lease_reads {
            self.heard = Some(self.now);
        }
    }

    pub(super) fn tick_others(&mut self) {
        if self.now >= self.deadline && self.may_campaign() {
            self.campaign(self.config.pre_vote, false);
        } else if matches!(&self.post, Post::Candidate(campaign) if campaign.ask_at <= self.now) {
            self.ask_for_votes();
        }
    }

    /// Whether this node may be needed as a leader. One that is removed may be until that is
    /// committed: its log may be the longest (dissertation section 4.2.2).
    fn may_campaign(&self) -> bool {
        let is_removed = !self.is_voter() && self.members.since() <= self.commit;
        !self.members.voters().is_empty() && !is_removed
    }

    pub(super) fn campaign(&mut self, pre: bool, forced: bool) {
        self.wait_for_a_leader();
        self.leader = None;
        if !pre {
            self.term += 1;
            self.vote = Some(self.config.id);
            self.heard = None;
            self.elections += 1;
            self.save_hard_state();
        }
        let granted = BTreeSet::from([self.config.id]);
        let refused = BTreeSet::new();
        self.post = Post::Candidate(Campaign {
            pre,
            forced,
            granted,
            refused,
            ask_at: self.now,
        });
        self.tell(Event::Campaigning {
            term: self.term + Term::from(pre),
            pre,
        });
        self.ask_for_votes();
        self.count_votes();
    }

    fn ask_for_votes(&mut self) {
        let last = self.log.last();
        let again = self.now + u64::from(self.config.heartbeat_ticks);
        let others = self.others();
        let Post::Candidate(campaign) = &mut self.post else {
            return;
        };
        campaign.ask_at = again;
        let Campaign { pre, forced, .. } = *campaign;
        let answered = |id: &NodeId| campaign.granted.contains(id) || campaign.refused.contains(id);
        let asked: Vec<NodeId> = others.into_iter().filter(|id| !answered(id)).collect();
        for id in asked {
            let body = Body::RequestVote { pre, forced, last };
            self.send_in(self.term + Term::from(pre), id, body);
        }
    }

    pub(super) fn on_request_vote(&mut self, from: NodeId, term: Term, ballot: Ballot) {
        let Ballot { pre, forced, last } = ballot;
        if term >= self.term && !forced && self.is_loyal() {
            return;
        }
        if term > self.term && !pre {
            self.adopt(term);
        }
        let free = match self.vote {
            Some(vote) => vote == from,
            None => self.leader.is_none(),
        };
        let may = term > self.term || (term == self.term && free);
        let granted = may && last >= self.log.last();
        if granted && !pre {
            self.vote = Some(from);
            self.save_hard_state();
            self.wait_for_a_leader();
        }
        // A granted pre-vote is of the term asked for; anything else tells the own term.
        let told = if granted { term } else { self.term };
        self.send_in(told, from, Body::Vote { pre, granted });
        if granted && !pre {
            self.tell(Event::Voted { term });
        }
    }

    /// Whether the leader was heard so recently that nobody is helped to depose it (dissertation
    /// section 4.2.3).
    fn is_loyal(&self) -> bool {
        let Self { config, .. } = self;
        if self.is_leader() {
            return self.checks_quorum();
        }
        let patience = u64::from(config.election_ticks.start);
        let guarded = config.pre_vote || config.check_quorum || config.lease_reads;
        guarded && self.heard.is_some_and(|heard| self.now < heard + patience)
    }

    pub(super) fn on_vote(&mut self, from: NodeId, term: Term, pre: bool, granted: bool) {
        let expected = self.term + Term::from(pre && granted);
        if term > expected {
            self.adopt(term);
            return;
        }
        match &mut self.post {
            Post::Candidate(campaign) if campaign.pre == pre && term == expected => {
                let answers = if granted {
                    &mut campaign.granted
                } else {
                    &mut campaign.refused
                };
                answers.insert(from);
                self.count_votes();
            }
            _ => {}
        }
    }

    fn count_votes(&mut self) {
        let Post::Candidate(campaign) = &self.post else {
            return;
        };
        if !self.is_quorum(|id| campaign.granted.contains(&id)) {
            return;
        }
        match campaign.pre {
            true => self.campaign(false, false),
            false => self.take_office(),
        }
    }

    /// Leads. The term begins with an entry of its own, since only those are committed by counting
    /// (Raft paper section 5.4.2) and reads wait for one (section 8). Who commits any entry by
    /// counting sees no need for one.
    fn take_office(&mut self) {
        let last = self.log.last().index;
        let counts_all = self.bug(Bug::CommitEarlierTerm);
        let began = if counts_all { last } else { last + 1 };
        self.post = Post::Leader(Box::new(Leader::new(began, self.now)));
        self.leader = Some(self.config.id);
        self.tell(Event::BecameLeader { term: self.term });
        self.enlist(last + 1);
        if !counts_all {
            let voters = self.members.voters().clone();
            self.append(Payload::Members(voters));
        }
    }

    /// Leads and campaigns no more. Requests that wait are told.
    pub(super) fn step_down(&mut self, leader: Option<NodeId>) {
        let Post::Leader(office) = std::mem::replace(&mut self.post, Post::Follower) else {
            return;
        };
        for proposal in std::mem::take(&mut self.proposals).into_values() {
            self.reply(proposal.ticket, Reply::Uncertain);
        }
        for read in office.reads {
            self.reply(read.ticket, Reply::NotLeader { leader });
        }
        self.leader = leader;
        self.wait_for_a_leader();
        self.tell(Event::SteppedDown { term: self.term });
    }
}
