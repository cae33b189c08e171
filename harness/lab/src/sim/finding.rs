//! What a simulated run comes to.

use serde::{Deserialize, Serialize};
use testimony_consensus::replica::StartError;
use testimony_engine::{Nanos, RunSummary};
use thiserror::Error;

/// A simulated run that came to its end.
#[derive(Clone, Debug)]
pub struct Simulated {
    /// What it amounted to.
    pub summary: RunSummary,
    /// The bytes of `history.jsonl`.
    pub history: Vec<u8>,
    /// The bytes of `injections.jsonl`.
    pub injections: Vec<u8>,
    /// The bytes of `status.jsonl`.
    pub status: Vec<u8>,
    /// The bytes of `story.jsonl`; empty if no story was asked for.
    pub story: Vec<u8>,
    /// The first thing that must hold across all nodes and did not.
    pub breach: Option<Finding>,
    /// Nodes that could not start again. A run with any of them is broken.
    pub deaths: Vec<String>,
    /// What it took.
    pub costs: Costs,
}

/// An invariant that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// When it was seen.
    pub time: Nanos,
    /// What must hold: `Election Safety`.
    pub invariant: String,
    /// What was seen instead.
    pub seen: String,
}

/// What a run took, in messages and time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Costs {
    /// How long it was, in virtual time.
    pub length: Nanos,
    /// How many events were simulated.
    pub events: u64,
    /// Messages between nodes, by kind.
    pub messages: Vec<Traffic>,
    /// How often a node wrote to its disk and waited for it.
    pub syncs: u64,
    /// How often a node began to lead.
    pub leaders: u64,
    /// How often a node started an election.
    pub elections: u64,
    /// How long no node led.
    pub leaderless: Nanos,
    /// The most entries that a node kept in its log.
    pub log_max: u64,
    /// How long a completed operation took, by its client's reckoning: half of them at most.
    #[serde(default)]
    pub latency_median: Nanos,
    /// How long 99 of 100 completed operations took at most.
    #[serde(default)]
    pub latency_p99: Nanos,
}

/// Messages of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// The kind: `append`.
    pub kind: String,
    /// How many were sent.
    pub messages: u64,
    /// About how many bytes they were together.
    pub bytes: u64,
}

/// Why nothing could be simulated.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SimError {
    /// There is no such core.
    #[error("{0} cannot be simulated: its nodes are programs of others; use `--lab process`")]
    UnknownTarget(String),
    /// There is no such mistake to plant.
    #[error("there is no bug `{0}` to plant")]
    UnknownBug(String),
    /// A node refuses its settings.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The cluster never served.
    #[error("no node led within {0} of virtual time, and without any fault")]
    NotServing(Nanos),
    /// The recording broke.
    #[error("the recording cannot be written: {0}")]
    Recording(String),
    /// It never ends.
    #[error("the simulation has not ended after {0} events: messages beget messages without end")]
    Endless(u64),
}

impl Costs {
    /// All messages between nodes.
    pub fn all_messages(&self) -> u64 {
        self.messages.iter().map(|traffic| traffic.messages).sum()
    }

    /// All bytes between nodes.
    pub fn all_bytes(&self) -> u64 {
        self.messages.iter().map(|traffic| traffic.bytes).sum()
    }
}
