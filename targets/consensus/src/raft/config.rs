//! What a node is told about itself.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::NodeId;
use crate::bug::Bug;

/// The settings of one node. Durations are in ticks.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who this node is.
    pub id: NodeId,
    /// The members that the cluster begins with; empty for a node that is added later. What the log
    /// or a snapshot says goes before this.
    pub voters: BTreeSet<NodeId>,
    /// A follower that hears no leader campaigns after a number of ticks drawn from this. Before
    /// the start of the range nobody is helped to depose a leader that was heard.
    pub election_ticks: Range<u32>,
    /// A leader speaks to everybody at least once in so many ticks.
    pub heartbeat_ticks: u32,
    /// Ask whether an election could be won before starting one (dissertation section 9.6).
    pub pre_vote: bool,
    /// A leader that does not hear a majority steps down (dissertation section 6.2).
    pub check_quorum: bool,
    /// Answer reads from a lease instead of a round of messages (dissertation section 6.4.1). Only
    /// as good as the clocks: ticks must come at the same rate everywhere.
    pub lease_reads: bool,
    /// Take a snapshot when so many entries were applied since the last one; 0: only on request.
    pub snapshot_every: u64,
    /// A message carries so many entries at most; at least 1.
    pub entries_per_message: usize,
    /// So many sessions are kept; the one that was used least recently goes first.
    pub sessions_max: usize,
    /// Election timeouts are drawn from this and from the node's id.
    pub seed: u64,
    /// The mistake to make.
    pub bug: Option<Bug>,
}

/// Settings that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// No election timeout can be drawn.
    #[error("election ticks {0:?} are an empty range: give the end of a range after its start")]
    ElectionTicks(Range<u32>),
    /// Followers would campaign between two heartbeats.
    #[error(
        "{heartbeat} heartbeat ticks do not fit into an election timeout of {election}: \
         give at least 1 and less than that"
    )]
    HeartbeatTicks {
        /// What was given.
        heartbeat: u32,
        /// The shortest election timeout.
        election: u32,
    },
    /// Nothing could be replicated.
    #[error("a message must carry at least 1 entry")]
    EntriesPerMessage,
    /// Nothing could be written.
    #[error("at least 1 session must be kept")]
    SessionsMax,
}

impl Config {
    /// Settings that suit ticks of 10 ms on one machine: elections after 150 to 300 ms, heartbeats
    /// every 50 ms, a snapshot every 1000 entries, no leases.
    pub fn new(id: NodeId, voters: impl IntoIterator<Item = NodeId>) -> Self {
        Config {
            id,
            voters: voters.into_iter().collect(),
            election_ticks: 15..30,
            heartbeat_ticks: 5,
            pre_vote: true,
            check_quorum: true,
            lease_reads: false,
            snapshot_every: 1000,
            entries_per_message: 256,
            sessions_max: 10_000,
            seed: 0,
            bug: None,
        }
    }

    /// Whether the settings can work.
    ///
    /// # Errors
    /// The first setting that cannot.
    pub fn check(&self) -> Result<(), ConfigError> {
        let election = self.election_ticks.start;
        if self.election_ticks.is_empty() {
            return Err(ConfigError::ElectionTicks(self.election_ticks.clone()));
        }
        if self.heartbeat_ticks == 0 || self.heartbeat_ticks >= election {
            let heartbeat = self.heartbeat_ticks;
            return Err(ConfigError::HeartbeatTicks {
                heartbeat,
                election,
            });
        }
        if self.entries_per_message == 0 {
            return Err(ConfigError::EntriesPerMessage);
        }
        if self.sessions_max == 0 {
            return Err(ConfigError::SessionsMax);
        }
        Ok(())
    }
}
