//! Raft: a replicated log by an elected leader.
//!
//! As Ongaro and Ousterhout describe it in "In Search of an Understandable Consensus Algorithm"
//! (the Raft paper) and Ongaro in "Consensus: Bridging Theory and Practice" (the dissertation).
//! Members change one at a time, with a committed entry of the leader's own term before
//! (`membership.rs`).

use std::collections::BTreeMap;
use std::fmt;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::NodeId;
use crate::bug::Bug;
use crate::handover::Handover;
use crate::machine::StateMachine;

mod audit;
mod commit;
mod config;
mod durable;
mod election;
mod entry;
mod follower;
mod input;
mod leader;
mod log;
mod members;
mod membership;
mod message;
mod output;
mod reads;
mod replica;
mod replication;
mod requests;

mod snapshot;
mod snapshots;
mod state;
mod status;
mod transfer;

pub use crate::replica::{Reply, Request};
pub use audit::RaftAudit;
pub use config::{Config, ConfigError};
pub use durable::{Durable, StartError};
pub use entry::{Entry, Index, Payload, Term};
pub use input::Input;
pub use message::{Body, Envelope, Message, Position};
pub use output::{Event, Output};
pub use replica::Record;
pub use snapshot::Snapshot;
pub use status::{Role, Status};

use election::Campaign;
use leader::Leader;
use log::Log;
use members::Members;
use state::{Rules, State};

/// One node.
pub struct Raft<M: StateMachine> {
    config: Config,
    term: Term,
    vote: Option<NodeId>,
    log: Log<M::Command>,
    members: Members,
    snapshot: Option<Snapshot>,
    commit: Index,
    state: State<M>,
    post: Post<M>,
    /// Who leads the term, as far as is known.
    leader: Option<NodeId>,
    /// Ticks since the start.
    now: u64,
    /// When a leader was last heard, of this term or an earlier one.
    heard: Option<u64>,
    /// When to campaign.
    deadline: u64,
    chance: ChaCha8Rng,
    /// Who waits for which entry, of which term.
    proposals: BTreeMap<Index, Proposal>,
    handover: Option<Handover>,
    elections: u64,
    outputs: Vec<Output<M>>,
    /// The term that the disk gave back: all that it will ever give, with the bug that forgets it.
    born: Term,
}

/// What a node does at present.
enum Post<M: StateMachine> {
    Follower,
    Candidate(Campaign),
    Leader(Box<Leader<M>>),
}

/// A request that became an entry.
#[derive(Clone, Copy, Debug)]
struct Proposal {
    term: Term,
    ticket: u64,
}

impl<M: StateMachine> Raft<M> {
    /// A node that goes on where its disk says that it was.
    ///
    /// # Errors
    /// If the settings cannot work, or nobody can have saved this.
    pub fn new(config: Config, durable: Durable<M::Command>) -> Result<Self, StartError> {
        config.check()?;
        durable.check_order()?;
        if config.bug.is_none() {
            durable.check_terms()?;
        }
        let base = durable.base();
        let Durable {
            term,
            vote,
            snapshot,
            entries,
        } = durable;
        let (state, voters) = match &snapshot {
            Some(Snapshot { index, data, .. }) => {
                State::decode(data, *index).map_err(|source| StartError::Snapshot {
                    index: *index,
                    source,
                })?
            }
            None => (State::default(), config.voters.clone()),
        };
        let mut members = Members::new(base.index, voters);
        members.note(&entries);
        let mut raft = Raft {
            chance: ChaCha8Rng::seed_from_u64(config.seed ^ config.id.0.rotate_left(32)),
            config,
            term,
            vote,
            log: Log::new(base, entries),
            members,
            snapshot,
            commit: base.index,
            state,
            post: Post::Follower,
            leader: None,
            now: 0,
            heard: None,
            deadline: 0,
            proposals: BTreeMap::new(),
            handover: None,
            elections: 0,
            outputs: Vec::new(),
            born: term,
        };
        raft.heard_before_the_start();
        raft.wait_for_a_leader();
        Ok(raft)
    }

    /// Takes an input and says what is to be done, in order. See [`Output`] for the order.
    pub fn step(&mut self, input: Input<M>) -> Vec<Output<M>> {
        match input {
            Input::Tick => self.tick(),
            Input::Message(Envelope { from, to, message }) => {
                if to == self.config.id && from != to {
                    self.receive(from, message);
                }
            }
            Input::Request { ticket, request } => self.request(ticket, request),
        }
        self.settle();
        std::mem::take(&mut self.outputs)
    }

    /// What the node thinks of itself.
    pub fn status(&self) -> Status {
        Status {
            id: self.config.id,
            role: self.role(),
            term: self.term,
            leader: self.leader,
            vote: self.vote,
            commit: self.commit,
            applied: self.state.applied,
            first_index: self.log.base().index + 1,
            last_index: self.log.last().index,
            snapshot_index: self.snapshot_index(),
            elections: self.elections,
            voters: self.members.voters().iter().copied().collect(),
            sessions: self.state.sessions.len(),
            transfer: self.handover.as_ref().map(|handover| handover.to),
        }
    }

    /// What the node is at present.
    fn role(&self) -> Role {
        match &self.post {
            Post::Follower => Role::Follower,
            Post::Candidate(campaign) if campaign.pre => Role::PreCandidate,
            Post::Candidate(_) => Role::Candidate,
            Post::Leader(_) => Role::Leader,
        }
    }

    /// An entry of the log, if it is kept in memory: for tests that compare logs.
    #[doc(hidden)]
    pub fn entry(&self, index: Index) -> Option<&Entry<M::Command>> {
        self.log.get(index)
    }

    /// The term of an entry, if it is known: for tests that compare logs.
    #[doc(hidden)]
    pub fn term_at(&self, index: Index) -> Option<Term> {
        self.log.term_at(index)
    }

    /// The state machine as it is: for tests that look into it.
    #[doc(hidden)]
    pub fn machine(&self) -> &M {
        &self.state.machine
    }

    fn tick(&mut self) {
        self.now += 1;
        match &self.post {
            Post::Leader(_) => self.tick_leader(),
            Post::Follower | Post::Candidate(_) => self.tick_others(),
        }
        self.tick_handover();
    }

    /// Lets everything follow that follows from what was just learnt.
    fn settle(&mut self) {
        loop {
            self.advance_commit();
            if !self.apply_committed() {
                break;
            }
        }
        self.answer_reads();
        self.advance_handover();
        self.snapshot_if_due();
        self.replicate();
    }

    fn receive(&mut self, from: NodeId, message: Message<M::Command>) {
        let Message { term, body } = message;
        match body {
            Body::RequestVote { pre, forced, last } => {
                self.on_request_vote(from, term, Ballot { pre, forced, last });
            }
            Body::Vote { pre, granted } => self.on_vote(from, term, pre, granted),
            Body::Append {
                previous,
                entries,
                commit,
                round,
            } => {
                let append = follower::Append {
                    previous,
                    entries,
                    commit,
                    round,
                };
                self.on_append(from, term, append);
            }
            Body::InstallSnapshot { snapshot, round } => {
                self.on_install_snapshot(from, term, snapshot, round);
            }
            Body::Accepted { matched, round } => self.on_accepted(from, term, matched, round),
            Body::Rejected {
                previous,
                hint,
                round,
            } => {
                self.on_rejected(
                    from,
                    term,
                    follower::Rejection {
                        previous,
                        hint,
                        round,
                    },
                );
            }
            Body::TimeoutNow => self.on_timeout_now(from, term),
        }
    }

    /// Adopts a later term; nobody is known to lead it. When a leader was last heard stays known:
    /// its lease may rest on that, and a later term alone, perhaps learnt from a late answer, says
    /// nothing about whether it has been replaced.
    fn adopt(&mut self, term: Term) {
        self.step_down(None);
        self.term = term;
        self.vote = None;
        self.leader = None;
        self.save_hard_state();
    }

    /// Whether a message of this term is of the present; a later term is adopted.
    fn keep_up(&mut self, term: Term) -> bool {
        if term > self.term {
            self.adopt(term);
        }
        term == self.term
    }

    fn save_hard_state(&mut self) {
        let forgets = |bug| self.bug(bug);
        let term = if forgets(Bug::TermNotPersisted) {
            self.born
        } else {
            self.term
        };
        let vote = if forgets(Bug::VoteNotPersisted) {
            None
        } else {
            self.vote
        };
        self.outputs.push(Output::SaveHardState { term, vote });
    }

    fn send(&mut self, to: NodeId, body: Body<M::Command>) {
        self.send_in(self.term, to, body);
    }

    fn send_in(&mut self, term: Term, to: NodeId, body: Body<M::Command>) {
        let message = Message { term, body };
        self.outputs.push(Output::Send(Envelope {
            from: self.config.id,
            to,
            message,
        }));
    }

    fn reply(&mut self, ticket: u64, reply: Reply<M>) {
        self.outputs.push(Output::Reply { ticket, reply });
    }

    fn tell(&mut self, event: Event) {
        self.outputs.push(Output::Event(event));
    }

    /// Whether this mistake is to be made.
    fn bug(&self, bug: Bug) -> bool {
        self.config.bug == Some(bug)
    }

    fn rules(&self) -> Rules {
        Rules {
            sessions_max: self.config.sessions_max,
            bug: self.config.bug,
        }
    }

    fn is_leader(&self) -> bool {
        matches!(self.post, Post::Leader(_))
    }

    fn is_voter(&self) -> bool {
        self.members.voters().contains(&self.config.id)
    }

    /// How many members make a quorum.
    fn quorum(&self) -> usize {
        let members = self.members.voters().len();
        if self.bug(Bug::HalfQuorum) {
            return (members / 2).max(1);
        }
        members / 2 + 1
    }

    /// Whether those of whom this holds are a quorum of the members.
    fn is_quorum(&self, holds: impl Fn(NodeId) -> bool) -> bool {
        let count = self
            .members
            .voters()
            .iter()
            .filter(|id| holds(**id))
            .count();
        count >= self.quorum()
    }

    /// The members but this node.
    fn others(&self) -> Vec<NodeId> {
        let own = self.config.id;
        self.members
            .voters()
            .iter()
            .copied()
            .filter(|id| *id != own)
            .collect()
    }

    fn draw_timeout(&mut self) -> u64 {
        u64::from(self.chance.random_range(self.config.election_ticks.clone()))
    }
}

/// What a candidate asks with.
#[derive(Clone, Copy, Debug)]
struct Ballot {
    pre: bool,
    forced: bool,
    last: Position,
}

impl<M: StateMachine> fmt::Debug for Raft<M> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Raft").field(&self.status()).finish()
    }
}
