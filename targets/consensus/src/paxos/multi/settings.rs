//! What a node is told about itself.

use std::ops::Range;

use crate::bug::Bug;
use crate::replica::{Setup, StartError, TICK};

/// The settings of one node. Durations are in ticks.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// Who hears no leader campaigns after a time drawn from this. Before the start of the range
    /// nobody is helped to depose a leader that was heard.
    pub(super) election: Range<u64>,
    /// A leader speaks to everybody at least this often.
    pub(super) heartbeat: u64,
    /// Take a snapshot when so many positions were applied since the last one; 0: on request only.
    pub(super) snapshot_every: u64,
    /// The mistake to make.
    pub(super) bug: Option<Bug>,
}

impl Settings {
    /// Times are set in milliseconds: `heartbeat`, and `election` as MIN-MAX.
    pub(super) fn new(setup: &Setup) -> Result<Self, StartError> {
        let settings = Settings {
            election: election(setup)?,
            heartbeat: ticks(setup.number("heartbeat", 50)?),
            snapshot_every: setup.number("snapshot-every", 1000)?,
            bug: setup.bug,
        };
        if settings.heartbeat >= settings.election.start {
            return Err(setup.refuse("heartbeats do not fit into an election timeout"));
        }
        Ok(settings)
    }
}

fn election(setup: &Setup) -> Result<Range<u64>, StartError> {
    let usual = "150-300".to_owned();
    let text = setup.settings.get("election").unwrap_or(&usual);
    let range = text.split_once('-').and_then(|(min, max)| {
        let range = ticks(min.parse().ok()?)..ticks(max.parse().ok()?);
        (!range.is_empty()).then_some(range)
    });
    range.ok_or_else(|| setup.refuse(format!("setting `election` is `{text}`, not MIN-MAX")))
}

fn ticks(ms: u64) -> u64 {
    let tick = u64::try_from(TICK.as_millis()).expect("a tick is short");
    (ms / tick).max(1)
}
