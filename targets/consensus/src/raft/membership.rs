//! Changes of the members, one node at a time (dissertation section 4.1).
//!
//! Any majority of the old members and any majority of the new ones share a node, so that no two
//! leaders of one term can be elected, if the change before is committed. That holds only when the
//! leader has committed an entry of its own term first: otherwise a change that an earlier leader
//! left behind may still come back (Ongaro, raft-dev, 10 July 2015). Here each term begins with an
//! entry that restates the members, so both conditions are one: the newest entry that names the
//! members is committed.

use std::collections::BTreeSet;

use super::{Event, Payload, Raft, Reply};
use crate::NodeId;
use crate::bug::Bug;
use crate::machine::StateMachine;

impl<M: StateMachine> Raft<M> {
    pub(super) fn add_node(&mut self, ticket: u64, id: NodeId) {
        let mut voters = self.members.voters().clone();
        voters.insert(id);
        self.change_members(ticket, voters);
    }

    pub(super) fn remove_node(&mut self, ticket: u64, id: NodeId) {
        let mut voters = self.members.voters().clone();
        voters.remove(&id);
        self.change_members(ticket, voters);
    }

    fn change_members(&mut self, ticket: u64, voters: BTreeSet<NodeId>) {
        if voters.is_empty() {
            let why = "the last member cannot be removed".to_owned();
            return self.reply(ticket, Reply::Refused(why));
        }
        if self.is_changing() && !self.bug(Bug::UnsafeMembership) {
            let why = "the last change of the members is not committed yet: try again".to_owned();
            return self.reply(ticket, Reply::Refused(why));
        }
        if voters == *self.members.voters() {
            return self.reply(ticket, Reply::Done);
        }
        let event = Event::MembersChanged {
            voters: voters.iter().copied().collect(),
        };
        self.propose(ticket, Payload::Members(voters));
        self.tell(event);
    }

    /// With the bug a leader that has lost its majority makes one of those that it still hears: it
    /// removes all others, in one change that no majority of the old members agrees to.
    pub(super) fn go_on_without_the_others(&mut self, mut heard: BTreeSet<NodeId>) {
        heard.insert(self.config.id);
        let voters = heard.iter().copied().collect();
        self.append(Payload::Members(heard));
        self.tell(Event::MembersChanged { voters });
    }

    /// Whether the newest entry that names the members is not committed.
    fn is_changing(&self) -> bool {
        self.members.since() > self.commit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::counter::{Command, Counter};
    use crate::raft::{
        Body, Config, Durable, Envelope, Input, Message, Output, Role, Status, Term,
    };

    const MEMBERS: [NodeId; 5] = [NodeId(1), NodeId(2), NodeId(3), NodeId(4), NodeId(5)];

    fn hear(node: &mut Raft<Counter>, from: u64, term: Term, body: Body<Command>) {
        let message = Message { term, body };
        node.step(Input::Message(Envelope {
            from: NodeId(from),
            to: NodeId(1),
            message,
        }));
    }

    /// Node 1 of five leads term 1, and its first entry is committed or not.
    fn leader(bug: Option<Bug>, committed: bool) -> Raft<Counter> {
        let config = Config {
            pre_vote: false,
            bug,
            ..Config::new(NodeId(1), MEMBERS)
        };
        let mut node = Raft::new(config, Durable::default()).unwrap();
        while node.status().role != Role::Candidate {
            node.step(Input::Tick);
        }
        for from in [2, 3] {
            hear(
                &mut node,
                from,
                1,
                Body::Vote {
                    pre: false,
                    granted: true,
                },
            );
        }
        for from in [2, 3].into_iter().filter(|_| committed) {
            hear(
                &mut node,
                from,
                1,
                Body::Accepted {
                    matched: 1,
                    round: 0,
                },
            );
        }
        assert_eq!(
            (node.status().role, node.status().commit),
            (Role::Leader, committed.into())
        );
        node
    }

    fn removed(node: &mut Raft<Counter>, id: u64) -> Option<Reply<Counter>> {
        let request = crate::raft::Request::RemoveNode(NodeId(id));
        let outputs = node.step(Input::Request {
            ticket: id,
            request,
        });
        outputs.into_iter().find_map(|output| match output {
            Output::Reply { reply, .. } => Some(reply),
            _ => None,
        })
    }

    /// What becomes of a leader that hears node 2 only.
    fn in_a_minority(bug: Option<Bug>) -> Status {
        let mut node = leader(bug, true);
        for _ in 0..40 {
            node.step(Input::Tick);
            let matched = node.status().last_index;
            hear(&mut node, 2, 1, Body::Accepted { matched, round: 0 });
        }
        node.status()
    }

    #[test]
    fn members_do_not_change_before_an_entry_of_the_term_is_committed() {
        let reply = removed(&mut leader(None, false), 5);
        assert!(matches!(reply, Some(Reply::Refused(_))), "{reply:?}");
        assert_eq!(removed(&mut leader(None, true), 5), None);
    }

    #[test]
    fn members_change_one_at_a_time_unless_the_bug_is_on() {
        let mut node = leader(None, true);
        assert_eq!(removed(&mut node, 5), None);
        assert!(matches!(removed(&mut node, 4), Some(Reply::Refused(_))));
        assert_eq!(node.status().voters, MEMBERS[..4]);
        let mut node = leader(Some(Bug::UnsafeMembership), true);
        assert_eq!((removed(&mut node, 5), removed(&mut node, 4)), (None, None));
        assert_eq!(node.status().voters, MEMBERS[..3]);
    }

    #[test]
    fn a_leader_in_a_minority_steps_down_unless_the_bug_lets_it_remove_the_others() {
        let status = in_a_minority(None);
        assert_eq!(
            (status.role, &status.voters[..]),
            (Role::Follower, &MEMBERS[..])
        );
        let status = in_a_minority(Some(Bug::UnsafeMembership));
        assert_eq!(
            (status.role, &status.voters[..]),
            (Role::Leader, &MEMBERS[..2])
        );
        assert_eq!(status.commit, status.last_index);
    }
}
