//! A state machine with the sessions of its clients, for protocols without a log of their own.

use serde::{Deserialize, Serialize};

use crate::machine::{MalformedSnapshot, StateMachine};
use crate::replica::{Reply, Request};
use crate::sessions::Sessions;

/// So many sessions are kept.
const SESSIONS_MAX: usize = 10_000;

/// What changes a [`Ledger`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Update<C> {
    /// A session.
    Open {
        /// Its number: never that of another one.
        session: u64,
    },
    /// A command, once per session and sequence number.
    Apply {
        /// The client's session.
        session: u64,
        /// The command's number in it.
        sequence: u64,
        /// What to execute.
        command: C,
    },
}

/// The state: equal updates in equal order give equal ledgers and replies.
#[derive(Debug)]
pub(crate) struct Ledger<M: StateMachine> {
    machine: M,
    sessions: Sessions<M::Response>,
    /// How many updates led here.
    applied: u64,
}

/// What changes the state, and what does not.
pub(crate) enum Wish<M: StateMachine> {
    /// An update.
    Update(Update<M::Command>),
    /// A query.
    Query(M::Query),
    /// The state on the disk in place of the updates that led to it.
    Snapshot,
    /// Members and offices, which these protocols do not change.
    Reform,
}

impl<M: StateMachine> Wish<M> {
    /// What a request comes to; a session that it opens gets this number.
    pub(crate) fn of(request: Request<M>, session: u64) -> Self {
        match request {
            Request::OpenSession => Wish::Update(Update::Open { session }),
            Request::Apply {
                session,
                sequence,
                command,
            } => Wish::Update(Update::Apply {
                session,
                sequence,
                command,
            }),
            Request::Query(query) => Wish::Query(query),
            Request::Snapshot => Wish::Snapshot,
            Request::AddNode(_) | Request::RemoveNode(_) | Request::Transfer(_) => Wish::Reform,
        }
    }
}

impl<M: StateMachine> Default for Ledger<M> {
    fn default() -> Self {
        Ledger {
            machine: M::default(),
            sessions: Sessions::default(),
            applied: 0,
        }
    }
}

impl<M: StateMachine> Ledger<M> {
    /// How many updates led here.
    pub(crate) fn applied(&self) -> u64 {
        self.applied
    }

    pub(crate) fn machine(&self) -> &M {
        &self.machine
    }

    /// Executes an update and says what its client is told.
    pub(crate) fn execute(&mut self, update: &Update<M::Command>) -> Reply<M> {
        self.applied += 1;
        match update {
            Update::Open { session } => {
                self.sessions.open(*session, self.applied, SESSIONS_MAX);
                Reply::Session(*session)
            }
            Update::Apply {
                session,
                sequence,
                command,
            } => {
                let (sessions, at) = (&mut self.sessions, self.applied);
                sessions.execute(&mut self.machine, (*session, *sequence), command, at)
            }
        }
    }

    pub(crate) fn query(&self, query: &M::Query) -> Reply<M> {
        Reply::Answer(self.machine.query(query))
    }

    /// The whole of it as bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let parts = (&self.applied, &self.sessions, self.machine.snapshot());
        serde_json::to_vec(&parts).expect("sessions have plain keys")
    }

    /// The ledger that [`encode`](Self::encode) wrote.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, MalformedSnapshot> {
        let malformed = |error: serde_json::Error| MalformedSnapshot(error.to_string());
        let (applied, sessions, machine): (u64, _, Vec<u8>) =
            serde_json::from_slice(bytes).map_err(malformed)?;
        Ok(Ledger {
            machine: M::restore(&machine)?,
            sessions,
            applied,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::counter::{Command, Counter, Query};

    fn add(session: u64, sequence: u64) -> Update<Command> {
        Update::Apply {
            session,
            sequence,
            command: Command(5),
        }
    }

    #[test]
    fn an_update_that_comes_again_is_executed_once() {
        let mut ledger = Ledger::<Counter>::default();
        ledger.execute(&Update::Open { session: 3 });
        assert_eq!(ledger.execute(&add(3, 1)), Reply::Applied(5));
        assert_eq!(ledger.execute(&add(3, 1)), Reply::Applied(5));
        assert_eq!(ledger.execute(&add(3, 2)), Reply::Applied(10));
        assert_eq!(ledger.execute(&add(3, 1)), Reply::Uncertain);
        assert_eq!(ledger.execute(&add(4, 1)), Reply::SessionExpired);
        assert_eq!(ledger.query(&Query), Reply::Answer(10));
    }

    #[test]
    fn its_bytes_have_machine_sessions_and_number() {
        let mut ledger = Ledger::<Counter>::default();
        ledger.execute(&Update::Open { session: 3 });
        ledger.execute(&add(3, 1));
        let mut decoded = Ledger::<Counter>::decode(&ledger.encode()).unwrap();
        assert_eq!(decoded.applied(), 2);
        assert_eq!(decoded.execute(&add(3, 1)), Reply::Applied(5));
        assert_eq!(decoded.machine(), ledger.machine());
        assert!(Ledger::<Counter>::decode(b"[]").is_err());
    }
}
