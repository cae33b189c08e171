//! A total order by the servers' clocks: the last writer wins.
//!
//! Johnson and Thomas, "The maintenance of duplicate databases" (RFC 677, 1975): each write carries
//! the time at which its node took it, and of two writes of a key every node keeps the later one;
//! the node's id decides between equal times. All nodes that hear of the same writes agree in the
//! end. But the order of the clocks is not the order in which clients see things happen:
//! - A write that is taken by a node whose clock is behind is acknowledged and then lost to an
//!   earlier one (skew).
//! - A read at a node that has not heard of an acknowledged write yet answers with the one before
//!   (delay, with perfect clocks).
//!
//! Lamport, "Time, Clocks, and the Ordering of Events in a Distributed System" (1978), says what
//! would be needed: to answer only once nothing earlier can arrive.
//!
//! In the mode `client` the order is that of the clients' clocks. They are as wrong as the
//! servers', and there are more of them.
//!
//! A command that reads before it writes (compare-and-set, append, add) reads what its node has;
//! its result is written like any other value.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use crate::NodeId;
use crate::machine::StateMachine;
use crate::machine::store::{Command, Query, Response, Store};
use crate::replica::{
    Description, Disk, Input, NoAudit, Output, Replica, Reply, Request, Setup, StartError, View,
};

/// One node.
pub struct Timestamp {
    id: NodeId,
    others: BTreeSet<NodeId>,
    /// Whether the clients' clocks count, and not the node's own.
    by_clients: bool,
    cells: Cells,
    /// Tells apart what the node took at the same time.
    taken: u64,
}

/// A place in the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// What the clock showed of the node that took the write, or of the client that sent it.
    pub clock: Duration,
    /// The node that took it.
    pub node: NodeId,
    /// How many it had taken since its start.
    pub taken: u64,
}

/// The value of a key, and since when. Removed keys stay, as `null`, so that a write from before
/// the removal does not bring them back.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// Which key.
    pub key: String,
    /// Since when.
    pub stamp: Stamp,
    /// Its value.
    pub value: Value,
}

/// Of each key the last write.
#[derive(Clone, Debug, Default)]
pub struct Cells(BTreeMap<String, (Stamp, Value)>);

impl Cells {
    fn is_news(&self, write: &Write) -> bool {
        let known = self.0.get(&write.key);
        known.is_none_or(|(stamp, _)| *stamp < write.stamp)
    }

    /// The machine with this key alone.
    fn store(&self, key: &str) -> Store {
        let mut store = Store::default();
        if let Some((_, value)) = self.0.get(key) {
            let (key, value) = (key.to_owned(), value.clone());
            store.apply(&Command::Write { key, value });
        }
        store
    }
}

impl Disk for Cells {
    type Record = Write;

    fn save(&mut self, write: &Write) {
        if self.is_news(write) {
            let cell = (write.stamp, write.value.clone());
            self.0.insert(write.key.clone(), cell);
        }
    }
}

impl Replica for Timestamp {
    type Machine = Store;
    type Message = Write;
    type Record = Write;
    type Disk = Cells;
    type Audit = NoAudit;

    const SESSIONS: bool = false;

    fn start(setup: &Setup, disk: &Cells) -> Result<Self, StartError> {
        Ok(Timestamp {
            id: setup.id,
            others: setup.others().collect(),
            by_clients: setup.is_mode("client")?,
            cells: disk.clone(),
            taken: 0,
        })
    }

    fn step(&mut self, now: Duration, input: Input<Self>, outputs: &mut Vec<Output<Self>>) {
        match input {
            Input::Tick => {}
            Input::Message { message, .. } => self.take(message, outputs),
            Input::Request { ticket, request } => {
                let reply = self.serve(now, request, outputs);
                outputs.push(Output::Reply { ticket, reply });
            }
        }
    }

    fn view(&self) -> View {
        View::default()
    }

    /// Nodes that know of different writes have nothing in common.
    fn state(&self) -> Option<(u64, &Store)> {
        None
    }

    fn describe(write: &Write) -> Description {
        Description {
            kind: "write",
            bytes: STAMP_BYTES + write.key.len() + write.value.to_string().len(),
        }
    }
}

/// About how many bytes a stamp takes.
const STAMP_BYTES: usize = 32;

impl Timestamp {
    fn serve(
        &mut self,
        now: Duration,
        request: Request<Store>,
        outputs: &mut Vec<Output<Self>>,
    ) -> Reply<Store> {
        match request {
            Request::Apply {
                sequence, command, ..
            } => {
                let client = Duration::from_nanos(sequence);
                let clock = if self.by_clients { client } else { now };
                self.update(clock, &command, outputs)
            }
            Request::Query(query) => {
                let (Query::Read { key } | Query::Contains { key }) = &query;
                Reply::Answer(self.cells.store(key).query(&query))
            }
            Request::OpenSession
            | Request::AddNode(_)
            | Request::RemoveNode(_)
            | Request::Transfer(_)
            | Request::Snapshot => Reply::Refused("nodes only write and tell".to_owned()),
        }
    }

    fn update(
        &mut self,
        clock: Duration,
        command: &Command,
        outputs: &mut Vec<Output<Self>>,
    ) -> Reply<Store> {
        let mut store = self.cells.store(command.key());
        let response = store.apply(command);
        if !matches!(response, Response::Mismatch(_) | Response::WrongType(_)) {
            let key = command.key().to_owned();
            let (stamp, value) = (self.stamp(clock), store.get(&key).clone());
            self.tell(&Write { key, stamp, value }, outputs);
        }
        Reply::Applied(response)
    }

    fn stamp(&mut self, clock: Duration) -> Stamp {
        self.taken += 1;
        Stamp {
            clock,
            node: self.id,
            taken: self.taken,
        }
    }

    fn tell(&mut self, write: &Write, outputs: &mut Vec<Output<Self>>) {
        self.take(write.clone(), outputs);
        for to in &self.others {
            outputs.push(Output::Send {
                to: *to,
                message: write.clone(),
            });
        }
    }

    fn take(&mut self, write: Write, outputs: &mut Vec<Output<Self>>) {
        if self.cells.is_news(&write) {
            self.cells.save(&write);
            outputs.push(Output::Save(write));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::stage::Stage;

    type Cluster = Stage<Timestamp>;

    fn write(value: u64) -> Request<Store> {
        apply(Command::Write {
            key: "k".to_owned(),
            value: json!(value),
        })
    }

    fn apply(command: Command) -> Request<Store> {
        Request::Apply {
            session: 0,
            sequence: 0,
            command,
        }
    }

    fn read(stage: &mut Cluster, node: u64) -> Value {
        let query = Query::Read {
            key: "k".to_owned(),
        };
        match stage.ask(node, Request::Query(query)) {
            Some(Reply::Answer(Response::Value(value))) => value,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nodes_agree_on_the_last_writer_in_any_order_of_arrival() {
        let mut stage = Cluster::new(3, None);
        stage.set_clock(2, Duration::from_secs(2));
        stage.send(2, write(2));
        stage.send(1, write(1));
        stage.wire.make_contiguous().reverse();
        stage.deliver();
        for node in 1..=3 {
            assert_eq!(read(&mut stage, node), 2);
        }
    }

    #[test]
    fn the_higher_id_wins_a_tie() {
        let mut stage = Cluster::new(3, None);
        stage.send(2, write(2));
        stage.send(1, write(1));
        stage.deliver();
        for node in 1..=3 {
            assert_eq!(read(&mut stage, node), 2);
        }
    }

    #[test]
    fn an_acknowledged_write_is_lost_to_a_clock_that_is_ahead() {
        let mut stage = Cluster::new(2, None);
        stage.set_clock(1, Duration::from_secs(2));
        stage.ask(1, write(1));
        assert_eq!(stage.ask(2, write(2)), Some(Reply::Applied(Response::Done)));
        assert_eq!(read(&mut stage, 1), 1);
        assert_eq!(read(&mut stage, 2), 1);
    }

    #[test]
    fn the_clients_clocks_count_in_their_mode() {
        let mut stage = Cluster::new(2, Some("client"));
        let write_at = |sequence, value| Request::Apply {
            session: 0,
            sequence,
            command: Command::Write {
                key: "k".to_owned(),
                value: json!(value),
            },
        };
        stage.ask(1, write_at(2_000, 1));
        stage.set_clock(2, Duration::from_secs(5));
        stage.ask(2, write_at(1_000, 2));
        assert_eq!(read(&mut stage, 1), 1);
        assert_eq!(read(&mut stage, 2), 1);
        stage.ask(2, write_at(3_000, 3));
        assert_eq!(read(&mut stage, 1), 3);
    }

    #[test]
    fn a_delay_alone_makes_a_read_stale() {
        let mut stage = Cluster::new(2, None);
        let ticket = stage.send(1, write(1));
        assert_eq!(stage.reply(ticket), Some(Reply::Applied(Response::Done)));
        stage.slow.insert((NodeId(1), NodeId(2)));
        assert_eq!(read(&mut stage, 2), Value::Null);
    }

    #[test]
    fn a_removed_key_does_not_come_back_by_an_earlier_write() {
        let mut stage = Cluster::new(2, None);
        stage.send(1, write(1));
        stage.deliver();
        stage.set_clock(2, Duration::from_secs(3));
        let key = "k".to_owned();
        let removed = stage.send(2, apply(Command::Remove { key }));
        let found = Reply::Applied(Response::Found(true));
        assert_eq!(stage.reply(removed), Some(found));
        stage.send(1, write(1));
        stage.deliver();
        stage.crash(2);
        assert_eq!(read(&mut stage, 2), Value::Null);
        assert_eq!(read(&mut stage, 1), Value::Null);
    }
}
