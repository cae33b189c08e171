//! What a replicated system is to whoever runs it: inputs in, outputs out.
//!
//! A node takes one [`Input`] at a time and answers with [`Output`]s. It has no clock, no network,
//! no disk and no randomness of its own, so that the same inputs always give the same outputs:
//! whoever runs it carries the outputs out, on a simulated network and disk or on real ones.
//!
//! To bring a protocol of your own, implement [`Replica`] for its node: six types, and five
//! functions. What must hold across all nodes goes into an [`Audit`]. `examples/own-protocol` does
//! it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Debug};
use std::time::Duration;

use crate::NodeId;
use crate::bug::Bug;
use crate::machine::StateMachine;

mod reply;
mod request;

pub use reply::Reply;
pub use request::Request;

/// The unit in which nodes count time, by their own clocks.
pub const TICK: Duration = Duration::from_millis(10);

/// One node of a replicated system.
pub trait Replica: Sized {
    /// What is replicated.
    type Machine: StateMachine;
    /// What nodes tell each other. It may be lost, doubled, delayed and overtaken.
    type Message: Clone + Debug;
    /// What is saved in one piece: after a crash it is there as a whole, or not at all.
    type Record: Clone + Debug;
    /// The sum of what was saved.
    type Disk: Disk<Record = Self::Record>;
    /// What must hold across all nodes.
    type Audit: Audit<Self>;

    /// Whether commands carry a session and a number, so that one that is sent again is executed
    /// once. Clients of a system without sessions never send an update twice.
    const SESSIONS: bool;

    /// A node that goes on where its disk says that it was.
    ///
    /// # Errors
    /// If the settings cannot work, or nobody can have saved this.
    fn start(setup: &Setup, disk: &Self::Disk) -> Result<Self, StartError>;

    /// Takes an input and adds what is to be done, in order. `now` is what the node's own clock
    /// shows; it may run fast or slow, and jump.
    fn step(&mut self, now: Duration, input: Input<Self>, outputs: &mut Vec<Output<Self>>);

    /// What the node takes itself for.
    fn view(&self) -> View;

    /// The state, and how many commands led to it: nodes with the same number must have the same
    /// state. `None` where no number says that much.
    fn state(&self) -> Option<(u64, &Self::Machine)>;

    /// What is known of a message without its receiver.
    fn describe(message: &Self::Message) -> Description;
}

/// What a node keeps over a crash.
pub trait Disk: Clone + Default {
    /// What is saved in one piece.
    type Record;

    /// Saves one more.
    fn save(&mut self, record: &Self::Record);
}

/// What must hold across all nodes at all times, next to what clients may see.
pub trait Audit<R: Replica>: Default {
    /// Looks at a node that has just started with what its disk kept.
    ///
    /// # Errors
    /// What does not hold.
    fn started(&mut self, id: NodeId, node: &R) -> Result<(), Breach>;

    /// Looks at a node after a step, and at what it is about to do.
    ///
    /// # Errors
    /// What does not hold.
    fn stepped(&mut self, id: NodeId, node: &R, outputs: &[Output<R>]) -> Result<(), Breach>;
}

/// The audit of a system that promises nothing about its inside.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAudit;

/// What a node is told at its start.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Who it is.
    pub id: NodeId,
    /// The nodes that the system begins with; without this one, if it is added later.
    pub nodes: BTreeSet<NodeId>,
    /// What it draws from, together with its id.
    pub seed: u64,
    /// The mode of the system, if it has modes and one was chosen.
    pub mode: Option<String>,
    /// The settings of the system, by name.
    pub settings: BTreeMap<String, String>,
    /// The mistake to make.
    pub bug: Option<Bug>,
}

/// One input.
pub enum Input<R: Replica> {
    /// A [`TICK`] has passed by the node's clock.
    Tick,
    /// A message has arrived.
    Message {
        /// Who sent it.
        from: NodeId,
        /// What it says.
        message: R::Message,
    },
    /// Somebody wants something.
    Request {
        /// Names the request in its reply. Never given twice.
        ticket: u64,
        /// What is wanted.
        request: Request<R::Machine>,
    },
}

/// One output. They are carried out in order: what is saved must be durable before any later
/// message or reply leaves.
pub enum Output<R: Replica> {
    /// Save this.
    Save(R::Record),
    /// Send this.
    Send {
        /// To whom.
        to: NodeId,
        /// What.
        message: R::Message,
    },
    /// Answer a request.
    Reply {
        /// Which one.
        ticket: u64,
        /// With what.
        reply: Reply<R::Machine>,
    },
    /// Something that whoever follows the story should know.
    Note(Note),
}

/// A turn of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The node leads, from this term on.
    Leads(u64),
    /// The node leads no more.
    StepsDown,
    /// The node has helped another one to lead, in this term: it has voted, or promised.
    Votes(u64),
    /// The node wants to lead, in this term.
    Campaigns(u64),
    /// Anything else, as a sentence without its subject: `takes a snapshot up to entry 7`.
    Says(String),
}

/// What a node takes itself for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// What it does.
    pub role: Role,
    /// Its term, round, ballot or epoch; 0 if it has none.
    pub term: u64,
    /// The node it takes for the leader.
    pub leader: Option<NodeId>,
    /// The last log index known to be committed; 0 without a log.
    pub commit: u64,
    /// The last log index applied; 0 without a log.
    pub applied: u64,
    /// How many entries its log keeps.
    pub kept: u64,
    /// How many elections it has started.
    pub elections: u64,
}

/// What a node does among the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// The same as all others.
    #[default]
    Peer,
    /// It orders what happens.
    Leader,
    /// It takes what the leader orders.
    Follower,
    /// It wants to lead.
    Candidate,
}

/// A message, for those who count and draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// What kind of message, in a word or two: `append`, `vote granted`.
    pub kind: &'static str,
    /// About how many bytes it takes on a wire.
    pub bytes: usize,
}

/// Why a node cannot start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{id} cannot start: {reason}")]
pub struct StartError {
    /// Which node.
    pub id: NodeId,
    /// Why.
    pub reason: String,
}

/// Something that must hold does not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{invariant}: {what}")]
pub struct Breach {
    /// The name of what must hold: `Election Safety`.
    pub invariant: &'static str,
    /// What was seen instead.
    pub what: String,
}

impl<R: Replica> Audit<R> for NoAudit {
    fn started(&mut self, _: NodeId, _: &R) -> Result<(), Breach> {
        Ok(())
    }

    fn stepped(&mut self, _: NodeId, _: &R, _: &[Output<R>]) -> Result<(), Breach> {
        Ok(())
    }
}

impl Setup {
    /// A setting as a number; `usual` if it is not set.
    ///
    /// # Errors
    /// If it is set to something else.
    pub fn number(&self, name: &str, usual: u64) -> Result<u64, StartError> {
        let Some(text) = self.settings.get(name) else {
            return Ok(usual);
        };
        let bad = |_| self.refuse(format!("setting `{name}` is `{text}`, not a number"));
        text.parse().map_err(bad)
    }

    /// Whether `mode` was chosen, of a system that has this one besides its usual one.
    ///
    /// # Errors
    /// If another one was chosen.
    pub fn is_mode(&self, mode: &str) -> Result<bool, StartError> {
        match &self.mode {
            None => Ok(false),
            Some(chosen) if chosen == mode => Ok(true),
            Some(other) => Err(self.refuse(format!("there is no mode `{other}`, only `{mode}`"))),
        }
    }

    /// That the system has no modes.
    ///
    /// # Errors
    /// If one was chosen.
    pub fn no_mode(&self) -> Result<(), StartError> {
        match &self.mode {
            None => Ok(()),
            Some(mode) => Err(self.refuse(format!("there are no modes, not even `{mode}`"))),
        }
    }

    /// That the node cannot start.
    pub fn refuse(&self, reason: impl Into<String>) -> StartError {
        StartError {
            id: self.id,
            reason: reason.into(),
        }
    }

    /// Everyone but this node.
    pub fn others(&self) -> impl Iterator<Item = NodeId> {
        self.nodes.iter().copied().filter(|id| *id != self.id)
    }

    /// How many nodes are more than half of all.
    pub fn majority(&self) -> usize {
        self.nodes.len() / 2 + 1
    }
}

impl<R: Replica> fmt::Debug for Input<R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Input::Tick => out.write_str("Tick"),
            Input::Message { from, message } => write!(out, "{from}: {message:?}"),
            Input::Request { ticket, request } => write!(out, "#{ticket}: {request:?}"),
        }
    }
}

impl<R: Replica> fmt::Debug for Output<R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Output::Save(record) => write!(out, "save {record:?}"),
            Output::Send { to, message } => write!(out, "to {to}: {message:?}"),
            Output::Reply { ticket, reply } => write!(out, "#{ticket}: {reply:?}"),
            Output::Note(note) => write!(out, "{note:?}"),
        }
    }
}
