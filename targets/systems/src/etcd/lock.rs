//! A process's client of etcd's lock service.
//!
//! A lock is held under a lease, which the client keeps alive through the node that granted it.
//! When
//! that node is cut off or paused the lease runs out and the lock goes to somebody else. The holder
//! is not told: nothing fences it off, and it holds the lock until it releases it, as far as it
//! knows.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use testimony_engine::{BoxFuture, Client, ClientOptions, Cluster, NodeName};
use testimony_history::{Answer, Call, Function, Reply};
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval};

use super::client::no_such_operation;
use super::exchange::Exchange;
use super::gateway::Gateway;
use super::wire;
use crate::mishap::Mishap;

/// What revoking says about a lease that has run out already.
const LEASE_NOT_FOUND: &str = "etcdserver: requested lease not found";

/// Sequential. It may hold several locks.
#[derive(Debug)]
pub(crate) struct LockClient {
    gateway: Gateway,
    cluster: Cluster,
    options: ClientOptions,
    lease: Duration,
    held: BTreeMap<String, Held>,
}

/// A lock that was granted and not yet given back.
#[derive(Debug)]
struct Held {
    /// The key that stands for it.
    key: String,
    /// Keeps the lease alive until it is dropped.
    _heart: Heart,
}

/// The task that keeps a lease alive.
#[derive(Debug)]
struct Heart(JoinHandle<()>);

impl Drop for Heart {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl LockClient {
    pub(crate) fn new(
        gateway: Gateway,
        cluster: &Cluster,
        options: &ClientOptions,
        lease: Duration,
    ) -> Self {
        LockClient {
            gateway,
            cluster: cluster.clone(),
            options: options.clone(),
            lease,
            held: BTreeMap::new(),
        }
    }

    async fn perform(&mut self, node: &NodeName, call: &Call) -> Reply {
        let address = self.cluster.node(node).map(|node| node.client_listen);
        let address = address.unwrap_or_else(|| ([0, 0, 0, 0], 0).into());
        let gateway = self.gateway.clone();
        let mut exchange = Exchange::new(&gateway, node, address, self.options.timeout);
        let done = match &call.f {
            Function::Acquire => self.acquire(&mut exchange, address, call).await,
            Function::Release => self.release(&mut exchange, call).await,
            _ => no_such_operation(call),
        };
        exchange.reply(call, done)
    }

    async fn acquire(
        &mut self,
        exchange: &mut Exchange<'_>,
        address: SocketAddr,
        call: &Call,
    ) -> Result<Answer, Mishap> {
        let name = wire::key(call);
        let lease = self.grant(exchange).await.map_err(Mishap::before_sending)?;
        let heart = self.keep_alive(address, lease);
        // The rest of the time is for giving up.
        let until = exchange.deadline() - self.options.timeout / 3;
        let request = json!({ "name": name, "lease": lease.to_string() });
        let answer = match exchange.post_until("lock/lock", &request, until).await {
            Ok(answer) => answer,
            Err(mishap) => return Err(give_up(exchange, lease, mishap).await),
        };
        let key = wire::text(&answer, "key").map_err(Mishap::Unknown)?;
        exchange.note("lease", format!("{lease:x}").as_str());
        let _heart = heart;
        self.held.insert(name, Held { key, _heart });
        Ok(granted())
    }

    async fn release(
        &mut self,
        exchange: &mut Exchange<'_>,
        call: &Call,
    ) -> Result<Answer, Mishap> {
        let name = wire::key(call);
        let not_held = || Mishap::NotApplied("this process does not hold it".to_owned());
        let held = self.held.get(&name).ok_or_else(not_held)?;
        let request = json!({ "key": held.key });
        let released = exchange.post("lock/unlock", &request).await;
        if !matches!(released, Err(Mishap::NotApplied(_))) {
            self.held.remove(&name);
        }
        released.map(|_| Answer::default())
    }

    /// A new lease. It is named after nobody, and runs out by itself if its answer is lost.
    async fn grant(&self, exchange: &mut Exchange<'_>) -> Result<u64, Mishap> {
        let request = json!({ "TTL": self.lease.as_secs().to_string() });
        let answer = exchange.post("lease/grant", &request).await?;
        let none = || Mishap::Unknown("a lease without a number".to_owned());
        wire::id(&answer, "ID").ok_or_else(none)
    }

    /// Keeps `lease` alive through the node there. Nobody is told when that fails.
    fn keep_alive(&self, address: SocketAddr, lease: u64) -> Heart {
        let gateway = self.gateway.clone();
        let between = self.lease / 3;
        Heart(tokio::spawn(async move {
            let request = json!({ "ID": lease.to_string() });
            let mut beats = interval(between);
            loop {
                beats.tick().await;
                let until = Instant::now() + between;
                // A lease that was not kept alive this time may be the next.
                let _ = gateway
                    .post(address, "lease/keepalive", &request, until)
                    .await;
            }
        }))
    }
}

/// What is known of a lock that was not granted in time. Without its lease the request is refused
/// or forgotten, whatever became of it, and holds nobody up: if the lease is certain to be gone,
/// the
/// lock was certainly not acquired.
async fn give_up(exchange: &mut Exchange<'_>, lease: u64, mishap: Mishap) -> Mishap {
    let Mishap::Unknown(error) = mishap else {
        return mishap;
    };
    let request = json!({ "ID": lease.to_string() });
    match exchange.post("lease/revoke", &request).await {
        Ok(_) => Mishap::NotApplied(error),
        Err(Mishap::NotApplied(said)) if said == LEASE_NOT_FOUND => Mishap::NotApplied(error),
        Err(_) => Mishap::Unknown(error),
    }
}

fn granted() -> Answer {
    Answer {
        result: Some(true.into()),
        ..Answer::default()
    }
}

impl Client for LockClient {
    fn invoke<'a>(&'a mut self, node: &'a NodeName, call: &'a Call) -> BoxFuture<'a, Reply> {
        Box::pin(self.perform(node, call))
    }
}

#[cfg(test)]
mod tests;
