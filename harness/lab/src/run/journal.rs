//! What was done to the cluster, written down as it happens: the history's nemesis events and
//! `injections.jsonl`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use testimony_engine::{Action, FaultKind, InjectionRecord, Nanos};
use testimony_history::{InjectionState, Recorder, Value};

use crate::faults::Seen;

/// The injections that are not over yet, and the file of those that are.
pub(crate) struct Journal<W: Write + Send> {
    out: W,
    recorder: Arc<Recorder<W>>,
    open: BTreeMap<u64, InjectionRecord>,
}

impl<W: Write + Send> Journal<W> {
    /// Writes to `out`, and the nemesis events to the recorder.
    pub(crate) fn new(out: W, recorder: Arc<Recorder<W>>) -> Self {
        Journal {
            out,
            recorder,
            open: BTreeMap::new(),
        }
    }

    /// An injection was asked for.
    pub(crate) fn requested(
        &mut self,
        injection: u64,
        kind: FaultKind,
        action: Action,
        requested_at: Nanos,
    ) {
        let record = InjectionRecord {
            injection,
            kind,
            action,
            requested_at,
            started_at: None,
            ended_at: None,
            verified: false,
            healed: false,
            note: None,
        };
        self.open.insert(injection, record);
    }

    /// It was seen in effect, or not. One that is over at once ends here.
    pub(crate) fn injected(&mut self, injection: u64, seen: &Seen) -> io::Result<()> {
        let Some(mut record) = self.open.remove(&injection) else {
            return Ok(());
        };
        note(&mut record, seen);
        record.verified = seen.is_ok();
        if record.verified {
            record.started_at = Some(self.event(&record, InjectionState::Start));
        }
        if !record.action.is_instant() {
            self.open.insert(injection, record);
            return Ok(());
        }
        record.healed = record.verified;
        if record.verified {
            record.ended_at = Some(self.event(&record, InjectionState::End));
        }
        self.write(&record)
    }

    /// Its heal was seen, or not; a failed heal may be tried again.
    pub(crate) fn healed(&mut self, injection: u64, seen: &Seen) -> io::Result<()> {
        let Some(mut record) = self.open.remove(&injection) else {
            return Ok(());
        };
        note(&mut record, seen);
        if seen.is_err() {
            self.open.insert(injection, record);
            return Ok(());
        }
        record.healed = true;
        if record.verified {
            record.ended_at = Some(self.event(&record, InjectionState::End));
        }
        self.write(&record)
    }

    /// The kinds of what is in effect.
    pub(crate) fn active(&self) -> impl Iterator<Item = FaultKind> {
        self.open
            .values()
            .filter(|record| record.verified)
            .map(|record| record.kind)
    }

    /// Writes down what never ended, and gives back what it writes to.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        for record in std::mem::take(&mut self.open).into_values() {
            self.write(&record)?;
        }
        Ok(self.out)
    }

    fn event(&self, record: &InjectionRecord, state: InjectionState) -> Nanos {
        let action = Value::str(&record.action.to_string());
        let objects = Value::list(objects(&record.action).iter().map(|name| Value::str(name)));
        let (kind, extra) = (record.kind.name(), [("action", action)]);
        Nanos(
            self.recorder
                .nemesis(kind, objects, record.injection, state, &extra)
                .time,
        )
    }

    fn write(&mut self, record: &InjectionRecord) -> io::Result<()> {
        let mut line = serde_json::to_vec(record).expect("a record is words and numbers");
        line.push(b'\n');
        self.out.write_all(&line)
    }
}

/// Adds what was seen to what was noted before.
fn note(record: &mut InjectionRecord, seen: &Seen) {
    let (Ok(Some(text)) | Err(text)) = seen else {
        return;
    };
    record.note = Some(match record.note.take() {
        Some(before) => format!("{before}; {text}"),
        None => text.clone(),
    });
}

/// The links or nodes that an action is about.
fn objects(action: &Action) -> Vec<String> {
    match action {
        Action::Cut { links }
        | Action::Slow { links, .. }
        | Action::Throttle { links, .. }
        | Action::Lossy { links, .. }
        | Action::Corrupt { links, .. }
        | Action::Reset { links } => links.iter().map(ToString::to_string).collect(),
        Action::Kill { nodes }
        | Action::Pause { nodes }
        | Action::Skew { nodes, .. }
        | Action::SlowDisk { nodes, .. }
        | Action::FailDisk { nodes }
        | Action::Ambush { nodes, .. }
        | Action::Wipe { nodes }
        | Action::FillDisk { nodes }
        | Action::LockDisk { nodes }
        | Action::Starve { nodes, .. }
        | Action::Lie { nodes } => nodes.iter().map(ToString::to_string).collect(),
        Action::Remove { node }
        | Action::Transfer { to: node }
        | Action::Command { node, .. }
        | Action::Snapshot { node } => vec![node.to_string()],
    }
}
