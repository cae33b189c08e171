//! What committed entries amount to. Pure: nodes that apply the same entries have the same state.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Reply;
use super::entry::{Entry, Index, Payload};
use crate::NodeId;
use crate::bug::Bug;
use crate::machine::{Comparison, MalformedSnapshot, StateMachine};
use crate::sessions::{Known, Sessions};

/// The machine and the sessions, as of an entry.
#[derive(Clone, Debug)]
pub(super) struct State<M: StateMachine> {
    pub(super) machine: M,
    pub(super) sessions: Sessions<M::Response>,
    /// The last entry that is in it.
    pub(super) applied: Index,
}

/// How entries are applied; equal on all nodes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) sessions_max: usize,
    pub(super) bug: Option<Bug>,
}

/// What comes of an entry.
pub(super) enum Effect<M: StateMachine> {
    /// This, for whoever asked for it.
    Reply(Reply<M>),
    /// The first half of a torn command held; the second half is to follow.
    Second(Payload<M::Command>),
}

/// The part of a snapshot that is not the machine's.
#[derive(Serialize, Deserialize)]
#[serde(bound(deserialize = "R: Deserialize<'de>"))]
struct Header<R> {
    voters: BTreeSet<NodeId>,
    sessions: Sessions<R>,
}

/// A snapshot's data begins with the length of its header in so many bytes.
const LENGTH_BYTES: usize = 8;

impl<M: StateMachine> Default for State<M> {
    fn default() -> Self {
        State {
            machine: M::default(),
            sessions: Sessions::default(),
            applied: 0,
        }
    }
}

impl<M: StateMachine> State<M> {
    /// Applies the next entry.
    pub(super) fn apply(&mut self, entry: &Entry<M::Command>, rules: Rules) -> Effect<M> {
        self.applied = entry.index;
        let reply = match &entry.payload {
            Payload::Members(_) => Reply::Done,
            Payload::OpenSession => {
                self.sessions
                    .open(entry.index, entry.index, rules.sessions_max);
                Reply::Session(entry.index)
            }
            Payload::Apply {
                session,
                sequence,
                command,
            }
            | Payload::Compare {
                session,
                sequence,
                command,
            }
            | Payload::Set {
                session,
                sequence,
                command,
            } => match self.look_up(*session, *sequence, rules) {
                Known::New => return self.execute(&entry.payload, *session, *sequence, command),
                Known::Done(response) => Reply::Applied(response),
                Known::Passed => Reply::Uncertain,
                Known::NoSession => Reply::SessionExpired,
            },
        };
        Effect::Reply(reply)
    }

    fn look_up(&mut self, session: u64, sequence: u64, rules: Rules) -> Known<M::Response> {
        match self.sessions.look_up(session, sequence, self.applied) {
            Known::Done(_) | Known::Passed if rules.bug == Some(Bug::RetryAppliedTwice) => {
                Known::New
            }
            known => known,
        }
    }

    fn execute(
        &mut self,
        payload: &Payload<M::Command>,
        session: u64,
        sequence: u64,
        command: &M::Command,
    ) -> Effect<M> {
        let response = match payload {
            Payload::Compare { .. } => match self.machine.compare(command) {
                Comparison::Fails(response) => response,
                Comparison::Holds | Comparison::None => {
                    let command = command.clone();
                    return Effect::Second(Payload::Set {
                        session,
                        sequence,
                        command,
                    });
                }
            },
            Payload::Set { .. } => self.machine.set(command),
            _ => self.machine.apply(command),
        };
        self.sessions.done(session, sequence, response.clone());
        Effect::Reply(Reply::Applied(response))
    }

    /// The state as bytes, with the members as of it.
    pub(super) fn encode(&self, voters: &BTreeSet<NodeId>) -> Vec<u8> {
        let header = Header {
            voters: voters.clone(),
            sessions: self.sessions.clone(),
        };
        let header = serde_json::to_vec(&header).expect("the header has only plain keys");
        let mut data = (header.len() as u64).to_be_bytes().to_vec();
        data.extend(header);
        data.extend(self.machine.snapshot());
        data
    }

    /// The state that [`encode`](Self::encode) wrote, and the members.
    pub(super) fn decode(
        data: &[u8],
        applied: Index,
    ) -> Result<(Self, BTreeSet<NodeId>), MalformedSnapshot> {
        let (header, machine) =
            split(data).ok_or_else(|| MalformedSnapshot("it is cut off".to_owned()))?;
        let Header { voters, sessions } =
            serde_json::from_slice(header).map_err(|error| MalformedSnapshot(error.to_string()))?;
        Ok((
            State {
                machine: M::restore(machine)?,
                sessions,
                applied,
            },
            voters,
        ))
    }
}

fn split(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = data.split_first_chunk::<LENGTH_BYTES>()?;
    rest.split_at_checked(usize::try_from(u64::from_be_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::counter::{Command, Counter, Query};

    const RULES: Rules = Rules {
        sessions_max: 2,
        bug: None,
    };

    fn applied(
        state: &mut State<Counter>,
        payload: Payload<Command>,
        bug: Option<Bug>,
    ) -> Option<Reply<Counter>> {
        let entry = Entry {
            index: state.applied + 1,
            term: 1,
            payload,
        };
        match state.apply(&entry, Rules { bug, ..RULES }) {
            Effect::Reply(reply) => Some(reply),
            Effect::Second(_) => None,
        }
    }

    fn add(session: u64, sequence: u64) -> Payload<Command> {
        Payload::Apply {
            session,
            sequence,
            command: Command(5),
        }
    }

    #[test]
    fn a_retried_command_is_executed_once_unless_the_bug_is_on() {
        for (bug, sum) in [(None, 5), (Some(Bug::RetryAppliedTwice), 10)] {
            let mut state = State::default();
            applied(&mut state, Payload::OpenSession, bug);
            assert_eq!(applied(&mut state, add(1, 1), bug), Some(Reply::Applied(5)));
            assert_eq!(
                applied(&mut state, add(1, 1), bug),
                Some(Reply::Applied(sum))
            );
            assert_eq!(state.machine.query(&Query), sum);
        }
    }

    #[test]
    fn a_snapshot_has_machine_sessions_and_members() {
        let mut state = State::default();
        applied(&mut state, Payload::OpenSession, None);
        applied(&mut state, add(1, 1), None);
        let voters = [NodeId(1), NodeId(4)].into();
        let (mut restored, members) = State::decode(&state.encode(&voters), 2).unwrap();
        assert_eq!(members, voters);
        assert_eq!(
            applied(&mut restored, add(1, 1), None),
            Some(Reply::Applied(5))
        );
        assert_eq!(
            applied(&mut restored, add(9, 1), None),
            Some(Reply::SessionExpired)
        );
        assert_eq!(restored.machine.query(&Query), 5);
    }

    #[test]
    fn a_snapshot_that_is_cut_off_is_refused() {
        let data = State::<Counter>::default().encode(&BTreeSet::new());
        for length in 0..data.len() {
            assert!(
                State::<Counter>::decode(&data[..length], 0).is_err(),
                "{length}"
            );
        }
    }
}
