//! Raft as a [`Replica`]: the core's inputs and outputs in the words that all protocols share.

use std::ops::Range;
use std::time::Duration;

use super::audit::RaftAudit;
use super::{
    Body, Config, Durable, Entry, Envelope, Event, Input, Message, Output, Raft, Role, Snapshot,
    Term,
};
use crate::NodeId;
use crate::machine::StateMachine;
use crate::replica::{self, Description, Disk, Note, Replica, Setup, StartError, TICK, View};

/// What a Raft node saves in one piece.
#[derive(Clone, Debug, PartialEq)]
pub enum Record<C> {
    /// The term, and to whom the vote of that term was given.
    HardState {
        /// The term.
        term: Term,
        /// The vote.
        vote: Option<NodeId>,
    },
    /// Entries: from the first one's index on they replace what is there.
    Entries(Vec<Entry<C>>),
    /// A snapshot in place of the log up to it.
    Snapshot(Snapshot),
}

impl<M: StateMachine> Replica for Raft<M> {
    type Machine = M;
    type Message = Message<M::Command>;
    type Record = Record<M::Command>;
    type Disk = Durable<M::Command>;
    type Audit = RaftAudit<M>;

    const SESSIONS: bool = true;

    fn start(setup: &Setup, disk: &Self::Disk) -> Result<Self, StartError> {
        let config = config(setup)?;
        Raft::new(config, disk.clone()).map_err(|error| setup.refuse(error.to_string()))
    }

    fn step(
        &mut self,
        _: Duration,
        input: replica::Input<Self>,
        outputs: &mut Vec<replica::Output<Self>>,
    ) {
        let input = match input {
            replica::Input::Tick => Input::Tick,
            replica::Input::Message { from, message } => Input::Message(Envelope {
                from,
                to: self.config.id,
                message,
            }),
            replica::Input::Request { ticket, request } => Input::Request { ticket, request },
        };
        outputs.extend(Raft::step(self, input).into_iter().map(shared));
    }

    fn view(&self) -> View {
        let last = self.log.last().index;
        View {
            role: match self.role() {
                Role::Leader => replica::Role::Leader,
                Role::Follower => replica::Role::Follower,
                Role::Candidate | Role::PreCandidate => replica::Role::Candidate,
            },
            term: self.term,
            leader: self.leader,
            commit: self.commit,
            applied: self.state.applied,
            kept: last - self.log.base().index,
            elections: self.elections,
        }
    }

    fn state(&self) -> Option<(u64, &M)> {
        Some((self.state.applied, &self.state.machine))
    }

    fn describe(message: &Self::Message) -> Description {
        let (kind, payload) = match &message.body {
            Body::RequestVote { pre: true, .. } => ("pre-vote?", 0),
            Body::RequestVote { .. } => ("vote?", 0),
            Body::Vote { granted: true, .. } => ("granted", 0),
            Body::Vote { .. } => ("refused", 0),
            Body::Append { entries, .. } if entries.is_empty() => ("heartbeat", 0),
            Body::Append { entries, .. } => ("append", entries.len() * ENTRY_BYTES),
            Body::Accepted { .. } => ("accepted", 0),
            Body::Rejected { .. } => ("rejected", 0),
            Body::InstallSnapshot { snapshot, .. } => ("snapshot", snapshot.data.len()),
            Body::TimeoutNow => ("campaign!", 0),
        };
        let bytes = HEADER_BYTES + payload;
        Description { kind, bytes }
    }
}

/// About what a message takes besides its entries, and what an entry takes.
const HEADER_BYTES: usize = 64;
const ENTRY_BYTES: usize = 80;

fn shared<M: StateMachine>(output: Output<M>) -> replica::Output<Raft<M>> {
    match output {
        Output::SaveHardState { term, vote } => {
            replica::Output::Save(Record::HardState { term, vote })
        }
        Output::AppendEntries { entries } => replica::Output::Save(Record::Entries(entries)),
        Output::SaveSnapshot(snapshot) => replica::Output::Save(Record::Snapshot(snapshot)),
        Output::Send(Envelope { to, message, .. }) => replica::Output::Send { to, message },
        Output::Reply { ticket, reply } => replica::Output::Reply { ticket, reply },
        Output::Event(event) => replica::Output::Note(note(&event)),
    }
}

fn note(event: &Event) -> Note {
    match event {
        Event::BecameLeader { term } => Note::Leads(*term),
        Event::SteppedDown { .. } => Note::StepsDown,
        Event::Voted { term } => Note::Votes(*term),
        Event::Campaigning { term, pre: false } => Note::Campaigns(*term),
        Event::Campaigning { term, pre: true } => {
            Note::Says(format!("asks whether it would be elected in term {term}"))
        }
        Event::MembersChanged { voters } => {
            let voters: Vec<String> = voters.iter().map(ToString::to_string).collect();
            Note::Says(format!("counts as members {}", voters.join(", ")))
        }
        Event::SnapshotTaken { index } => {
            Note::Says(format!("takes a snapshot up to entry {index}"))
        }
        Event::SnapshotInstalled { index } => {
            Note::Says(format!("takes over a snapshot up to entry {index}"))
        }
        Event::CommittedLost { index } => {
            Note::Says(format!("overwrites committed entries from {index} on"))
        }
    }
}

/// The settings are those of the server: times in milliseconds, here in ticks.
fn config(setup: &Setup) -> Result<Config, StartError> {
    let usual = Config::new(setup.id, setup.nodes.iter().copied());
    let tick = u64::try_from(TICK.as_millis()).expect("a tick is short");
    let ticks = |ms: u64| u32::try_from((ms / tick).max(1)).unwrap_or(u32::MAX);
    let heartbeat = setup.number("heartbeat", 50)?;
    Ok(Config {
        election_ticks: election(setup, ticks)?.unwrap_or(usual.election_ticks.clone()),
        heartbeat_ticks: ticks(heartbeat),
        snapshot_every: setup.number("snapshot-every", usual.snapshot_every)?,
        entries_per_message: batch(setup, usual.entries_per_message)?,
        lease_reads: setup
            .settings
            .get("lease-reads")
            .is_some_and(|on| on == "true"),
        seed: setup.seed,
        bug: setup.bug,
        ..usual
    })
}

fn batch(setup: &Setup, usual: usize) -> Result<usize, StartError> {
    let number = setup.number("batch", usual as u64)?;
    usize::try_from(number).map_err(|_| setup.refuse("setting `batch` is too large"))
}

fn election(setup: &Setup, ticks: impl Fn(u64) -> u32) -> Result<Option<Range<u32>>, StartError> {
    let Some(text) = setup.settings.get("election") else {
        return Ok(None);
    };
    let range = text.split_once('-').and_then(|(min, max)| {
        let (min, max) = (min.parse().ok()?, max.parse().ok()?);
        Some(ticks(min)..ticks(max))
    });
    let bad = || setup.refuse(format!("setting `election` is `{text}`, not MIN-MAX"));
    range.map(Some).ok_or_else(bad)
}

impl<C: Clone> Disk for Durable<C> {
    type Record = Record<C>;

    fn save(&mut self, record: &Record<C>) {
        match record {
            Record::HardState { term, vote } => (self.term, self.vote) = (*term, *vote),
            Record::Entries(entries) => self.append(entries),
            Record::Snapshot(snapshot) => self.replace(snapshot),
        }
    }
}

impl<C: Clone> Durable<C> {
    fn append(&mut self, entries: &[Entry<C>]) {
        let Some(first) = entries.first() else { return };
        let kept = self
            .entries
            .partition_point(|entry| entry.index < first.index);
        self.entries.truncate(kept);
        self.entries.extend_from_slice(entries);
    }

    /// The log stays behind the snapshot only if it continues it.
    fn replace(&mut self, snapshot: &Snapshot) {
        let at = |entry: &Entry<C>| (entry.index, entry.term) == (snapshot.index, snapshot.term);
        let rests = |old: &Snapshot| (old.index, old.term) == (snapshot.index, snapshot.term);
        let continues = self.entries.iter().any(at) || self.snapshot.as_ref().is_some_and(rests);
        let behind = |entry: &Entry<C>| continues && entry.index > snapshot.index;
        self.entries.retain(behind);
        self.snapshot = Some(snapshot.clone());
    }
}
