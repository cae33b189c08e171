//! One node, a state machine in memory, calls served one at a time.
//!
//! What every replicated system is compared with: it has one copy and one order, so it is
//! linearizable (Herlihy and Wing, "Linearizability: A Correctness Condition for Concurrent
//! Objects", 1990, section 1: the sequential object itself). Of the nodes, the one with the lowest
//! id serves, and nobody takes its place while it is down.
//!
//! Each update is saved before it is answered. In the mode `volatile` nothing is saved, and a crash
//! loses everything that was acknowledged.

use std::convert::Infallible;
use std::time::Duration;

use crate::NodeId;
use crate::journal::{Journal, UPDATES_MAX};
use crate::ledger::{Ledger, Update, Wish};
use crate::machine::StateMachine;
use crate::replica::{
    Description, Disk, Input, NoAudit, Output, Replica, Reply, Role, Setup, StartError, View,
};

/// One node.
pub struct Single<M: StateMachine> {
    id: NodeId,
    /// Who serves.
    server: NodeId,
    durable: bool,
    ledger: Ledger<M>,
    /// How many updates the disk has next to its base.
    kept: usize,
}

/// What is saved in one piece.
#[derive(Clone, Debug)]
pub enum Record<C> {
    /// One more update.
    Update(Update<C>),
    /// The state in place of all updates so far.
    State(Vec<u8>),
}

impl<C: Clone> Disk for Journal<C> {
    type Record = Record<C>;

    fn save(&mut self, record: &Record<C>) {
        match record {
            Record::Update(update) => self.push(update.clone()),
            Record::State(bytes) => self.replace(bytes.clone()),
        }
    }
}

impl<M: StateMachine> Replica for Single<M> {
    type Machine = M;
    type Message = Infallible;
    type Record = Record<M::Command>;
    type Disk = Journal<M::Command>;
    type Audit = NoAudit;

    const SESSIONS: bool = true;

    fn start(setup: &Setup, disk: &Self::Disk) -> Result<Self, StartError> {
        let ledger = disk
            .replay()
            .map_err(|error| setup.refuse(error.to_string()))?;
        Ok(Single {
            id: setup.id,
            server: setup.nodes.first().copied().unwrap_or(setup.id),
            durable: !setup.is_mode("volatile")?,
            ledger,
            kept: disk.updates().len(),
        })
    }

    fn step(&mut self, now: Duration, input: Input<Self>, outputs: &mut Vec<Output<Self>>) {
        match input {
            Input::Tick => {}
            Input::Message { message, .. } => match message {},
            Input::Request { ticket, request } => {
                let wish = Wish::of(request, self.next_session(now));
                let reply = self.serve(wish, outputs);
                outputs.push(Output::Reply { ticket, reply });
            }
        }
    }

    fn view(&self) -> View {
        View {
            role: if self.id == self.server {
                Role::Leader
            } else {
                Role::Follower
            },
            leader: Some(self.server),
            commit: self.ledger.applied(),
            applied: self.ledger.applied(),
            kept: self.kept as u64,
            ..View::default()
        }
    }

    /// Nobody else has a state to compare with.
    fn state(&self) -> Option<(u64, &M)> {
        None
    }

    fn describe(message: &Infallible) -> Description {
        match *message {}
    }
}

impl<M: StateMachine> Single<M> {
    fn serve(&mut self, wish: Wish<M>, outputs: &mut Vec<Output<Self>>) -> Reply<M> {
        if self.id != self.server {
            return Reply::NotLeader {
                leader: Some(self.server),
            };
        }
        match wish {
            Wish::Update(update) => self.update(update, outputs),
            Wish::Query(query) => self.ledger.query(&query),
            Wish::Snapshot => {
                self.compact(outputs);
                Reply::Done
            }
            Wish::Reform => Reply::Refused("one node serves, always the same".to_owned()),
        }
    }

    /// With a disk, sessions are numbered like updates. A node that forgets how far it came would
    /// give a session's number to another client, whose commands then looked like repetitions: it
    /// puts its clock before the number.
    fn next_session(&self, now: Duration) -> u64 {
        let next = self.ledger.applied() + 1;
        if self.durable {
            return next;
        }
        let millis = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        (millis << 24) | (next & 0xff_ffff)
    }

    fn update(&mut self, update: Update<M::Command>, outputs: &mut Vec<Output<Self>>) -> Reply<M> {
        let reply = self.ledger.execute(&update);
        if self.durable {
            self.kept += 1;
            outputs.push(Output::Save(Record::Update(update)));
        }
        if self.kept >= UPDATES_MAX {
            self.compact(outputs);
        }
        reply
    }

    fn compact(&mut self, outputs: &mut Vec<Output<Self>>) {
        if self.durable {
            self.kept = 0;
            outputs.push(Output::Save(Record::State(self.ledger.encode())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::counter::{Command, Counter, Query};
    use crate::replica::Request;
    use crate::stage::Stage;

    fn stage(mode: Option<&str>) -> Stage<Single<Counter>> {
        Stage::new(3, mode)
    }

    fn add(session: u64, sequence: u64) -> Request<Counter> {
        Request::Apply {
            session,
            sequence,
            command: Command(1),
        }
    }

    #[test]
    fn the_lowest_id_serves_and_the_others_say_so() {
        let mut stage = stage(None);
        assert_eq!(stage.ask(1, Request::OpenSession), Some(Reply::Session(1)));
        assert_eq!(stage.ask(1, add(1, 1)), Some(Reply::Applied(1)));
        let leader = Some(NodeId(1));
        assert_eq!(
            stage.ask(2, Request::Query(Query)),
            Some(Reply::NotLeader { leader })
        );
        assert_eq!(stage.view(1).role, Role::Leader);
        assert_eq!(stage.view(3).role, Role::Follower);
    }

    #[test]
    fn what_was_acknowledged_survives_a_crash_with_its_sessions() {
        let mut stage = stage(None);
        stage.ask(1, Request::OpenSession);
        for sequence in 1..=2_500 {
            stage.ask(1, add(1, sequence));
        }
        assert!(stage.view(1).kept < UPDATES_MAX as u64);
        stage.crash(1);
        assert_eq!(stage.ask(1, add(1, 2_500)), Some(Reply::Applied(2_500)));
        assert_eq!(stage.ask(1, add(1, 2_501)), Some(Reply::Applied(2_501)));
    }

    #[test]
    fn a_volatile_node_loses_all_and_does_not_know_its_old_sessions() {
        let mut stage = stage(Some("volatile"));
        let Some(Reply::Session(session)) = stage.ask(1, Request::OpenSession) else {
            panic!("no session");
        };
        assert_eq!(stage.ask(1, add(session, 1)), Some(Reply::Applied(1)));
        stage.crash(1);
        stage.tick(1);
        assert_eq!(stage.ask(1, Request::Query(Query)), Some(Reply::Answer(0)));
        let Some(Reply::Session(other)) = stage.ask(1, Request::OpenSession) else {
            panic!("no session");
        };
        assert_ne!(other, session);
        assert_eq!(stage.ask(1, add(session, 2)), Some(Reply::SessionExpired));
    }

    #[test]
    fn there_is_no_other_mode() {
        let setup = Stage::<Single<Counter>>::setup(1, 3, Some("fast"));
        assert!(Single::<Counter>::start(&setup, &Journal::default()).is_err());
    }
}
