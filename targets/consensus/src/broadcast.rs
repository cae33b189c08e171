//! Every node applies its own writes at once, answers, and tells the others.
//!
//! In the words of Hadzilacos and Toueg, "Fault-Tolerant Broadcasts and Related Problems" (1993), a
//! broadcast with none of the orders (FIFO, causal, total): nodes apply what others tell them when
//! it arrives. Two nodes can apply the same two writes in different orders and stay different for
//! ever, and a read at one node does not know what another one has acknowledged. It is not
//! linearizable even if no message is lost and no node fails.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::NodeId;
use crate::machine::StateMachine;
use crate::replica::{
    Description, Disk, Input, NoAudit, Output, Replica, Reply, Request, Setup, StartError, View,
};

/// One node.
pub struct Broadcast<M> {
    others: BTreeSet<NodeId>,
    machine: M,
    /// How many commands it has applied.
    applied: u64,
}

/// A command that its sender has applied.
#[derive(Clone, Debug)]
pub struct Message<C>(pub C);

/// The commands that a node has applied, in its own order.
#[derive(Clone, Debug)]
pub struct Applied<C>(Vec<C>);

impl<C> Default for Applied<C> {
    fn default() -> Self {
        Applied(Vec::new())
    }
}

impl<C: Clone> Disk for Applied<C> {
    type Record = C;

    fn save(&mut self, command: &C) {
        self.0.push(command.clone());
    }
}

impl<M: StateMachine> Replica for Broadcast<M> {
    type Machine = M;
    type Message = Message<M::Command>;
    type Record = M::Command;
    type Disk = Applied<M::Command>;
    type Audit = NoAudit;

    const SESSIONS: bool = false;

    fn start(setup: &Setup, disk: &Self::Disk) -> Result<Self, StartError> {
        setup.no_mode()?;
        let mut machine = M::default();
        for command in &disk.0 {
            machine.apply(command);
        }
        Ok(Broadcast {
            others: setup.others().collect(),
            machine,
            applied: disk.0.len() as u64,
        })
    }

    fn step(&mut self, _: Duration, input: Input<Self>, outputs: &mut Vec<Output<Self>>) {
        match input {
            Input::Tick => {}
            Input::Message { message, .. } => {
                self.apply(message.0, outputs);
            }
            Input::Request { ticket, request } => {
                let reply = self.serve(request, outputs);
                outputs.push(Output::Reply { ticket, reply });
            }
        }
    }

    fn view(&self) -> View {
        View {
            applied: self.applied,
            ..View::default()
        }
    }

    /// The number does not say which commands they were.
    fn state(&self) -> Option<(u64, &M)> {
        None
    }

    fn describe(_: &Self::Message) -> Description {
        Description {
            kind: "tell",
            bytes: MESSAGE_BYTES,
        }
    }
}

/// About how many bytes a command takes.
const MESSAGE_BYTES: usize = 64;

impl<M: StateMachine> Broadcast<M> {
    fn serve(&mut self, request: Request<M>, outputs: &mut Vec<Output<Self>>) -> Reply<M> {
        match request {
            Request::Apply { command, .. } => self.update(command, outputs),
            Request::Query(query) => Reply::Answer(self.machine.query(&query)),
            Request::OpenSession
            | Request::AddNode(_)
            | Request::RemoveNode(_)
            | Request::Transfer(_)
            | Request::Snapshot => Reply::Refused("nodes only apply and tell".to_owned()),
        }
    }

    fn update(&mut self, command: M::Command, outputs: &mut Vec<Output<Self>>) -> Reply<M> {
        let tell = self.others.iter().map(|to| Output::Send {
            to: *to,
            message: Message(command.clone()),
        });
        let tell: Vec<_> = tell.collect();
        let response = self.apply(command, outputs);
        outputs.extend(tell);
        Reply::Applied(response)
    }

    fn apply(&mut self, command: M::Command, outputs: &mut Vec<Output<Self>>) -> M::Response {
        self.applied += 1;
        let response = self.machine.apply(&command);
        outputs.push(Output::Save(command));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::register::{Command, Query, Register, Response};
    use crate::stage::Stage;

    fn write(value: u64) -> Request<Register> {
        Request::Apply {
            session: 0,
            sequence: 0,
            command: Command::Write(value),
        }
    }

    fn read(stage: &mut Stage<Broadcast<Register>>, node: u64) -> Option<Reply<Register>> {
        stage.ask(node, Request::Query(Query))
    }

    fn value(value: u64) -> Option<Reply<Register>> {
        Some(Reply::Answer(Response::Value(Some(value))))
    }

    #[test]
    fn a_read_elsewhere_misses_what_was_acknowledged() {
        let mut stage = Stage::<Broadcast<Register>>::new(2, None);
        let ticket = stage.send(1, write(5));
        assert_eq!(stage.reply(ticket), Some(Reply::Applied(Response::Done)));
        let early = stage.send(2, Request::Query(Query));
        let nothing = Reply::Answer(Response::Value(None));
        assert_eq!(stage.reply(early), Some(nothing));
        stage.deliver();
        assert_eq!(read(&mut stage, 2), value(5));
    }

    #[test]
    fn nodes_that_write_at_the_same_time_differ_for_ever() {
        let mut stage = Stage::<Broadcast<Register>>::new(2, None);
        stage.send(1, write(5));
        stage.send(2, write(6));
        stage.deliver();
        stage.tick(1000);
        assert_eq!(read(&mut stage, 1), value(6));
        assert_eq!(read(&mut stage, 2), value(5));
    }

    #[test]
    fn a_crash_loses_nothing_that_was_applied() {
        let mut stage = Stage::<Broadcast<Register>>::new(2, None);
        stage.ask(1, write(5));
        stage.crash(1);
        stage.crash(2);
        assert_eq!(read(&mut stage, 1), value(5));
        assert_eq!(read(&mut stage, 2), value(5));
    }
}
