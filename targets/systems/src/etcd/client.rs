//! A process's client of etcd's keys.

use testimony_engine::{BoxFuture, Client, ClientOptions, Cluster, NodeName};
use testimony_history::{Answer, Call, Function, Model, Reply, Value};

use super::exchange::Exchange;
use super::gateway::Gateway;
use super::wire::{self, Expected, Found};
use crate::change::{joined, sum};
use crate::mishap::Mishap;

/// Sequential. Each operation goes to one node, and to no other after it.
#[derive(Debug)]
pub(crate) struct EtcdClient {
    gateway: Gateway,
    cluster: Cluster,
    options: ClientOptions,
    /// Whether reads are answered by the node alone.
    serializable: bool,
}

impl EtcdClient {
    pub(crate) fn new(
        gateway: Gateway,
        cluster: &Cluster,
        options: &ClientOptions,
        serializable: bool,
    ) -> Self {
        EtcdClient {
            gateway,
            cluster: cluster.clone(),
            options: options.clone(),
            serializable,
        }
    }

    async fn perform(&self, node: &NodeName, call: &Call) -> Reply {
        let at = self.cluster.node(node);
        let address = at.map_or(([0, 0, 0, 0], 0).into(), |node| node.client_listen);
        let mut exchange = Exchange::new(&self.gateway, node, address, self.options.timeout);
        let done = self.carry_out(&mut exchange, call).await;
        exchange.reply(call, done)
    }

    async fn carry_out(&self, exchange: &mut Exchange<'_>, call: &Call) -> Result<Answer, Mishap> {
        let key = wire::key(call);
        let argument = call.value.clone().unwrap_or_default();
        match &call.f {
            Function::Read => {
                let found = self.read(exchange, &key).await?;
                Ok(value(self.value_of(found)))
            }
            Function::Contains => {
                let found = self.read(exchange, &key).await?;
                Ok(result(found.is_some()))
            }
            Function::Write => {
                exchange.post("kv/put", &wire::put(&key, &argument)).await?;
                Ok(Answer::default())
            }
            Function::Remove => {
                let answer = exchange.post("kv/deleterange", &wire::delete(&key)).await?;
                wire::removed(&answer).map(result).map_err(Mishap::Unknown)
            }
            Function::Cas => compare_and_set(exchange, &key, &argument).await,
            Function::Append => {
                let appended = |old: Option<&Value>| joined(old, &argument);
                self.change(exchange, &key, appended).await?;
                Ok(Answer::default())
            }
            Function::Add | Function::Increment | Function::Decrement => {
                let by = match &call.f {
                    Function::Increment => Value::Int(1),
                    Function::Decrement => Value::Int(-1),
                    _ => argument,
                };
                let sum = |old: Option<&Value>| sum(old, &by);
                self.change(exchange, &key, sum).await.map(result)
            }
            other => Err(Mishap::NotApplied(format!(
                "etcd has no operation `{other}`"
            ))),
        }
    }

    async fn read(&self, exchange: &mut Exchange<'_>, key: &str) -> Result<Option<Found>, Mishap> {
        let request = wire::range(key, self.serializable);
        let answer = exchange.post("kv/range", &request).await?;
        let found = wire::first(&answer).map_err(Mishap::Unknown)?;
        if let Some(found) = &found {
            exchange.note("mod_revision", found.modified);
        }
        Ok(found)
    }

    /// Reads, and writes what `next` makes of that if nobody has changed the key meanwhile, until it
    /// comes to pass or the time is over. Each comparison that did not match has changed nothing,
    /// so at most one of the transactions does.
    async fn change(
        &self,
        exchange: &mut Exchange<'_>,
        key: &str,
        next: impl Fn(Option<&Value>) -> Result<Value, Mishap>,
    ) -> Result<Value, Mishap> {
        let read = self.read(exchange, key).await;
        let mut found = read.map_err(Mishap::before_sending)?;
        loop {
            let new = next(found.as_ref().map(|found| &found.value))?;
            let expected =
                found.map_or(Expected::Absent, |found| Expected::Modified(found.modified));
            let request = wire::put_if(key, &expected, &new);
            let answer = exchange.post("kv/txn", &request).await?;
            match wire::outcome(&answer).map_err(Mishap::Unknown)? {
                Ok(()) => return Ok(new),
                Err(now) => found = now,
            }
        }
    }

    /// An absent key reads as 0 in a counter, as null elsewhere.
    fn value_of(&self, found: Option<Found>) -> Value {
        match (found, self.options.model) {
            (Some(found), _) => found.value,
            (None, Model::Counter) => Value::Int(0),
            (None, _) => Value::Null,
        }
    }
}

impl Client for EtcdClient {
    fn invoke<'a>(&'a mut self, node: &'a NodeName, call: &'a Call) -> BoxFuture<'a, Reply> {
        Box::pin(self.perform(node, call))
    }
}

async fn compare_and_set(
    exchange: &mut Exchange<'_>,
    key: &str,
    pair: &Value,
) -> Result<Answer, Mishap> {
    let Value::List(pair) = pair else {
        return Err(Mishap::NotApplied("a cas takes a pair".to_owned()));
    };
    let [old, new] = pair.as_ref() else {
        return Err(Mishap::NotApplied("a cas takes a pair".to_owned()));
    };
    let expected = match old {
        Value::Null => Expected::Absent,
        old => Expected::Value(old.clone()),
    };
    let request = wire::put_if(key, &expected, new);
    let answer = exchange.post("kv/txn", &request).await?;
    let outcome = wire::outcome(&answer).map_err(Mishap::Unknown)?;
    Ok(match outcome {
        Ok(()) => Answer {
            swapped: Some(true),
            ..Answer::default()
        },
        Err(found) => Answer {
            swapped: Some(false),
            actual: Some(found.map_or(Value::Null, |found| found.value)),
            ..Answer::default()
        },
    })
}

fn value(value: Value) -> Answer {
    Answer {
        value: Some(value),
        ..Answer::default()
    }
}

fn result(result: impl Into<Value>) -> Answer {
    Answer {
        result: Some(result.into()),
        ..Answer::default()
    }
}

#[cfg(test)]
mod tests;
