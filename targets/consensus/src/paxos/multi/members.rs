//! Changes of the members; `multi.rs` says why they are safe.

use std::collections::BTreeSet;

use super::message::{Accept, Message};
use super::{Action, MultiPaxos};
use crate::NodeId;
use crate::machine::StateMachine;
use crate::replica::{Note, Reply};

impl<M: StateMachine> MultiPaxos<M> {
    pub(super) fn add_node(&mut self, ticket: u64, id: NodeId) {
        let mut members = self.state.members.clone();
        members.insert(id);
        self.change_members(ticket, members);
    }

    pub(super) fn remove_node(&mut self, ticket: u64, id: NodeId) {
        let mut members = self.state.members.clone();
        members.remove(&id);
        self.change_members(ticket, members);
    }

    fn change_members(&mut self, ticket: u64, members: BTreeSet<NodeId>) {
        if members.is_empty() {
            let why = "the last member cannot be removed".to_owned();
            return self.reply(ticket, Reply::Refused(why));
        }
        if members == self.state.members {
            return self.reply(ticket, Reply::Done);
        }
        self.order_action(ticket, Action::Members(members));
    }

    /// The members have changed, so the promises that this node has are of the wrong ones for what
    /// comes. Everybody of before hears that the change is chosen, who is removed too; then the new
    /// ones are asked.
    pub(super) fn go_on_among_new_members(&mut self) {
        let names: Vec<String> = self.state.members.iter().map(NodeId::to_string).collect();
        let says = format!("counts as members {}", names.join(", "));
        self.tell(Note::Says(says));
        let Some(office) = self.office() else { return };
        let (ballot, beat) = (office.ballot, office.beat);
        let followers: Vec<NodeId> = office.followers.keys().copied().collect();
        for to in followers {
            let accept = Accept {
                ballot,
                first: self.commit + 1,
                actions: Vec::new(),
                commit: self.commit,
                beat,
            };
            self.send(to, Message::Accept(accept));
        }
        self.step_down(None);
        if self.is_member() {
            self.campaign(true);
        }
    }
}
