//! What a log amounts to. Pure: nodes that apply the same positions have the same state.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Action;
use crate::NodeId;
use crate::machine::{MalformedSnapshot, StateMachine};
use crate::replica::Reply;
use crate::sessions::Sessions;

/// So many sessions are kept; the one that was used least recently goes first.
const SESSIONS_MAX: usize = 10_000;

/// The machine, the sessions and the members, as of a position.
#[derive(Clone, Debug)]
pub(super) struct State<M: StateMachine> {
    pub(super) machine: M,
    /// Those who choose what comes next.
    pub(super) members: BTreeSet<NodeId>,
    sessions: Sessions<M::Response>,
    /// How many actions led here. It names sessions, since a position may open several.
    actions: u64,
}

/// The part of a snapshot that is not the machine's: one line of JSON before it.
#[derive(Serialize, Deserialize)]
#[serde(bound(deserialize = "R: Deserialize<'de>"))]
struct Header<R> {
    members: BTreeSet<NodeId>,
    sessions: Sessions<R>,
    actions: u64,
}

impl<M: StateMachine> State<M> {
    pub(super) fn new(members: BTreeSet<NodeId>) -> Self {
        State {
            machine: M::default(),
            members,
            sessions: Sessions::default(),
            actions: 0,
        }
    }

    /// Applies the next action; what whoever asked for it is to be told.
    pub(super) fn apply(&mut self, action: &Action<M::Command>) -> Reply<M> {
        self.actions += 1;
        match action {
            Action::Nothing => Reply::Done,
            Action::OpenSession => {
                self.sessions.open(self.actions, self.actions, SESSIONS_MAX);
                Reply::Session(self.actions)
            }
            Action::Apply {
                session,
                sequence,
                command,
            } => {
                let (sessions, at) = (&mut self.sessions, self.actions);
                sessions.execute(&mut self.machine, (*session, *sequence), command, at)
            }
            Action::Members(members) => {
                self.members.clone_from(members);
                Reply::Done
            }
        }
    }

    /// The state as bytes. Linear in its size.
    pub(super) fn encode(&self) -> Vec<u8> {
        let header = Header {
            members: self.members.clone(),
            sessions: self.sessions.clone(),
            actions: self.actions,
        };
        let mut data = serde_json::to_vec(&header).expect("the header has only plain keys");
        data.push(b'\n');
        data.extend(self.machine.snapshot());
        data
    }

    /// The state that [`encode`](Self::encode) wrote.
    pub(super) fn decode(data: &[u8]) -> Result<Self, MalformedSnapshot> {
        let cut = data.iter().position(|byte| *byte == b'\n');
        let cut = cut.ok_or_else(|| MalformedSnapshot("it is cut off".to_owned()))?;
        let Header {
            members,
            sessions,
            actions,
        } = serde_json::from_slice(&data[..cut])
            .map_err(|error| MalformedSnapshot(error.to_string()))?;
        Ok(State {
            machine: M::restore(&data[cut + 1..])?,
            members,
            sessions,
            actions,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::counter::{Command, Counter, Query};

    fn add(session: u64, sequence: u64) -> Action<Command> {
        Action::Apply {
            session,
            sequence,
            command: Command(5),
        }
    }

    #[test]
    fn a_repeated_command_is_executed_once() {
        let mut state = State::<Counter>::new(BTreeSet::new());
        assert_eq!(state.apply(&Action::OpenSession), Reply::Session(1));
        assert_eq!(state.apply(&add(1, 1)), Reply::Applied(5));
        assert_eq!(state.apply(&Action::Nothing), Reply::Done);
        assert_eq!(state.apply(&add(1, 1)), Reply::Applied(5));
        assert_eq!(state.machine.query(&Query), 5);
        assert_eq!(state.apply(&add(9, 1)), Reply::SessionExpired);
    }

    #[test]
    fn a_snapshot_has_machine_sessions_and_members() {
        let mut state = State::<Counter>::new([NodeId(1)].into());
        state.apply(&Action::OpenSession);
        state.apply(&add(1, 1));
        state.apply(&Action::Members([NodeId(1), NodeId(4)].into()));
        let mut restored = State::<Counter>::decode(&state.encode()).unwrap();
        assert_eq!(restored.members, [NodeId(1), NodeId(4)].into());
        assert_eq!(restored.apply(&add(1, 1)), Reply::Applied(5));
        assert_eq!(restored.apply(&Action::OpenSession), Reply::Session(5));
        assert!(State::<Counter>::decode(b"{}").is_err());
    }
}
