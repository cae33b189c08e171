//! A process's client of the bucket.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use testimony_engine::{BoxFuture, Client, ClientOptions, Cluster, NodeName, ProcessId};
use testimony_history::{Answer, Call, Function, Model, Reply, Value};
use tokio::time::{Instant, sleep};

use super::bucket::{self, Found};
use super::connection::Connection;
use super::mishap::{Refusal, stored};
use crate::change::{joined, sum};
use crate::mishap::{Answered, Mishap, reply};

/// How long to wait before a replica that lags behind is asked again.
const PAUSE: Duration = Duration::from_millis(5);

/// Who answers reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// Whichever replica gets the request, as the usual clients have it.
    Direct,
    /// The node that takes itself for the stream's leader.
    Leader,
}

/// Sequential. Each operation goes through one node, on a connection that is kept.
#[derive(Debug)]
pub(crate) struct NatsClient {
    cluster: Cluster,
    options: ClientOptions,
    reads: Reads,
    process: ProcessId,
    connections: BTreeMap<NodeName, Connection>,
    /// Connections opened so far: each has its own subject for answers.
    opened: u64,
}

/// One operation on its way.
struct Talk<'a> {
    connection: &'a mut Connection,
    reads: Reads,
    deadline: Instant,
    attempts: u32,
    /// Whether what comes next on the connection is the answer to what is asked next.
    in_step: bool,
}

impl NatsClient {
    pub(crate) fn new(
        cluster: &Cluster,
        options: &ClientOptions,
        reads: Reads,
        process: ProcessId,
    ) -> Self {
        NatsClient {
            cluster: cluster.clone(),
            options: options.clone(),
            reads,
            process,
            connections: BTreeMap::new(),
            opened: 0,
        }
    }

    async fn perform(&mut self, node: &NodeName, call: &Call) -> Reply {
        let deadline = Instant::now() + self.options.timeout;
        let mut attempts = 1;
        let became = match self.connection(node, deadline).await {
            Err(mishap) => Err(mishap),
            Ok(mut connection) => {
                let mut talk = Talk {
                    connection: &mut connection,
                    reads: self.reads,
                    deadline,
                    attempts: 0,
                    in_step: true,
                };
                let became = talk.carry_out(call, self.options.model).await;
                attempts = talk.attempts;
                if talk.in_step {
                    self.connections.insert(node.clone(), connection);
                }
                became
            }
        };
        Reply {
            attempts,
            ..reply(node, call, became)
        }
    }

    /// The connection to `node`, opened if there is none, and the caller's until it is put back.
    async fn connection(
        &mut self,
        node: &NodeName,
        deadline: Instant,
    ) -> Result<Connection, Mishap> {
        if let Some(connection) = self.connections.remove(node) {
            return Ok(connection);
        }
        let unknown = || Mishap::NotApplied(format!("no node {node}"));
        let at = self.cluster.node(node).ok_or_else(unknown)?;
        self.opened += 1;
        let name = format!("{}-{}", self.process, self.opened);
        Connection::open(at.client_listen, &name, deadline).await
    }
}

impl Client for NatsClient {
    fn invoke<'a>(&'a mut self, node: &'a NodeName, call: &'a Call) -> BoxFuture<'a, Reply> {
        Box::pin(self.perform(node, call))
    }
}

impl Talk<'_> {
    async fn carry_out(&mut self, call: &Call, model: Model) -> Result<Answered, Mishap> {
        let subject = bucket::subject(call);
        let argument = call.value.clone().unwrap_or_default();
        match &call.f {
            Function::Read => {
                let found = self.read(&subject).await?;
                let empty = || match model {
                    Model::Counter => Value::Int(0),
                    _ => Value::Null,
                };
                let value = Some(found.value.unwrap_or_else(empty));
                Ok(at(found.sequence, Answer { value, ..none() }))
            }
            Function::Contains => {
                let found = self.read(&subject).await?;
                Ok(at(found.sequence, result(found.value.is_some())))
            }
            Function::Write => {
                let payload = bucket::payload(&argument);
                let sequence = self.publish(&subject, &[], &payload).await;
                Ok(at(sequence.map_err(plain)?, none()))
            }
            // What was there before is not told.
            Function::Remove => {
                let sequence = self.publish(&subject, &[bucket::removing()], b"").await;
                Ok(at(sequence.map_err(plain)?, none()))
            }
            Function::Cas => self.compare_and_set(&subject, &argument).await,
            Function::Append => {
                let appended = |old: Option<&Value>| joined(old, &argument);
                let (sequence, _) = self.change(&subject, appended).await?;
                Ok(at(sequence, none()))
            }
            Function::Add | Function::Increment | Function::Decrement => {
                let by = match &call.f {
                    Function::Increment => Value::Int(1),
                    Function::Decrement => Value::Int(-1),
                    _ => argument,
                };
                let (sequence, sum) = self.change(&subject, |old| sum(old, &by)).await?;
                Ok(at(sequence, result(sum)))
            }
            other => Err(Mishap::NotApplied(format!(
                "a bucket has no operation `{other}`"
            ))),
        }
    }

    async fn read(&mut self, subject: &str) -> Result<Found, Mishap> {
        let told = match self.reads {
            Reads::Direct => {
                let answer = self.request(&bucket::direct(subject), &[], b"").await?;
                bucket::told_directly(&answer)
            }
            Reads::Leader => {
                let (api, body) = bucket::leader(subject);
                let body = body.to_string();
                let answer = self.request(&api, &[], body.as_bytes()).await?;
                bucket::told_by_leader(&answer)
            }
        };
        told.map_err(Mishap::Unknown)
    }

    /// Compares what a read told and publishes if nobody has published since, as the clients of a
    /// bucket do it.
    async fn compare_and_set(&mut self, subject: &str, pair: &Value) -> Result<Answered, Mishap> {
        let pair = match pair {
            Value::List(pair) => pair.as_ref(),
            _ => &[],
        };
        let [old, new] = pair else {
            return Err(Mishap::NotApplied("a cas takes a pair".to_owned()));
        };
        loop {
            let found = self.read(subject).await.map_err(Mishap::before_sending)?;
            let value = found.value.unwrap_or_default();
            if value != *old {
                let answer = Answer {
                    swapped: Some(false),
                    actual: Some(value),
                    ..none()
                };
                return Ok(at(found.sequence, answer));
            }
            if let Some(sequence) = self.publish_after(subject, found.sequence, new).await? {
                let swapped = Some(true);
                return Ok(at(sequence, Answer { swapped, ..none() }));
            }
        }
    }

    /// Publishes what `next` makes of what a read told, if nobody has published since, until it
    /// comes to pass or the time is over.
    async fn change(
        &mut self,
        subject: &str,
        next: impl Fn(Option<&Value>) -> Result<Value, Mishap>,
    ) -> Result<(u64, Value), Mishap> {
        loop {
            let found = self.read(subject).await.map_err(Mishap::before_sending)?;
            let new = next(found.value.as_ref())?;
            if let Some(sequence) = self.publish_after(subject, found.sequence, &new).await? {
                return Ok((sequence, new));
            }
        }
    }

    /// Publishes if the key's last message still is the one of `sequence`; `None` if not.
    async fn publish_after(
        &mut self,
        subject: &str,
        sequence: u64,
        value: &Value,
    ) -> Result<Option<u64>, Mishap> {
        let headers = [bucket::expecting(sequence)];
        let payload = bucket::payload(value);
        match self.publish(subject, &headers, &payload).await {
            Ok(sequence) => Ok(Some(sequence)),
            Err(Refusal::WrongSequence) => {
                sleep(PAUSE).await;
                Ok(None)
            }
            Err(refusal) => Err(plain(refusal)),
        }
    }

    async fn publish(
        &mut self,
        subject: &str,
        headers: &[(&str, String)],
        payload: &[u8],
    ) -> Result<u64, Refusal> {
        let answer = self.request(subject, headers, payload).await;
        stored(&answer.map_err(Refusal::Mishap)?)
    }

    /// One request. Nothing is sent any more when the time is over.
    async fn request(
        &mut self,
        subject: &str,
        headers: &[(&str, String)],
        payload: &[u8],
    ) -> Result<super::protocol::Message, Mishap> {
        if Instant::now() >= self.deadline {
            return Err(Mishap::NotApplied("no time left".to_owned()));
        }
        self.attempts += 1;
        let connection = &mut *self.connection;
        let asked = connection.request(subject, headers, payload, self.deadline);
        let answer = asked.await;
        self.in_step = answer.is_ok();
        answer
    }
}

/// A refusal where no sequence was expected.
fn plain(refusal: Refusal) -> Mishap {
    match refusal {
        Refusal::Mishap(mishap) => mishap,
        Refusal::WrongSequence => {
            Mishap::Unknown("a wrong sequence, though none was expected".into())
        }
    }
}

/// The answer, with the sequence of the message that it is about.
fn at(sequence: u64, answer: Answer) -> Answered {
    let extra = vec![(Arc::from("sequence"), sequence.into())];
    Answered { answer, extra }
}

fn none() -> Answer {
    Answer::default()
}

fn result(result: impl Into<Value>) -> Answer {
    Answer {
        result: Some(result.into()),
        ..none()
    }
}
