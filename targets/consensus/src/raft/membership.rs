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

    /// Whether the newest entry that names the members is not committed.
    fn is_changing(&self) -> bool {
        self.members.since() > self.commit
    }
}
