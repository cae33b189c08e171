//! A process's client of etcd's keys.

use testimony_engine::{BoxFuture, Client, ClientOptions, Cluster, NodeName, ProcessId};
use testimony_history::{Answer, Call, Model, Reply, Value};

use super::exchange::Exchange;
use super::gateway::Gateway;
use super::{log, map, queue, set};
use crate::mishap::Mishap;

/// Sequential. Each operation goes to one node, and to no other after it.
#[derive(Debug)]
pub(crate) struct EtcdClient {
    gateway: Gateway,
    cluster: Cluster,
    options: ClientOptions,
    /// Whether reads are answered by the node alone.
    serializable: bool,
    process: ProcessId,
    calls: u64,
}

impl EtcdClient {
    pub(crate) fn new(
        gateway: Gateway,
        cluster: &Cluster,
        options: &ClientOptions,
        process: ProcessId,
    ) -> Self {
        EtcdClient {
            gateway,
            cluster: cluster.clone(),
            options: options.clone(),
            serializable: false,
            process,
            calls: 0,
        }
    }

    /// A client whose reads are answered by the asked node alone.
    pub(crate) fn serializable(self) -> Self {
        EtcdClient {
            serializable: true,
            ..self
        }
    }

    async fn perform(&mut self, node: &NodeName, call: &Call) -> Reply {
        self.calls += 1;
        let address = self.cluster.node(node).map(|node| node.client_listen);
        let address = address.unwrap_or_else(|| ([0, 0, 0, 0], 0).into());
        let mut exchange = Exchange::new(&self.gateway, node, address, self.options.timeout);
        exchange.serializable = self.serializable;
        let done = self.carry_out(&mut exchange, call).await;
        exchange.reply(call, done)
    }

    async fn carry_out(&self, exchange: &mut Exchange<'_>, call: &Call) -> Result<Answer, Mishap> {
        match self.options.model {
            Model::Set => set::carry_out(exchange, call).await,
            Model::Log => log::carry_out(exchange, call).await,
            Model::Queue => {
                let ticket = format!("{}-{}", self.process, self.calls);
                queue::carry_out(exchange, call, &ticket).await
            }
            Model::Counter => map::carry_out(exchange, call, &Value::Int(0)).await,
            _ => map::carry_out(exchange, call, &Value::Null).await,
        }
    }
}

impl Client for EtcdClient {
    fn invoke<'a>(&'a mut self, node: &'a NodeName, call: &'a Call) -> BoxFuture<'a, Reply> {
        Box::pin(self.perform(node, call))
    }
}

/// The answer of an operation that the model has and we do not, or that no model has.
pub(crate) fn no_such_operation<T>(call: &Call) -> Result<T, Mishap> {
    Err(Mishap::NotApplied(format!(
        "etcd has no operation `{}` on this object",
        call.f
    )))
}

#[cfg(test)]
mod tests;
