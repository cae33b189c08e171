//! Sessions: what makes a command that is sent twice be executed once (dissertation section 6.3).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::machine::StateMachine;
use crate::raft::Index;
use crate::replica::Reply;

/// All open sessions. Every node has the same: they change by entries of the log only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sessions<R> {
    open: BTreeMap<u64, Session<R>>,
}

/// One client's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Session<R> {
    /// The entry that used it last.
    used: Index,
    /// The last command's number and what it was answered with.
    last: Option<(u64, R)>,
}

/// What is known of a command before it is executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Known<R> {
    /// It was never executed.
    New,
    /// It was the last one, and this was the response.
    Done(R),
    /// A later one was executed; the response is forgotten, if there was one.
    Passed,
    /// So is the whole session, or there never was one.
    NoSession,
}

impl<R> Default for Sessions<R> {
    fn default() -> Self {
        Sessions {
            open: BTreeMap::new(),
        }
    }
}

impl<R: Clone> Sessions<R> {
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// Opens one, at the entry `index`; if that makes more than `max`, forgets the one that was not
    /// used for longest. Linear in the number of sessions when there are that many.
    pub(crate) fn open(&mut self, session: u64, index: Index, max: usize) {
        let fresh = Session {
            used: index,
            last: None,
        };
        self.open.insert(session, fresh);
        while self.open.len() > max {
            let oldest = self.open.iter().min_by_key(|(_, session)| session.used);
            let Some(oldest) = oldest.map(|(id, _)| *id) else {
                return;
            };
            self.open.remove(&oldest);
        }
    }

    /// Notes that an entry uses a session, and tells what is known of its command.
    pub(crate) fn look_up(&mut self, session: u64, sequence: u64, index: Index) -> Known<R> {
        let Some(session) = self.open.get_mut(&session) else {
            return Known::NoSession;
        };
        session.used = index;
        match &session.last {
            Some((last, response)) if *last == sequence => Known::Done(response.clone()),
            Some((last, _)) if *last > sequence => Known::Passed,
            _ => Known::New,
        }
    }

    /// Remembers the response to a command.
    pub(crate) fn done(&mut self, session: u64, sequence: u64, response: R) {
        if let Some(session) = self.open.get_mut(&session) {
            session.last = Some((sequence, response));
        }
    }
}

impl<R: Clone> Sessions<R> {
    /// Executes a command, named by its session and its number there, at the entry `index`: once,
    /// however often it is sent.
    pub(crate) fn execute<M: StateMachine<Response = R>>(
        &mut self,
        machine: &mut M,
        (session, sequence): (u64, u64),
        command: &M::Command,
        index: Index,
    ) -> Reply<M> {
        match self.look_up(session, sequence, index) {
            Known::New => {
                let response = machine.apply(command);
                self.done(session, sequence, response.clone());
                Reply::Applied(response)
            }
            Known::Done(response) => Reply::Applied(response),
            Known::Passed => Reply::Uncertain,
            Known::NoSession => Reply::SessionExpired,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_known_by_its_number() {
        let mut sessions = Sessions::default();
        sessions.open(7, 7, 2);
        assert_eq!(sessions.look_up(7, 1, 8), Known::New);
        sessions.done(7, 1, "one");
        assert_eq!(sessions.look_up(7, 1, 9), Known::Done("one"));
        assert_eq!(sessions.look_up(7, 4, 10), Known::New);
        sessions.done(7, 4, "four");
        assert_eq!(sessions.look_up(7, 1, 11), Known::Passed);
        assert_eq!(sessions.look_up(8, 1, 12), Known::NoSession);
    }

    #[test]
    fn the_session_that_was_not_used_for_longest_goes() {
        let mut sessions = Sessions::<()>::default();
        sessions.open(1, 1, 2);
        sessions.open(2, 2, 2);
        assert_eq!(sessions.look_up(1, 1, 3), Known::New);
        sessions.open(4, 4, 2);
        assert_eq!(sessions.look_up(2, 1, 5), Known::NoSession);
        assert_eq!(sessions.look_up(1, 1, 6), Known::New);
        assert_eq!(sessions.len(), 2);
    }
}
