//! What the tests of whole clusters share: ports that stay reserved, and a client with patience.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use testimony_consensus::NodeId;
use testimony_node::{NodeOptions, PeerAddress};
use tokio::net::TcpSocket;
use tokio::time::{Instant, sleep, timeout_at};

/// Nothing that a healthy cluster does takes longer, on however busy a machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(10);

/// A port that nobody else gets while this lives. The node listens on it beside us.
#[derive(Debug)]
pub(crate) struct Reservation {
    _socket: TcpSocket,
    pub(crate) address: SocketAddr,
}

impl Reservation {
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseport(true).unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = socket.local_addr().unwrap();
        Reservation {
            _socket: socket,
            address,
        }
    }
}

/// The addresses of a cluster.
#[derive(Debug)]
pub(crate) struct Book(BTreeMap<NodeId, [Reservation; 2]>);

impl Book {
    /// Addresses for the nodes n1 to n`nodes`.
    pub(crate) fn new(nodes: u64) -> Self {
        let reserve = |id| (NodeId(id), [Reservation::new(), Reservation::new()]);
        Book((1..=nodes).map(reserve).collect())
    }

    pub(crate) fn ids(&self) -> Vec<NodeId> {
        self.0.keys().copied().collect()
    }

    pub(crate) fn http(&self, id: NodeId) -> SocketAddr {
        self.0[&id][1].address
    }

    /// What node `id` is told; `voters` are the first members.
    pub(crate) fn options(&self, id: NodeId, folder: &Path, voters: &[NodeId]) -> NodeOptions {
        let [peer, http] = &self.0[&id];
        let data = folder.join(id.to_string());
        let mut options = NodeOptions::new(id, data, peer.address, http.address);
        options.voters = voters.iter().copied().collect();
        options.peers = self.peers(id);
        options
    }

    fn peers(&self, me: NodeId) -> BTreeMap<NodeId, PeerAddress> {
        let others = self.0.iter().filter(|(id, _)| **id != me);
        others
            .map(|(id, [peer, http])| {
                (
                    *id,
                    PeerAddress {
                        peer: peer.address,
                        http: http.address,
                    },
                )
            })
            .collect()
    }
}

/// An answer: its status and its body.
pub(crate) type Answer = (u16, Value);

/// Asks nodes over HTTP. Follows redirects.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    nodes: Vec<SocketAddr>,
}

impl Client {
    /// Asks all nodes.
    pub(crate) fn new(book: &Book) -> Self {
        Client::of(book.ids().into_iter().map(|id| book.http(id)).collect())
    }

    /// Asks these nodes, and whom they name.
    pub(crate) fn of(nodes: Vec<SocketAddr>) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Client { http, nodes }
    }

    /// One request to one node.
    pub(crate) async fn post(&self, node: SocketAddr, path: &str, body: &Value) -> Option<Answer> {
        let request = self.http.post(format!("http://{node}{path}")).json(body);
        let response = request.timeout(Duration::from_secs(5)).send().await.ok()?;
        let status = response.status().as_u16();
        Some((status, response.json().await.ok()?))
    }

    /// Asks one node after the other until one answers with success.
    pub(crate) async fn insist(&self, path: &str, body: &Value) -> Value {
        let deadline = Instant::now() + DEADLINE;
        let mut last = None;
        for node in self.nodes.iter().cycle() {
            assert!(
                Instant::now() < deadline,
                "{path} {body}: last answer {last:?}"
            );
            match self.post(*node, path, body).await {
                Some((200, answer)) => return answer,
                other => last = other,
            }
            sleep(PAUSE).await;
        }
        unreachable!("a cluster has nodes")
    }

    pub(crate) async fn read(&self, key: &str) -> Value {
        let body = json!({"f": "read", "key": key});
        self.insist("/v1/operation", &body).await["value"].clone()
    }

    /// What a node says of itself; `None` if it does not answer.
    pub(crate) async fn status(&self, node: SocketAddr) -> Option<Value> {
        let request = self.http.get(format!("http://{node}/status"));
        let response = request.timeout(Duration::from_secs(5)).send().await.ok()?;
        response.json().await.ok()
    }

    /// Waits until a node's status satisfies a condition; `what` names it.
    pub(crate) async fn wait(
        &self,
        node: SocketAddr,
        what: &str,
        condition: impl Fn(&Value) -> bool,
    ) -> Value {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let status = timeout_at(deadline, self.status(node)).await.ok().flatten();
            if let Some(status) = &status
                && condition(status)
            {
                return status.clone();
            }
            assert!(
                Instant::now() < deadline,
                "{node} is not {what}: {status:?}"
            );
            sleep(PAUSE).await;
        }
    }

    /// Waits until some node leads and serves; its address.
    pub(crate) async fn leader(&self) -> SocketAddr {
        let deadline = Instant::now() + DEADLINE;
        loop {
            for node in &self.nodes {
                let answer = self.status(*node).await;
                if answer.is_some_and(|status| status["role"] == "leader") {
                    return *node;
                }
            }
            assert!(Instant::now() < deadline, "nobody leads");
            sleep(PAUSE).await;
        }
    }
}

/// A client's session: numbers its updates.
#[derive(Debug)]
pub(crate) struct Session {
    client: Client,
    id: Value,
    sequence: u64,
}

impl Session {
    pub(crate) async fn open(client: &Client) -> Self {
        let id = client.insist("/v1/session", &json!({})).await["session"].clone();
        assert!(id.is_u64(), "a session is a number, not {id}");
        Session {
            client: client.clone(),
            id,
            sequence: 0,
        }
    }

    /// The body of the next update.
    pub(crate) fn body(&mut self, f: &str, key: &str, value: &Value) -> Value {
        self.sequence += 1;
        let (session, sequence) = (&self.id, self.sequence);
        json!({"session": session, "sequence": sequence, "f": f, "key": key, "value": value})
    }

    /// Updates, with as many attempts as it takes.
    pub(crate) async fn update(&mut self, f: &str, key: &str, value: Value) -> Value {
        let body = self.body(f, key, &value);
        self.client.insist("/v1/operation", &body).await
    }
}
