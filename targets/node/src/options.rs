//! What a node is told at its start: who it is, where it listens, whom it knows.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use testimony_consensus::NodeId;
use testimony_consensus::bug::Bug;
use testimony_consensus::raft::Config;

use crate::NodeError;

/// Where another node is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress {
    /// Takes messages of the protocol. A proxy may stand in front of it.
    pub peer: SocketAddr,
    /// Serves clients; redirects name it.
    pub http: SocketAddr,
}

/// Everything that a node is told at its start.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// Who this node is. Its data directory remembers it and refuses another.
    pub id: NodeId,
    /// The directory that holds the node's durable state; made if it does not exist.
    pub data: PathBuf,
    /// Where messages of other nodes arrive. Bound with `SO_REUSEPORT`.
    pub peer_listen: SocketAddr,
    /// Where clients are served. Bound with `SO_REUSEPORT`.
    pub http_listen: SocketAddr,
    /// The address book: every other node that is a member or may become one.
    pub peers: BTreeMap<NodeId, PeerAddress>,
    /// The members that the cluster begins with; empty for a node that is added later. It counts
    /// only when the data directory is made.
    pub voters: BTreeSet<NodeId>,
    /// The unit of the protocol's timeouts.
    pub tick: Duration,
    /// A follower that hears nothing campaigns after so many ticks, drawn anew each time.
    pub election_ticks: Range<u32>,
    /// A leader speaks at least once in so many ticks.
    pub heartbeat_ticks: u32,
    /// Take a snapshot after so many applied entries; 0: only on request.
    pub snapshot_every: u64,
    /// A message carries so many entries at most.
    pub batch: usize,
    /// Serve reads from a leader's lease, without a round of messages. Trusts the clocks' rates.
    pub lease_reads: bool,
    /// Election timeouts are drawn from this, and from the node's id.
    pub seed: u64,
    /// How long a client waits at most before it is told that nobody knows.
    pub request_timeout: Duration,
    /// The mistake to make on purpose; `None` in any serious use.
    pub bug: Option<Bug>,
}

impl NodeOptions {
    /// A node that knows nobody, with the timing that suits one machine: ticks of 10 ms, elections
    /// after 150 to 300 ms, heartbeats every 50 ms, a snapshot every 1000 entries.
    pub fn new(
        id: NodeId,
        data: impl Into<PathBuf>,
        peer_listen: SocketAddr,
        http_listen: SocketAddr,
    ) -> Self {
        NodeOptions {
            id,
            data: data.into(),
            peer_listen,
            http_listen,
            peers: BTreeMap::new(),
            voters: BTreeSet::new(),
            tick: Duration::from_millis(10),
            election_ticks: 15..30,
            heartbeat_ticks: 5,
            snapshot_every: 1000,
            batch: 256,
            lease_reads: false,
            seed: 0,
            request_timeout: Duration::from_secs(2),
            bug: None,
        }
    }

    /// What the core is told; `voters` are the members that the cluster began with.
    pub(crate) fn config(&self, voters: BTreeSet<NodeId>) -> Config {
        Config {
            election_ticks: self.election_ticks.clone(),
            heartbeat_ticks: self.heartbeat_ticks,
            snapshot_every: self.snapshot_every,
            entries_per_message: self.batch,
            lease_reads: self.lease_reads,
            seed: self.seed,
            bug: self.bug,
            ..Config::new(self.id, voters)
        }
    }

    /// Refuses what contradicts itself, before anything is touched.
    pub(crate) fn check(&self) -> Result<(), NodeError> {
        let complain = |text: String| Err(NodeError::Options(text));
        let is_known = |voter: &&NodeId| **voter == self.id || self.peers.contains_key(voter);
        if let Some(stranger) = self.voters.iter().find(|voter| !is_known(voter)) {
            return complain(format!("no address for {stranger}, which is to vote"));
        }
        if self.peers.contains_key(&self.id) {
            return complain(format!("{} is listed as its own peer", self.id));
        }
        if self.tick.is_zero() {
            return complain("the tick must be longer than nothing".to_owned());
        }
        self.config(self.voters.clone())
            .check()
            .or_else(|error| complain(error.to_string()))
    }
}
